from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest
from django.db import OperationalError, connection

from ledger.models import Lane
from signals.models import Delivery, Endpoint, Signal
from signals.services import receive
from signals.services.patience import StoreUnavailable, with_patience
from signals.services.receive import Receipt, Verdict
from tests.factories import T0
from tests.signals.services.delivery import deliver
from tests.signals.webhook import EXIT, make_endpoint

pytestmark = pytest.mark.django_db


class Crowd:
    """Threads that all deliver at the same moment, each on its own connection."""

    def __init__(self, bodies: list[dict[str, Any]]) -> None:
        self.receipts: list[Receipt | BaseException] = []
        self._gate = threading.Barrier(len(bodies))
        threads = [threading.Thread(target=self._one, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    def _one(self, body: dict[str, Any]) -> None:
        try:
            self._gate.wait(10)
            self.receipts.append(deliver(body))
        except BaseException as exc:  # noqa: BLE001  # shown by the assertions
            self.receipts.append(exc)
        finally:
            connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("alert", [EXIT, {**EXIT, "id": "own"}], ids=["content", "own id"])
def test_twenty_at_once_are_one_signal(hints: list[int], alert: dict[str, Any]) -> None:
    make_endpoint()

    crowd = Crowd([alert] * 20)

    assert Counter(getattr(one, "verdict", one) for one in crowd.receipts) == {
        Verdict.ACCEPTED: 1, Verdict.DUPLICATE: 19,
    }  # fmt: skip
    acting = Signal.objects.get(status="RECEIVED")
    assert {one.signal for one in crowd.receipts if isinstance(one, Receipt)} == {acting.pk}
    assert Signal.objects.filter(status="DUPLICATE", duplicate_of=acting).count() == 19
    assert Delivery.objects.get().signal == acting
    assert len(hints) == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_after_the_window_are_one_signal_again(hints: list[int]) -> None:
    make_endpoint()
    old = deliver(EXIT, after=-61)

    crowd = Crowd([EXIT] * 20)

    assert Counter(getattr(one, "verdict", one) for one in crowd.receipts) == {
        Verdict.ACCEPTED: 1, Verdict.DUPLICATE: 19,
    }  # fmt: skip
    assert Signal.objects.filter(status="RECEIVED").exclude(pk=old.signal or 0).count() == 1


def test_who_takes_an_old_key_a_moment_later_is_the_duplicate(endpoint: Endpoint, hints: list[int]) -> None:
    old = deliver(EXIT, after=-61)
    twins: list[int] = []

    def let_a_twin_pass(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # Between our look at the key and our taking of it, somebody else takes it.
        if sql.startswith("UPDATE") and "signals_delivery" in sql and not twins:
            twins.append(1)
            Delivery.objects.update(first_at=T0)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(let_a_twin_pass):
        receipt = deliver(EXIT, after=0.001)

    assert twins == [1]
    assert (receipt.verdict, receipt.signal) == (Verdict.DUPLICATE, old.signal)


@pytest.mark.django_db(transaction=True)
def test_twenty_different_ones_at_once_are_all_stored_in_one_lane(hints: list[int]) -> None:
    make_endpoint()

    crowd = Crowd([{**EXIT, "note": str(number)} for number in range(20)])

    assert Counter(getattr(one, "verdict", one) for one in crowd.receipts) == {Verdict.ACCEPTED: 20}
    assert Lane.objects.get().bumps == 20


# ── when the database is away ─────────────────────────────────────────────────────────────────────────────────


class Outage:
    """A database that fails the first `times` statements, or all of them."""

    def __init__(self, times: int = 10**9) -> None:
        self.left = times

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.left > 0:
            self.left -= 1
            raise OperationalError("the server closed the connection unexpectedly")
        return execute(sql, params, many, context)


@pytest.mark.django_db(transaction=True)
def test_a_short_outage_is_waited_out(hints: list[int]) -> None:
    make_endpoint()
    connection.ensure_connection()

    with connection.execute_wrapper(Outage(times=3)):
        receipt = deliver(EXIT)

    assert receipt.verdict is Verdict.ACCEPTED
    assert Signal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_long_outage_is_admitted_in_time(hints: list[int]) -> None:
    make_endpoint()
    begun = time.perf_counter()

    with connection.execute_wrapper(Outage()), pytest.raises(StoreUnavailable):
        deliver(EXIT)

    assert time.perf_counter() - begun < 2.5
    assert not Signal.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_failure_in_the_middle_leaves_nothing_behind(hints: list[int]) -> None:
    make_endpoint()

    class SignalsFail(Outage):
        def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if "INSERT" in sql and "signals_signal" in sql:
                return super().__call__(execute, sql, params, many, context)
            return execute(sql, params, many, context)

    with connection.execute_wrapper(SignalsFail()), pytest.raises(StoreUnavailable):
        deliver(EXIT)

    assert not Delivery.objects.exists()
    assert not Lane.objects.exists()
    assert deliver(EXIT).verdict is Verdict.ACCEPTED


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_got_lost_after_the_commit_finds_itself(
    hints: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_endpoint()
    real, calls = receive._receive, []

    def lose_the_first_answer(*args: Any) -> Receipt:
        receipt = real(*args)
        calls.append(receipt)
        if len(calls) == 1:
            raise OperationalError("connection lost while the answer was under way")
        return receipt

    monkeypatch.setattr(receive, "_receive", lose_the_first_answer)

    receipt = deliver(EXIT)

    assert (receipt.verdict, receipt.signal) == (Verdict.DUPLICATE, calls[0].signal)
    assert Signal.objects.filter(status="RECEIVED").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a lock on the whole database is SQLite's own")
def test_a_locked_sqlite_file_is_admitted_in_time(hints: list[int]) -> None:
    import sqlite3

    make_endpoint()
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        begun = time.perf_counter()
        with pytest.raises(StoreUnavailable):
            deliver(EXIT)
        assert time.perf_counter() - begun < 2.9
    finally:
        other.execute("ROLLBACK")
        other.close()

    assert deliver(EXIT).verdict is Verdict.ACCEPTED
    timeout = connection.cursor().execute("PRAGMA busy_timeout").fetchone()[0]
    assert timeout == connection.settings_dict["OPTIONS"]["timeout"] * 1000


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="row and table locks are PostgreSQL's")
def test_a_locked_table_is_admitted_in_time(hints: list[int]) -> None:
    make_endpoint()
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        from django.db import transaction

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE signals_signal IN SHARE MODE")
            locked.set()
            done.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(10)
        begun = time.perf_counter()
        with pytest.raises(StoreUnavailable):
            deliver(EXIT)
        assert time.perf_counter() - begun < 2.9
    finally:
        done.set()
        holder.join()
    assert deliver(EXIT).verdict is Verdict.ACCEPTED


def test_patience_returns_what_the_work_returns() -> None:
    assert with_patience(lambda: 5) == 5
