"""Readers of the lists in a strategy: adds and targets, in the form in which the Strategy row keeps them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exchange.rules import plain
from tvtrader.configuration.readers import Bad, keyed, number, required, shown

Row = dict[str, str]
MOST_ROWS = 20


def dca(value: Any) -> list[Row]:
    """Read adds: `distance_pct` percent beyond the entry, strictly growing; `size_scale` times the entry's quantity."""
    rows = []
    last = Decimal(0)
    for index, item in _items(value):
        try:
            found = keyed(item, ("distance_pct", "size_scale"))
            distance = number(above="0", below="100")(required(found, "distance_pct"))
            scale = number(above="0", most="100")(found.get("size_scale", "1"))
        except Bad as exc:
            raise Bad(f"add {index}: {exc.message}", exc.remedy) from None
        if distance <= last:
            raise Bad(f"add {index}: distance_pct {plain(distance)} is not beyond the one before", "sort them")
        last = distance
        rows.append({"distance_pct": plain(distance), "size_scale": plain(scale)})
    return rows


def take_profits(value: Any) -> list[Row]:
    """Read targets: one of `price: alert`, `pct` and `r` each; shares sum to at most 1, `rest` stands last."""
    rows: list[Row] = []
    taken = Decimal(0)
    for index, item in _items(value):
        if rows and rows[-1]["share"] == "rest":
            raise Bad(f"target {index - 1}: takes the rest, so it must be the last", "give it a share, e.g. share: 0.5")
        try:
            row = _target(item)
        except Bad as exc:
            raise Bad(f"target {index}: {exc.message}", exc.remedy) from None
        if row["share"] != "rest":
            taken += Decimal(row["share"])
        if taken > 1:
            raise Bad(f"target {index}: the shares sum to {plain(taken)}, more than all", "keep it at 1")
        if taken == 1 and row["share"] == "rest":
            raise Bad(f"target {index}: nothing is left for it", "lower a share or remove it")
        rows.append(row)
    return rows


def _target(item: Any) -> Row:
    found = keyed(item, ("price", "pct", "r", "share"))
    kinds = [key for key in ("price", "pct", "r") if key in found]
    if len(kinds) != 1:
        raise Bad(f"has {' and '.join(kinds) or 'no price'}", "give exactly one of price: alert, pct and r")
    row: Row = {}
    if kinds == ["price"]:
        if found["price"] != "alert":
            raise Bad(f"price can only be alert, not {shown(found['price'])}", "use pct or r")
        row["price"] = "alert"
    else:
        row[kinds[0]] = plain(number(above="0", most="10000")(found[kinds[0]]))
    share = found.get("share", "rest")
    row["share"] = "rest" if share == "rest" else plain(number(above="0", most="1")(share))
    return row


def _items(value: Any) -> list[tuple[int, Any]]:
    if not isinstance(value, list):
        raise Bad(f"must be a list, not {shown(value)}", "write a list of mappings, or [] for none")
    if len(value) > MOST_ROWS:
        raise Bad(f"has {len(value)} items", f"use at most {MOST_ROWS}")
    return list(enumerate(value, start=1))


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
