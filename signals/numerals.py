"""Numbers as alerts write them: ASCII digits only, exact, bounded.

A number has at most 20 digits before and 18 after the point. An exponent (TradingView prints tiny prices as 1e-7) is
taken when the plain digits it stands for fit these bounds, so nothing is ever rounded and `1e400` is refused.
Python's own Decimal would also take `1_000`, full-width digits, `+5` and ` 5 `: here they are refused.
"""

from __future__ import annotations

import re
from decimal import Decimal

from signals.problems import Problem, shown

PLAIN = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,18})?", re.ASCII)
WITH_EXPONENT = re.compile(r"(-?[0-9]{1,20}(?:\.[0-9]{1,18})?)[eE]([+-]?[0-9]{1,2})", re.ASCII)
REMEDY = "Send plain digits such as 1234.5: at most 20 before and 18 after the point (round in Pine with math.round)."


def from_text(text: str) -> Decimal | None:
    """Return the number that the text is, digit for digit, or None if it is none by our rule."""
    if PLAIN.fullmatch(text):
        return Decimal(text)
    match = WITH_EXPONENT.fullmatch(text)
    if match is None:
        return None
    # Built from text: arithmetic would round to the context's 28 digits.
    plain = format(Decimal(text), "f")
    return Decimal(plain) if PLAIN.fullmatch(plain) else None


def from_json(text: str) -> Decimal:
    """Return a number token of a JSON text; raises Problem if it is outside the bounds."""
    number = from_text(text)
    if number is None:
        raise Problem("NUMBER_OUT_OF_BOUNDS", "", f"{shown(text)} is not a number within the bounds", REMEDY)
    return number


def from_value(value: object) -> Decimal | None:
    """Return the number that a field's value is, as JSON number or as text; None if it is none (booleans are none)."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, str):
        return from_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return from_text(str(value))
    return None
