"""What holds for every plan, whatever the alert, the strategy, the market and the funds are."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from exchange.rules import check_order, on_grid
from exchange.types import ZERO, Market, OrderType
from ledger.domain.context import Context
from ledger.domain.plan import Decision, LegKind, LegPlan, Outcome
from ledger.domain.policy import Mode, SizingMethod
from signals.intents import Action, Intent
from signals.planner import plan
from signals.preview import preview
from tests.signals.examples.generators import contexts, helds, intents, likely_entries
from tests.signals.examples.worlds import D

OPENS = (Outcome.OPEN, Outcome.ADD)
relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def planned(entry: tuple[Intent, Context]) -> tuple[Decision, Context]:
    intent, context = entry
    decision = plan(intent, context)
    assume(decision.outcome is Outcome.OPEN)
    return decision, context


def entries(decision: Decision) -> list[LegPlan]:
    assert decision.plan
    return [leg for leg in decision.plan.legs if leg.kind.opens]


def prices(decision: Decision, context: Context) -> list[Decimal]:
    assert decision.plan
    taking = context.quote.taking(decision.plan.direction.entry_side)
    return [leg.price or taking for leg in entries(decision)]


def quantities(decision: Decision) -> list[Decimal]:
    return [leg.quantity or ZERO for leg in entries(decision)]


@relaxed
@given(st.data())
def test_every_intent_gets_a_decision_with_code_sentence_and_remedy(data: st.DataObject) -> None:
    context = data.draw(contexts())
    intent = data.draw(intents(context.quote.last))

    decision = plan(intent, context)
    rows = preview(decision, context)

    assert decision.code.isupper()
    assert decision.reason
    assert decision.remedy or decision.outcome is not Outcome.REFUSE
    assert (decision.plan is not None) or decision.outcome not in OPENS
    assert not rows or decision.outcome is not Outcome.REFUSE
    assert decision.outcome is not Outcome.CLOSE_FIRST or {row["role"] for row in rows} <= {"EXIT"}


@relaxed
@given(st.data())
def test_nothing_opens_while_switched_off_too_old_or_not_trading(data: st.DataObject) -> None:
    context = data.draw(contexts())
    intent = data.draw(intents(context.quote.last))
    shut = data.draw(st.sampled_from(["switch", "age", "trading", "notify"]))
    policy = replace(context.policy, max_age_s=0) if shut == "age" else context.policy
    policy = replace(policy, mode=Mode.NOTIFY) if shut == "notify" else policy
    context = replace(
        context,
        policy=policy,
        opens_allowed=shut != "switch" and context.opens_allowed,
        rules=replace(context.rules, trading=shut != "trading" and context.rules.trading),
    )
    assume(shut != "age" or context.received_at < context.now)

    assert plan(intent, context).outcome not in (*OPENS, Outcome.CLOSE_FIRST)


@relaxed
@given(st.data())
def test_an_exit_of_a_held_position_is_never_held_back_by_switch_age_or_limits(data: st.DataObject) -> None:
    context = data.draw(contexts())
    own = data.draw(
        st.lists(helds(D(100), least=1, own=st.just(True)), min_size=1, max_size=2, unique_by=lambda t: t.id)
    )
    context = replace(
        context,
        trades=tuple(own),
        policy=replace(context.policy, mode=Mode.AUTO),
        quote=replace(context.quote, bid=D(100), ask=D(100)),
    )

    decision = plan(Intent(action=Action.CLOSE, symbol="BTCUSDT"), context)

    assert decision.outcome is Outcome.CLOSE
    assert set(decision.trades) == {trade.id for trade in own}


@relaxed
@given(likely_entries())
def test_entries_never_bind_more_than_funds_minus_reserve(entry: tuple[Intent, Context]) -> None:
    decision, context = planned(entry)
    assert decision.plan
    spendable = context.free[context.rules.quote_asset] * (1 - context.policy.reserve_pct / 100)
    leverage = decision.plan.leverage or 1

    bound = sum((q * p for q, p in zip(quantities(decision), prices(decision, context), strict=True)), ZERO) / leverage

    assert bound <= spendable
    assert abs(sum((leg.reserve for leg in entries(decision)), ZERO) - bound) < D("1e-15")


@relaxed
@given(likely_entries())
def test_entries_keep_the_limits_of_value_and_loss(entry: tuple[Intent, Context]) -> None:
    decision, context = planned(entry)
    limits = context.policy.limits
    stop = next(leg.trigger_price for leg in decision.plan.legs if leg.kind is LegKind.SL) if decision.plan else None
    assert stop
    pairs = list(zip(quantities(decision), prices(decision, context), strict=True))

    if limits.max_notional is not None:
        assert sum(q * p for q, p in pairs) <= limits.max_notional
    if limits.max_risk_pct is not None:
        wallet = context.total[context.rules.quote_asset]
        assert sum(q * abs(p - stop) for q, p in pairs) <= wallet * limits.max_risk_pct / 100


@relaxed
@given(likely_entries())
def test_quantities_are_on_the_step_and_never_more_than_asked(entry: tuple[Intent, Context]) -> None:
    decision, context = planned(entry)
    intent = entry[0]
    asked = intent.sizing.amount if intent.sizing else ZERO
    free, leverage = context.free[context.rules.quote_asset], (decision.plan.leverage if decision.plan else 1) or 1
    own = list(zip(quantities(decision), prices(decision, context), strict=True))[: 2 if intent.second_price else 1]

    for quantity in quantities(decision):
        assert on_grid(quantity, context.rules.step_size)
        assert quantity > ZERO
    for quantity, price in own:
        method = intent.sizing.method if intent.sizing else ""
        most = {
            "quote_amount": asked,
            "base_amount": asked * price,
            "margin": asked * leverage,
            "balance_fraction": asked * free * leverage,
        }.get(method)
        assert most is None or quantity * price <= most


@relaxed
@given(likely_entries(method=SizingMethod.RISK_FRACTION))
def test_risk_sizing_never_loses_more_than_the_fraction(entry: tuple[Intent, Context]) -> None:
    decision, context = planned(entry)
    sizing = entry[0].sizing
    assert decision.plan
    assert sizing
    stop = next(leg.trigger_price for leg in decision.plan.legs if leg.kind is LegKind.SL)
    assert stop

    loss = sum(q * abs(p - stop) for q, p in zip(quantities(decision), prices(decision, context), strict=True))

    assert loss <= sizing.amount * context.free[context.rules.quote_asset]


@relaxed
@given(likely_entries())
def test_stop_and_targets_are_on_their_side_and_grid(entry: tuple[Intent, Context]) -> None:
    decision, context = planned(entry)
    assert decision.plan
    sign = decision.plan.direction.sign
    for leg in decision.plan.legs:
        if leg.trigger_price is None:
            continue
        assert on_grid(leg.trigger_price, context.rules.tick_size)
        for price in prices(decision, context) if leg.kind is LegKind.SL else prices(decision, context)[:1]:
            assert ((leg.trigger_price - price) * sign > 0) is (leg.kind is LegKind.TP)
        if leg.kind is LegKind.SL:
            assert (context.quote.mark - leg.trigger_price) * sign > 0


@relaxed
@given(likely_entries())
def test_targets_together_never_exceed_the_position(entry: tuple[Intent, Context]) -> None:
    decision, context = planned(entry)
    rows = preview(decision, context)
    total = {
        role: sum(D(str(r["quantity"])) for r in rows if r["role"] == role) for role in ("ENTRY", "DCA", "SL", "TP")
    }

    assert total["TP"] <= total["ENTRY"] + total["DCA"]
    assert total["SL"] == total["ENTRY"] + total["DCA"]


@relaxed
@given(likely_entries())
def test_every_previewed_order_passes_the_venues_filters(entry: tuple[Intent, Context]) -> None:
    decision, context = planned(entry)
    for row in preview(decision, context):
        price = row["price"] or row["trigger_price"]
        breach = check_order(
            rules=context.rules,
            order_type=OrderType(str(row["type"])),
            quantity=D(str(row["quantity"])),
            price=D(str(price)) if price else None,
            reference=D(str(row["trigger_price"] or context.quote.last)),
            reduces=row["role"] in ("SL", "TP"),
        )
        assert breach is None
        assert row["reduce_only"] is not True or context.rules.market is Market.USDM
