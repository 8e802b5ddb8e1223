"""Readers of lists and mappings in the form in which the rows keep them; what they must mean is checked elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exchange.rules import plain
from tvtrader.configuration.readers import Bad, keyed, number, required, shown

Row = dict[str, str]


def dca(value: Any) -> list[Row]:
    """Read adds: `distance_pct`, and `size_scale` with its default."""
    return _rows(value, "add", _rung)


def take_profits(value: Any) -> list[Row]:
    """Read targets: `price`, `pct` or `r`, and `share` with its default."""
    return _rows(value, "target", _target)


def _rung(item: Any) -> Row:
    found = keyed(item, ("distance_pct", "size_scale"))
    distance, scale = required(found, "distance_pct"), found.get("size_scale", "1")
    return {"distance_pct": plain(_number(distance)), "size_scale": plain(_number(scale))}


def _target(item: Any) -> Row:
    found = keyed(item, ("price", "pct", "r", "share"))
    row: Row = {name: plain(_number(found[name])) for name in ("pct", "r") if name in found}
    if "price" in found:
        if found["price"] != "alert":
            raise Bad(f"price can only be alert, not {shown(found['price'])}", "use pct or r")
        row["price"] = "alert"
    share = found.get("share", "rest")
    row["share"] = "rest" if share == "rest" else plain(_number(share))
    return row


_number = number(above="0")


def _rows(value: Any, word: str, read: Callable[[Any], Row]) -> list[Row]:
    if not isinstance(value, list):
        raise Bad(f"must be a list, not {shown(value)}", "write a list of mappings, or [] for none")
    rows = []
    for index, item in enumerate(value, start=1):
        try:
            rows.append(read(item))
        except Bad as exc:
            raise Bad(f"{word} {index}: {exc.message}", exc.remedy) from None
    return rows


def balances(value: Any) -> Row:
    """Read starting funds by asset."""
    if not isinstance(value, dict):
        raise Bad(f"must be a mapping, not {shown(value)}", 'write {USDT: "10000"}')
    found = {}
    for asset, amount in value.items():
        if not (asset.isascii() and asset.isalnum() and asset == asset.upper() and len(asset) <= 24):
            raise Bad(f"{shown(asset)} is not an asset", "write it as the venue does, e.g. USDT")
        try:
            found[asset] = plain(number(least="0")(amount))
        except Bad as exc:
            raise Bad(f"{asset}: {exc.message}", exc.remedy) from None
    return found
