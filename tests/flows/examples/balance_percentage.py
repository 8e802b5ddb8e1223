"""The balance-percentage dialect: a fraction of 1000 USDT times leverage, one-way, isolated."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from exchange.paper_rows import PaperSetup
from signals.models import Dialect, Signal
from tests.flows.examples.bench import SECRET, Bench, World
from tests.flows.examples.example import Example, invalid, nameless, refused, stranger

D = Decimal
ADDRESS = "/binance/advanced-trading-webhook"
OTHER_ADDRESS = "/api/tradingview/binance/advanced-trading-webhook"


def at(price: str = "50000", free: str = "1000", **strategy: Any) -> World:
    return World(
        dialect=Dialect.BALANCE_PERCENTAGE,
        balances={"USDT": free},
        prices={"BTCUSDT": price},
        strategy={"margin_type": "ISOLATED", **strategy},
        address=ADDRESS,
    )


# 1003 x 0.153 x 10 / 51000 = 0.03009
SHORT = {"symbol": "BTCUSDT", "action": "sell", "balance_percentage": 0.153, "leverage": 10, "token": SECRET}


def hold_short(bench: Bench) -> None:
    """0.030 from 51000 binds 153 of 1003; two orders rest; the market falls to 50000."""
    bench.send({**SHORT, "sl": 52000, "tp": 48000})
    bench.price("BTCUSDT", "50000")
    assert bench.free("USDT") == 850
    assert bench.resting() == [
        "STOP_MARKET BUY 0.030 BTCUSDT at 52000.0 reduce-only",
        "TAKE_PROFIT_MARKET BUY 0.030 BTCUSDT at 48000.0 reduce-only",
    ]


def hold_short_and_wait(bench: Bench) -> None:
    """Of the two orders that rest one is conditional: the stop of 0.030, and a second entry 2 % above the first."""
    bench.send({**SHORT, "sl": 53000})
    bench.price("BTCUSDT", "50000")
    assert bench.resting() == [
        "LIMIT SELL 0.030 BTCUSDT @ 52020.0",
        "STOP_MARKET BUY 0.030 BTCUSDT at 53000.0 reduce-only",
    ]


def assert_setup(bench: Bench, signal: Signal) -> None:
    setup = PaperSetup.objects.get(account=bench.account, symbol="BTCUSDT")
    assert (setup.leverage, setup.margin_type) == (10, "ISOLATED")


def assert_turned(bench: Bench, signal: Signal) -> None:
    """The short's gain is 0.030 x 1000."""
    short, long = bench.account.trades.order_by("id")
    assert (short.status, short.realized_pnl) == ("CLOSED", D("30"))
    assert (long.direction, long.quantity) == ("LONG", D("0.051"))


def assert_all_gone(bench: Bench, signal: Signal) -> None:
    assert bench.trade().status == "CLOSED"
    assert signal.ignored_fields == ["balance_percentage", "leverage"]


def assert_did_you_mean(bench: Bench, signal: Signal) -> None:
    assert "Did you mean BTCUSDT?" in signal.remedy


def bought(name: str, quantity: str, world: World, *exits: str, **rest: Any) -> Example:
    orders = (f"MARKET BUY {quantity} BTCUSDT", *exits)
    return Example(name=name, world=world, code="ENTRY_PLANNED", orders=orders, rests=exits, **rest)


def exits(quantity: str, stop: str, target: str) -> tuple[str, str]:
    return (
        f"STOP_MARKET SELL {quantity} BTCUSDT at {stop} reduce-only",
        f"TAKE_PROFIT_MARKET SELL {quantity} BTCUSDT at {target} reduce-only",
    )


CLOSE = "MARKET BUY 0.030 BTCUSDT reduce-only"
LADDER = {"dca": [{"distance_pct": "2"}]}

BALANCE_PERCENTAGE = (
    # 1000 x 0.25 x 10 = 2500
    bought("E01", "0.050", at(), after=assert_setup),
    # 500 / 43000 = 0.011627…
    bought("E03", "0.011", at("43000")),
    # 5 % of the balance is kept: 950 x 10 = 9500
    bought("E05", "0.190", at(reserve_pct=D("5")), says=("binding 950.00 USDT",)),
    invalid("E06", at(), "FRACTION_OUT_OF_RANGE", "balance_percentage", "25"),
    bought("E08", "0.050", at()),
    invalid("E10", at(), "LEVERAGE_NOT_WHOLE", "leverage", "10.5"),
    invalid("E11", at(), "LEVERAGE_OUT_OF_RANGE", "leverage"),
    invalid("E13", at(), "UNKNOWN_ACTION", "action", "buy, sell, long, short, close or exit"),
    # Not guessed at: the remedy names what may have been meant.
    replace(invalid("E15", at(), "UNKNOWN_SYMBOL", "symbol", "BTCUSDTUSDT"), after=assert_did_you_mean),
    bought("E16", "0.050", at()),
    nameless("E18", at(), "NOT_JSON", ""),
    # 0.001 x 50000 / 5 = 10.00
    refused("E20", at(free="5"), "MIN_QUANTITY", "minimum margin 10.00 USDT", "5.00 USDT missing"),
    # 850 + 153 + 30 = 1033; x 0.25 x 10 / 50000 = 0.05165
    Example(
        name="E21", world=at("51000", free="1003"), before=hold_short, code="ENTRY_PLANNED",
        orders=(CLOSE, "MARKET BUY 0.051 BTCUSDT"), predicted=(CLOSE,), dry_code="CLOSE_OPPOSITE", after=assert_turned,
    ),
    Example(
        name="E23", world=at("51000", free="1003", **LADDER), before=hold_short_and_wait, code="EXIT_PLANNED",
        orders=(CLOSE,), after=assert_all_gone,
    ),
    invalid("E25", at(), "QUANTITY_AMBIGUOUS", "quantity"),
    # 1000 x 0.15 x 20 = 3000; the strategy's stop and target
    bought(
        "E26", "0.060", at(stop_pct=D("0.8"), take_profits=[{"pct": "1.2"}]), *exits("0.060", "49600.0", "50600.0")
    ),
    bought(
        "E28", "0.040",
        at(
            sizing_method="balance_fraction", sizing_amount=D("0.2"), leverage=10, stop_pct=D("1"),
            take_profits=[{"pct": "2"}],
        ),
        *exits("0.040", "49500.0", "51000.0"), after=assert_setup,
    ),
    stranger("E30", at(), "MARKET BUY 0.050 BTCUSDT", dry_code="ENTRY_PLANNED"),
    bought("E30 where the address carries the secret", "0.050", at(), address=f"/webhook/{SECRET}"),
    nameless("E31", at(), "ARITHMETIC", "tp", "calculation"),
)  # fmt: skip
