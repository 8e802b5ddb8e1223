"""The entry/exit dialect: two limit entries of 10 USDT x 20 = 200 USDT each, protection as they fill."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from exchange.clients import get_client
from exchange.paper_rows import PaperSetup
from ledger.models import Trade
from signals.models import Dialect, Signal
from tests.flows.examples.bench import Bench, World, alert
from tests.flows.examples.example import Example, Step, invalid, refused

D = Decimal
MARGIN = {"sizing_method": "margin", "sizing_amount": D("10"), "leverage": 20, "entry_type": "LIMIT"}
AT_ONCE = {"duplicate_window_s": 0}


def at(price: str, symbol: str = "BTCUSDT", **changes: Any) -> World:
    world = World(
        dialect=Dialect.ENTRY_EXIT, balances={"USDT": "1000"}, prices={symbol: price}, strategy=MARGIN
    )  # fmt: skip
    return replace(world, **changes)


def pair(first: str, second: str, symbol: str = "BTCUSDT", side: str = "BUY", tail: str = "") -> tuple[str, str]:
    return (
        f"LIMIT {side} {first.replace('@', f'{symbol} @')}{tail}",
        f"LIMIT {side} {second.replace('@', f'{symbol} @')}{tail}",
    )


def protection(
    quantity: str, stop: str, target: str, symbol: str = "BTCUSDT", side: str = "SELL", tail: str = " reduce-only"
) -> tuple[str, str]:
    return (
        f"STOP_MARKET {side} {quantity} {symbol} at {stop}{tail}",
        f"TAKE_PROFIT_MARKET {side} {quantity} {symbol} at {target}{tail}",
    )


# 200 / 50000 = 0.004; 200 / 49000 = 0.0040816…
ENTRIES = pair("0.004 @ 50000.0", "0.004 @ 49000.0")
HALF = protection("0.004", "48000.0", "52000.0")
WHOLE = protection("0.008", "48000.0", "52000.0")
FILLS = (
    Step(price="50000", orders=HALF, rests=(ENTRIES[1], *HALF)),
    Step(price="49000", orders=WHOLE, rests=WHOLE),
)
EXIT = "MARKET SELL 0.004 BTCUSDT reduce-only"


# ── what leads up to an example ───────────────────────────────────────────────────────────────────────────────
def place_entries(bench: Bench) -> None:
    """Both entries rest; five minutes later the same text is a new alert, not a resend."""
    bench.send(alert("C01"))
    bench.clock.shift(300)


def fill_first(bench: Bench) -> None:
    bench.send(alert("C01"))
    bench.price("BTCUSDT", "50000")
    bench.clock.shift(300)
    assert bench.resting() == [ENTRIES[1], *HALF]


def fill_both(bench: Bench) -> None:
    fill_first(bench)
    bench.price("BTCUSDT", "49000")


def hold_only_first(bench: Bench) -> None:
    bench.send({**alert("C01"), "second_entry_price": None})
    bench.price("BTCUSDT", "50000")
    bench.price("BTCUSDT", "48500")


def exit_ten_seconds_ago(bench: Bench) -> None:
    """The exit of C13 in other words, so that the example's is no resend of it."""
    fill_first(bench)
    bench.send({**alert("C13"), "exit_price": 50400.0})
    assert bench.trade().status == Trade.Status.CLOSED
    bench.clock.shift(10)


def exit_twice(bench: Bench) -> None:
    fill_first(bench)
    bench.send(alert("C13"))
    bench.clock.shift(10)


def fail_to_exit(bench: Bench) -> None:
    """The exit of C13 ended FAILED ten seconds ago, by a fault of ours, and nothing was closed."""
    fill_first(bench)
    answer = bench.post(alert("C13"))
    assert answer.status_code == 202
    Signal.objects.filter(pk=answer.json()["signal"]).update(status="FAILED", reason_code="INTERNAL_ERROR")
    bench.clock.shift(10)


# ── what else must be true afterwards ─────────────────────────────────────────────────────────────────────────
def assert_leverage_20(bench: Bench, signal: Signal) -> None:
    assert PaperSetup.objects.get(account=bench.account, symbol="BTCUSDT").leverage == 20


def assert_flags_ignored(bench: Bench, signal: Signal) -> None:
    assert {"_special_entry2_only", "_entry2_only_price", "_entry_size_usd"} <= set(signal.ignored_fields)


def assert_flat(bench: Bench, signal: Signal) -> None:
    assert get_client(bench.account).get_positions() == ()
    assert bench.trade().status == Trade.Status.CLOSED


def assert_lost_six(bench: Bench, signal: Signal) -> None:
    """0.004 x (48500 - 50000)."""
    assert_flat(bench, signal)
    assert bench.trade().realized_pnl == D("-6")


def assert_long_stays(bench: Bench, signal: Signal) -> None:
    assert bench.trade().quantity == D("0.004")


def assert_placed_anew(bench: Bench, signal: Signal) -> None:
    trades = Trade.objects.filter(account=bench.account).order_by("id")
    assert [trade.status for trade in trades] == [Trade.Status.ABANDONED, Trade.Status.OPEN]


def opened(name: str, world: World, **rest: Any) -> Example:
    """C01: two limit entries at once, protection follows the fills."""
    return Example(name=name, world=world, code="ENTRY_PLANNED", orders=ENTRIES, rests=ENTRIES, then=FILLS, **rest)


SHORT = pair("0.004 @ 50000.0", "0.003 @ 51000.0", side="SELL", tail=" SHORT")
SHORT_HALF = protection("0.004", "52000.0", "48000.0", side="BUY", tail=" SHORT")
SHORT_WHOLE = protection("0.007", "52000.0", "48000.0", side="BUY", tail=" SHORT")
ETH = protection("0.100", "1950.00", "2100.00", "ETHUSDT")
# 200 / 17.3 = 11.5606…; 200 / 16.5 = 12.1212…
LINK = pair("11.56 @ 17.300", "12.12 @ 16.500", "LINKUSDT")
LINK_HALF = protection("11.56", "15.900", "18.200", "LINKUSDT")
LINK_WHOLE = protection("23.68", "15.900", "18.200", "LINKUSDT")
USDC = tuple(line.replace("BTCUSDT", "BTCUSDC") for line in ENTRIES)

ENTRY_EXIT = (
    opened("C01", at("50100"), after=assert_leverage_20),
    # 200 / 51000 = 0.0039215…; hedge mode knows no reduce-only
    Example(
        name="C03", world=at("49900", hedge=True), code="ENTRY_PLANNED", orders=SHORT, rests=SHORT,
        then=(
            Step(price="50000", orders=SHORT_HALF, rests=(SHORT[1], *SHORT_HALF)),
            Step(price="51000", orders=SHORT_WHOLE, rests=SHORT_WHOLE),
        ),
    ),
    Example(
        name="C05", world=at("2001", "ETHUSDT"), code="ENTRY_PLANNED", orders=("LIMIT BUY 0.100 ETHUSDT @ 2000.00",),
        rests=("LIMIT BUY 0.100 ETHUSDT @ 2000.00",), symbol="ETHUSDT",
        then=(Step(price="2000", orders=ETH, rests=ETH),),
    ),
    Example(
        name="C06", world=at("17.31", "LINKUSDT"), code="ENTRY_PLANNED", orders=LINK, rests=LINK, symbol="LINKUSDT",
        then=(
            Step(price="17.3", orders=LINK_HALF, rests=(LINK[1], *LINK_HALF)),
            Step(price="16.5", orders=LINK_WHOLE, rests=LINK_WHOLE),
        ),
    ),
    # 200 / 450000 = 0.000444…: never raised to the minimum
    refused("C08", at("450100"), "MIN_QUANTITY", "0.00044444444", "minimum 0.001 BTC would be 450.00 USDT"),
    refused("C10", at("50100"), "DUPLICATE_ENTRY", "entries pending", before=place_entries, rests=ENTRIES),
    Example(
        name="C10 with replace", world=at("50100", strategy={**MARGIN, "on_duplicate_entry": "replace"}),
        before=place_entries, code="ENTRY_PLANNED", orders=ENTRIES, rests=ENTRIES, then=FILLS, predicted=(),
        dry_code="REPLACE_PENDING", after=assert_placed_anew,
    ),
    Example(
        name="C10 resent at once", world=at("50100"), before=lambda bench: void(bench.send(alert("C01"))), http=200,
        status="DUPLICATE", code="DUPLICATE", rests=ENTRIES, predicted=(), dry_code="DUPLICATE_ENTRY",
    ),
    Example(name="C11", world=at("50100"), before=fill_first, code="CHECKED", rests=(ENTRIES[1], *HALF)),
    Example(name="C11 with both filled", world=at("50100"), before=fill_both, code="CHECKED", rests=WHOLE),
    Example(
        name="C13", world=at("50100"), before=fill_first, code="EXIT_PLANNED", orders=(EXIT,), after=assert_flat,
    ),
    refused("C15", at("50100"), "EXIT_COOLDOWN", "10 s ago", "30 s", before=exit_ten_seconds_ago),
    Example(
        name="C15 resent word for word", world=at("50100"), before=exit_twice, http=200, status="DUPLICATE",
        code="DUPLICATE", dry_code="EXIT_COOLDOWN",
    ),
    Example(
        name="C15 after an exit that failed", world=at("50100"), before=fail_to_exit, code="EXIT_PLANNED",
        orders=(EXIT,), after=assert_flat,
    ),
    refused("C16", at("50100"), "NO_POSITION", "no short to close", before=fill_first, rests=(ENTRIES[1], *HALF)),
    Example(
        name="C18", world=at("50100"), before=hold_only_first, code="EXIT_PLANNED", orders=(EXIT,),
        after=assert_lost_six,
    ),
    invalid("C20", at("50100"), "UNKNOWN_EVENT", "event", "must be ENTRY or EXIT"),
    invalid("C21", at("50100"), "UNKNOWN_SIGNAL_SIDE", "signal_side", "must be LONG or SHORT"),
    opened("C23", at("50100")),
    invalid("C25", at("50100"), "UNKNOWN_SYMBOL", "symbol", "LINKUSD"),
    invalid("C26", at("50100"), "UNKNOWN_SYMBOL", "symbol", "BTCUSDC"),
    Example(
        name="C26 where it is listed", code="ENTRY_PLANNED", orders=USDC, rests=USDC, symbol="BTCUSDC",
        world=at("50100", "BTCUSDC", balances={"USDC": "1000"}, listed=frozenset({"BTCUSDC"})),
        then=tuple(
            Step(
                price=step.price, orders=tuple(line.replace("BTCUSDT", "BTCUSDC") for line in step.orders),
                rests=tuple(line.replace("BTCUSDT", "BTCUSDC") for line in step.rests),
            )
            for step in FILLS
        ),
    ),
    invalid("C28", at("50600"), "STOP_WRONG_SIDE", "stop_loss", "50500", "not below the entry 50000"),
    # 5000 x 0.004 = 20.00 and 4000 x 0.004 = 16.00
    refused(
        "C30", at("50100", balances={"USDT": "50"}, strategy={**MARGIN, "max_risk_pct": D("20")}), "MAX_RISK",
        "20.00 + 16.00 = 36.00 USDT", "72 %", "10.00 USDT",
    ),
    opened("C31", at("50100"), after=assert_flags_ignored),
    Example(
        name="X04", world=at("50100"), http=400, status="EXPIRED", code="STALE", field="timestamp",
        says=("2020", "60 s"),
    ),
)  # fmt: skip


def void(_: object) -> None:
    """Drop a value that nobody asked for."""
