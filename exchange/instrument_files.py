"""The instruments that are shipped for the paper venues: real rules, trimmed to what we use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from exchange.types import InstrumentRules, Market

DIRECTORY = Path(__file__).parent / "instruments"
_NOT_DECIMAL = frozenset({"symbol", "base_asset", "quote_asset", "margin_asset", "max_leverage"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedInstrument:
    """Rules of a symbol and the price (quote per base) at which its random walk starts."""

    rules: InstrumentRules
    start_price: Decimal


@cache
def load(venue: str) -> dict[str, ShippedInstrument]:
    """Return the shipped instruments of a venue by symbol; empty for a venue that has its own."""
    path = DIRECTORY / f"{venue}.json"
    if not path.is_file():
        return {}
    market = Market.SPOT if venue.endswith("_spot") else Market.USDM
    shipped = {}
    for row in json.loads(path.read_text(encoding="utf-8")):
        start = Decimal(row.pop("start_price"))
        values: dict[str, Any] = {key: value if key in _NOT_DECIMAL else Decimal(value) for key, value in row.items()}
        rules = InstrumentRules(market=market, **values)
        shipped[rules.symbol] = ShippedInstrument(rules=rules, start_price=start)
    return shipped


def find(venue: str, symbol: str) -> ShippedInstrument | None:
    return load(venue).get(symbol)


def rules(venue: str) -> tuple[InstrumentRules, ...]:
    """Return the rules of all shipped instruments of a venue."""
    return tuple(shipped.rules for shipped in load(venue).values())
