"""The orders that a trade's plan wants now: pure, asked again after every event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from exchange.rules import floor_quantity, max_quantity, min_quantity, round_stop, round_target
from exchange.types import ZERO, OrderStatus, OrderType, PositionSide, Side, WorkingType
from ledger.domain.plan import LegKind
from ledger.domain.trade import WOULD_TRIGGER, LegView, TradeState

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """One order that should exist. oco_group: orders that name the same group must be placed as one pair."""

    kind: LegKind
    index: int
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    callback_pct: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    working_type: WorkingType = WorkingType.MARK
    oco_group: str = ""

    @property
    def key(self) -> tuple[LegKind, int]:
        return (self.kind, self.index)


def desired_orders(state: TradeState) -> tuple[Desired, ...]:
    """Return the orders that should exist now, the stop before the targets.

    Once a position that was open is flat nothing is wanted any more: what still rests is an orphan.
    """
    sellable = held_sellable(state)
    if state.entered > ZERO and sellable == ZERO and not _partial_exits(state):
        # A tiny first part of an entry can be too small to protect; its rest must still be allowed to fill.
        return () if _was_reduced(state) or state.closing else _entries(state)
    exits = _exits(state, sellable)
    if state.closing:
        if state.reserves_balance:
            return exits
        return (*_kept_stops(state), *exits)
    if exits and state.reserves_balance:
        # The venue locks what stop and target would sell, so a partial exit must free it first.
        return (*_entries(state), *exits)
    return (*_entries(state), *_protection(state, sellable), *exits)


def held_sellable(state: TradeState) -> Decimal:
    """Return the part of the position that the venue lets us reduce: on the step, zero if below the minimum (dust)."""
    quantity = floor_quantity(state.held, state.rules, OrderType.MARKET)
    if quantity < min_quantity(state.rules, OrderType.MARKET):
        return ZERO
    worth = quantity * (state.average_price or ZERO)
    if state.reserves_balance and state.average_price and worth < state.rules.min_notional:
        return ZERO
    return quantity


def stop_price(state: TradeState) -> Decimal | None:
    """Return the stop in force: override, else the leg's own, tightened to breakeven once that target has filled."""
    leg = next(iter(state.legs_of(LegKind.SL)), None)
    if leg is None and state.stop_override is None:
        return None
    price = state.stop_override
    if price is None and leg is not None:
        price = _leg_price(state, leg)
    breakeven = breakeven_price(state) if _breakeven_reached(state) else None
    if breakeven is not None and (price is None or (breakeven - price) * state.direction.sign > ZERO):
        price = breakeven
    return None if price is None else round_stop(price, state.rules, state.direction)


def breakeven_price(state: TradeState) -> Decimal | None:
    """Return the average entry price, the strategy's offset into profit; None while nothing is held."""
    if state.average_price is None:
        return None
    return state.average_price * (1 + state.direction.sign * state.breakeven_offset_pct / HUNDRED)


def wants_stop(state: TradeState) -> bool:
    """Tell whether the plan asks for a protective stop."""
    return bool(state.legs_of(LegKind.SL)) or state.stop_override is not None


def coverage(state: TradeState) -> Decimal:
    """Return the quantity that stops acknowledged by the venue cover now."""
    acknowledged = {OrderStatus.ACCEPTED, OrderStatus.TRIGGERED, OrderStatus.PARTIALLY_FILLED}
    stops = [o for o in state.orders if o.kind is LegKind.SL and o.status in acknowledged]
    fresh = [o for o in stops if not o.superseded] or stops
    return sum((order.quantity - order.filled for order in fresh), ZERO)


def _breakeven_reached(state: TradeState) -> bool:
    wanted = state.breakeven_after
    return wanted is not None and any(leg.index >= wanted and leg.done for leg in state.legs_of(LegKind.TP))


def _was_reduced(state: TradeState) -> bool:
    return any(not leg.kind.opens and leg.filled > ZERO for leg in state.legs)


def _leg_price(state: TradeState, leg: LegView) -> Decimal | None:
    if leg.offset_pct is not None and state.average_price is not None:
        return state.average_price * (1 + leg.offset_pct / HUNDRED)
    return leg.trigger_price


def _entries(state: TradeState) -> tuple[Desired, ...]:
    if state.entries_canceled:
        return ()
    wanted = []
    if state.entered == ZERO and any(_refused_entry(leg) for leg in state.legs_of(LegKind.ENTRY)):
        # Adds are adds to something: without their entry they are not what was asked for.
        return ()
    for leg in state.legs_of(LegKind.ENTRY, LegKind.DCA):
        last = leg.last
        # An entry is sent once in its life; however it ended, only a new alert may ask for another.
        if leg.quantity is None or (last is not None and last.ended):
            continue
        wanted.append(
            Desired(
                kind=leg.kind,
                index=leg.index,
                side=state.direction.entry_side,
                type=leg.order_type,
                quantity=leg.quantity,
                price=leg.price,
                position_side=state.position_side,
            )
        )
    return tuple(sorted(wanted, key=lambda want: (want.kind is not LegKind.ENTRY, want.index)))


def _refused_entry(leg: LegView) -> bool:
    last = leg.last
    return last is not None and last.status in (OrderStatus.REJECTED, OrderStatus.DENIED) and leg.filled == ZERO


def _partial_exits(state: TradeState) -> tuple[LegView, ...]:
    return tuple(
        leg
        for leg in state.legs_of(LegKind.EXIT)
        if leg.quantity is not None and not (leg.last is not None and leg.last.ended)
    )


def _exits(state: TradeState, sellable: Decimal) -> tuple[Desired, ...]:
    if state.closing:
        leg = next((leg for leg in state.legs_of(LegKind.EXIT) if leg.quantity is None), None)
        if leg is None or sellable == ZERO:
            return ()
        most = max_quantity(state.rules, OrderType.MARKET)
        # A position larger than one order may be is closed in parts: the next round wants the rest.
        part = min(sellable, most) if most else sellable
        return (_reduce(state, leg, quantity=_keep_in_flight(leg, part), type=OrderType.MARKET),)
    wanted = []
    for leg in _partial_exits(state):
        asked = leg.quantity or ZERO
        # Futures never reduce more than is held; on spot an exit may sell holdings that no trade bought.
        quantity = asked if state.reserves_balance else min(asked, sellable)
        if quantity > ZERO:
            wanted.append(_reduce(state, leg, quantity=_keep_in_flight(leg, quantity), type=OrderType.MARKET))
    return tuple(wanted)


def _keep_in_flight(leg: LegView, quantity: Decimal) -> Decimal:
    """While an exit is being executed the position shrinks under it; the order itself must not be changed for that."""
    last = leg.last
    return last.quantity if last is not None and not last.ended else quantity


def _protection(state: TradeState, sellable: Decimal) -> tuple[Desired, ...]:
    if sellable == ZERO:
        return ()
    targets = _targets(state, sellable)
    if not state.reserves_balance:
        return (*_stops(state, sellable), *targets)
    return _spot_protection(state, sellable, targets)


def _stops(state: TradeState, quantity: Decimal) -> tuple[Desired, ...]:
    if quantity == ZERO or not wants_stop(state):
        return ()
    return (_stop(state, index=1, quantity=quantity),)


def _kept_stops(state: TradeState) -> tuple[Desired, ...]:
    """While an exit is under way the stop that is live stays as it is; a refused one is not tried again."""
    live = [o for o in state.orders if o.kind is LegKind.SL and not o.ended]
    live = [o for o in live if not o.superseded] or live  # its replacement was refused: the old one is what there is
    return tuple(
        replace(
            _stop(state, index=order.index, quantity=order.quantity),
            type=order.type,
            trigger_price=order.trigger_price,
            callback_pct=order.callback_pct,
        )
        for order in live
        if state.held > ZERO
    )


def _stop(state: TradeState, *, index: int, quantity: Decimal, oco_group: str = "") -> Desired:
    leg = next(iter(state.legs_of(LegKind.SL)), None)
    trailing = leg is not None and leg.order_type is OrderType.TRAILING_STOP_MARKET and state.stop_override is None
    # No venue pairs a trailing stop with a target: in a pair it stays where it began.
    if leg is not None and trailing and not oco_group:
        return _reduce(
            state,
            leg,
            quantity=quantity,
            type=OrderType.TRAILING_STOP_MARKET,
            callback_pct=abs(leg.offset_pct or ZERO),
        )
    return Desired(
        kind=LegKind.SL,
        index=index,
        side=state.exit_side,
        type=OrderType.STOP_MARKET,
        quantity=quantity,
        trigger_price=stop_price(state),
        position_side=state.position_side,
        reduce_only=state.reduce_only,
        working_type=state.working_type,
        oco_group=oco_group,
    )


def _spot_protection(state: TradeState, sellable: Decimal, targets: tuple[Desired, ...]) -> tuple[Desired, ...]:
    """Pair each target with a stop of its size, as resting orders lock what they would sell; the rest gets a stop."""
    if not wants_stop(state):
        return targets
    wanted: list[Desired] = []
    left = sellable
    for target in targets:
        left -= target.quantity
        if target.type is OrderType.MARKET:
            wanted.append(target)
            continue
        group = f"{target.index}"
        wanted.append(_stop(state, index=1 + target.index, quantity=target.quantity, oco_group=group))
        wanted.append(replace(target, oco_group=group))
    if left >= min_quantity(state.rules, OrderType.MARKET):
        wanted.insert(0, _stop(state, index=1, quantity=left))
    return tuple(wanted)


def _targets(state: TradeState, sellable: Decimal) -> tuple[Desired, ...]:
    """Share the position out over the targets that have not been reached; too small a share goes to the next one."""
    legs = state.legs_of(LegKind.TP)
    pool = sellable + sum((leg.filled for leg in legs), ZERO)
    open_legs = [leg for leg in legs if not leg.done and not _given_up(leg)]
    left, carry, wanted = sellable, ZERO, []
    for position, leg in enumerate(open_legs):
        takes_rest = leg.share is None
        share = left if takes_rest else leg.share * pool + carry - leg.filled  # type: ignore[operator]  # not None here
        quantity = floor_quantity(max(ZERO, min(share, left)), state.rules, OrderType.MARKET)
        price = _leg_price(state, leg)
        if price is None or not _placeable(state, quantity, price):
            carry = max(ZERO, share) if position + 1 < len(open_legs) else ZERO
            continue
        carry = ZERO
        left -= quantity
        if state.reserves_balance and wants_stop(state) and not _stoppable(state, left):
            # No stop could be placed for so small a rest: this target takes it along.
            quantity, left = quantity + left, ZERO
        wanted.append(_target(state, leg, quantity=quantity + _live_filled(leg), price=price))
    return tuple(wanted)


def _stoppable(state: TradeState, quantity: Decimal) -> bool:
    return quantity == ZERO or _placeable(state, quantity, stop_price(state) or state.average_price or ZERO)


def _live_filled(leg: LegView) -> Decimal:
    """A partly filled target keeps its order: its full quantity is what is left plus what it has filled."""
    last = leg.last
    return last.filled if last is not None and not last.ended else ZERO


def _given_up(leg: LegView) -> bool:
    last = leg.last
    return last is not None and last.status is OrderStatus.REJECTED and last.reason_code != WOULD_TRIGGER


def _placeable(state: TradeState, quantity: Decimal, price: Decimal) -> bool:
    if quantity < min_quantity(state.rules, OrderType.MARKET) or quantity == ZERO:
        return False
    return not (state.reserves_balance and quantity * price < state.rules.min_notional)


def _target(state: TradeState, leg: LegView, *, quantity: Decimal, price: Decimal) -> Desired:
    last = leg.last
    if last is not None and last.status is OrderStatus.REJECTED and last.reason_code == WOULD_TRIGGER:
        # The market is already beyond the target: taking the profit now is what the target was for.
        return _reduce(state, leg, quantity=quantity, type=OrderType.MARKET)
    if last is not None and not last.ended and last.type is OrderType.MARKET:
        return _reduce(state, leg, quantity=last.quantity, type=OrderType.MARKET)
    rounded = round_target(price, state.rules, state.direction)
    if leg.order_type is OrderType.LIMIT:
        return _reduce(state, leg, quantity=quantity, type=OrderType.LIMIT, price=rounded)
    return _reduce(state, leg, quantity=quantity, type=leg.order_type, trigger_price=rounded)


def _reduce(
    state: TradeState,
    leg: LegView,
    *,
    quantity: Decimal,
    type: OrderType,  # noqa: A002  # the field's own name
    price: Decimal | None = None,
    trigger_price: Decimal | None = None,
    callback_pct: Decimal | None = None,
) -> Desired:
    return Desired(
        kind=leg.kind,
        index=leg.index,
        side=state.exit_side,
        type=type,
        quantity=quantity,
        price=price,
        trigger_price=trigger_price,
        callback_pct=callback_pct,
        position_side=state.position_side,
        reduce_only=state.reduce_only,
        working_type=state.working_type,
    )
