"""Rows of one trade → the frozen state that the pure decisions work on."""

from __future__ import annotations

from exchange.models import Instrument
from exchange.types import (
    Capabilities,
    Direction,
    InstrumentRules,
    Market,
    OrderStatus,
    OrderType,
    PositionSide,
    WorkingType,
)
from ledger.domain.plan import LegKind
from ledger.domain.trade import LegView, OrderView, TradeState
from ledger.models import Leg, Order, Trade


def load_trade(trade_id: int) -> Trade:
    """Return the trade with account, strategy, legs and orders in three queries."""
    return Trade.objects.select_related("account", "strategy").prefetch_related("legs", "legs__orders").get(pk=trade_id)


def load_rules(trade: Trade) -> InstrumentRules:
    """Return the rules of the trade's instrument."""
    return Instrument.objects.get(venue=trade.account.venue, symbol=trade.symbol).rules()


def trade_state(trade: Trade, *, rules: InstrumentRules, capabilities: Capabilities) -> TradeState:
    """Return the trade as the pure code sees it; the rows must be loaded by `load_trade`."""
    return TradeState(
        direction=Direction(trade.direction),
        position_side=PositionSide(trade.position_side),
        market=Market(trade.market),
        rules=rules,
        reserves_balance=capabilities.reserves_balance,
        legs=tuple(_leg(leg) for leg in trade.legs.all()),
        held=trade.quantity,
        entered=trade.entered_quantity,
        average_price=trade.entry_price,
        closing=trade.close_requested_at is not None,
        entries_canceled=trade.entries_canceled,
        stop_override=trade.stop_override,
        working_type=WorkingType(trade.working_type),
        breakeven_after=trade.breakeven_after,
        breakeven_offset_pct=trade.breakeven_offset_pct,
    )


def _leg(leg: Leg) -> LegView:
    return LegView(
        kind=LegKind(leg.kind),
        index=leg.index,
        order_type=OrderType(leg.order_type),
        quantity=leg.quantity,
        price=leg.price,
        trigger_price=leg.trigger_price,
        offset_pct=leg.offset_pct,
        share=leg.share,
        orders=tuple(_order(order, leg.index) for order in sorted(leg.orders.all(), key=lambda row: row.sequence)),
    )


def _order(order: Order, index: int) -> OrderView:
    return OrderView(
        id=order.pk,
        kind=LegKind(order.role),
        index=index,
        status=OrderStatus(order.status),
        type=OrderType(order.type),
        quantity=order.quantity,
        filled=order.filled_quantity,
        price=order.price,
        trigger_price=order.trigger_price,
        callback_pct=order.callback_pct,
        oco_group=order.oco_group,
        superseded=order.superseded,
        reason_code=order.reason_code,
    )
