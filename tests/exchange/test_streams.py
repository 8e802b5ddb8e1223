"""Reports reach the ledger at least once and in order, whoever dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from exchange.clients import get_client
from exchange.clock import now
from exchange.models import Account
from exchange.paper_prices import fund_now, set_price
from exchange.paper_prices.feed import Feed
from exchange.paper_rows import PaperCursor, PaperEvent, PaperPrice
from exchange.streams import StreamSupervisor, forget_delivered
from exchange.types import IncomeReport, OrderReport, OrderRequest, OrderStatus, OrderType, Side
from tests.factories import AccountFactory
from tests.fakes import Killed

D = Decimal


class Still(Feed):
    """A feed without prices."""

    def __init__(self) -> None:
        super().__init__("walk", seed=1)

    def tick(self, at: object) -> int:
        del at
        return 0


class Sinks:
    """Keeps what was delivered; raises what it is told to."""

    def __init__(self) -> None:
        self.orders: list[tuple[int, OrderReport]] = []
        self.incomes: list[tuple[int, IncomeReport]] = []
        self.error: Callable[[OrderReport], BaseException | None] = lambda _: None

    def on_report(self, account_id: int, report: OrderReport) -> None:
        error = self.error(report)
        if error:
            raise error
        self.orders.append((account_id, report))

    def on_income(self, account_id: int, report: IncomeReport) -> None:
        self.incomes.append((account_id, report))

    def supervisor(self) -> StreamSupervisor:
        return StreamSupervisor(self.on_report, self.on_income, tick_s=0.01, feed=Still())


def order(account: Account, identity: str, side: Side = Side.BUY, *, price: str | None = None) -> OrderReport:
    return get_client(account).submit_order(
        OrderRequest(
            client_order_id=identity, symbol="BTCUSDT", side=side, quantity=D("0.01"),
            type=OrderType.LIMIT if price else OrderType.MARKET, price=D(price) if price else None,
        )
    )  # fmt: skip


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def account() -> Account:
    set_price("USDM", "BTCUSDT", D(60000))
    row: Account = AccountFactory()
    return row


@pytest.mark.django_db
def test_reports_come_once_and_in_order(account: Account) -> None:
    sinks = Sinks()
    order(account, "tv-1", price="59000")
    set_price("USDM", "BTCUSDT", D(58900))
    fund_now(account, {"BTCUSDT": D("0.001")})
    supervisor = sinks.supervisor()

    assert supervisor.deliver() == 3
    assert supervisor.deliver() == 0

    assert [report.status for _, report in sinks.orders] == [OrderStatus.ACCEPTED, OrderStatus.FILLED]
    assert [(where, report.amount) for where, report in sinks.incomes] == [(account.pk, D("-0.589"))]
    assert len(sinks.orders[1][1].fills) == 1


@pytest.mark.django_db
def test_a_death_between_commit_and_sink_loses_nothing(account: Account) -> None:
    sinks = Sinks()
    for number in range(3):
        order(account, f"tv-{number}")
    sinks.error = lambda report: Killed() if report.client_order_id == "tv-1" else None

    with pytest.raises(Killed):
        sinks.supervisor().deliver()
    assert [report.client_order_id for _, report in sinks.orders] == ["tv-0"]
    sinks.error = lambda _: None
    sinks.supervisor().deliver()

    assert [report.client_order_id for _, report in sinks.orders] == ["tv-0", "tv-1", "tv-2"]


@pytest.mark.django_db
def test_a_death_after_the_sink_delivers_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks = Sinks()
    order(account, "tv-0")
    with monkeypatch.context() as patch:
        patch.setattr(PaperCursor.objects, "update_or_create", _die)
        with pytest.raises(Killed):
            sinks.supervisor().deliver()

    sinks.supervisor().deliver()

    assert [report.client_order_id for _, report in sinks.orders] == ["tv-0", "tv-0"]


def _die(**_: object) -> None:
    raise Killed


@pytest.mark.django_db
def test_a_failing_sink_holds_up_only_its_own_account(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    other = AccountFactory()
    sinks = Sinks()
    order(account, "tv-a")
    order(other, "tv-b")
    sinks.error = lambda report: ValueError("no") if report.client_order_id == "tv-a" else None
    supervisor = sinks.supervisor()

    supervisor.deliver()
    supervisor.deliver()
    assert [where for where, _ in sinks.orders] == [other.pk]
    assert caplog.text.count("was not taken") == 1  # said once, not at every tick
    sinks.error = lambda _: None
    supervisor.deliver()

    assert [where for where, _ in sinks.orders] == [other.pk, account.pk]


@pytest.mark.django_db(transaction=True)
def test_the_thread_ticks_delivers_and_stops(account: Account) -> None:
    sinks = Sinks()
    supervisor = StreamSupervisor(sinks.on_report, sinks.on_income, tick_s=0.01, feed=Feed("walk", seed=7))
    supervisor.start()
    order(account, "tv-1")

    wait_for(lambda: sinks.orders)
    wait_for(lambda: PaperPrice.objects.filter(symbol="ETHUSDT", steps__gte=2).exists())
    started = time.monotonic()
    supervisor.stop()

    assert not supervisor.is_alive()
    assert time.monotonic() - started < 5


@pytest.mark.django_db(transaction=True)
def test_a_sink_that_raises_does_not_end_the_thread(account: Account) -> None:
    sinks = Sinks()
    failures = iter([True, True])
    sinks.error = lambda _: ValueError("not now") if next(failures, False) else None
    order(account, "tv-1")
    supervisor = sinks.supervisor()
    supervisor.start()

    wait_for(lambda: sinks.orders)
    supervisor.stop()

    assert [report.client_order_id for _, report in sinks.orders] == ["tv-1"]


@pytest.mark.django_db(transaction=True)
def test_only_one_supervisor_ticks_and_the_next_one_takes_over(account: Account) -> None:
    del account
    first, second = Sinks().supervisor(), Sinks().supervisor()
    ticked: list[bool] = []

    def other() -> None:
        ticked.append(second.tick())
        second._lock.release()
        connection.close()

    def elsewhere() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert first.tick()
    assert first.tick()
    elsewhere()
    first._lock.release()
    elsewhere()

    assert ticked == [False, True]


@pytest.mark.django_db
def test_events_stay_for_the_record(account: Account) -> None:
    order(account, "tv-1")
    Sinks().supervisor().deliver()

    assert PaperEvent.objects.count() == 1


@pytest.mark.django_db
def test_only_old_events_that_were_taken_are_forgotten(account: Account) -> None:
    sinks = Sinks()
    order(account, "tv-1")
    sinks.supervisor().deliver()
    order(account, "tv-2")

    assert forget_delivered(before=now() - timedelta(days=1)) == 0
    assert forget_delivered(before=now() + timedelta(days=1)) == 1

    assert PaperEvent.objects.count() == 1
    assert sinks.supervisor().deliver() == 1
