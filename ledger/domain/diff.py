"""What to do so that the live orders become the desired ones: pure."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.types import OrderStatus, OrderType
from ledger.domain.desired import Desired
from ledger.domain.order_state import AT_VENUE
from ledger.domain.plan import LegKind
from ledger.domain.trade import OrderView, TradeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """Steps of one round: `cancel` first, then `place` (pairs of one OCO group together, in the order given).

    Placing an order for a leg that has a live one supersedes that one: stops are replaced new first, then old.
    """

    cancel: tuple[OrderView, ...] = ()
    place: tuple[tuple[Desired, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cancel or self.place)


def diff(state: TradeState, desired: tuple[Desired, ...]) -> Actions:
    """Compare the orders that should exist with those that do.

    Orders whose outcome isn't known or that are being executed are left alone until it is.
    """
    wanted = {want.key: want for want in desired}
    live = [order for order in state.orders if not order.ended]
    # A superseded stop counts only while it is the last one that lives: its replacement was refused.
    current = {(order.kind, order.index): order for order in sorted(live, key=lambda order: not order.superseded)}
    cancel = [order for order in live if _unwanted(state, order, wanted)]
    place: list[Desired] = []
    regroup = _broken_pairs(current, wanted)
    for want in desired:
        order = current.get(want.key)
        if order is None:
            place.append(want)
        elif order.at_rest and (want.oco_group in regroup or not _same(order, want)):
            if want.kind is LegKind.SL and not state.reserves_balance:
                # Replaced new first, then old: both can only reduce, so coverage never drops.
                place.append(want)
            else:
                cancel.append(order)
    if cancel and state.reserves_balance:
        # What resting orders lock has to be free before anything else can sell it: the next round places.
        place = []
    return Actions(cancel=_unique(cancel), place=_grouped(place, current, wanted))


def _unwanted(state: TradeState, order: OrderView, wanted: dict[tuple[LegKind, int], Desired]) -> bool:
    if not (order.at_rest or order.status is OrderStatus.INITIALIZED):
        return False
    if (order.kind, order.index) not in wanted:
        return True
    return order.superseded and _replaced(state, order)


def _same(order: OrderView, want: Desired) -> bool:
    if order.kind.opens:
        # An entry keeps its numbers for life.
        return True
    if order.type is not want.type or order.quantity != want.quantity:
        return False
    if order.type is OrderType.TRAILING_STOP_MARKET:
        return order.callback_pct == want.callback_pct
    return order.price == want.price and order.trigger_price == want.trigger_price


def _replaced(state: TradeState, order: OrderView) -> bool:
    """Whether the venue has the order's replacement: a refused one leaves the old order in force."""
    leg = next(leg for leg in state.legs if (leg.kind, leg.index) == (order.kind, order.index))
    newer = [o for o in leg.orders if not o.superseded]
    return bool(newer) and newer[-1].status in AT_VENUE | {OrderStatus.FILLED}


def _broken_pairs(
    current: dict[tuple[LegKind, int], OrderView], wanted: dict[tuple[LegKind, int], Desired]
) -> frozenset[str]:
    """Return the OCO groups of which one half has to change or is missing: then both halves are placed anew."""
    broken = set()
    for want in wanted.values():
        if not want.oco_group:
            continue
        order = current.get(want.key)
        if order is None or (order.at_rest and not _same(order, want)):
            broken.add(want.oco_group)
    return frozenset(broken)


def _grouped(
    place: list[Desired],
    current: dict[tuple[LegKind, int], OrderView],
    wanted: dict[tuple[LegKind, int], Desired],
) -> tuple[tuple[Desired, ...], ...]:
    """Put the halves of a pair side by side; a half whose partner is still live waits until that is cancelled."""
    groups: list[tuple[Desired, ...]] = []
    seen: set[str] = set()
    for want in place:
        if not want.oco_group:
            groups.append((want,))
            continue
        if want.oco_group in seen:
            continue
        seen.add(want.oco_group)
        pair = tuple(other for other in wanted.values() if other.oco_group == want.oco_group)
        if all(other.key not in current for other in pair):
            groups.append(pair)
    return tuple(groups)


def _unique(orders: list[OrderView]) -> tuple[OrderView, ...]:
    return tuple({order.id: order for order in orders}.values())
