"""People's decisions, repeated and forged wake-up calls: one alert trades at most once, and never unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection

from ledger.models import Lane, Trade
from ledger.services import controls
from signals import approvals
from signals.models import Signal
from signals.sweeper import Sweeper
from signals.tasks import work_lane
from tests.flows.house import House, work_until_quiet
from tests.flows.invariants import assert_in_order

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        yield traveller


@pytest.fixture
def house() -> House:
    return House(
        strategy_fields={
            "mode": "approve", "sizing_method": "balance_fraction", "sizing_amount": D("0.1"), "leverage": 5,
            "stop_pct": D("1"), "max_slippage_pct": D("0.5"),
        }
    )  # fmt: skip


def in_threads(calls: list[Callable[[], Any]]) -> list[Any]:
    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except approvals.NotPossible as exc:
            return exc
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_nothing_is_sent_before_somebody_approves(house: House) -> None:
    signal = house.send(symbol="BTCUSDT", action="long", price="50000")

    assert signal.status == "AWAITING_APPROVAL"
    assert house.sent() == []
    assert not Lane.objects.exists()


def test_many_decisions_at_once_are_one(house: House) -> None:
    waiting = house.send(symbol="BTCUSDT", action="long", price="50000")

    def decide(number: int) -> Callable[[], Any]:
        act = approvals.reject if number % 5 == 4 else approvals.approve
        return lambda: act(Signal.objects.get(pk=waiting.pk), by=f"person {number}")

    told = in_threads([decide(number) for number in range(20)])
    work_until_quiet()

    assert len([answer for answer in told if answer is None]) == 1
    waiting.refresh_from_db()
    assert waiting.status in ("DONE", "REJECTED_BY_PERSON")
    assert len(house.sent("ENTRY")) == (waiting.status == "DONE")


def test_an_approval_after_its_life_is_refused(house: House, clock: time_machine.Traveller) -> None:
    signal = house.send(symbol="BTCUSDT", action="long", price="50000")
    clock.shift(601)

    with pytest.raises(approvals.NotPossible, match="EXPIRED"):
        approvals.approve(signal, by="me")

    work_until_quiet()
    signal.refresh_from_db()
    assert (signal.status, signal.reason_code) == ("EXPIRED", "APPROVAL_EXPIRED")
    assert house.sent() == []


def test_an_approval_counts_as_fresh_but_the_price_is_checked_again(
    house: House, clock: time_machine.Traveller
) -> None:
    signal = house.send(symbol="BTCUSDT", action="long", price="50000")
    clock.shift(300)
    house.price("50300")  # 0.6 % worse, 0.5 % are allowed

    approvals.approve(signal, by="me")
    work_until_quiet()

    signal.refresh_from_db()
    assert (signal.status, signal.reason_code) == ("REFUSED", "SLIPPAGE")
    house.price("50000")
    later = house.send(symbol="BTCUSDT", action="long", price="50000", note="2")
    clock.shift(300)
    approvals.approve(later, by="me")
    work_until_quiet()
    later.refresh_from_db()
    assert later.status == "DONE"
    assert len(house.sent("ENTRY")) == 1


def test_an_approved_entry_that_no_worker_saw_in_time_is_not_sent(house: House, clock: time_machine.Traveller) -> None:
    signal = house.send(symbol="BTCUSDT", action="long", price="50000")
    approvals.approve(signal, by="me")
    clock.shift(61)

    work_until_quiet()

    signal.refresh_from_db()
    assert (signal.status, signal.reason_code) == ("EXPIRED", "STALE")


def test_an_approval_while_switched_off_opens_nothing(house: House) -> None:
    signal = house.send(symbol="BTCUSDT", action="long", price="50000")
    controls.halt(house.strategy, reason="test", by="me")

    approvals.approve(signal, by="me")
    work_until_quiet()

    signal.refresh_from_db()
    assert (signal.status, signal.reason_code) == ("REFUSED", "SWITCHED_OFF")


def test_a_replay_passes_every_check_again(house: House, clock: time_machine.Traveller) -> None:
    signal = house.send(symbol="BTCUSDT", action="long", price="50000")
    approvals.approve(signal, by="me")
    work_until_quiet()
    signal.refresh_from_db()
    clock.shift(3600)

    again = approvals.replay(signal, by="me")
    work_until_quiet()

    again.refresh_from_db()
    assert (again.status, len(house.sent("ENTRY"))) == ("DONE", 1)  # it is long already
    house.send(symbol="BTCUSDT", action="flat")
    third = approvals.replay(signal, by="me")
    work_until_quiet()
    third.refresh_from_db()
    assert (third.status, len(house.sent("ENTRY"))) == ("DONE", 2)
    assert_in_order(house.account)


def test_alerts_of_a_pause_stay_refused_after_it() -> None:
    house = House(strategy_fields={"sizing_method": "margin", "sizing_amount": D("100"), "leverage": 5})
    controls.halt(house.account, reason="test", by="me")
    refused = house.send(symbol="BTCUSDT", action="long")

    controls.resume(house.account, by="me")
    work_until_quiet()

    refused.refresh_from_db()
    assert (refused.status, refused.reason_code) == ("REFUSED", "SWITCHED_OFF")
    assert house.sent() == []


def test_one_wake_up_call_many_times_over_and_in_parallel_trades_once() -> None:
    house = House(strategy_fields={"sizing_method": "margin", "sizing_amount": D("100"), "leverage": 5})
    house.post(symbol="BTCUSDT", action="long")
    lane = Lane.objects.get()

    in_threads([lambda: work_lane(lane_id=lane.pk)] * 6)
    work_until_quiet()

    assert len(house.sent("ENTRY")) == 1
    assert_in_order(house.account)


def test_a_late_wake_up_call_opens_nothing_but_still_closes(clock: time_machine.Traveller) -> None:
    house = House(strategy_fields={"sizing_method": "margin", "sizing_amount": D("100"), "leverage": 5})
    house.send(symbol="BTCUSDT", action="long")
    house.post(symbol="BTCUSDT", action="short")
    house.post(symbol="BTCUSDT", action="flat")
    clock.shift(3600)

    work_until_quiet()

    assert len(house.sent("ENTRY")) == 1
    assert house.trade().status == "CLOSED"
    assert sorted(Signal.objects.values_list("status", flat=True)) == ["DONE", "DONE", "DONE"]


def test_a_forged_wake_up_call_does_nothing() -> None:
    work_lane(lane_id=999_999)
    work_lane(lane_id=999_999, order="SELL everything")

    assert not Lane.objects.exists()
    assert not Trade.objects.exists()


def test_a_sweeper_that_ends_leaves_what_is_queued_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[int] = []
    monkeypatch.setattr("signals.sweeper.work_lane", worked.append)
    sweeper = Sweeper()
    sweeper.stop()

    sweeper._work(7)

    assert worked == []
