"""Alerts as real users send them, over the whole road: from the request to the orders that reach the paper venue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from exchange.paper_rows import PaperFill
from exchange.types import OrderStatus
from signals import throttle
from signals.interpret import Route
from signals.models import Signal
from tests.flows.examples.balance_percentage import ADDRESS, BALANCE_PERCENTAGE, OTHER_ADDRESS
from tests.flows.examples.bench import ALERT_AT, ALERTS, SECRET, Bench, alert, told, told_row
from tests.flows.examples.bracket import BRACKET
from tests.flows.examples.entry_exit import ENTRY_EXIT
from tests.flows.examples.example import Example, Step, invalid
from tests.flows.examples.spot import BTC, SPOT
from tests.flows.examples.strategy_alert import STRATEGY_ALERT
from tests.flows.house import work_until_quiet
from tests.flows.invariants import assert_in_order

pytestmark = pytest.mark.django_db

CROSS = (
    invalid("X02", BTC, "SIZE_CONFLICT", "balance_percentage", "balance_percentage", "one way only"),
    Example(name="X05", world=BTC, http=413, status="", predicted=(), dry_code="BODY_TOO_LARGE"),
)
EXAMPLES = (*SPOT, *STRATEGY_ALERT, *ENTRY_EXIT, *BRACKET, *BALANCE_PERCENTAGE, *CROSS)
# The balance-percentage dialect has addresses of its own, each also under /api.
UNDER_API = tuple(replace(e, address=OTHER_ADDRESS) for e in BALANCE_PERCENTAGE if e.address is None)
ACCEPTED = {"success", "message", "signal", "status", "url"}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still at the examples' time until a test puts it forward."""
    throttle.failures.clear()
    with time_machine.travel(ALERT_AT, tick=False) as clock:
        yield clock


def test_every_alert_has_its_example() -> None:
    assert sorted(ALERTS) == sorted({example.alert for example in EXAMPLES})
    assert len(ALERTS) == 85


@pytest.mark.parametrize("example", [pytest.param(example, id=example.name) for example in EXAMPLES])
def test_an_alert_leads_to_what_it_must(example: Example, clock: time_machine.Traveller) -> None:
    follow(example, clock)


@pytest.mark.parametrize("example", [pytest.param(example, id=example.name) for example in UNDER_API])
def test_it_does_under_api_too(example: Example, clock: time_machine.Traveller) -> None:
    assert example.world.address == ADDRESS
    follow(example, clock)


def follow(example: Example, clock: time_machine.Traveller) -> None:
    """Send the example's alert into its world; compare what happens with what must, step by step."""
    bench = Bench(example.world, clock)
    if example.before is not None:
        example.before(bench)
    payload = "x" * 2_000_000 if example.alert == "X05" else alert(example.alert)
    predicted = bench.predict(payload, route=example.route)
    earlier = {order.pk for order in bench.orders()}

    signal = deliver(bench, example, payload)

    seen = check_step(bench, Step(price="", orders=example.orders, rests=example.rests), earlier)
    check_worth(bench, example, earlier)
    for step in example.then:
        bench.price(example.symbol, step.price)
        seen = check_step(bench, step, seen)
    check_prediction(example, predicted, final_orders(bench, earlier))
    assert_in_order(bench.account)
    if signal is not None and example.after is not None:
        example.after(bench, signal)


def deliver(bench: Bench, example: Example, payload: Any) -> Signal | None:
    """Post the alert, work until all is quiet, and check answer and row; return the row, None if none was stored."""
    before = Signal.objects.count()
    answer = bench.post(payload, address=example.address)
    work_until_quiet()

    assert answer.status_code == example.http, answer.content
    body = answer.json()
    if example.http == 202:
        assert set(body) == ACCEPTED
        assert body["success"] is True
    if example.http == 400:
        assert (body["error"]["code"], body["error"]["field"]) == (example.code, example.field)
        assert body["error"]["remedy"]
        assert [part for part in example.says if part not in body["error"]["message"]] == [], body
    if not example.status:
        assert Signal.objects.count() == before
        return None
    assert Signal.objects.count() == before + 1
    signal = Signal.objects.latest("id")
    assert (signal.status, signal.reason_code) == (example.status, example.code), signal.reason
    assert [part for part in example.says if part not in signal.reason] == [], signal.reason
    assert bool(signal.remedy) is (signal.status in ("INVALID", "REFUSED", "EXPIRED"))
    assert SECRET not in signal.body
    return signal


def check_step(bench: Bench, step: Step, seen: set[int]) -> set[int]:
    """Compare the orders that are new at the venue, and all that rest there; return all that were ever seen."""
    orders = bench.orders()
    assert [told(order) for order in orders if order.pk not in seen] == list(step.orders)
    assert bench.resting() == list(step.rests)
    return {order.pk for order in orders}


def check_worth(bench: Bench, example: Example, earlier: set[int]) -> None:
    if example.worth is None:
        return
    numbers = [order.number for order in bench.orders() if order.pk not in earlier]
    fills = PaperFill.objects.filter(account=bench.account, order_number__in=numbers)
    assert sum(fill.quantity * fill.price for fill in fills) == Decimal(example.worth)


def final_orders(bench: Bench, earlier: set[int]) -> list[str]:
    """Return the alert's orders that were not taken back again, such as a stop that has grown with the position."""
    gone = (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    return [told(order) for order in bench.orders() if order.pk not in earlier and order.status not in gone]


def check_prediction(example: Example, predicted: dict[str, Any], final: list[str]) -> None:
    wanted = final if example.predicted is None else list(example.predicted)
    assert [told_row(row) for row in predicted["orders"]] == wanted
    assert predicted["code"] == (example.code if example.dry_code is None else example.dry_code), predicted["reason"]
    if example.dry_code is None:
        assert [part for part in example.says if part not in predicted["reason"]] == [], predicted["reason"]
    if example.http == 400:
        assert (predicted["outcome"], predicted["field"]) == ("INVALID", example.field)


@pytest.mark.parametrize("name", ["E18", "E31"])
def test_an_unreadable_alert_is_kept_where_the_address_names_its_sender(
    name: str, clock: time_machine.Traveller
) -> None:
    example = next(example for example in BALANCE_PERCENTAGE if example.name == name)
    bench = Bench(example.world, clock)

    answer = bench.post(alert(name), address=f"/webhook/{SECRET}")

    signal = Signal.objects.get()
    assert (answer.status_code, answer.json()["signal"]) == (400, signal.pk)
    assert (signal.status, signal.reason_code, signal.body) == ("INVALID", example.code, alert(name))


def test_a_symbol_that_no_venue_has_is_refused_as_such(clock: time_machine.Traveller) -> None:
    bench = Bench(BRACKET[0].world, clock)

    answer = bench.post({**alert("D09"), "symbol": "NOSUCHUSDT.P"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UNKNOWN_SYMBOL")
    assert bench.orders() == []


def test_the_study_route_is_told_apart() -> None:
    routes = {example.name: example.route for example in EXAMPLES}
    assert (routes["B20"], routes["B02"], routes["E01"], routes["C01"]) == (
        Route.STUDY, Route.ORDER, Route.BALANCE, Route.WEBHOOK,
    )  # fmt: skip
