"""Writers of one SQLite file take turns in order, and nobody keeps a turn that is over."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from tvtrader.db.sqlite3_fair.lock import FairLock, lock_for
from tvtrader.models import Pulse

on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the lock is SQLite's")


def order_of_turns(*names: str) -> list[str]:
    """Queue up in this order, those with an exclamation mark as urgent; return the order of the turns."""
    lock, order = FairLock(), list[str]()
    assert lock.acquire(1)

    def wait(name: str) -> None:
        assert lock.acquire(5, urgent=name.endswith("!"))
        order.append(name)
        lock.release()

    threads = [threading.Thread(target=wait, args=(name,)) for name in names]
    for count, thread in enumerate(threads, start=1):
        thread.start()
        while len(lock._urgent) + len(lock._ordinary) < count:
            time.sleep(0.001)
    lock.release()
    for thread in threads:
        thread.join(5)
    return order


def test_turns_come_in_order_of_arrival() -> None:
    assert order_of_turns(*"abcdefgh") == list("abcdefgh")


def test_urgent_ones_go_first_in_their_order() -> None:
    assert order_of_turns("a", "b", "c!", "d!") == ["c!", "d!", "a", "b"]


def test_after_eight_urgent_ones_another_has_its_turn() -> None:
    urgent = [f"{number}!" for number in range(10)]

    assert order_of_turns("a", "b", *urgent) == [*urgent[:8], "a", *urgent[8:], "b"]


def test_who_gives_up_leaves_the_queue() -> None:
    lock = FairLock()
    assert lock.acquire(0)

    assert not lock.acquire(0.01)
    lock.release()

    assert lock.acquire(0)


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_read_and_write_from_many_threads_loses_no_update() -> None:
    Pulse.objects.create(name="counter", kind="t", parts={"n": 0}, started_at=timezone.now(), seen_at=timezone.now())
    errors: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(10):
                with transaction.atomic():
                    row = Pulse.objects.get(name="counter")
                    row.parts = {"n": row.parts["n"] + 1}
                    row.save()
        except Exception as exc:  # noqa: BLE001  # reported to the test's own thread
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert errors == []
    assert Pulse.objects.get(name="counter").parts["n"] == 60


@on_sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_every_end_of_a_transaction_gives_the_turn_back(end: str) -> None:
    lock = lock_for(str(connection.settings_dict["NAME"]))
    if end == "close":
        connection.set_autocommit(False)
        Pulse.objects.count()
        connection.close()
    else:
        try:
            with transaction.atomic():
                assert not lock.acquire(0), "a transaction holds the turn"
                if end == "rollback":
                    raise OperationalError
        except OperationalError:
            pass

    assert lock.acquire(1)
    lock.release()


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_a_single_write_takes_its_turn_and_a_read_needs_none() -> None:
    lock = lock_for(str(connection.settings_dict["NAME"]))
    written = threading.Event()

    def write() -> None:
        Pulse.objects.update(kind="other")
        written.set()
        connection.close()

    assert lock.acquire(1)
    thread = threading.Thread(target=write)
    thread.start()
    Pulse.objects.count()
    while not lock._ordinary:
        assert not written.is_set(), "a single write passed those who wait"
        time.sleep(0.001)
    lock.release()
    thread.join(5)

    assert written.is_set()
    assert lock.acquire(0), "the turn was given back"
    lock.release()
