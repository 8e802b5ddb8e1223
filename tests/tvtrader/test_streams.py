from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exchange.streams import StreamSupervisor
from exchange.types import FillReport, IncomeKind, IncomeReport, Liquidity, OrderReport, OrderStatus
from ledger.models import Income, Lane
from tests.factories import IncomeFactory, OrderFactory
from tvtrader import streams

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def hinted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr(streams, "hint", found.append)
    return found


def test_a_fill_reaches_the_ledger_and_wakes_its_lane(hinted: list[int]) -> None:
    order = OrderFactory()
    fill = FillReport(
        venue_trade_id="1", symbol=order.symbol, side=order.request().side, price=Decimal(60000), fee=Decimal("0.3"),
        quantity=order.quantity, fee_asset="USDT", liquidity=Liquidity.TAKER, filled_at=AT,
    )  # fmt: skip
    report = OrderReport(
        client_order_id=order.client_order_id, symbol=order.symbol, status=OrderStatus.FILLED,
        filled_quantity=order.quantity, updated_at=AT, fills=(fill,),
    )  # fmt: skip

    streams.take_report(order.account_id, report)
    lane = Lane.objects.get()
    Lane.objects.update(wake_at=None)  # worked
    streams.take_report(order.account_id, report)

    order.refresh_from_db()
    assert (order.status, order.filled_quantity, order.fills.count()) == ("FILLED", order.quantity, 1)
    assert hinted == [lane.pk]  # the repetition changed nothing, so nobody is woken


@pytest.fixture
def supervisor() -> Iterator[StreamSupervisor]:
    running = streams.start_streams()
    yield running
    running.stop()


@pytest.mark.django_db(transaction=True)
def test_streams_run_with_our_sinks_until_stopped(supervisor: StreamSupervisor) -> None:
    assert supervisor.is_alive()
    assert supervisor._on_report is streams.take_report

    supervisor.stop()

    assert not supervisor.is_alive()


@pytest.mark.django_db(transaction=True)
def test_an_income_is_booked_once(supervisor: StreamSupervisor) -> None:
    account = IncomeFactory().account
    report = IncomeReport(
        venue_income_id="7",
        kind=IncomeKind.FUNDING,
        asset="USDT",
        amount=Decimal("-0.1"),
        symbol="BTCUSDT",
        occurred_at=AT,
    )

    supervisor._on_income(account.pk, report)
    supervisor._on_income(account.pk, report)

    assert Income.objects.filter(venue_income_id="7").count() == 1
