"""The strategy-alert dialect: sized by the loss at the stop, 1 % of 10000 USDT, at most 5 times leverage."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from exchange.clients import get_client
from exchange.types import OrderRequest, OrderType, Side
from ledger.models import Trade
from signals.models import Dialect, Signal
from tests.flows.examples.bench import SECRET, Bench, World
from tests.flows.examples.example import Example, Step, invalid, stranger

D = Decimal
RISK = {"sizing_method": "risk_fraction", "sizing_amount": D("0.01"), "max_leverage": 5}


def at(price: str, **changes: Any) -> World:
    world = World(
        dialect=Dialect.STRATEGY_ALERT,
        balances={"USDT": "10000"},
        prices={"BTCUSDT": price},
        strategy=RISK,
        address="/tradingview-to-webhook-order",
    )
    return replace(world, **changes)


ENTRY = {
    "time": "2026-06-15T23:31:22Z", "action": "buy", "message": "entry", "price": 40000, "ticker": "BTCPERP",
    "exchange": "BINANCE", "long SL": 39800, "long TP": 41000, "passphrase": SECRET, "subaccount": "Testing",
}  # fmt: skip


def hold_long(bench: Bench) -> None:
    """1 % of 6000 / 200 = 0.3 with its stop at 39800; the market goes to 40200."""
    bench.send(ENTRY)
    bench.price("BTCUSDT", "40200")
    assert bench.resting() == [
        "STOP_MARKET SELL 0.300 BTCUSDT at 39800.0 reduce-only",
        "TAKE_PROFIT_MARKET SELL 0.300 BTCUSDT at 41000.0 reduce-only",
    ]


def leave_a_stop_behind(bench: Bench) -> None:
    """The position is closed by hand at the venue, which leaves its stop there."""
    bench.send({**ENTRY, "long TP": 0})
    get_client(bench.account).submit_order(
        OrderRequest(
            client_order_id="by-hand", symbol="BTCUSDT", side=Side.SELL, type=OrderType.MARKET, quantity=D("0.5")
        )
    )
    assert get_client(bench.account).get_positions() == ()
    assert bench.resting() == ["STOP_MARKET SELL 0.500 BTCUSDT at 39800.0 reduce-only"]


def forget_secrets(bench: Bench) -> None:
    bench.endpoint.secrets.all().delete()


def assert_found_closed(bench: Bench, signal: Signal) -> None:
    trade = bench.trade()
    assert (trade.status, trade.quantity, trade.close_reason) == (Trade.Status.CLOSED, 0, "EXIT_ALERT")
    assert trade.notices.filter(code="CLOSED_ELSEWHERE").exists()


def assert_announced_without_link(bench: Bench, signal: Signal) -> None:
    assert signal.intent is not None
    assert signal.intent["action"] == "INFO"
    assert "chart_url" not in signal.body


def assert_ten_times(bench: Bench, signal: Signal) -> None:
    """2.5 BTC at 40000 are 10 times the 10000 USDT; the endpoint's other account is untouched."""
    assert signal.strategy == bench.strategy
    assert bench.trade().quantity * 40000 / 10000 == 10
    assert not Trade.objects.exclude(account=bench.account).exists()


def ladder(tenths: int, stop: str, *prices: str) -> tuple[str, ...]:
    """Return a long's entry, stop and targets: three of a fifth each, the rest at the last."""
    each, rest = f"{D(tenths) / 50:.3f}", f"{D(tenths) / 25:.3f}"
    targets = zip((each, each, each, rest), prices, strict=True)
    return (
        f"MARKET BUY {D(tenths) / 10:.3f} BTCUSDT",
        f"STOP_MARKET SELL {D(tenths) / 10:.3f} BTCUSDT at {stop} reduce-only",
        *(f"TAKE_PROFIT_MARKET SELL {quantity} BTCUSDT at {price} reduce-only" for quantity, price in targets),
    )


# 1 % of 10000 / 200 = 0.5; 0.6, 1.0 and 1.5 times 200 above 40000
HALF = ladder(5, "39800.0", "40120.0", "40200.0", "40300.0", "41000.0")
# 5 % of 10000 / 200 = 2.5
WHOLE = ladder(25, "39800.0", "40120.0", "40200.0", "40300.0", "41000.0")

STRATEGY_ALERT = (
    # 100 / 1400 = 0.0714285…; a target of 0 means none
    Example(
        name="B02", world=at("35800"), code="ENTRY_PLANNED",
        orders=("MARKET SELL 0.071 BTCUSDT", "STOP_MARKET BUY 0.071 BTCUSDT at 37200.0 reduce-only"),
        rests=("STOP_MARKET BUY 0.071 BTCUSDT at 37200.0 reduce-only",),
    ),
    # 100 / 1000 = 0.1; protection comes with the fill
    Example(
        name="B03", world=at("37900"), code="ENTRY_PLANNED", orders=("LIMIT SELL 0.100 BTCUSDT @ 38000.0",),
        rests=("LIMIT SELL 0.100 BTCUSDT @ 38000.0",),
        then=(
            Step(
                price="38000",
                orders=(
                    "STOP_MARKET BUY 0.100 BTCUSDT at 39000.0 reduce-only",
                    "TAKE_PROFIT_MARKET BUY 0.100 BTCUSDT at 35000.0 reduce-only",
                ),
                rests=(
                    "STOP_MARKET BUY 0.100 BTCUSDT at 39000.0 reduce-only",
                    "TAKE_PROFIT_MARKET BUY 0.100 BTCUSDT at 35000.0 reduce-only",
                ),
            ),
        ),
    ),
    invalid("B05", at("40000"), "UNKNOWN_TYPE", "type", "must be market or limit"),
    # The exit finds that the position is gone, books who closed it, and takes the leftover stop away.
    Example(
        name="B07", world=at("40000"), before=leave_a_stop_behind, code="ALREADY_FLAT",
        says=("nothing was left to close", "cancelled"), after=assert_found_closed, dry_code="EXIT_PLANNED",
        predicted=("MARKET SELL 0.500 BTCUSDT reduce-only",),
    ),
    Example(name="B07 without any leftover", world=at("40000"), code="ALREADY_FLAT"),
    # The old stop is replaced, not added to.
    Example(
        name="B08", world=at("40000", balances={"USDT": "6000"}), before=hold_long, code="STOP_MOVED",
        says=("39800", "40100"), orders=("STOP_MARKET SELL 0.300 BTCUSDT at 40100.0 reduce-only",),
        rests=(
            "TAKE_PROFIT_MARKET SELL 0.300 BTCUSDT at 41000.0 reduce-only",
            "STOP_MARKET SELL 0.300 BTCUSDT at 40100.0 reduce-only",
        ),
    ),
    Example(name="B10", world=at("40000"), code="ANNOUNCED"),
    invalid("B12", at("39800"), "STOP_DISTANCE_ZERO", "long SL", "39800", "distance is zero"),
    invalid("B13", at("40000"), "STOP_WRONG_SIDE", "long SL", "40500", "40000"),
    invalid("B15", at("40000"), "UNKNOWN_SYMBOL", "ticker", "XYZPERP"),
    stranger("B17", at("40000"), *HALF, dry_code="ENTRY_PLANNED"),
    # An endpoint without any secret lets nobody in, not even somebody who sends none.
    stranger("B18", at("40000"), *HALF, dry_code="ENTRY_PLANNED", before=forget_secrets),
    Example(
        name="B20", world=at("38000", address="/tradingview-to-discord-study"), code="ANNOUNCED",
        after=assert_announced_without_link,
    ),
    Example(
        name="B22", code="ENTRY_PLANNED",
        world=at(
            "40000", label="MYACCOUNT2", own_account=True,
            strategy={"sizing_method": "risk_fraction", "sizing_amount": D("0.05"), "max_leverage": 50},
        ),
        orders=WHOLE, rests=WHOLE[1:], after=assert_ten_times,
    ),
)  # fmt: skip
