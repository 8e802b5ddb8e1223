from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exchange.types import FillReport, Liquidity, OrderReport, OrderStatus
from ledger.models import Lane
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

    streams._hear_report(order.account_id, report)
    lane = Lane.objects.get()
    Lane.objects.update(wake_at=None)  # worked
    streams._hear_report(order.account_id, report)

    order.refresh_from_db()
    assert (order.status, order.filled_quantity, order.fills.count()) == ("FILLED", order.quantity, 1)
    assert hinted == [lane.pk]  # the repetition changed nothing, so nobody is woken


def test_the_supervisor_is_made_with_our_sinks() -> None:
    supervisor = streams.make_supervisor()

    assert (supervisor._on_report, supervisor._on_income) == (streams._hear_report, streams._hear_income)


def test_an_income_is_booked_once() -> None:
    from exchange.types import IncomeKind, IncomeReport
    from ledger.models import Income

    account = IncomeFactory().account
    report = IncomeReport(
        venue_income_id="7",
        kind=IncomeKind.FUNDING,
        asset="USDT",
        amount=Decimal("-0.1"),
        symbol="BTCUSDT",
        occurred_at=AT,
    )

    streams._hear_income(account.pk, report)
    streams._hear_income(account.pk, report)

    assert Income.objects.filter(venue_income_id="7").count() == 1
