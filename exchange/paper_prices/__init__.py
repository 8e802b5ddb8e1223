"""Prices of the paper market: where they come from, and what a new price does."""

from exchange.paper_prices.market import (
    fund_now,
    nudge_price_if_missing,
    set_funding_rate,
    set_liquidity,
    set_price,
    set_prices,
    spread,
)
from exchange.paper_prices.values import NewPrice

__all__ = [
    "NewPrice",
    "fund_now",
    "nudge_price_if_missing",
    "set_funding_rate",
    "set_liquidity",
    "set_price",
    "set_prices",
    "spread",
]
