"""What the tests of the one door share: an entry at the venue, and reports about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from exchange.types import FillReport, Liquidity, OrderReport, OrderStatus, Side
from ledger.models import Order
from ledger.services.reports import apply_report
from tests.factories import T0, LegFactory, OrderFactory, TradeFactory

D = Decimal


def entry(*, quantity: str = "1", status: OrderStatus = OrderStatus.SUBMITTING, **trade: Any) -> Order:
    """Return the entry order of a new trade."""
    leg = LegFactory(trade=TradeFactory(**trade), quantity=D(quantity))
    return OrderFactory(leg=leg, status=status)


def exit_of(order: Order, kind: str, *, quantity: str, status: OrderStatus = OrderStatus.ACCEPTED) -> Order:
    """Return an order of another leg of the same trade."""
    leg = LegFactory(trade=order.trade, kind=kind)
    return OrderFactory(leg=leg, quantity=D(quantity), status=status)


def fill(
    order: Order,
    key: str,
    quantity: str,
    price: str,
    *,
    fee: str = "0",
    fee_asset: str = "USDT",
    at: datetime = T0,
    realized: str | None = None,
) -> FillReport:
    """Return a fill of the order, `key` seconds after T0 unless `at` says otherwise."""
    return FillReport(
        venue_trade_id=key,
        symbol=order.symbol,
        side=Side(order.side),
        price=D(price),
        quantity=D(quantity),
        fee=D(fee),
        fee_asset=fee_asset,
        liquidity=Liquidity.TAKER,
        filled_at=at if at != T0 else T0 + timedelta(seconds=int(key)),
        client_order_id=order.client_order_id,
        realized_pnl=None if realized is None else D(realized),
    )


def report(
    order: Order,
    status: OrderStatus,
    *fills: FillReport,
    filled: str | None = None,
    venue_order_id: str = "77",
    reason: str = "",
) -> OrderReport:
    """Return a report; the filled quantity is that of its fills unless `filled` says otherwise."""
    told = sum((one.quantity for one in fills), D(0))
    return OrderReport(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        status=status,
        filled_quantity=told if filled is None else D(filled),
        updated_at=T0,
        venue_order_id=venue_order_id,
        fills=fills,
        reason=reason,
    )


def hear(order: Order, said: OrderReport, source: str = "stream") -> Order:
    """Apply the report and return the order as it is then."""
    apply_report(account_id=order.account_id, report=said, source=source)
    return Order.objects.get(pk=order.pk)
