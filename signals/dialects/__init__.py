"""The alert formats: one serializer each, one Intent for all; the endpoint names its dialect, nothing guesses."""

from __future__ import annotations

from signals.dialects.balance_percentage import BalancePercentageAlert
from signals.dialects.base import AlertSerializer
from signals.dialects.bracket import BracketAlert
from signals.dialects.entry_exit import EntryExitAlert
from signals.dialects.native import NativeAlert
from signals.dialects.spot import SpotAlert
from signals.dialects.strategy_alert import StrategyAlert

DIALECTS: dict[str, type[AlertSerializer]] = {
    "native": NativeAlert,
    "spot": SpotAlert,
    "strategy_alert": StrategyAlert,
    "entry_exit": EntryExitAlert,
    "bracket": BracketAlert,
    "balance_percentage": BalancePercentageAlert,
}

__all__ = ["DIALECTS", "AlertSerializer"]
