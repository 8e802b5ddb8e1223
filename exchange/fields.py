"""Model fields that keep money exact and secrets secret on both databases."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from exchange import crypto

MAX_DIGITS = 60


class ExactDecimalField(models.Field[Any, Any]):
    """A Decimal that both databases give back digit for digit.

    SQLite keeps a DecimalField as REAL and loses digits, so there it is text; on PostgreSQL it is an unbounded
    numeric. Text does not sort or sum as a number: order and add in Python. Refuses floats, NaN and infinity.
    """

    description = "Exact decimal"

    def db_type(self, connection: Any) -> str:
        return "numeric" if connection.vendor == "postgresql" else "text"

    def get_default(self) -> Any:
        return self.to_python(super().get_default())

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else Decimal(value)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or value == "":
            return None
        if isinstance(value, float):
            raise ValidationError("money must not pass through float", code="float")
        try:
            number = Decimal(value)
        except (InvalidOperation, TypeError, ValueError) as exc:
            raise ValidationError(f"{value!r} is not a decimal number", code="invalid") from exc
        if not number.is_finite() or len(number.as_tuple().digits) > MAX_DIGITS:
            raise ValidationError(f"{value!r} is not a finite decimal of at most {MAX_DIGITS} digits", code="invalid")
        return number

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        number = self.to_python(value)
        return None if number is None else format(number, "f")

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if value is not None and connection.vendor == "postgresql":
            return Decimal(value)
        return value

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else format(value, "f")

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": ExactDecimalFormField, **kwargs})


class ExactDecimalFormField(forms.DecimalField):
    """A form field that shows plain digits without an exponent."""

    widget = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        return format(value, "f") if isinstance(value, Decimal) else value


class EncryptedTextField(models.TextField[Any, Any]):
    """Text that is stored encrypted with FIELD_ENCRYPTION_KEYS; cannot be filtered on; a lost key is an error."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value if value in (None, "") else crypto.encrypt(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value if value in (None, "") else crypto.decrypt(value)
