"""Money and secrets in rows, on either database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from exchange import crypto
from exchange.fields import ExactDecimalField
from exchange.models import Account
from exchange.paper_rows import PaperBalance
from tests.factories import AccountFactory

D = Decimal


def stored(value: Any) -> Decimal:
    row = PaperBalance.objects.create(account=AccountFactory(), asset="X", total=value)
    return PaperBalance.objects.get(pk=row.pk).total  # type: ignore[no-any-return]  # the field is untyped


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    ["12345678901234567890.123456789012345678", "0.00000001", "-0.1", "0", "0.10", "100000000000000000000000000000"],
)
def test_money_comes_back_digit_for_digit(text: str) -> None:
    assert format(stored(D(text)), "f") == text


class TestAnyNumber(TestCase):
    @settings(max_examples=30, deadline=None)
    @given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20))
    def test_any_number_comes_back(self, value: Decimal) -> None:
        row = PaperBalance.objects.create(account=AccountFactory(), asset="X", total=value)
        assert PaperBalance.objects.get(pk=row.pk).total == value


@pytest.mark.django_db
def test_an_exponent_is_stored_as_plain_digits() -> None:
    assert str(stored(D("1E+3"))) == "1000"


@pytest.mark.parametrize("value", [0.1, "NaN", D("Infinity"), "1,5", "x", object(), D(1) / 3 * D(10) ** 61 + D("0.1")])
def test_what_is_no_exact_number_is_refused(value: Any) -> None:
    field = ExactDecimalField()
    if isinstance(value, Decimal) and value.is_finite():
        value = D("1" * 61)

    with pytest.raises(ValidationError):
        field.get_prep_value(value)


def test_empty_is_nothing() -> None:
    assert ExactDecimalField().to_python("") is None
    assert ExactDecimalField().get_prep_value(None) is None


@pytest.mark.django_db
def test_secrets_lie_encrypted_in_the_table() -> None:
    account = AccountFactory(api_secret="very secret")

    with connection.cursor() as cursor:
        cursor.execute("SELECT api_secret FROM exchange_account WHERE id = %s", [account.pk])
        (raw,) = cursor.fetchone()

    assert "very secret" not in raw
    assert crypto.decrypt(raw) == "very secret"
    assert Account.objects.get(pk=account.pk).api_secret == "very secret"


def test_a_rotated_key_still_reads_and_a_lost_one_is_an_error(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    token, digest = crypto.encrypt("text"), crypto.digest(b"secret")

    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    assert crypto.decrypt(token) == "text"
    assert digest in crypto.digests(b"secret")
    assert crypto.digest(b"secret") != digest
    settings.FIELD_ENCRYPTION_KEYS = [new]
    with pytest.raises(InvalidToken):
        crypto.decrypt(token)
    settings.FIELD_ENCRYPTION_KEYS = []
    with pytest.raises(RuntimeError, match="FIELD_ENCRYPTION_KEYS is empty"):
        crypto.encrypt("text")


def test_digests_differ_by_secret_to_the_last_byte() -> None:
    assert crypto.digest(b"secret") == crypto.digest(b"secret")
    assert len({crypto.digest(text) for text in (b"secret", b"secret ", b"Secret", b"")}) == 4
