"""Intents, decisions and plans as JSON and back, without losing a digit, a zone or an order of things."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar, get_origin

from cattrs import Converter

from exchange.rules import plain

T = TypeVar("T")


def dump(obj: object) -> Any:
    """Return a value that `json.dumps` takes: plain digits, ISO 8601 times in UTC, enum values."""
    return _converter.unstructure(obj)


def load(cls: type[T], data: Any) -> T:
    """Return the `cls` that `data` was dumped from.

    Fields that the data lacks take their defaults and fields that the class no longer has are ignored, so
    that rows of an earlier release stay readable. Raises cattrs.BaseValidationError for anything else.
    """
    return _converter.structure(data, cls)


def _dump_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("only finite decimals can be stored")
    return plain(value)


def _load_decimal(data: Any, _: Any) -> Decimal:
    # A JSON number would already have passed through a float: only text keeps its digits.
    if not isinstance(data, str):
        raise TypeError("a decimal is stored as text")
    try:
        value = Decimal(data)
    except InvalidOperation as exc:
        raise ValueError("not a decimal") from exc
    if not value.is_finite():
        raise ValueError("not a finite decimal")
    return value


def _dump_datetime(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a time without a zone can't be stored")
    return value.astimezone(UTC).isoformat()


def _load_datetime(data: Any, _: Any) -> datetime:
    if not isinstance(data, str):
        raise TypeError("a time is stored as text")
    value = datetime.fromisoformat(data)
    if value.tzinfo is None:
        raise ValueError("a stored time names its zone")
    return value.astimezone(UTC)


def _strict(kind: type[T]) -> Callable[[Any, Any], T]:
    # cattrs would call bool("false"), which is True, and int("7"): what was stored is what must come back.
    def load_strictly(data: Any, _: Any) -> T:
        if type(data) is not kind:
            raise TypeError(f"{kind.__name__} expected, {type(data).__name__} found")
        return data

    return load_strictly


def _is_frozenset(kind: Any) -> bool:
    return kind is frozenset or get_origin(kind) is frozenset


def _make_converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(int, _strict(int))
    converter.register_structure_hook(bool, _strict(bool))
    # StrEnum is a str too: without hooks of its own it would be taken for one.
    converter.register_unstructure_hook(StrEnum, str)
    converter.register_structure_hook(StrEnum, lambda data, cls: cls(data))
    converter.register_unstructure_hook(Decimal, _dump_decimal)
    converter.register_structure_hook(Decimal, _load_decimal)
    converter.register_unstructure_hook(datetime, _dump_datetime)
    converter.register_structure_hook(datetime, _load_datetime)
    converter.register_unstructure_hook_func(
        _is_frozenset, lambda items: sorted(converter.unstructure(item) for item in items)
    )
    return converter


_converter = _make_converter()
