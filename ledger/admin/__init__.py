"""Console pages of accounts, strategies and of everything that the ledger knows."""

from ledger.admin.accounts import AccountAdmin, HouseStateAdmin
from ledger.admin.money import EquitySnapshotAdmin, IncomeAdmin, NoticeAdmin
from ledger.admin.orders import FillAdmin, OrderAdmin
from ledger.admin.strategies import StrategyAdmin
from ledger.admin.trades import TradeAdmin

__all__ = [
    "AccountAdmin",
    "EquitySnapshotAdmin",
    "FillAdmin",
    "HouseStateAdmin",
    "IncomeAdmin",
    "NoticeAdmin",
    "OrderAdmin",
    "StrategyAdmin",
    "TradeAdmin",
]
