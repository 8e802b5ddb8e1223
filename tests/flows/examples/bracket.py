"""The bracket dialect: a tenth of 1000 USDT at leverage 50, in hedge mode, stop and target at once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from signals.models import Dialect
from tests.flows.examples.bench import Bench, World, alert
from tests.flows.examples.example import Example, invalid, refused, stranger

TENTH = {
    "sizing_method": "balance_fraction", "sizing_amount": Decimal("0.1"), "leverage": 50, "max_leverage": 50,
}  # fmt: skip


def at(price: str, symbol: str = "BTCUSDT", free: str = "1000", **changes: Any) -> World:
    world = World(
        dialect=Dialect.BRACKET, balances={"USDT": free}, prices={symbol: price}, hedge=True, strategy=TENTH
    )  # fmt: skip
    return replace(world, **changes)


def hold_long(bench: Bench) -> None:
    """0.1 at 50000 binds 100 of the 1000 USDT; five minutes later the same text is a new alert."""
    bench.send(alert("D14"))
    assert bench.free("USDT") == 900
    bench.clock.shift(300)


def protection(quantity: str) -> tuple[str, str]:
    return (
        f"STOP_MARKET SELL {quantity} BTCUSDT at 49000.0 LONG",
        f"TAKE_PROFIT_MARKET SELL {quantity} BTCUSDT at 52000.0 LONG",
    )


# 1000 x 0.1 x 50 / 50000
D01 = ("MARKET BUY 0.100 BTCUSDT LONG", *protection("0.100"))
SHORT = (
    "STOP_MARKET BUY 1.666 ETHUSDT at 3100.00 SHORT",
    "TAKE_PROFIT_MARKET BUY 1.666 ETHUSDT at 2900.00 SHORT",
)

BRACKET = (
    # 5000 / 3000 = 1.6666…
    Example(
        name="D02", world=at("3000", "ETHUSDT"), code="ENTRY_PLANNED",
        orders=("MARKET SELL 1.666 ETHUSDT SHORT", *SHORT), rests=SHORT,
    ),
    # 0.5 x 0.1 x 50
    refused("D04", at("0.45", "ADAUSDT", free="0.50"), "MIN_NOTIONAL", "2.50 USDT", "minimum value 5.00 USDT"),
    refused("D05", at("0.45", "ADAUSDT", free="0"), "NO_FREE_BALANCE", "no free balance"),
    # Both are allowed; here buy is LONG's documented other name.
    Example(name="D07", world=at("50000"), code="ENTRY_PLANNED", orders=D01, rests=D01[1:]),
    Example(name="D09", world=at("50000"), code="ENTRY_PLANNED", orders=D01, rests=D01[1:]),
    invalid("D10", at("50000"), "LEVELS_WRONG_SIDE", "tp", "52000", "49000"),
    stranger("D12", at("50000"), *D01, dry_code="ENTRY_PLANNED"),
    refused("D14", at("50000"), "DUPLICATE_ENTRY", "LONG 0.1 BTC", before=hold_long, rests=D01[1:]),
    # 900 x 0.1 x 50 / 50000; stop and target grow with the position
    Example(
        name="D14 with add", world=at("50000", strategy={**TENTH, "on_duplicate_entry": "add"}), before=hold_long,
        code="ADD_PLANNED", orders=("MARKET BUY 0.090 BTCUSDT LONG", *protection("0.190")), rests=protection("0.190"),
        predicted=("MARKET BUY 0.090 BTCUSDT LONG", protection("0.190")[0]),
    ),
)  # fmt: skip
