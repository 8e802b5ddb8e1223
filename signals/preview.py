"""The orders that a decision leads to, as rows for people and for JSON."""

from __future__ import annotations

from decimal import Decimal

from exchange.rules import floor_quantity, plain
from exchange.types import ZERO, Direction, Market, OrderType, PositionMode, PositionSide
from ledger.domain.context import Context, HeldTrade
from ledger.domain.plan import Decision, LegKind, LegPlan, Outcome, TradePlan
from signals.levels import target_quantities, target_type

Row = dict[str, str | bool | None]


def preview(decision: Decision, context: Context) -> list[Row]:
    """Return one row per order, exits with the quantities that they have once all entries have filled.

    Prices of legs that follow the average entry are those known now. An announced plan has its rows too. Of what is
    closed first there are only the exits.
    """
    if decision.plan is not None:
        held = _named(decision, context) if decision.outcome is Outcome.ADD else ()
        return _plan_rows(decision.plan, context, held[0] if held else None)
    match decision.outcome:
        case Outcome.CLOSE:
            return [row for trade in _named(decision, context) for row in _exit_rows(trade, decision, context)]
        case Outcome.CLOSE_FIRST:
            # What follows the close is not known yet; a trade that is closing already has its exit.
            clear = [trade for trade in _named(decision, context) if not trade.closing]
            return [row for trade in clear for row in _exit_rows(trade, decision, context)]
        case Outcome.SELL if decision.quantity is not None:
            return [_exit_row(Direction.LONG, decision.quantity, context)]
        case Outcome.MOVE_STOP:
            return [_moved_stop(trade, decision, context) for trade in _named(decision, context)]
        case _:
            return []


def _named(decision: Decision, context: Context) -> tuple[HeldTrade, ...]:
    return tuple(trade for trade in context.trades if trade.id in decision.trades)


def _plan_rows(plan: TradePlan, context: Context, held: HeldTrade | None) -> list[Row]:
    entries = [leg for leg in plan.legs if leg.kind.opens]
    stops = [leg for leg in plan.legs if leg.kind is LegKind.SL]
    targets = [leg for leg in plan.legs if leg.kind is LegKind.TP]
    position = sum((leg.quantity or ZERO for leg in entries), held.quantity if held else ZERO)
    if held and held.stop_price is not None and not stops:
        stops = [LegPlan(kind=LegKind.SL, order_type=OrderType.STOP_MARKET, trigger_price=held.stop_price)]
    shares = target_quantities(position, [leg.share for leg in targets], context.rules, target_type(context.rules))
    rows = [_leg_row(leg, leg.quantity or ZERO, plan.direction, context) for leg in entries]
    rows += [_leg_row(leg, position, plan.direction, context) for leg in stops]
    rows += [_leg_row(leg, share, plan.direction, context) for leg, share in zip(targets, shares, strict=True)]
    return rows


def _exit_rows(trade: HeldTrade, decision: Decision, context: Context) -> list[Row]:
    quantity = decision.quantity
    if quantity is None:
        quantity = floor_quantity(trade.quantity, context.rules, OrderType.MARKET)
    return [_exit_row(trade.direction, quantity, context)] if quantity > ZERO else []


def _exit_row(direction: Direction, quantity: Decimal, context: Context) -> Row:
    return _leg_row(LegPlan(kind=LegKind.EXIT, order_type=OrderType.MARKET), quantity, direction, context)


def _moved_stop(trade: HeldTrade, decision: Decision, context: Context) -> Row:
    leg = LegPlan(kind=LegKind.SL, order_type=OrderType.STOP_MARKET, trigger_price=decision.stop_price)
    quantity = floor_quantity(trade.quantity, context.rules, leg.order_type)
    return _leg_row(leg, quantity, trade.direction, context)


def _leg_row(leg: LegPlan, quantity: Decimal, direction: Direction, context: Context) -> Row:
    futures = context.rules.market is not Market.SPOT
    hedged = futures and context.mode is PositionMode.HEDGE
    # A leg knows where it acts; whether that is a limit or a trigger is a matter of its order type.
    price = leg.price if leg.kind.opens else leg.trigger_price
    limit = price if leg.order_type is OrderType.LIMIT else None
    trigger = price if leg.order_type.conditional else None
    return {
        "leg": _tag(leg),
        "role": leg.kind.value,
        "symbol": context.rules.symbol,
        "side": (direction.entry_side if leg.kind.opens else direction.exit_side).value,
        "position_side": (PositionSide(direction) if hedged else PositionSide.BOTH).value,
        "type": leg.order_type.value,
        "quantity": plain(quantity),
        "price": None if limit is None else plain(limit),
        "trigger_price": None if trigger is None else plain(trigger),
        "reduce_only": futures and not hedged and not leg.kind.opens,
    }


def _tag(leg: LegPlan) -> str:
    name = leg.kind.value.lower()
    return name if leg.kind in (LegKind.ENTRY, LegKind.SL) else f"{name}{leg.index}"
