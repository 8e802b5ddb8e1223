"""Entries: open a trade, add to one, or be in a direction; and what has to be cleared before."""

from __future__ import annotations

from dataclasses import replace

from exchange.rules import tidy
from exchange.types import Direction, Market
from ledger.domain.context import Context, HeldTrade
from ledger.domain.plan import Decision, Outcome, TradePlan
from ledger.domain.policy import OnOpposite
from signals.intents import Intent
from signals.planner.closing import close_trades
from signals.planner.drafting import draft_plan
from signals.planner.held import Way, describe, find_way, is_live, own_trades
from signals.refusals import Refusal, money, number
from signals.risk import check_counters, check_daily_loss, check_gates
from signals.sizing import FRACTIONS, choose_sizing

# Refusals that may not hold any more once a trade is closed and its funds are free again.
MONEY = frozenset({"NO_FREE_BALANCE", "INSUFFICIENT_FUNDS", "LEVERAGE_CAP", "MAX_RISK"})
SIZE = frozenset({"MIN_QUANTITY", "MIN_NOTIONAL", "TARGET_TOO_SMALL", "MAX_QUANTITY", "MAX_NOTIONAL"})


def plan_open(intent: Intent, context: Context) -> Decision:
    """Return the plan of a new trade, of an add if the strategy adds, or what must be closed first."""
    direction = _direction(intent, context)
    check_gates(intent, context)
    way = find_way(direction, context)
    if way.add_to:
        return _add(intent, context, way.add_to)
    if way.clear:
        return _clear_first(intent, context, direction, way)
    check_counters(context)
    plan = draft_plan(intent, context, direction)
    return Decision(outcome=Outcome.OPEN, code="ENTRY_PLANNED", reason=_sentence(plan, context), plan=plan)


def plan_add(intent: Intent, context: Context) -> Decision:
    """Return the legs to add to the strategy's own trade; there must be exactly one to add to."""
    check_gates(intent, context)
    trades = [trade for trade in own_trades(context, intent.direction) if is_live(trade)]
    if len(trades) != 1:
        wanted = intent.direction or "trade"
        raise Refusal(
            "AMBIGUOUS" if trades else "NO_POSITION",
            f"an add to a {wanted} in {context.rules.symbol} is asked for, but there are {len(trades)} of them",
            "Name the direction." if trades else "Open a trade first.",
        )
    return _add(intent, context, trades[0])


def plan_target(intent: Intent, context: Context) -> Decision:
    """Return what leads to being in the direction, or flat if there is none; nothing if it is so already."""
    if intent.direction is None:
        return _flatten(context)
    for trade in own_trades(context, intent.direction):
        if is_live(trade):
            told = describe(trade, context.rules.base_asset)
            return Decision(outcome=Outcome.NOTHING, code="ALREADY_THERE", reason=f"{told} is there already")
    try:
        check_gates(intent, context)
    except Refusal as refusal:
        return _leave_only(intent.direction, context, refusal)
    return plan_open(intent, context)


def _direction(intent: Intent, context: Context) -> Direction:
    if intent.direction is None:
        raise Refusal("DIRECTION_MISSING", "the alert doesn't say whether to go long or short", "Send a direction.")
    if intent.direction is Direction.SHORT and context.rules.market is Market.SPOT:
        raise Refusal(
            "SPOT_SHORT",
            f"{context.rules.symbol} is a spot market: there is nothing to go short with",
            "Use a futures account for shorts, or send a sell or an exit.",
        )
    return intent.direction


def _flatten(context: Context) -> Decision:
    trades = own_trades(context)
    if not trades:
        return Decision(
            outcome=Outcome.NOTHING, code="ALREADY_FLAT", reason=f"no trade in {context.rules.symbol} is open"
        )
    return close_trades(trades, context)


def _leave_only(direction: Direction, context: Context, refusal: Refusal) -> Decision:
    """Close the other direction although the new one is refused: leaving it is an exit, and exits always pass."""
    leaving = [trade for trade in own_trades(context, direction.opposite) if is_live(trade)]
    if not leaving or context.policy.on_opposite is not OnOpposite.CLOSE_FIRST:
        raise refusal
    names = ", ".join(describe(trade, context.rules.base_asset) for trade in leaving)
    return Decision(
        outcome=Outcome.CLOSE,
        code="CLOSE_WITHOUT_REVERSAL",
        reason=f"{names} is closed, but no {direction} is opened: {refusal.reason} ({refusal.code})",
        remedy=refusal.remedy,
        trades=tuple(trade.id for trade in leaving),
    )


def _clear_first(intent: Intent, context: Context, direction: Direction, way: Way) -> Decision:
    if way.code != "WAIT_FOR_EXIT":
        _rehearse(intent, context, direction, way)
    return Decision(
        outcome=Outcome.CLOSE_FIRST, code=way.code, reason=way.reason, trades=tuple(trade.id for trade in way.clear)
    )


def _rehearse(intent: Intent, context: Context, direction: Direction, way: Way) -> None:
    """Refuse now what would be refused after the close as well, so that a bad alert leaves the account untouched."""
    usage = replace(context.usage, open_trades=max(0, context.usage.open_trades - len(way.clear)))
    after = replace(context, trades=tuple(t for t in context.trades if t not in way.clear), usage=usage)
    check_counters(after)
    try:
        draft_plan(intent, after, direction)
    except Refusal as refusal:
        by_fraction = choose_sizing(intent.sizing, context.policy.sizing).method in FRACTIONS
        if refusal.code not in MONEY and not (by_fraction and refusal.code in SIZE):
            raise


def _add(intent: Intent, context: Context, held: HeldTrade) -> Decision:
    check_daily_loss(context.policy.limits, context.usage.loss_today, context.rules.quote_asset)
    plan = draft_plan(intent, context, held.direction, held)
    told = describe(held, context.rules.base_asset)
    return Decision(
        outcome=Outcome.ADD,
        code="ADD_PLANNED",
        reason=f"to {told}: {_sentence(plan, context)}",
        trades=(held.id,),
        plan=plan,
    )


def _sentence(plan: TradePlan, context: Context) -> str:
    rules = context.rules
    entries = [leg for leg in plan.legs if leg.kind.opens]
    parts = [
        f"{leg.order_type} {tidy(leg.quantity)} {rules.base_asset}" + (f" @ {number(leg.price)}" if leg.price else "")
        for leg in entries
        if leg.quantity is not None
    ]
    bound = sum(leg.reserve for leg in entries)
    text = f"{plan.direction} {' and '.join(parts)}, binding {money(bound, plan.reserve_asset)}"  # type: ignore[arg-type]
    if plan.leverage:
        text += f" at leverage {plan.leverage}"
    levels = [f"{leg.kind} {number(leg.trigger_price)}" for leg in plan.legs if leg.trigger_price is not None]
    return f"{text}; {', '.join(levels)}" if levels else f"{text}; no stop, no target"
