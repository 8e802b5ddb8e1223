"""Fields of alerts: exact numbers, whole leverages, fractions, words and moments; each says what it wants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from signals import numerals
from signals.problems import Problem, shown

ABSENT_WORDS = frozenset({"", "null", "nan", "na", "none"})
MAX_LEVERAGE = 125
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# Above this a number of seconds would lie after the year 5138: it counts milliseconds.
MILLISECONDS_FROM = Decimal(100_000_000_000)


class AlertField(serializers.Field[Any, Any, Any, Any]):
    """Base: null counts as absent if the field is optional; problems carry the name that the alert uses.

    words_absent: the texts "", "null", "NaN" and "na" count as absent too, for dialects whose Pine writes them.
    """

    def __init__(self, *, words_absent: bool = False, **kwargs: Any) -> None:
        if kwargs.get("required") is False:
            kwargs.setdefault("allow_null", True)
        self.words_absent = words_absent
        super().__init__(**kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if self.words_absent and isinstance(data, str) and data.strip().lower() in ABSENT_WORDS:
            data = serializers.empty if not self.allow_null else None
        return super().run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return value

    def problem(self, code: str, message: str, remedy: str) -> Problem:
        name = str(self.field_name)
        external = getattr(self.parent, "external_name", None)
        name = external(name) if external else name
        return Problem(code, name, f"{name} {message}", remedy)


class Number(AlertField):
    """A number above zero, as JSON number or text. zero_absent: 0 means "none"."""

    noun = "a positive number"

    def __init__(self, *, zero_absent: bool = False, **kwargs: Any) -> None:
        self.zero_absent = zero_absent
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal | None:
        number = numerals.from_value(data)
        if number is None:
            raise self.problem("NOT_A_NUMBER", f"must be {self.noun}, not {shown(data)}", numerals.REMEDY)
        if number == 0 and self.zero_absent:
            return None
        if number <= 0:
            raise self.problem(
                "NOT_POSITIVE",
                f"must be above zero, not {shown(data)}",
                "Send a positive number, or leave the field out.",
            )
        return number


class Fraction(Number):
    """A fraction above 0 and at most 1; a larger number is refused, never read as a percent."""

    noun = "a fraction above 0 and at most 1"

    def to_internal_value(self, data: Any) -> Decimal | None:
        number = super().to_internal_value(data)
        if number is not None and number > 1:
            raise self.problem(
                "FRACTION_OUT_OF_RANGE", f"must be above 0 and at most 1, not {shown(data)}", "25 percent is 0.25."
            )
        return number


class Percent(Number):
    """A percent above 0 and at most `most` (no limit if None)."""

    noun = "a percent"

    def __init__(self, *, most: int | None = 100, **kwargs: Any) -> None:
        self.most = most
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal | None:
        number = super().to_internal_value(data)
        if number is not None and self.most is not None and number > self.most:
            raise self.problem(
                "PERCENT_OUT_OF_RANGE", f"must be above 0 and at most {self.most}, not {shown(data)}", "2 percent is 2."
            )
        return number


class Leverage(AlertField):
    """A whole leverage from 1 to 125."""

    def to_internal_value(self, data: Any) -> int:
        number = numerals.from_value(data)
        if number is None:
            raise self.problem("NOT_A_NUMBER", f"must be a whole number, not {shown(data)}", "Send 1 to 125.")
        if number != number.to_integral_value():
            raise self.problem("LEVERAGE_NOT_WHOLE", f"must be a whole number, not {shown(data)}", "Send 1 to 125.")
        if not 1 <= number <= MAX_LEVERAGE:
            raise self.problem(
                "LEVERAGE_OUT_OF_RANGE", f"must be 1 to {MAX_LEVERAGE}, not {shown(data)}", "Send 1 to 125."
            )
        return int(number)


class Word(AlertField):
    """One of a few words, in any case of ASCII letters; gives what the word means.

    words: as the dialect's users write them, which is how a problem names them.
    """

    def __init__(self, words: Mapping[str, Any], **kwargs: Any) -> None:
        self.words = {word.lower(): meaning for word, meaning in words.items()}
        self.known = " or ".join(", ".join(words).rsplit(", ", 1))
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and data.isascii() and data.strip().lower() in self.words:
            return self.words[data.strip().lower()]
        code = f"UNKNOWN_{str(self.field_name).upper()}"
        raise self.problem(code, f"must be {self.known}, not {shown(data)}", f"Send {self.known}.")


class Text(AlertField):
    """A text of 1 to `most` characters (0 too if it is optional), taken as it is."""

    def __init__(self, *, most: int = 64, **kwargs: Any) -> None:
        self.most = most
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or len(data) > self.most or (self.required and not data):
            raise self.problem(
                "BAD_TEXT", f"must be a text of at most {self.most} characters", "Put it in double quotes."
            )
        return data


class Raw(AlertField):
    """Whatever the alert sends: judged by who uses it."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class Moment(AlertField):
    """When the alert was fired: ISO 8601, or seconds or milliseconds since 1970 (told apart by their size).

    A time without a zone is UTC, as TradingView's {{timenow}} is. Times outside of 2015 to 2100 are refused.
    """

    def to_internal_value(self, data: Any) -> datetime:
        number = numerals.from_value(data)
        at = _from_number(number) if number is not None else _from_text(data)
        if at is None or not EARLIEST <= at <= LATEST:
            raise self.problem("BAD_TIME", f"is not a time of our days: {shown(data)}", "Send {{timenow}} in quotes.")
        return at


def _from_number(number: Decimal) -> datetime | None:
    seconds = number / 1000 if abs(number) >= MILLISECONDS_FROM else number
    if not 0 < seconds < MILLISECONDS_FROM:
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        return None


def _from_text(data: object) -> datetime | None:
    if not isinstance(data, str) or not data.isascii() or not 10 <= len(data) <= 40 or not data[:4].isdigit():
        return None
    try:
        at = datetime.fromisoformat(data)
    except ValueError:
        return None
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        return None
