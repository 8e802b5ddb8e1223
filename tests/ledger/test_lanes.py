from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from exchange.clock import now
from ledger import lanes
from ledger.models import Lane
from tests.factories import AccountFactory, LaneFactory

pytestmark = pytest.mark.django_db(transaction=True)


def in_thread(work: Callable[[], object]) -> object:
    """Run in another thread with a database connection of its own, and return what it returned."""
    result: list[object] = []

    def run() -> None:
        try:
            result.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return result[0]


def try_hold(lane_id: int) -> bool:
    with lanes.hold(lane_id) as held:
        return held is not None


def test_a_lane_has_one_holder_and_others_leave_at_once() -> None:
    lane = LaneFactory()

    with lanes.hold(lane.pk) as held:
        assert held is not None
        assert in_thread(lambda: try_hold(lane.pk)) is False
        assert in_thread(lambda: try_hold(lane.pk + 1)) is True

    assert in_thread(lambda: try_hold(lane.pk)) is True


def test_a_holder_that_raises_lets_go() -> None:
    lane = LaneFactory()

    with pytest.raises(RuntimeError), lanes.hold(lane.pk):
        raise RuntimeError("died")

    assert in_thread(lambda: try_hold(lane.pk)) is True


def test_touch_makes_a_lane_due_and_keeps_the_earlier_moment() -> None:
    account = AccountFactory()
    moment = now()

    lane = lanes.touch(account_id=account.pk, symbol="BTCUSDT", at=moment)
    again = lanes.touch(account_id=account.pk, symbol="BTCUSDT", at=moment + timedelta(hours=1))

    assert lane.pk == again.pk
    row = Lane.objects.get(pk=lane.pk)
    assert (row.wake_at, row.bumps) == (moment, 2)


def test_twenty_threads_make_one_lane_and_lose_no_bump() -> None:
    account = AccountFactory()
    start = threading.Barrier(20)

    def run() -> None:
        try:
            start.wait(10)
            lanes.touch(account_id=account.pk, symbol="BTCUSDT", at=now())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [lane.bumps for lane in Lane.objects.all()] == [20]


def test_a_lane_does_not_rest_over_something_that_happened_meanwhile() -> None:
    lane = LaneFactory(wake_at=now())
    lanes.touch(account_id=lane.account_id, symbol=lane.symbol, at=now())

    assert lanes.rest(lane.pk, seen=lane.bumps, wake_at=None) is False
    assert lanes.is_due(lane.pk, now=now()) is True

    fresh = Lane.objects.get(pk=lane.pk)
    assert lanes.rest(lane.pk, seen=fresh.bumps, wake_at=None) is True
    assert lanes.is_due(lane.pk, now=now()) is False


def test_due_lanes_come_in_the_order_of_their_waiting() -> None:
    moment = now()
    late = LaneFactory(wake_at=moment - timedelta(seconds=1))
    early = LaneFactory(wake_at=moment - timedelta(seconds=9))
    LaneFactory(wake_at=moment + timedelta(seconds=9))
    LaneFactory(wake_at=None)

    assert lanes.list_due(now=moment) == [early.pk, late.pk]


def test_a_failing_lane_backs_off_but_comes_again() -> None:
    lane = LaneFactory(wake_at=now())
    pauses = []
    for _ in range(6):
        moment = now()
        lanes.back_off(lane.pk, now=moment)
        wake_at = Lane.objects.get(pk=lane.pk).wake_at
        assert wake_at is not None
        pauses.append((wake_at - moment).total_seconds())

    assert pauses == [1, 2, 5, 15, 15, 15]
