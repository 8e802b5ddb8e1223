"""Rows of the ledger."""

from ledger.models.money import EquitySnapshot, Income, Notice
from ledger.models.orders import Fill, Order, OrderEvent
from ledger.models.strategies import Strategy
from ledger.models.trades import Lane, Leg, Trade

__all__ = [
    "EquitySnapshot",
    "Fill",
    "Income",
    "Lane",
    "Leg",
    "Notice",
    "Order",
    "OrderEvent",
    "Strategy",
    "Trade",
]
