"""What a strategy's settings must be to make sense together; answers name the field and say what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from exchange.types import ZERO, Market
from ledger.domain.policy import Limits, OnOpposite, SizingMethod

Problems = dict[str, list[str]]

ONE = Decimal(1)
HUNDRED = Decimal(100)
FRACTIONS = frozenset({SizingMethod.BALANCE_FRACTION, SizingMethod.POSITION_FRACTION, SizingMethod.RISK_FRACTION})
SYMBOL = re.compile(r"[A-Z0-9]{2,40}", re.ASCII)
# Binance USDⓈ-M, callbackRate of TRAILING_STOP_MARKET.
TRAIL = (Decimal("0.1"), Decimal(20))
NUMBERS = frozenset(
    {
        "sizing_amount", "leverage", "max_leverage", "reserve_pct", "entry_timeout_s", "stop_pct",
        "breakeven_after", "breakeven_offset_pct", "trail_pct", "protect_within_s", "max_age_s",
        *Limits.__dataclass_fields__,
    }
)  # fmt: skip
MAX_RUNGS = 10
MAX_TARGETS = 10


def find_problems(values: Mapping[str, Any], *, market: Market | None = None) -> Problems:
    """Return what is wrong with a strategy's fields, by field; empty if nothing is.

    values: the fields of `ledger.models.Strategy` by name, as stored. market: its account's, if known.
    """
    found: Problems = {}
    # What is no number has been reported by its own field, and can't be compared.
    values = {
        name: None if name in NUMBERS and not isinstance(value, int | Decimal) else value
        for name, value in values.items()
    }
    _check_symbols(values, found)
    _check_sizing(values, found)
    _check_leverage(values, market, found)
    _check_entries(values, found)
    _check_targets(values, found)
    _check_stop(values, found)
    _check_limits(values, found)
    return found


def read_number(value: Any) -> Decimal:
    """Return a setting as Decimal; raises ValueError for floats, booleans and what is no finite number.

    A float has lost its digits before anybody could read them, so numbers in JSON are written in quotes.
    """
    if isinstance(value, float):
        raise ValueError(f'{value} must be written in quotes: "{value}"')  # noqa: TRY004  # one kind for callers
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value, re.ASCII):
        raise ValueError(f"{value!r} is not a plain positive number")
    try:
        number = Decimal(value)
    except InvalidOperation as exc:
        raise ValueError(f"{value!r} is not a number") from exc
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _add(found: Problems, field: str, message: str) -> None:
    found.setdefault(field, []).append(message)


def _above_zero(values: Mapping[str, Any], found: Problems, *fields: str) -> None:
    for field in fields:
        if values.get(field) is not None and values[field] <= ZERO:
            _add(found, field, f"Must be above 0; {_plain(values[field])} is not. Leave it empty for none.")


def _percent(values: Mapping[str, Any], found: Problems, *fields: str) -> None:
    _above_zero(values, found, *fields)
    for field in fields:
        if values.get(field) is not None and values[field] >= HUNDRED:
            _add(found, field, f"A percent below 100 is wanted; {_plain(values[field])} is not. 2 means 2 %.")


def _plain(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _check_symbols(values: Mapping[str, Any], found: Problems) -> None:
    symbols = values.get("symbols")
    if not isinstance(symbols, list):
        _add(found, "symbols", 'A list is wanted, e.g. ["BTCUSDT", "ETHUSDT"]; [] lets every symbol pass.')
        return
    for symbol in symbols:
        if not isinstance(symbol, str) or not SYMBOL.fullmatch(symbol):
            _add(found, "symbols", f"{symbol!r} is no symbol: capital letters and digits, e.g. BTCUSDT.")
    if len({str(symbol) for symbol in symbols}) < len(symbols):
        _add(found, "symbols", "A symbol is named twice.")


def _check_sizing(values: Mapping[str, Any], found: Problems) -> None:
    method, amount = values.get("sizing_method"), values.get("sizing_amount")
    if not method:
        if amount is not None:
            _add(found, "sizing_method", "Choose what the amount means, or clear the amount.")
        return
    if amount is None:
        _add(found, "sizing_amount", f"The method {method} needs an amount.")
        return
    _above_zero(values, found, "sizing_amount")
    if method in FRACTIONS and amount > ONE:
        _add(
            found,
            "sizing_amount",
            f"{method} takes a fraction above 0 and at most 1; {_plain(amount)} is not. 0.25 means 25 %.",
        )
    if method == SizingMethod.RISK_FRACTION and not _has_stop(values):
        _add(found, "sizing_method", "Sizing by risk needs a stop: take the alert's, or set one in percent.")


def _check_leverage(values: Mapping[str, Any], market: Market | None, found: Problems) -> None:
    leverage, highest = values.get("leverage"), values.get("max_leverage")
    if leverage is not None and highest is not None and leverage > highest:
        _add(found, "leverage", f"{leverage} is above the maximum of {highest}: lower it or raise that.")
    if market is not Market.SPOT:
        return
    if leverage is not None:
        _add(found, "leverage", "The account is spot, where there is no leverage: leave it empty.")
    if values.get("margin_type"):
        _add(found, "margin_type", "The account is spot, where there is no margin: leave it empty.")
    if values.get("on_opposite") == OnOpposite.HEDGE:
        _add(found, "on_opposite", "Spot can't hold a short: choose close_first or refuse.")


def _check_entries(values: Mapping[str, Any], found: Problems) -> None:
    for field in ("entry_timeout_s", "protect_within_s", "max_age_s"):
        if values.get(field) is not None and values[field] < 1:
            _add(found, field, "At least one second is needed.")
    reserve = values.get("reserve_pct")
    if reserve is not None and not ZERO <= reserve < HUNDRED:
        _add(found, "reserve_pct", f"A percent from 0 up to below 100 is wanted; {_plain(reserve)} is not.")
    rows = values.get("dca")
    if not isinstance(rows, list) or len(rows) > MAX_RUNGS:
        _add(found, "dca", f'A list of at most {MAX_RUNGS} adds is wanted, e.g. [{{"distance_pct": "2"}}].')
        return
    for number, row in enumerate(rows, start=1):
        for message in _rung_problems(row):
            _add(found, "dca", f"Add {number}: {message}")


def _rung_problems(row: Any) -> list[str]:
    if not isinstance(row, dict):
        return ['an object is wanted, e.g. {"distance_pct": "2", "size_scale": "1"}.']
    problems = [f"unknown field {name!r}." for name in row if name not in ("distance_pct", "size_scale")]
    if "distance_pct" not in row:
        problems.append("distance_pct is missing: how many percent beyond the entry the add lies.")
    for name, value in row.items():
        if name in ("distance_pct", "size_scale"):
            problems += _number_problems(name, value, below=HUNDRED if name == "distance_pct" else None)
    return problems


def _number_problems(
    name: str, value: Any, *, below: Decimal | None = None, at_most: Decimal | None = None
) -> list[str]:
    try:
        number = read_number(value)
    except ValueError as exc:
        return [f"{name}: {exc}."]
    if number <= ZERO:
        return [f"{name} must be above 0."]
    if below is not None and number >= below:
        return [f"{name} must be below {below}."]
    if at_most is not None and number > at_most:
        return [f"{name} is {_plain(number)}, but must be at most {at_most}."]
    return []


def _check_targets(values: Mapping[str, Any], found: Problems) -> None:
    rows = values.get("take_profits")
    if not isinstance(rows, list) or len(rows) > MAX_TARGETS:
        _add(found, "take_profits", f'A list of at most {MAX_TARGETS} is wanted, e.g. [{{"r": "1"}}].')
        return
    for number, row in enumerate(rows, start=1):
        for message in _target_problems(row, with_stop=_has_stop(values)):
            _add(found, "take_profits", f"Target {number}: {message}")
    if "take_profits" in found:
        return
    shares = [row.get("share", "rest") for row in rows]
    total = sum((read_number(share) for share in shares if share != "rest"), ZERO)
    if total > ONE:
        _add(found, "take_profits", f"The shares add up to {_plain(total)}, but there is only 1 to close.")
    if "rest" in shares[:-1]:
        _add(found, "take_profits", 'Only the last target may take the "rest": give the others a share.')
    if total == ONE and shares[-1:] == ["rest"]:
        _add(found, "take_profits", 'The other targets close everything: nothing is left for the "rest".')


def _target_problems(row: Any, *, with_stop: bool) -> list[str]:
    if not isinstance(row, dict):
        return ['an object is wanted, e.g. {"pct": "3", "share": "0.5"}.']
    problems = [f"unknown field {name!r}." for name in row if name not in ("price", "pct", "r", "share")]
    given = [name for name in ("price", "pct", "r") if name in row]
    if len(given) != 1:
        problems.append('exactly one of "price": "alert", "pct" and "r" is wanted.')
    if "price" in row and row["price"] != "alert":
        problems.append('price can only be "alert": the price that the alert gives.')
    if "pct" in row:
        problems += _number_problems("pct", row["pct"])
    if "r" in row:
        problems += _number_problems("r", row["r"])
        if not with_stop:
            problems.append("r is a multiple of the stop distance, but this strategy has no stop.")
    if row.get("share", "rest") != "rest":
        problems += _number_problems("share", row["share"], at_most=ONE)
    return problems


def _has_stop(values: Mapping[str, Any]) -> bool:
    return bool(values.get("stop_from_alert")) or values.get("stop_pct") is not None


def _check_stop(values: Mapping[str, Any], found: Problems) -> None:
    _percent(values, found, "stop_pct")
    trail = values.get("trail_pct")
    if trail is not None and not TRAIL[0] <= trail <= TRAIL[1]:
        _add(
            found,
            "trail_pct",
            f"Between {TRAIL[0]} and {TRAIL[1]} percent, as venues allow; {_plain(trail)} is not.",
        )
    if values.get("stop_required") and not _has_stop(values):
        _add(found, "stop_required", "No entry can pass: take the alert's stop, or set one in percent.")
    offset = values.get("breakeven_offset_pct")
    if offset is not None and not ZERO <= offset < HUNDRED:
        _add(found, "breakeven_offset_pct", f"A percent from 0 to below 100 is wanted, not {_plain(offset)}.")
    after, targets = values.get("breakeven_after"), values.get("take_profits")
    if after is None:
        return
    if after < 1:
        _add(found, "breakeven_after", "Targets are counted from 1.")
    # Without targets of its own the strategy takes the alert's, whose number nobody knows yet.
    if isinstance(targets, list) and targets and after > len(targets):
        _add(found, "breakeven_after", f"There is no target {after}: this strategy has {len(targets)}.")


def _check_limits(values: Mapping[str, Any], found: Problems) -> None:
    names = tuple(Limits.__dataclass_fields__)
    _percent(values, found, *(name for name in names if name.endswith("_pct")))
    _above_zero(values, found, *(name for name in names if not name.endswith("_pct")))
