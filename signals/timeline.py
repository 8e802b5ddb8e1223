"""When a signal reached each stage of its life: from the request to the stop that protects what it bought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from exchange.types import OrderStatus
from ledger.domain.plan import LegKind, Outcome
from ledger.models import Order
from signals.models import Signal

STAGES = (
    "received", "stored", "queued", "started", "planned", "sent", "acknowledged", "filled", "protected", "done",
)  # fmt: skip
_OPENING = frozenset({LegKind.ENTRY, LegKind.DCA})
# Which orders carry out a decision; the others of the trade are older or follow from it.
_CARRIERS = {
    Outcome.OPEN: _OPENING,
    Outcome.ADD: _OPENING,
    Outcome.CLOSE: frozenset({LegKind.EXIT}),
    Outcome.SELL: frozenset({LegKind.EXIT}),
    Outcome.MOVE_STOP: frozenset({LegKind.SL}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage that was reached. after: time since the step before, zero for the first."""

    stage: str
    at: datetime
    after: timedelta


def timeline(signal: Signal) -> list[Step]:
    """Return the stages that have happened, in the order of time, all by our clock.

    Reads the trade's orders and fills through the signal: prefetch `trade__orders__fills` for many.
    """
    moments: dict[str, datetime | None] = {
        "received": signal.received_at,
        "stored": signal.stored_at,
        # The lane is made due in the transaction that stores the signal.
        "queued": signal.stored_at if signal.lane_id else None,
        "started": signal.started_at,
        "planned": signal.planned_at,
        # An alert that is refused at the door ends with the very row that stores it.
        "done": max(signal.done_at, signal.stored_at) if signal.done_at else None,
    }
    orders = carriers(signal)
    moments["sent"] = _first(order.submitted_at for order in orders)
    moments["acknowledged"] = _first(order.acknowledged_at for order in orders)
    moments["filled"] = _first(fill.created_at for order in orders for fill in order.fills.all())
    if signal.trade and _outcome(signal) is Outcome.OPEN:
        moments["protected"] = signal.trade.protected_at
    reached = [(at, stage) for stage in STAGES if (at := moments.get(stage)) is not None]
    reached.sort(key=lambda item: item[0])  # stable: stages of one moment keep their order
    steps = []
    before = reached[0][0] if reached else None
    for at, stage in reached:
        steps.append(Step(stage=stage, at=at, after=at - (before or at)))
        before = at
    return steps


def carriers(signal: Signal) -> list[Order]:
    """Return the orders that carried out what was decided for the signal, oldest first."""
    roles = _CARRIERS.get(_outcome(signal))
    if signal.trade is None or roles is None:
        return []
    since = signal.started_at or signal.received_at
    orders = [
        order
        for order in signal.trade.orders.all()
        if order.role in roles and order.created_at >= since and order.status != OrderStatus.DENIED
    ]
    return sorted(orders, key=lambda order: order.pk)


def _outcome(signal: Signal) -> Outcome:
    try:
        return Outcome((signal.plan or {}).get("outcome", Outcome.NOTHING))
    except ValueError:  # written by another version
        return Outcome.NOTHING


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
