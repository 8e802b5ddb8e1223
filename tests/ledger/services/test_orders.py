"""What we conclude about an order: compare-and-set by the table, one winner, an event each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from exchange.types import OrderStatus
from ledger.domain.order_state import NEXT
from ledger.models import Order
from ledger.services import orders
from tests.factories import T0, OrderFactory

S = OrderStatus
LATER = T0 + timedelta(seconds=5)

MARKS: dict[str, tuple[Callable[[Order], bool], set[S], S]] = {
    "submitting": (lambda o: orders.mark_submitting(o, deadline=LATER), {S.INITIALIZED}, S.SUBMITTING),
    "denied": (lambda o: orders.mark_denied(o, code="LATE", reason="too late"), {S.INITIALIZED}, S.DENIED),
    "rejected": (
        lambda o: orders.mark_rejected(o, code="-2019", reason="margin"),
        {S.SUBMITTING, S.UNKNOWN},
        S.REJECTED,
    ),
    "not_sent": (lambda o: orders.mark_not_sent(o, reason="429", ask_at=LATER), {S.SUBMITTING}, S.INITIALIZED),
    "unknown": (lambda o: orders.mark_unknown(o, reason="timeout", ask_at=LATER), {S.SUBMITTING}, S.UNKNOWN),
    "absent": (
        lambda o: orders.mark_absent(o, note="never seen"),
        {S.SUBMITTING, S.UNKNOWN},
        S.INITIALIZED,
    ),
}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("current", list(OrderStatus))
@pytest.mark.parametrize("name", list(MARKS))
def test_a_mark_wins_only_from_its_states(name: str, current: S) -> None:
    mark, allowed, new = MARKS[name]
    order = OrderFactory(status=current)

    won = mark(order)

    row = Order.objects.get(pk=order.pk)
    assert won is (current in allowed)
    assert row.status == order.status == (new if won else current)
    assert [(e.from_status, e.to_status) for e in row.events.all()] == ([(current, new)] if won else [])
    if won:
        assert new in NEXT[current]


@pytest.mark.parametrize("name", list(MARKS))
def test_a_stale_row_in_hand_loses_and_shows_the_truth(name: str) -> None:
    mark, allowed, _ = MARKS[name]
    order = OrderFactory(status=next(iter(allowed)))
    Order.objects.filter(pk=order.pk).update(status=S.FILLED, filled_quantity=Decimal(1))

    assert mark(order) is False
    assert (order.status, order.filled_quantity) == (S.FILLED, Decimal(1))


def test_submitting_keeps_when_and_until_when() -> None:
    order = OrderFactory(status=S.INITIALIZED, asks=3, ask_at=T0)

    orders.mark_submitting(order, deadline=LATER)

    row = Order.objects.get(pk=order.pk)
    assert (row.deadline_at, row.ask_at, row.asks) == (LATER, None, 0)
    assert row.submitted_at is not None


def test_refusals_keep_code_and_reason() -> None:
    order = OrderFactory(status=S.SUBMITTING)

    orders.mark_rejected(order, code="WOULD_TRIGGER", reason="x" * 400)

    row = Order.objects.get(pk=order.pk)
    assert (row.reason_code, len(row.reason)) == ("WOULD_TRIGGER", 300)


def test_asking_is_counted_and_moves_nothing() -> None:
    order = OrderFactory(status=S.UNKNOWN)

    assert orders.mark_asked(order, ask_at=LATER, note="not found yet")
    assert orders.mark_asked(order, ask_at=LATER, note="not found yet")

    row = Order.objects.get(pk=order.pk)
    assert (row.status, row.asks, row.ask_at) == (S.UNKNOWN, 2, LATER)
    assert row.events.count() == 2


def test_asking_loses_when_the_order_moved_meanwhile() -> None:
    order = OrderFactory(status=S.UNKNOWN)
    Order.objects.filter(pk=order.pk).update(status=S.FILLED)

    assert orders.mark_asked(order, ask_at=LATER, note="not found yet") is False
    assert (order.status, Order.objects.get(pk=order.pk).asks) == (S.FILLED, 0)


@pytest.mark.django_db(transaction=True)
def test_one_of_twenty_threads_takes_the_order() -> None:
    order = OrderFactory(status=S.INITIALIZED)
    start = threading.Barrier(20)
    wins: list[bool] = []

    def take() -> None:
        try:
            mine = Order.objects.get(pk=order.pk)
            start.wait(timeout=10)
            wins.append(orders.mark_submitting(mine, deadline=LATER))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(wins) == [False] * 19 + [True]
    assert Order.objects.get(pk=order.pk).events.count() == 1
