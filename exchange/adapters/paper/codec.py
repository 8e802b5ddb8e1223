"""Reports as JSON and back, digit for digit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from cattrs import Converter

from exchange.rules import plain
from exchange.types import IncomeReport, OrderReport


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(Decimal, plain)
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    return converter


_CONVERTER = _converter()


def dump(report: OrderReport | IncomeReport) -> dict[str, Any]:
    """Return the report as JSON values."""
    return dict(_CONVERTER.unstructure(report))


def load_order(data: dict[str, Any]) -> OrderReport:
    return _CONVERTER.structure(data, OrderReport)


def load_income(data: dict[str, Any]) -> IncomeReport:
    return _CONVERTER.structure(data, IncomeReport)
