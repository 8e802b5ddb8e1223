"""Recorded candles as a path of prices: CSV with a header, or a JSON list of objects, with the same names."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from exchange.types import Market

COLUMNS = ("market", "symbol", "open", "high", "low", "close")
PathKey = tuple[Market, str]


class CandleFileError(ValueError):
    """The candle file cannot be used; the text names the line and what to change."""


def load(path: Path) -> dict[PathKey, tuple[Decimal, ...]]:
    """Return the path of prices (quote per base) of each symbol in a file; raises CandleFileError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise CandleFileError(f"cannot read {path}: {exc}; PAPER_PRICES must be candles:<file>") from exc
    rows: Iterable[Mapping[str, Any]]
    try:
        rows = json.loads(text, parse_float=Decimal) if path.suffix == ".json" else csv.DictReader(text.splitlines())
    except ValueError as exc:
        raise CandleFileError(f"{path} is not valid JSON: {exc}") from exc
    prices: dict[PathKey, list[Decimal]] = {}
    for number, row in enumerate(rows, start=1):
        key, path_of_row = _candle(row, number)
        prices.setdefault(key, []).extend(path_of_row)
    if not prices:
        raise CandleFileError(f"{path} holds no candles; columns: {', '.join(COLUMNS)}")
    return {key: tuple(values) for key, values in prices.items()}


def path_of(first: Decimal, high: Decimal, low: Decimal, close: Decimal) -> tuple[Decimal, ...]:
    """Return the order in which a candle's prices are taken: against its direction first, as adverse as it may be."""
    return (first, low, high, close) if close >= first else (first, high, low, close)


def _candle(row: Mapping[str, Any], number: int) -> tuple[PathKey, tuple[Decimal, ...]]:
    missing = [name for name in COLUMNS if row.get(name) in (None, "")]
    if missing:
        raise CandleFileError(f"candle {number} has no {', '.join(missing)}; columns: {', '.join(COLUMNS)}")
    try:
        market = Market(str(row["market"]).upper())
        values = [Decimal(str(row[name])) for name in ("open", "high", "low", "close")]
    except (ValueError, InvalidOperation) as exc:
        raise CandleFileError(f"candle {number}: {exc}; market is SPOT or USDM, prices are plain numbers") from exc
    first, high, low, close = values
    if (
        not all(value.is_finite() and value > 0 for value in values)
        or not low <= min(first, close) <= max(first, close) <= high
    ):
        raise CandleFileError(f"candle {number}: prices must be positive, high the highest and low the lowest")
    return (market, str(row["symbol"])), path_of(first, high, low, close)
