"""Names for choice sets that several fields of the API share; without them the schema invents some."""

from __future__ import annotations

from typing import Any

from ledger.models import Income, Order


def leg_kinds() -> list[tuple[Any, Any]]:
    return _choices(Order, "role")


def order_types() -> list[tuple[Any, Any]]:
    return _choices(Order, "type")


def income_kinds() -> list[tuple[Any, Any]]:
    return _choices(Income, "kind")


def _choices(model: Any, field: str) -> list[tuple[Any, Any]]:
    return list(model._meta.get_field(field).choices)
