"""Leverage and margin type of a symbol, with Binance's refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from exchange.adapters.paper import margin
from exchange.adapters.paper.desk import Desk
from exchange.adapters.paper.state import State, Step
from exchange.errors import OrderRejected
from exchange.types import ZERO, MarginType


def set_leverage(state: State, symbol: str, leverage: int, at: datetime) -> Step:
    """Make the symbol's leverage this; the same value again is success."""
    desk = _futures_desk(state, symbol, at)
    setup = desk.setup(symbol)
    if not 1 <= leverage <= desk.rule(symbol).max_leverage:
        raise OrderRejected(f"Leverage {leverage} is not valid", code="-4028")
    held = any(holding.quantity for key, holding in desk.holdings.items() if key[0] == symbol)
    if held and setup.margin_type is MarginType.ISOLATED and leverage < setup.leverage:
        raise OrderRejected(
            "Leverage reduction is not supported in Isolated Margin Mode with open positions.", code="-4161"
        )
    desk.setups[symbol] = replace(setup, leverage=leverage)
    short = margin.available(desk, desk.rule(symbol).margin_asset) < ZERO if symbol in desk.markets else False
    if short and leverage < setup.leverage:
        raise OrderRejected("Leverage is smaller than permitted: insufficient margin balance", code="-2028")
    return desk.step()


def set_margin_type(state: State, symbol: str, margin_type: MarginType, at: datetime) -> Step:
    """Make the symbol's margin type this; refused while the symbol has a position or open orders."""
    desk = _futures_desk(state, symbol, at)
    setup = desk.setup(symbol)
    if setup.margin_type is margin_type:
        return desk.step()
    if desk.open_orders(symbol):
        raise OrderRejected("Margin type cannot be changed if there exists open orders.", code="-4047")
    if any(holding.quantity for key, holding in desk.holdings.items() if key[0] == symbol):
        raise OrderRejected("Margin type cannot be changed if there exists position.", code="-4048")
    desk.setups[symbol] = replace(setup, margin_type=margin_type)
    return desk.step()


def _futures_desk(state: State, symbol: str, at: datetime) -> Desk:
    desk = Desk(state, at)
    if desk.spot:
        raise OrderRejected("This operation is not supported.", code="-1020")
    if symbol not in desk.rules:
        raise OrderRejected("Invalid symbol.", code="-1121")
    return desk
