"""Rows of the paper venue to the values of its engine and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from exchange.adapters.paper import codec
from exchange.adapters.paper import state as paper
from exchange.paper_rows import PaperEvent, PaperFill, PaperIncome, PaperOrder, PaperPosition, PaperPrice
from exchange.types import (
    FillReport,
    IncomeKind,
    IncomeReport,
    Liquidity,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionSide,
    Quote,
    Side,
    TimeInForce,
    WorkingType,
)

_ENUMS: dict[str, Any] = {
    "side": Side,
    "type": OrderType,
    "position_side": PositionSide,
    "time_in_force": TimeInForce,
    "working_type": WorkingType,
}
REQUEST_FIELDS = tuple(field.name for field in fields(OrderRequest))


def view_of(row: PaperPrice) -> paper.MarketView:
    return paper.MarketView(
        quote=Quote(symbol=row.symbol, bid=row.bid, ask=row.ask, last=row.last, mark=row.mark, at=row.at),
        funding_rate=row.funding_rate,
        max_fill_quantity=row.max_fill_quantity,
        rest_expires=row.rest_expires,
    )


def holding_of(row: PaperPosition) -> paper.Holding:
    return paper.Holding(quantity=row.quantity, cost=row.cost, isolated_margin=row.isolated_margin)


def order_of(row: PaperOrder) -> paper.PaperOrder:
    values = {name: getattr(row, name) for name in REQUEST_FIELDS}
    values.update({name: enum(values[name]) for name, enum in _ENUMS.items()})
    return paper.PaperOrder(
        number=row.number,
        request=OrderRequest(**values),
        status=OrderStatus(row.status),
        created_at=row.created_at,
        updated_at=row.updated_at,
        filled=row.filled,
        group=row.group,
        extreme=row.extreme,
        reason=row.reason,
    )


def order_row(account_id: int, order: paper.PaperOrder) -> PaperOrder:
    return PaperOrder(
        account_id=account_id,
        number=order.number,
        status=order.status,
        open=order.open,
        filled=order.filled,
        group=order.group,
        extreme=order.extreme,
        reason=order.reason,
        created_at=order.created_at,
        updated_at=order.updated_at,
        **{name: getattr(order.request, name) for name in REQUEST_FIELDS},
    )


def fill_of(row: PaperFill) -> FillReport:
    return FillReport(
        venue_trade_id=str(row.number),
        symbol=row.symbol,
        side=Side(row.side),
        price=row.price,
        quantity=row.quantity,
        fee=row.fee,
        fee_asset=row.fee_asset,
        liquidity=Liquidity(row.liquidity),
        filled_at=row.filled_at,
        client_order_id=row.client_order_id,
        position_side=PositionSide(row.position_side),
        realized_pnl=row.realized_pnl,
    )


def fill_row(account_id: int, booked: paper.BookedFill) -> PaperFill:
    fill = booked.fill
    return PaperFill(
        account_id=account_id,
        number=int(fill.venue_trade_id),
        order_number=booked.order_number,
        client_order_id=fill.client_order_id,
        symbol=fill.symbol,
        side=fill.side,
        position_side=fill.position_side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        realized_pnl=fill.realized_pnl,
        liquidity=fill.liquidity,
        filled_at=fill.filled_at,
    )


def income_of(row: PaperIncome) -> IncomeReport:
    return IncomeReport(
        venue_income_id=str(row.number),
        kind=IncomeKind(row.kind),
        asset=row.asset,
        amount=row.amount,
        symbol=row.symbol,
        occurred_at=row.occurred_at,
        position_side=PositionSide(row.position_side),
    )


def income_row(account_id: int, income: IncomeReport) -> PaperIncome:
    return PaperIncome(
        account_id=account_id,
        number=int(income.venue_income_id),
        kind=income.kind,
        asset=income.asset,
        amount=income.amount,
        symbol=income.symbol,
        position_side=income.position_side,
        occurred_at=income.occurred_at,
    )


def event_row(account_id: int, event: OrderReport | IncomeReport) -> PaperEvent:
    order = isinstance(event, OrderReport)
    return PaperEvent(
        account_id=account_id,
        kind=PaperEvent.Kind.ORDER if order else PaperEvent.Kind.INCOME,
        payload=codec.dump(event),
        at=event.updated_at if isinstance(event, OrderReport) else event.occurred_at,
    )
