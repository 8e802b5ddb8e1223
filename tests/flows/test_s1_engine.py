"""What costs money when it goes wrong in the engine: each test is one failure, provoked on the paper venue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from exchange.clients import get_client, override
from exchange.errors import OrderRejected
from exchange.models import Venue
from exchange.paper_rows import PaperOrder
from exchange.types import OrderReport, OrderRequest, OrderStatus
from ledger import execution, manager
from ledger.models import Lane, Notice, Order, Strategy, Trade
from ledger.services import controls, orders
from signals import worker
from signals.models import Signal
from tests.fakes import FaultyClient, Kind
from tests.flows.house import House, deaf, work_until_quiet
from tests.flows.invariants import assert_in_order
from tests.flows.s1 import Died, new_house, pass_time, role

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        yield traveller


# ── age ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_entry_that_was_planned_but_not_sent_in_time_is_never_sent(clock: time_machine.Traveller) -> None:
    """The worker dies between the plan and the order; the next one comes an hour later."""
    house = new_house()

    def die(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('INSERT INTO "ledger_order"'):
            raise Died
        return execute(sql, params, many, context)

    house.post(symbol="BTCUSDT", action="long")
    with connection.execute_wrapper(die), pytest.raises(Died):
        work_until_quiet()
    assert house.trade().status == "OPENING"

    pass_time(clock, 3600)

    signal = Signal.objects.get()
    assert house.sent() == []
    assert (signal.status, signal.reason_code) == ("FAILED", "TOO_LATE")
    assert house.trade().status == "ABANDONED"


def test_a_sender_that_slept_past_its_deadline_sends_nothing(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may have asked for the order, not found it and sent it meanwhile."""
    house = new_house()
    client = FaultyClient(get_client(house.account))
    mark = orders.mark_submitting

    def mark_and_sleep(*args: Any, **named: Any) -> bool:
        won = mark(*args, **named)
        monkeypatch.setattr(orders, "mark_submitting", mark)
        clock.shift(11)
        other = Order.objects.get()
        orders.mark_absent(other, note="another worker asked, and it was not there")
        execution.send(other, client)
        return won

    monkeypatch.setattr(orders, "mark_submitting", mark_and_sleep)
    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")
        pass_time(clock, 1, 15)

    assert len([r for r in client.sent() if "-entry" in r.client_order_id]) == 1
    assert_in_order(house.account)


# ── loops and sleepers ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_runaway_is_paced_and_makes_no_storm_of_rows(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "MAX_ORDERS_PER_MINUTE", 1)
    house = new_house()

    house.send(symbol="BTCUSDT", action="long")
    pass_time(clock, 3, 3, 3)

    # Entry; stop and two targets denied and tried again with growing pauses; the exit that follows as well.
    assert Order.objects.count() < 20
    assert Notice.objects.filter(code="RUNAWAY").count() < 20
    pass_time(clock, 61, 61, 61)
    assert house.trade().status == "CLOSED"
    assert_in_order(house.account)


def test_a_cancel_that_never_gets_through_is_tried_at_leisure_and_never_forgotten(
    clock: time_machine.Traveller,
) -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))
    fault = client.fail("cancel_order", Kind.LOSE_REQUEST, times=10_000)
    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="buy", order_type="limit", price="49000")
        house.send(symbol="BTCUSDT", action="flat")

        assert 1 <= fault.seen <= 4
        assert Lane.objects.get().wake_at is not None
        client.plan.faults.clear()
        pass_time(clock, 2)

    assert house.live() == []
    assert house.trade().status == "ABANDONED"
    assert_in_order(house.account)


def test_fills_that_the_venue_counts_but_does_not_bring_are_asked_for_with_pauses(
    clock: time_machine.Traveller,
) -> None:
    house = new_house()

    class Stingy(FaultyClient):
        """Tells how much was filled, not by which fills."""

        def get_order(self, ref: Any) -> OrderReport | None:
            self.asked += 1
            found = self.inner.get_order(ref)
            assert found is not None
            return OrderReport(
                client_order_id=found.client_order_id, symbol=found.symbol, status=found.status,
                filled_quantity=found.filled_quantity, updated_at=found.updated_at,
            )  # fmt: skip

        asked = 0

    client = Stingy(get_client(house.account))
    client.fail("submit_order", Kind.LOSE_ANSWER, match=role("entry"))
    with override(house.account.name, client), deaf():
        house.send(symbol="BTCUSDT", action="long")
        pass_time(clock, 1, 1, 1)
        lane = Lane.objects.get()

    assert 2 <= client.asked <= 6
    assert lane.wake_at is not None
    work_until_quiet()
    assert_in_order(house.account)


def test_one_broken_trade_keeps_no_other_of_its_lane_from_its_stop(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(
        account_fields={"hedge_mode": True},
        strategy_fields={
            "sizing_method": "margin", "sizing_amount": D("100"), "leverage": 10, "on_opposite": "hedge",
            "stop_pct": D("1"),
        },
    )  # fmt: skip
    house.send(symbol="BTCUSDT", action="buy")
    broken = house.trade().pk
    manage = manager.manage_trade

    def fail_one(trade_id: int, *args: Any, **named: Any) -> Any:
        if trade_id == broken:
            raise KeyError("a fault of ours")
        return manage(trade_id, *args, **named)

    house.send(symbol="BTCUSDT", action="sell")
    short = house.trade()
    PaperOrder.objects.filter(client_order_id__contains=f"-{short.public_id}-sl").update(open=False, status="CANCELED")
    Order.objects.filter(trade=short, role="SL").update(status="CANCELED")
    monkeypatch.setattr(manager, "manage_trade", fail_one)

    pass_time(clock, *[16] * 4)

    assert house.live("SL").count(("SL", "BUY", "0.020", "50500.0")) == 0  # the lane sleeps until something happens
    Lane.objects.update(wake_at=datetime.now(UTC))
    work_until_quiet()
    assert ("SL", "BUY", "0.020", "50500.0") in house.live("SL")
    pass_time(clock, *[16] * 3)
    assert Notice.objects.filter(code="LANE_FAILING", level="ALARM").count() == 1


def test_what_the_database_refuses_about_one_signal_is_no_reason_to_try_for_ever(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = new_house()

    def refuse(*_: Any) -> None:
        raise IntegrityError("a constraint")

    with monkeypatch.context() as broken:
        broken.setattr(worker, "plan", refuse)
        house.post(symbol="BTCUSDT", action="long")
        work_until_quiet()
        pass_time(clock, *[16] * 6)

    signal = Signal.objects.get()
    assert (signal.status, signal.reason_code) == ("FAILED", "INTERNAL_ERROR")
    assert house.send(symbol="BTCUSDT", action="long", note="next").status == "DONE"


def test_the_decision_does_not_lock_out_whoever_books_fills_of_the_account() -> None:
    """FOR UPDATE would: their rows point at the account, and they hold the trade that the decision changes."""
    house = new_house()
    house.post(symbol="BTCUSDT", action="long")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        work_until_quiet()

    locks = [q["sql"] for q in queries if 'FROM "exchange_account"' in q["sql"] and "FOR UPDATE" in q["sql"]]
    assert locks == []


# ── exits always pass ─────────────────────────────────────────────────────────────────────────────────────────────
def test_an_exit_waits_for_no_price_and_no_balance() -> None:
    house = new_house()
    house.send(symbol="BTCUSDT", action="long")
    client = FaultyClient(get_client(house.account))
    for method in ("get_quote", "get_balances", "get_position_mode"):
        client.fail(method, Kind.FAIL_QUERY, times=999)

    with override(house.account.name, client):
        signal = house.send(symbol="BTCUSDT", action="exit")

    assert signal.status == "DONE"
    assert house.trade().status == "CLOSED"
    assert_in_order(house.account)


def test_an_exit_overtakes_an_entry_that_cannot_proceed_and_calls_it_off(clock: time_machine.Traveller) -> None:
    house = new_house(on_duplicate_entry="add")
    house.send(symbol="BTCUSDT", action="long")
    client = FaultyClient(get_client(house.account))
    client.fail("get_balances", Kind.FAIL_QUERY, times=999)

    with override(house.account.name, client):
        entry = house.send(symbol="BTCUSDT", action="buy")
        assert entry.status == "RECEIVED"
        leaving = house.send(symbol="BTCUSDT", action="exit")
    pass_time(clock, 2)

    entry.refresh_from_db()
    assert (entry.status, entry.reason_code) == ("REFUSED", "SUPERSEDED")
    assert leaving.status == "DONE"
    assert house.trade().status == "CLOSED"
    assert len(house.sent("ENTRY", "DCA")) == 1


def test_an_exit_of_another_strategy_overtakes_but_calls_nothing_off(clock: time_machine.Traveller) -> None:
    house = House(venue=Venue.PAPER_SPOT, strategy_fields={"stop_pct": D("1")})
    house.send(symbol="BTCUSDT", action="buy", quote_amount="1000")
    other = House.__new__(House)
    other.__dict__.update(house.__dict__)
    other.name = "other"
    other.strategy = Strategy.objects.create(name="other", account=house.account, stop_pct=D("1"))
    from signals.models import Endpoint
    from signals.secrets_store import add_secret

    endpoint = Endpoint.objects.create(name="other", strategy=other.strategy, dialect="native")
    other.secret = "another-secret-of-enough-length"
    add_secret(endpoint, other.secret)
    client = FaultyClient(get_client(house.account))
    client.fail("get_balances", Kind.FAIL_QUERY, times=999)

    with override(house.account.name, client):
        entry = other.send(symbol="BTCUSDT", action="buy", quote_amount="1000")
        leaving = house.send(symbol="BTCUSDT", action="exit")
    assert leaving.status == "DONE"
    client.plan.faults.clear()
    pass_time(clock, 2)

    entry.refresh_from_db()
    assert entry.status == "DONE"
    assert Trade.objects.get(strategy=other.strategy).status == "OPEN"


def test_an_exit_that_does_not_get_through_is_alarmed_every_minute(clock: time_machine.Traveller) -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))
    client.fail("submit_order", Kind.REJECT, match=role("exit"), times=99, error=OrderRejected("no", code="-4131"))

    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")
        house.send(symbol="BTCUSDT", action="flat")
        pass_time(clock, *[11] * 12)
        alarms = Notice.objects.filter(code="EXIT_STUCK", level="ALARM")
        assert 2 <= alarms.count() <= 3
        assert "-4131" in alarms[0].message or "no" in alarms[0].message
        # The stop stays where it was all the time.
        assert house.live("SL") == [("SL", "SELL", "0.100", "49500.0")]
        client.plan.faults.clear()
        pass_time(clock, 61)

    assert house.trade().status == "CLOSED"


def test_a_symbol_that_stops_trading_refuses_entries_while_the_exit_keeps_trying(
    clock: time_machine.Traveller,
) -> None:
    house = new_house()
    house.send(symbol="BTCUSDT", action="long")
    house.rules("BTCUSDT", trading=False)

    leaving = house.send(symbol="BTCUSDT", action="exit")
    refused = house.send(symbol="BTCUSDT", action="buy")
    pass_time(clock, 12)

    assert leaving.status == "PLANNED"
    assert Notice.objects.filter(code="EXIT_STUCK").exists()
    assert house.live("SL") == [("SL", "SELL", "0.100", "49500.0")]
    house.rules("BTCUSDT", trading=True)
    pass_time(clock, 61)
    leaving.refresh_from_db()
    refused.refresh_from_db()
    assert leaving.status == "DONE"
    assert refused.status in ("REFUSED", "INVALID")
    assert house.trade().status == "CLOSED"
    assert_in_order(house.account)


def test_the_old_stop_stays_while_the_exit_after_its_refused_replacement_is_under_way(
    clock: time_machine.Traveller,
) -> None:
    house = new_house(breakeven_after=1)
    client = FaultyClient(get_client(house.account))
    client.fail("submit_order", Kind.REJECT, match=role("sl-2"), error=OrderRejected("too many", code="-4045"))
    client.fail("submit_order", Kind.NOT_SENT, match=role("exit"), times=2)

    with override(house.account.name, client):
        house.send(symbol="BTCUSDT", action="long")
        house.price("50500")
        assert house.trade().close_reason == "PROTECTION_FAILED"
        assert house.live("SL") == [("SL", "SELL", "0.100", "49500.0")]
        pass_time(clock, 2, 2, 2)

    assert house.trade().status == "CLOSED"
    assert_in_order(house.account)


# ── what is said must be true ─────────────────────────────────────────────────────────────────────────────────────
def test_an_add_after_the_entries_time_is_over_is_sent(clock: time_machine.Traveller) -> None:
    house = new_house(on_duplicate_entry="add", entry_timeout_s=60)
    house.send(symbol="BTCUSDT", action="long")
    pass_time(clock, 120)
    assert house.trade().entries_canceled

    signal = house.send(symbol="BTCUSDT", action="buy")

    assert signal.status == "DONE"
    assert len(house.sent("DCA")) == 1
    assert house.trade().quantity > D("0.1")


def test_entries_that_were_called_off_unsent_are_not_called_done() -> None:
    house = new_house()
    house.post(symbol="BTCUSDT", action="long")

    def halt(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('INSERT INTO "ledger_order"') and not Notice.objects.filter(code="SWITCHED_HALTED").exists():
            controls.halt(None, reason="now", by="me")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(halt):
        work_until_quiet()

    signal = Signal.objects.get()
    assert (signal.status, signal.reason_code) in [("FAILED", "SWITCHED_OFF"), ("REFUSED", "NOT_SENT")]
    assert house.sent() == []


def test_a_market_entry_that_finds_no_liquidity_is_not_called_done() -> None:
    house = new_house()
    client = FaultyClient(get_client(house.account))

    class Thin(FaultyClient):
        def submit_order(self, request: OrderRequest) -> OrderReport:
            return OrderReport(
                client_order_id=request.client_order_id, symbol=request.symbol, status=OrderStatus.EXPIRED,
                filled_quantity=D(0), updated_at=datetime.now(UTC), venue_order_id="1", reason="no liquidity",
            )  # fmt: skip

    with override(house.account.name, Thin(client.inner)):
        signal = house.send(symbol="BTCUSDT", action="long")

    assert (signal.status, signal.reason_code) == ("FAILED", "ENTRY_EXPIRED")
    assert house.trade().status == "ABANDONED"


def test_adds_do_not_rest_alone_when_their_entry_was_refused() -> None:
    house = new_house(dca=[{"distance_pct": "0.5"}])
    client = FaultyClient(get_client(house.account))
    client.fail("submit_order", Kind.REJECT, match=role("entry"), error=OrderRejected("margin", code="-2019"))

    with override(house.account.name, client):
        signal = house.send(symbol="BTCUSDT", action="long")

    assert (signal.status, signal.reason_code) == ("FAILED", "-2019")
    assert house.live() == []
    assert house.trade().status == "ABANDONED"
