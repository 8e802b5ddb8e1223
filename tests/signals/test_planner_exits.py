"""Exits, sales and moved stops: rounded down, never held back, never worse than what is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from exchange.types import Direction, PositionMode
from ledger.domain.context import HeldTrade
from ledger.domain.plan import Outcome
from ledger.domain.policy import SizingMethod, StopPolicy
from signals.intents import Action, Intent
from signals.planner import plan
from signals.preview import preview
from tests.signals.examples.worlds import LONG, NOW, SHORT, D, held, holding, outcome, sized, spot, world

HEDGE = PositionMode.HEDGE


def close(**fields: object) -> Intent:
    return Intent(action=Action.CLOSE, symbol="BTCUSDT", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quantity", "fraction", "expected"),
    [("0.005", "0.5", "0.002"), ("0.004", "0.25", "0.001"), ("0.003", "0.99", "0.002"), ("0.003", "1", None)],
)
def test_a_part_is_rounded_down(quantity: str, fraction: str, expected: str | None) -> None:
    decision = plan(close(close_fraction=D(fraction)), holding(held(LONG, quantity, "50000")))

    assert decision.outcome is Outcome.CLOSE
    assert decision.quantity == (D(expected) if expected else None)


def test_a_rest_that_could_not_be_closed_goes_with_it() -> None:
    context = spot("BTCUSDT", "60000", trades=(held(LONG, "0.00020", "60000"),))
    decision = plan(close(close_fraction=D("0.7")), context)

    # 0.00014 leave 0.00006 = 3.60 USDT, less than 5
    assert outcome(decision) == (Outcome.CLOSE, "EXIT_PLANNED")
    assert decision.quantity is None
    assert "0.00006 BTC left over" in decision.reason


def test_a_halted_symbol_does_not_hide_that_the_rest_would_be_too_small() -> None:
    context = spot("BTCUSDT", "60000", trades=(held(LONG, "0.00020", "60000"),))
    halted = replace(context, rules=replace(context.rules, trading=False))

    assert plan(close(close_fraction=D("0.7")), halted).quantity is None


def test_a_part_that_is_too_small_is_refused() -> None:
    assert plan(close(close_fraction=D("0.5")), holding(held(LONG, "0.001", "50000"))).code == "MIN_QUANTITY"


@pytest.mark.parametrize("fraction", ["0", "-0.5", "1.01", "25"])
def test_a_part_out_of_range_is_refused(fraction: str) -> None:
    assert plan(close(close_fraction=D(fraction)), holding(held(LONG, "0.02", "50000"))).code == "CLOSE_FRACTION"


def test_a_part_of_two_positions_needs_a_direction() -> None:
    both = holding(held(LONG, "0.02", "50000"), held(SHORT, "0.02", "50000", id=8), mode=HEDGE)

    assert plan(close(close_fraction=D("0.5")), both).code == "AMBIGUOUS"
    assert plan(close(close_fraction=D("0.5"), direction=SHORT), both).trades == (8,)
    assert plan(close(), both).trades == (7, 8)


def test_a_part_of_what_is_closing_or_not_filled_is_nothing() -> None:
    half = close(close_fraction=D("0.5"))

    closing = plan(half, holding(held(LONG, "0.02", "50000", closing=True)))
    assert outcome(closing) == (Outcome.NOTHING, "ALREADY_CLOSING")
    pending = plan(half, holding(held(LONG, "0", "0", entries_pending=True)))
    assert outcome(pending) == (Outcome.NOTHING, "NO_POSITION")


def test_an_exit_of_what_is_closing_is_asked_again() -> None:
    assert plan(close(), holding(held(LONG, "0.02", "50000", closing=True))).outcome is Outcome.CLOSE


def test_an_exit_cancels_entries_that_are_pending() -> None:
    context = holding(held(LONG, "0", "0", entries_pending=True))
    decision = plan(close(), context)

    assert outcome(decision) == (Outcome.CLOSE, "EXIT_PLANNED")
    assert preview(decision, context) == []


def test_only_own_trades_are_closed() -> None:
    context = holding(held(LONG, "0.02", "50000", own=False))

    assert outcome(plan(close(), context)) == (Outcome.NOTHING, "ALREADY_FLAT")


def test_dust_is_refused_with_numbers() -> None:
    context = spot("BTCUSDT", "60000", trades=(held(LONG, "0.00005", "60000"),))
    decision = plan(close(), context)

    assert decision.code == "DUST"
    assert "3.00 USDT" in decision.reason
    assert "5.00 USDT" in decision.reason


@pytest.mark.parametrize(
    ("side", "ago", "expected"),
    [(LONG, 29, "EXIT_COOLDOWN"), (LONG, 30, "ALREADY_FLAT"), (None, 29, "EXIT_COOLDOWN"), (SHORT, 29, "ALREADY_FLAT")],
)
def test_cooldown_counts_by_direction(side: Direction | None, ago: int, expected: str) -> None:
    context = replace(world(), last_exit_at={LONG: NOW - timedelta(seconds=ago)})

    assert plan(close(direction=side), context).code == expected


# Sales


def sale(method: SizingMethod, amount: str) -> Intent:
    return Intent(action=Action.SELL, symbol="BTCUSDT", sizing=sized(method, amount))


def test_what_the_own_trades_orders_lock_can_be_sold() -> None:
    context = spot(
        "BTCUSDT", "60000", trades=(held(LONG, "0.5", "60000"),), free={"BTC": D("0.1")}, total={"BTC": D("0.6")}
    )
    decision = plan(sale(SizingMethod.POSITION_FRACTION, "1"), context)

    assert outcome(decision) == (Outcome.SELL, "SELL_PLANNED")
    assert decision.quantity == D("0.60000")
    assert decision.trades == (7,)


def test_what_others_orders_lock_can_not_be_sold() -> None:
    context = spot("BTCUSDT", "60000", free={"BTC": D("0.1")}, total={"BTC": D("0.6")})

    assert plan(sale(SizingMethod.POSITION_FRACTION, "1"), context).quantity == D("0.10000")


def test_a_sale_below_the_minimum_is_refused() -> None:
    context = spot("BTCUSDT", "60000")

    assert plan(sale(SizingMethod.QUOTE_AMOUNT, "4"), context).code == "MIN_NOTIONAL"
    assert plan(sale(SizingMethod.QUOTE_AMOUNT, "0.1"), context).code == "MIN_QUANTITY"
    assert plan(sale(SizingMethod.RISK_FRACTION, "0.1"), context).code == "SIZING_METHOD"


def test_futures_have_no_holding_to_sell() -> None:
    assert plan(sale(SizingMethod.BASE_AMOUNT, "1"), world()).code == "SELL_ON_FUTURES"


# Breakeven


def breakeven(**fields: object) -> Intent:
    return Intent(action=Action.BREAKEVEN, symbol="BTCUSDT", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("direction", "market", "expected"),
    [(LONG, "51000", "50100.0"), (SHORT, "49000", "49900.0")],  # 0.2 % into profit
)
def test_breakeven_is_the_average_and_the_offset(direction: Direction, market: str, expected: str) -> None:
    context = holding(held(direction, "0.02", "50000"), price=market, stop=StopPolicy(breakeven_offset_pct=D("0.2")))
    decision = plan(breakeven(), context)

    assert outcome(decision) == (Outcome.MOVE_STOP, "STOP_MOVED")
    assert str(decision.stop_price) == expected


def test_breakeven_takes_the_alerts_price_of_the_held_direction() -> None:
    context = holding(held(SHORT, "0.02", "50000"), price="49000")

    assert plan(breakeven(breakeven_long=D(1), breakeven_short=D(49950)), context).stop_price == D("49950.0")


@pytest.mark.parametrize(
    ("direction", "market"), [(LONG, "50000"), (LONG, "49000"), (SHORT, "50000"), (SHORT, "51000")]
)
def test_breakeven_that_would_trigger_is_refused(direction: Direction, market: str) -> None:
    decision = plan(breakeven(), holding(held(direction, "0.02", "50000"), price=market))

    assert outcome(decision) == (Outcome.REFUSE, "WOULD_TRIGGER")


@pytest.mark.parametrize(("direction", "market", "stop"), [(LONG, "52000", "50000"), (LONG, "52000", "50500"),
                                                           (SHORT, "48000", "49500")])  # fmt: skip
def test_breakeven_never_worsens_a_stop(direction: Direction, market: str, stop: str) -> None:
    decision = plan(breakeven(), holding(held(direction, "0.02", "50000", stop_price=Decimal(stop)), price=market))

    assert outcome(decision) == (Outcome.NOTHING, "STOP_ALREADY_BETTER")


@pytest.mark.parametrize(
    "trade",
    [
        held(LONG, "0", "0", entries_pending=True),
        held(LONG, "1", "50000", closing=True),
        held(LONG, "1", "1", own=False),
    ],
)
def test_breakeven_without_a_position_is_nothing(trade: HeldTrade) -> None:
    assert outcome(plan(breakeven(), holding(trade))) == (Outcome.NOTHING, "NO_POSITION")


def test_breakeven_of_two_positions_needs_a_direction() -> None:
    context = holding(held(LONG, "1", "50000"), held(SHORT, "1", "52000", id=8), price="51000", mode=HEDGE)

    assert plan(breakeven(), context).code == "AMBIGUOUS"
    assert plan(breakeven(direction=SHORT), context).stop_price == D("52000.0")
