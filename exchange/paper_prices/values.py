"""A new price, as sources hand it to the market."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exchange.types import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPrice:
    """Prices of one symbol, quote per base; what is not given is the last price. steps: place in a price source."""

    market: Market
    symbol: str
    last: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None
    steps: int | None = None
