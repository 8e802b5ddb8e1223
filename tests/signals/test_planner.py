"""The rules of planning that the examples leave open, each with numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.types import Direction, MarginType, OrderType, PositionMode
from ledger.domain.context import Usage
from ledger.domain.plan import Decision, LegKind, LegPlan, Outcome
from ledger.domain.policy import (
    DcaRung,
    Limits,
    Mode,
    OnDuplicate,
    OnOpposite,
    SizingMethod,
    StopPolicy,
)
from signals.intents import Action, Intent, TargetSpec
from signals.planner import plan
from signals.preview import preview
from tests.signals.examples.worlds import BASE, LONG, NOW, SHORT, D, held, holding, outcome, quote, sized, spot, world

OPEN = Intent(action=Action.OPEN, symbol="BTCUSDT", direction=LONG)
HEDGE = PositionMode.HEDGE


def legs(decision: Decision, *kinds: LegKind) -> list[LegPlan]:
    assert decision.plan, decision.reason
    return [leg for leg in decision.plan.legs if leg.kind in kinds]


# Entries


def test_a_plan_names_everything_that_the_engine_needs() -> None:
    context = world(margin_type=MarginType.ISOLATED, entry_timeout_s=60, protect_within_s=5,
                    stop=StopPolicy(pct=D(1), breakeven_after=1, breakeven_offset_pct=D("0.2")))  # fmt: skip
    decision = plan(replace(OPEN, price=D(49990)), context)

    assert decision.plan
    assert decision.plan.symbol == "BTCUSDT"
    assert decision.plan.leverage == 10
    assert decision.plan.margin_type is MarginType.ISOLATED
    assert decision.plan.reserve_asset == "USDT"
    assert decision.plan.reference_price == D(49990)
    assert decision.plan.exits.entry_timeout_s == 60
    assert decision.plan.exits.protect_within_s == 5
    assert decision.plan.exits.breakeven_after == 1
    assert decision.plan.exits.breakeven_offset_pct == D("0.2")
    (entry,) = legs(decision, LegKind.ENTRY)
    assert entry.reserve == D("100.000")  # 0.020 x 50000 / 10


def test_a_market_entry_is_sized_at_the_price_that_it_meets() -> None:
    context = replace(world(), quote=replace(quote("BTCUSDT", "50000"), bid=D(40000), ask=D(50000)))

    assert legs(plan(OPEN, context), LegKind.ENTRY)[0].quantity == D("0.020")
    assert legs(plan(replace(OPEN, direction=SHORT), context), LegKind.ENTRY)[0].quantity == D("0.025")


@pytest.mark.parametrize(("direction", "expected"), [(LONG, "49999.9"), (SHORT, "50000.0")])
def test_a_limit_price_is_never_rounded_to_a_worse_one(direction: Direction, expected: str) -> None:
    intent = replace(OPEN, direction=direction, order_type=OrderType.LIMIT, price=D("49999.99"))

    assert str(legs(plan(intent, world()), LegKind.ENTRY)[0].price) == expected


def test_rungs_are_added_below_a_long_and_above_a_short() -> None:
    rungs = (DcaRung(distance_pct=D(2)), DcaRung(distance_pct=D(4), size_scale=D(2)))

    long = legs(plan(OPEN, world(dca=rungs)), LegKind.DCA)
    short = legs(plan(replace(OPEN, direction=SHORT), world(dca=rungs)), LegKind.DCA)

    assert [(leg.index, str(leg.price), str(leg.quantity)) for leg in long] == [
        (1, "49000.0", "0.020"), (2, "48000.0", "0.040"),
    ]  # fmt: skip
    assert [str(leg.price) for leg in short] == ["51000.0", "52000.0"]
    assert [str(leg.reserve) for leg in long] == ["98.0000", "192.0000"]


def test_funds_of_rungs_count() -> None:
    rungs = (DcaRung(distance_pct=D(2)),)

    # 100 + 98 = 198 margin; 0.2 % of the balance is kept
    assert plan(OPEN, world(free="198.5", dca=rungs)).outcome is Outcome.OPEN
    decision = plan(OPEN, world(free="198.3", dca=rungs))
    assert decision.code == "INSUFFICIENT_FUNDS"
    assert "198.00 USDT are needed" in decision.reason


def test_a_rung_beyond_the_stop_is_refused() -> None:
    rungs = (DcaRung(distance_pct=D(2)),)

    assert plan(replace(OPEN, stop_price=D("48999.9")), world(dca=rungs)).outcome is Outcome.OPEN
    assert plan(replace(OPEN, stop_price=D(49000)), world(dca=rungs)).code == "DCA_BEYOND_STOP"


def test_the_alerts_second_entry_stands_in_for_the_rungs() -> None:
    decision = plan(replace(OPEN, second_price=D(49500)), world(dca=(DcaRung(distance_pct=D(2)),)))

    assert [str(leg.price) for leg in legs(decision, LegKind.DCA)] == ["49500.0"]
    assert decision.plan
    assert "stands in" in decision.plan.notes[0]


@pytest.mark.parametrize(("direction", "second"), [(LONG, "50000"), (LONG, "51000"), (SHORT, "49000")])
def test_a_second_entry_on_the_wrong_side_is_refused(direction: Direction, second: str) -> None:
    assert plan(replace(OPEN, direction=direction, second_price=D(second)), world()).code == "DCA_WRONG_SIDE"


def test_a_long_stop_above_the_market_is_refused_though_below_the_entry() -> None:
    intent = replace(OPEN, order_type=OrderType.LIMIT, price=D(50000), stop_price=D(48000))

    assert plan(intent, world("47000")).code == "STOP_WRONG_SIDE"


def test_no_price_for_a_limit_entry() -> None:
    assert plan(replace(OPEN, order_type=OrderType.LIMIT), world()).code == "LIMIT_NEEDS_PRICE"
    assert plan(replace(OPEN, order_type=OrderType.STOP_MARKET), world()).code == "ORDER_TYPE"


def test_an_entry_without_direction_or_size() -> None:
    assert plan(replace(OPEN, direction=None), world()).code == "DIRECTION_MISSING"
    assert plan(OPEN, world(sizing=None)).code == "NO_SIZE"


def test_spot_can_not_go_short() -> None:
    context = spot("BTCUSDT", "60000")

    for action in (Action.OPEN, Action.TARGET):
        assert plan(Intent(action=action, symbol="BTCUSDT", direction=SHORT), context).code == "SPOT_SHORT"


def test_spot_targets_are_limit_orders_and_stops_are_checked_for_the_first_entry_alone() -> None:
    context = spot("BTCUSDT", "60000")
    intent = replace(
        OPEN, sizing=sized(SizingMethod.QUOTE_AMOUNT, "12"), stop_price=D(50000), targets=(TargetSpec(price=D(70000)),)
    )

    rows = preview(plan(intent, context), context)

    # 12 / 60000 = 0.0002; at the stop it is worth 10, at 24000 only 4.80
    assert [(row["type"], row["quantity"], row["price"], row["trigger_price"]) for row in rows] == [
        ("MARKET", "0.00020", None, None), ("STOP_MARKET", "0.00020", None, "50000.00"),
        ("LIMIT", "0.00020", "70000.00", None),
    ]  # fmt: skip
    assert plan(replace(intent, stop_price=D(24000)), context).code == "MIN_NOTIONAL"
    both = replace(intent, second_price=D(59000), stop_price=D(24000))
    decision = plan(both, context)
    assert decision.code == "MIN_NOTIONAL"  # 0.00040 would be worth 9.60, but the first entry alone is not
    assert "stop" in decision.reason


def test_an_exit_larger_than_one_order_may_be_is_refused_before_the_entry() -> None:
    context = world(free="100000")
    context = replace(context, rules=replace(context.rules, market_max_quantity=D("0.03")))
    intent = replace(OPEN, order_type=OrderType.LIMIT, price=D(50000), sizing=sized(SizingMethod.BASE_AMOUNT, "0.04"))

    decision = plan(intent, context)

    assert decision.code == "MAX_QUANTITY"
    assert decision.reason.startswith("exit")


def test_a_limit_price_outside_the_venues_band_is_refused() -> None:
    context = world()
    context = replace(context, rules=replace(context.rules, price_up=D("1.05"), price_down=D("0.95")))
    intent = replace(OPEN, order_type=OrderType.LIMIT, price=D(47000))

    assert plan(intent, context).code == "PERCENT_PRICE"
    assert plan(replace(intent, price=D(48000)), context).outcome is Outcome.OPEN


def test_a_size_of_the_venues_maximum_without_leverage_is_paid_in_full() -> None:
    decision = plan(OPEN, world(free="999", leverage=None))

    assert decision.code == "INSUFFICIENT_FUNDS"
    assert "1000.00 USDT are needed" in decision.reason


def test_numbers_that_no_market_has_are_refused_not_raised() -> None:
    decision = plan(replace(OPEN, sizing=sized(SizingMethod.BASE_AMOUNT, "1E+100")), world(free="1E+200"))

    assert outcome(decision) == (Outcome.REFUSE, "NUMBERS_OUT_OF_RANGE")


# Limits, in the order of the gates


@pytest.mark.parametrize(
    ("limits", "usage", "expected"),
    [
        (Limits(max_open_trades=1), Usage(open_trades=1), "MAX_OPEN_TRADES"),
        (Limits(max_trades_per_day=1), Usage(trades_today=1), "MAX_TRADES_PER_DAY"),
        (Limits(max_daily_loss=D(10)), Usage(loss_today=D(10)), "MAX_DAILY_LOSS"),
        (Limits(max_notional=D(999)), Usage(), "MAX_NOTIONAL"),
        (Limits(max_risk_pct=D(1)), Usage(), "STOP_REQUIRED"),
    ],
)
def test_limits_refuse_an_entry(limits: Limits, usage: Usage, expected: str) -> None:
    assert plan(OPEN, replace(world(limits=limits), usage=usage)).code == expected


def test_exits_pass_every_gate() -> None:
    context = holding(
        held(LONG, "0.02", "50000"),
        symbols=frozenset({"ETHUSDT"}),
        limits=Limits(max_open_trades=0, max_daily_loss=D(0)),
    )
    context = replace(
        context, opens_allowed=False, blocked_by="the house", rules=replace(context.rules, trading=False),
        received_at=NOW - timedelta(days=1),
    )  # fmt: skip

    for intent in (
        Intent(action=Action.CLOSE, symbol="BTCUSDT"),
        Intent(action=Action.CLOSE, symbol="BTCUSDT", close_fraction=D("0.5")),
        Intent(action=Action.TARGET, symbol="BTCUSDT"),
        Intent(action=Action.TARGET, symbol="BTCUSDT", direction=SHORT),
    ):
        assert plan(intent, context).outcome is Outcome.CLOSE
    assert plan(replace(OPEN, direction=SHORT), context).code == "SWITCHED_OFF"


def test_notify_only_keeps_the_plan_for_the_announcement() -> None:
    context = world(mode=PositionMode.ONE_WAY)
    context = replace(context, policy=replace(context.policy, mode=Mode.NOTIFY))
    decision = plan(OPEN, context)

    assert outcome(decision) == (Outcome.NOTHING, "NOTIFY_ONLY")
    assert "0.02 BTC" in decision.reason
    assert [row["quantity"] for row in preview(decision, context)] == ["0.020"]
    closing = replace(context, trades=(held(LONG, "0.02", "50000"),))
    announced = plan(Intent(action=Action.CLOSE, symbol="BTCUSDT"), closing)
    assert outcome(announced) == (Outcome.NOTHING, "NOTIFY_ONLY")
    assert announced.trades == ()


# What is held already


@pytest.mark.parametrize("direction", [LONG, SHORT])
def test_a_closing_trade_makes_an_entry_wait(direction: Direction) -> None:
    decision = plan(OPEN, holding(held(direction, "0.02", "50000", closing=True)))

    assert outcome(decision) == (Outcome.CLOSE_FIRST, "WAIT_FOR_EXIT")
    assert decision.trades == (7,)


def test_replace_only_while_nothing_is_filled() -> None:
    pending = held(LONG, "0", "0", entries_pending=True)

    assert outcome(plan(OPEN, holding(pending, on_duplicate=OnDuplicate.REPLACE))) == (
        Outcome.CLOSE_FIRST, "REPLACE_PENDING",
    )  # fmt: skip
    filled = holding(replace(pending, quantity=D("0.001")), on_duplicate=OnDuplicate.REPLACE)
    assert plan(OPEN, filled).code == "DUPLICATE_ENTRY"


def test_adds_count_on() -> None:
    decision = plan(
        replace(OPEN, second_price=D(49000)),
        holding(held(LONG, "0.02", "50000", add_count=2, stop_price=D(48000)), on_duplicate=OnDuplicate.ADD),
    )

    assert outcome(decision) == (Outcome.ADD, "ADD_PLANNED")
    assert decision.trades == (7,)
    assert decision.plan
    assert [(leg.kind, leg.index, leg.order_type) for leg in decision.plan.legs] == [
        (LegKind.DCA, 3, OrderType.MARKET), (LegKind.DCA, 4, OrderType.LIMIT),
    ]  # fmt: skip


def test_an_add_must_be_before_the_stop_in_force() -> None:
    context = holding(held(LONG, "0.02", "50000", stop_price=D(49500)))
    add = Intent(action=Action.ADD, symbol="BTCUSDT", order_type=OrderType.LIMIT, price=D(49400))

    assert plan(add, context).code == "STOP_WRONG_SIDE"
    assert plan(replace(add, price=D(49600)), context).outcome is Outcome.ADD


def test_an_add_counts_what_is_held_towards_the_notional() -> None:
    context = holding(held(LONG, "0.02", "50000"), limits=Limits(max_notional=D(1999)))

    assert plan(Intent(action=Action.ADD, symbol="BTCUSDT"), context).code == "MAX_NOTIONAL"


def test_an_add_of_a_fraction_of_the_position() -> None:
    context = holding(held(LONG, "0.021", "50000"))
    add = Intent(action=Action.ADD, symbol="BTCUSDT", sizing=sized(SizingMethod.POSITION_FRACTION, "0.5"))

    assert legs(plan(add, context), LegKind.DCA)[0].quantity == D("0.010")


def test_an_add_to_a_holding_that_fees_have_left_off_the_step() -> None:
    """1000.1 ADA were bought and 1.0001 paid as fee: 999.0999 and 2000 more make a stop of 2999.0 in steps of 0.1."""
    policy = replace(BASE, leverage=None, sizing=sized(SizingMethod.BASE_AMOUNT, "2000"))
    context = spot("ADAUSDT", "0.5", policy=policy, trades=(held(LONG, "999.0999", "0.5"),))
    add = Intent(action=Action.ADD, symbol="ADAUSDT", stop_price=D("0.4"))

    assert outcome(plan(add, context)) == (Outcome.ADD, "ADD_PLANNED")


def test_an_add_needs_a_trade() -> None:
    add = Intent(action=Action.ADD, symbol="BTCUSDT")

    assert plan(add, world()).code == "NO_POSITION"
    assert plan(add, holding(held(LONG, "0.02", "50000", own=False))).code == "NO_POSITION"
    assert plan(add, holding(held(LONG, "0.02", "50000"), held(SHORT, "0.02", "50000", id=8))).code == "AMBIGUOUS"


def test_opposite_by_policy() -> None:
    short = held(SHORT, "0.02", "50000")

    assert outcome(plan(OPEN, holding(short))) == (Outcome.CLOSE_FIRST, "CLOSE_OPPOSITE")
    assert plan(OPEN, holding(short, on_opposite=OnOpposite.REFUSE)).code == "OPPOSITE_HELD"
    assert plan(OPEN, holding(short, on_opposite=OnOpposite.HEDGE)).code == "HEDGE_MODE_NEEDED"
    assert plan(OPEN, holding(short, mode=HEDGE, on_opposite=OnOpposite.HEDGE)).outcome is Outcome.OPEN


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        (replace(OPEN, stop_price=D(51000)), "STOP_WRONG_SIDE"),
        (replace(OPEN, leverage=21), "LEVERAGE_RANGE"),
        (replace(OPEN, targets=(TargetSpec(price=D(49000)),)), "TARGET_WRONG_SIDE"),
        (replace(OPEN, sizing=sized(SizingMethod.QUOTE_AMOUNT, "49")), "MIN_QUANTITY"),
    ],
)
def test_a_bad_reversal_leaves_the_account_untouched(intent: Intent, expected: str) -> None:
    assert outcome(plan(intent, holding(held(SHORT, "0.02", "50000")))) == (Outcome.REFUSE, expected)


def test_a_reversal_does_not_wait_for_funds_that_the_close_frees() -> None:
    context = replace(holding(held(SHORT, "0.02", "50000")), free={"USDT": D(0)})

    assert outcome(plan(OPEN, context)) == (Outcome.CLOSE_FIRST, "CLOSE_OPPOSITE")


def test_a_reversal_frees_a_place_among_the_open_trades() -> None:
    context = replace(
        holding(held(SHORT, "0.02", "50000"), limits=Limits(max_open_trades=1)), usage=Usage(open_trades=1)
    )

    assert plan(OPEN, context).outcome is Outcome.CLOSE_FIRST


def test_another_strategys_trade_blocks_a_shared_position() -> None:
    other_long, other_short = held(LONG, "1", "50000", own=False), held(SHORT, "1", "50000", own=False)

    for other in (other_long, other_short):
        decision = plan(OPEN, holding(other))
        assert decision.code == "SYMBOL_IN_USE"
        assert "trade 7" in decision.reason
    assert plan(OPEN, holding(other_long, mode=HEDGE)).code == "SYMBOL_IN_USE"
    assert plan(OPEN, holding(other_short, mode=HEDGE)).outcome is Outcome.OPEN
    shared = spot("BTCUSDT", "60000", trades=(other_long,), policy=replace(BASE, leverage=None))
    assert plan(OPEN, shared).outcome is Outcome.OPEN


# Target positions


def target(direction: Direction | None) -> Intent:
    return Intent(action=Action.TARGET, symbol="BTCUSDT", direction=direction)


def test_target_is_idempotent() -> None:
    pending = held(LONG, "0", "0", entries_pending=True)

    assert outcome(plan(target(LONG), holding(held(LONG, "0.02", "50000")))) == (Outcome.NOTHING, "ALREADY_THERE")
    assert outcome(plan(target(LONG), holding(pending))) == (Outcome.NOTHING, "ALREADY_THERE")
    assert outcome(plan(target(None), world())) == (Outcome.NOTHING, "ALREADY_FLAT")
    assert plan(target(LONG), world()).outcome is Outcome.OPEN


def test_target_leaves_the_other_direction() -> None:
    context = holding(held(SHORT, "0.02", "50000"))

    assert outcome(plan(target(LONG), context)) == (Outcome.CLOSE_FIRST, "CLOSE_OPPOSITE")
    assert outcome(plan(target(None), context)) == (Outcome.CLOSE, "EXIT_PLANNED")


def test_target_leaves_the_other_direction_even_while_switched_off() -> None:
    context = replace(holding(held(SHORT, "0.02", "50000")), opens_allowed=False, blocked_by="the house")
    decision = plan(target(LONG), context)

    assert outcome(decision) == (Outcome.CLOSE, "CLOSE_WITHOUT_REVERSAL")
    assert decision.trades == (7,)
    assert "the house is switched off" in decision.reason
    kept = replace(context, policy=replace(context.policy, on_opposite=OnOpposite.REFUSE))
    assert plan(target(LONG), kept).code == "SWITCHED_OFF"
