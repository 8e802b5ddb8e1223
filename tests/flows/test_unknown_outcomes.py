"""Every call of a trade's life goes wrong once, in every way: no order is doubled, nothing stays naked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from exchange.clients import get_client, override
from exchange.errors import OrderRejected
from ledger.models import Notice, Order
from tests.fakes import Fault, FaultyClient, Killed, Kind
from tests.flows.house import House, deaf, wake_all, work_until_quiet
from tests.flows.invariants import assert_in_order

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal


def role(word: str) -> Callable[[tuple[Any, ...]], bool]:
    return lambda arguments: f"-{word}" in arguments[0].client_order_id


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that runs, and that a test can put forward; never back, as no venue's does."""
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        yield traveller


def new_house() -> House:
    return House(
        strategy_fields={
            "sizing_method": "balance_fraction",
            "sizing_amount": D("0.1"),
            "leverage": 5,
            "take_profits": [{"pct": "1", "share": "0.5"}, {"pct": "2"}],
            "stop_pct": D("1"),
            "breakeven_after": 1,
        }
    )


def live_through(house: House, clock: time_machine.Traveller) -> None:
    """Entry, first target, exit; a killed worker comes again, and time passes for what waits for it.

    The stream is cut but for the target, so that what got lost has to be asked for.
    """
    steps: list[Callable[[], object]] = [
        lambda: house.send(symbol="BTCUSDT", action="long"),
        lambda: house.price("50500"),
        lambda: house.send(symbol="BTCUSDT", action="flat"),
    ]
    streams: list[AbstractContextManager[None]] = [deaf(), nullcontext(), deaf()]
    for step, stream in zip(steps, streams, strict=True):
        with stream:
            with suppress(Killed):
                step()
            recover(clock)
    work_until_quiet()


def recover(clock: time_machine.Traveller) -> None:
    """Let a new worker come, and the time pass that retries and proofs of absence wait for."""
    for pause in (1, 15, 20):
        clock.shift(pause)
        wake_all()
        try:
            work_until_quiet()
        except Killed:
            work_until_quiet()


FAULTS = [
    (method, word, kind)
    for method, words in {"submit_order": ["entry", "sl", "tp", "exit"], "cancel_order": ["sl", "tp"]}.items()
    for word in words
    for kind in (Kind.LOSE_REQUEST, Kind.LOSE_ANSWER, Kind.NOT_SENT, Kind.DIE_BEFORE, Kind.DIE_AFTER)
]


@pytest.mark.parametrize(("method", "word", "kind"), FAULTS)
@pytest.mark.parametrize("nth", [1, 2])
def test_one_fault_anywhere_changes_nothing_in_the_end(
    method: str, word: str, kind: Kind, nth: int, clock: time_machine.Traveller
) -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account), [Fault(method=method, kind=kind, nth=nth, match=role(word))])

    with override(house.account.name, client):
        live_through(house, clock)

    assert_in_order(house.account)
    trade = house.trade()
    assert trade.status == "CLOSED"
    assert trade.quantity == 0
    assert len(house.sent("ENTRY")) == 1


def test_a_hidden_order_is_not_sent_again_before_it_is_certain(clock: time_machine.Traveller) -> None:
    """The answer is lost and the venue's query lags: one "not found" is no proof."""
    house = new_house()
    client = FaultyClient(get_client(house.account))
    client.fail("submit_order", Kind.LOSE_ANSWER, match=role("entry"))
    client.fail("get_order", Kind.FAIL_QUERY, times=3)

    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")
        recover(clock)

    assert [r.client_order_id[-5:] for r in client.sent() if "entry" in r.client_order_id] == ["try-1"]
    assert_in_order(house.account)


def test_a_refused_stop_closes_the_position_and_alarms(clock: time_machine.Traveller) -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))
    client.fail(
        "submit_order", Kind.REJECT, match=role("sl"), times=9, error=OrderRejected("too many stops", code="-4045")
    )

    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")
        recover(clock)

    trade = house.trade()
    assert (trade.status, trade.close_reason) == ("CLOSED", "PROTECTION_FAILED")
    assert house.live() == []
    assert Notice.objects.filter(level="ALARM", code="PROTECTION_FAILED").count() == 1
    assert_in_order(house.account)


def test_a_refused_exit_is_tried_again_with_growing_pauses(clock: time_machine.Traveller) -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))
    client.fail("submit_order", Kind.REJECT, match=role("exit"), times=3)

    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")
        house.send(symbol="BTCUSDT", action="flat")
        assert len([r for r in client.sent() if "-exit" in r.client_order_id]) == 1
        recover(clock)
        recover(clock)

    assert house.trade().status == "CLOSED"
    assert_in_order(house.account)


def test_a_stop_whose_fate_stays_unknown_leads_to_a_close_within_the_limit(clock: time_machine.Traveller) -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))
    client.fail("submit_order", Kind.LOSE_REQUEST, match=role("sl"), times=99)
    client.fail("get_order", Kind.FAIL_QUERY, times=99)

    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")
        clock.shift(3)
        wake_all()
        work_until_quiet()

    trade = house.trade()
    assert trade.close_reason == "UNPROTECTED"
    assert house.sent("EXIT") == [("EXIT", "SELL", "0.100", None)]
    assert Notice.objects.filter(level="ALARM", code="UNPROTECTED").exists()


def test_an_entry_refused_by_the_venue_fails_with_its_reason() -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))
    client.fail(
        "submit_order", Kind.REJECT, match=role("entry"), error=OrderRejected("Margin is insufficient.", code="-2019")
    )

    with override(house.account.name, client):
        signal = house.send(symbol="BTCUSDT", action="long")

    assert (signal.status, signal.reason_code) == ("FAILED", "-2019")
    assert "Margin is insufficient" in signal.reason
    assert house.trade().status == "ABANDONED"


def test_a_leverage_that_cannot_be_set_keeps_the_entry_from_leaving() -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))
    client.fail("set_leverage", Kind.REJECT)

    with override(house.account.name, client):
        signal = house.send(symbol="BTCUSDT", action="long")

    assert (signal.status, signal.reason_code) == ("FAILED", "SYMBOL_SETUP")
    assert client.sent() == []


def test_the_row_is_committed_before_the_venue_hears_of_the_order() -> None:
    house = new_house()
    seen: list[bool] = []
    client = FaultyClient(get_client(house.account))
    client.fail(
        "submit_order",
        Kind.LOSE_ANSWER,
        match=role("entry"),
        before=lambda: seen.append(Order.objects.filter(role="ENTRY", status="SUBMITTING").exists()),
    )

    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")

    assert seen == [True]
