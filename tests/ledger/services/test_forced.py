"""Orders that the venue sent itself: they change the position, so they are booked, and they are alarms."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.types import FillReport, Liquidity, OrderReport, OrderStatus, Side
from ledger.models import Fill, Notice, Order, Trade
from ledger.services.reports import apply_report
from tests.factories import T0, AccountFactory
from tests.ledger.services.reporting import entry, fill, hear, report

D = Decimal
S = OrderStatus

pytestmark = pytest.mark.django_db


def _held(**trade: Any) -> Order:
    order = entry(quantity="0.5", **trade)
    return hear(order, report(order, S.FILLED, fill(order, "1", "0.5", "60000", fee="15")))


def _forced(
    *fills: FillReport, name: str = "autoclose-1700000000000", status: S = S.FILLED, venue_id: str = "901"
) -> OrderReport:
    return OrderReport(
        client_order_id=name,
        symbol="BTCUSDT",
        status=status,
        filled_quantity=sum((one.quantity for one in fills), D(0)),
        updated_at=T0,
        venue_order_id=venue_id,
        fills=fills,
    )


def _out(key: str, quantity: str, side: Side = Side.SELL) -> FillReport:
    return FillReport(
        venue_trade_id=key,
        symbol="BTCUSDT",
        side=side,
        price=D(57240),
        quantity=D(quantity),
        fee=D("14.31"),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        filled_at=T0 + timedelta(seconds=int(key)),
    )


def test_liquidation_closes_the_trade_at_its_real_fills_and_alarms() -> None:
    held = _held()

    apply_report(account_id=held.account_id, report=_forced(_out("5", "0.5")), source="stream")

    # 2760 lost on each of 0.5.
    trade = Trade.objects.get()
    assert (trade.quantity, trade.realized_pnl, trade.fees) == (D(0), D(-1380), {"USDT": "29.31"})
    order = Order.objects.get(role="EXIT")
    assert (order.client_order_id, order.status) == ("autoclose-1700000000000", S.FILLED)
    assert (order.reason_code, order.quantity, order.trade) == ("LIQUIDATED", D("0.5"), trade)
    assert trade.close_reason == "LIQUIDATED"
    notice = Notice.objects.get()
    assert (notice.level, notice.code, notice.trade) == ("ALARM", "LIQUIDATED", trade)


def test_hearing_of_it_again_books_nothing_more() -> None:
    held = _held()

    for _ in range(3):
        apply_report(account_id=held.account_id, report=_forced(_out("5", "0.5")), source="stream")

    assert Order.objects.filter(role="EXIT").count() == 1
    assert Fill.objects.count() == 2
    assert Notice.objects.count() == 1


def test_liquidation_told_fill_by_fill_is_one_order() -> None:
    held = _held()

    for key, quantity in (("5", "0.2"), ("6", "0.3")):
        said = _forced(_out(key, quantity), status=S.PARTIALLY_FILLED if key == "5" else S.FILLED)
        apply_report(account_id=held.account_id, report=said, source="stream")

    order = Order.objects.get(role="EXIT")
    assert order.filled_quantity == D("0.5")
    assert Trade.objects.get().quantity == D(0)


@pytest.mark.parametrize(
    ("name", "code"),
    [("adl_autoclose", "DELEVERAGED"), ("settlement_autoclose-77", "SETTLED"), ("autoclose-1", "LIQUIDATED")],
)
def test_each_kind_has_its_reason(name: str, code: str) -> None:
    held = _held()

    apply_report(account_id=held.account_id, report=_forced(_out("5", "0.1"), name=name), source="stream")

    assert Order.objects.get(role="EXIT").reason_code == code


def test_an_id_that_the_venue_uses_again_is_another_order() -> None:
    held = _held()

    for key, venue_id in (("5", "901"), ("6", "902")):
        said = _forced(_out(key, "0.1"), name="adl_autoclose", venue_id=venue_id)
        apply_report(account_id=held.account_id, report=said, source="stream")
        apply_report(account_id=held.account_id, report=said, source="query")

    assert Order.objects.filter(role="EXIT").count() == 2
    assert Trade.objects.get().quantity == D("0.3")


def test_two_accounts_liquidated_under_one_id_are_kept_apart() -> None:
    one, other = _held(), _held()

    for held in (one, other):
        apply_report(account_id=held.account_id, report=_forced(_out("5", "0.5")), source="stream")

    assert [trade.quantity for trade in Trade.objects.all()] == [D(0), D(0)]
    assert Order.objects.filter(role="EXIT").values("account").distinct().count() == 2


def test_only_a_trade_of_the_side_that_it_shrinks_is_meant() -> None:
    short = _held(direction="SHORT", position_side="SHORT")
    long = entry(strategy=short.trade.strategy, direction="LONG", position_side="LONG")
    hear(long, report(long, S.FILLED, fill(long, "2", "1", "60000")))

    apply_report(account_id=short.account_id, report=_forced(_out("5", "0.5", side=Side.BUY)), source="stream")

    assert Trade.objects.get(pk=short.trade_id).quantity == D(0)
    assert Trade.objects.get(pk=long.trade_id).quantity == D(1)


def test_liquidation_of_a_position_that_no_trade_holds_alarms_once() -> None:
    account = AccountFactory()

    for _ in range(2):
        apply_report(account_id=account.pk, report=_forced(_out("5", "0.5")), source="stream")

    notice = Notice.objects.get()
    assert (notice.level, notice.code) == ("ALARM", "LIQUIDATED")
    assert not Order.objects.exists()


def test_an_announcement_without_numbers_waits_for_the_fills() -> None:
    held = _held()

    apply_report(account_id=held.account_id, report=_forced(status=S.ACCEPTED), source="stream")
    assert not Order.objects.filter(role="EXIT").exists()

    apply_report(account_id=held.account_id, report=_forced(_out("5", "0.5")), source="stream")
    assert Trade.objects.get().quantity == D(0)


def test_an_id_that_names_its_trade_goes_to_it() -> None:
    small = _held()
    big = entry(quantity="2", account=small.account, strategy__account=small.account)
    hear(big, report(big, S.FILLED, fill(big, "2", "2", "60000")))
    said = replace(_forced(_out("5", "0.5")), client_order_id=f"elsewhere-{small.trade.public_id}-5")

    apply_report(account_id=small.account_id, report=said, source="reconcile")

    assert Trade.objects.get(pk=small.trade_id).quantity == D(0)
    assert Trade.objects.get(pk=big.trade_id).quantity == D(2)
