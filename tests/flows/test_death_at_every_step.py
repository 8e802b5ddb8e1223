"""A worker that dies at any statement of a trade's life, and comes again: nothing lost, doubled or left naked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection

from signals.models import Signal
from tests.flows.house import House, wake_all, work_until_quiet
from tests.flows.invariants import assert_in_order

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal


class Died(BaseException):
    """The process is gone: no handler of ordinary errors may catch it."""


@contextmanager
def dies_at(statement: int) -> Iterator[list[int]]:
    """Die at the given SQL statement, counted from 1; yields the count so far."""
    count = [0]

    def run(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        count[0] += 1
        if count[0] == statement:
            raise Died(sql[:80])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield count


def new_house(number: int) -> House:
    return House(
        name=f"death-{number}",
        strategy_fields={
            "sizing_method": "balance_fraction",
            "sizing_amount": D("0.1"),
            "leverage": 5,
            "take_profits": [{"pct": "1", "share": "0.5"}, {"pct": "2"}],
            "stop_pct": D("1"),
            "breakeven_after": 1,
        },
    )


def steps(house: House) -> list[Callable[[], Any]]:
    return [
        lambda: house.post(symbol="BTCUSDT", action="long"),
        work_until_quiet,
        lambda: house.price("50500"),
        lambda: house.post(symbol="BTCUSDT", action="flat"),
        work_until_quiet,
    ]


def come_back(clock: time_machine.Traveller) -> None:
    """A new process: what the dead one left is due, and what waits for a deadline gets it."""
    for pause in (0, 12):
        clock.shift(pause)
        wake_all()
        work_until_quiet()


def count_statements(house: House) -> int:
    with dies_at(0) as count:
        for step in steps(house):
            step()
    return count[0]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_death_at_any_statement_loses_and_doubles_nothing(part: int) -> None:
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        die_everywhere(part, clock)


def die_everywhere(part: int, clock: time_machine.Traveller) -> None:
    total = count_statements(new_house(10_000 + part))
    stride = max(4, total // 30)
    for number in range(1 + part * stride // 2, total, stride):
        house = new_house(number)
        house.price("50000")
        answered = live_and_die(house, clock, at=number)
        assert_in_order(house.account)
        stored = Signal.objects.filter(strategy=house.strategy, status="DONE").count()
        # The dead request may have stored its alert or not; one that was answered is there.
        assert stored >= answered
        assert house.trade().quantity == 0 if answered == 2 else True


def live_and_die(house: House, clock: time_machine.Traveller, *, at: int) -> int:
    """Live through all steps, dying once; return how many alerts were answered."""
    answered = 0
    with dies_at(at):
        for step in steps(house):
            try:
                result = step()
            except Died:
                come_back(clock)
            else:
                answered += getattr(result, "status_code", 0) == 202
    come_back(clock)
    return answered
