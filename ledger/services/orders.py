"""What we ourselves conclude about an order: each is a compare-and-set by the state table with an event.

Each returns whether it won; the order in hand shows the row's state afterwards, whoever set it. What the venue says
goes through `ledger.services.reports` instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from exchange.clock import now
from exchange.types import OrderStatus
from ledger.domain.order_state import InvalidTransition, advance
from ledger.models import Order, OrderEvent

REASON_LENGTH = 300
CODE_LENGTH = 40
ENGINE = "engine"

_SENT = frozenset({OrderStatus.SUBMITTING, OrderStatus.UNKNOWN})


def mark_submitting(order: Order, *, deadline: datetime) -> bool:
    """Take an INITIALIZED order for sending until `deadline`; commit before the call. One caller wins."""
    return _move(
        order,
        OrderStatus.SUBMITTING,
        expected=frozenset({OrderStatus.INITIALIZED}),
        submitted_at=now(),
        deadline_at=deadline,
        ask_at=None,
        asks=0,
    )


def mark_denied(order: Order, *, code: str, reason: str) -> bool:
    """Refuse an order that was never sent: ours, not the venue's."""
    return _move(
        order,
        OrderStatus.DENIED,
        expected=frozenset({OrderStatus.INITIALIZED}),
        note=reason,
        reason=reason[:REASON_LENGTH],
        reason_code=code[:CODE_LENGTH],
        ask_at=None,
    )


def mark_rejected(order: Order, *, code: str, reason: str) -> bool:
    """Book that the venue refused the request: the order does not exist and never will."""
    return _move(
        order,
        OrderStatus.REJECTED,
        expected=_SENT,
        note=reason,
        source="answer",
        reason=reason[:REASON_LENGTH],
        reason_code=code[:CODE_LENGTH],
        ask_at=None,
        deadline_at=None,
    )


def mark_not_sent(order: Order, *, reason: str, ask_at: datetime) -> bool:
    """Book that the venue certainly did not take the request: it may be sent again from `ask_at` on."""
    return _move(
        order,
        OrderStatus.INITIALIZED,
        expected=frozenset({OrderStatus.SUBMITTING}),
        note=f"not sent: {reason}",
        source="answer",
        ask_at=ask_at,
        deadline_at=None,
    )


def mark_unknown(order: Order, *, reason: str, ask_at: datetime) -> bool:
    """Book that the request may have been executed: from `ask_at` on the venue is asked by client order id."""
    return _move(
        order,
        OrderStatus.UNKNOWN,
        expected=frozenset({OrderStatus.SUBMITTING}),
        note=reason,
        source="answer",
        reason=reason[:REASON_LENGTH],
        ask_at=ask_at,
    )


def mark_absent(order: Order, *, note: str) -> bool:
    """Book that the venue certainly never saw the order: it may be sent again."""
    return _move(
        order,
        OrderStatus.INITIALIZED,
        expected=_SENT,
        note=note,
        source="query",
        ask_at=None,
        asks=0,
        deadline_at=None,
    )


def mark_asked(order: Order, *, ask_at: datetime, note: str) -> bool:
    """Count a question that brought no answer; the next one is due at `ask_at`. False if the order has ended."""
    with transaction.atomic():
        row = _locked(order)
        status = OrderStatus(row.status)
        won = status == order.status
        if won:
            _write(order, row, asks=row.asks + 1, ask_at=ask_at)
            _event(row, status, status, source="query", note=note)
    _show(order, row)
    return won


def _move(
    order: Order,
    new: OrderStatus,
    *,
    expected: frozenset[OrderStatus],
    note: str = "",
    source: str = ENGINE,
    **changes: Any,
) -> bool:
    with transaction.atomic():
        row = _locked(order)
        current = OrderStatus(row.status)
        try:
            won = current in expected and advance(current, new) is new
        except InvalidTransition:
            won = False
        if won:
            _write(order, row, status=new, **changes)
            _event(row, current, new, source=source, note=note)
    _show(order, row)
    return won


def _locked(order: Order) -> Order:
    return Order.objects.select_for_update(no_key=True).get(pk=order.pk)


def _write(order: Order, row: Order, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=[*changes, "updated_at"])


def _event(row: Order, old: OrderStatus, new: OrderStatus, *, source: str, note: str) -> None:
    OrderEvent.objects.create(order=row, from_status=old, to_status=new, source=source, note=note[:REASON_LENGTH])


_SHOWN = ("status", "reason", "reason_code", "submitted_at", "deadline_at", "ask_at", "asks", "updated_at")


def _show(order: Order, row: Order) -> None:
    for name in (*_SHOWN, "filled_quantity", "average_price", "acknowledged_at", "venue_order_id"):
        setattr(order, name, getattr(row, name))
