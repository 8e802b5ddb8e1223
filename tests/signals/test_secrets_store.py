from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exchange import crypto
from signals import secrets_store
from signals.models import EndpointSecret
from signals.secrets_store import BadSecret
from tests.factories import T0, EndpointFactory

GOOD = "a-secret-of-this-endpoint"
OTHER = "another-secret-of-this-endpoint"

pytestmark = pytest.mark.django_db


def found(*candidates: str, at: timedelta = timedelta()) -> list[bool]:
    rows = secrets_store.find([candidate.encode() for candidate in candidates], now=T0 + at)
    return [row is not None for row in rows]


def test_a_new_secret_is_long_random_and_fits_a_path() -> None:
    made = {secrets_store.new_secret() for _ in range(50)}

    assert len(made) == 50
    for secret in made:
        secrets_store.check_strength(secret)
        assert len(secret) == 32
        assert secret.replace("-", "").replace("_", "").isalnum()


def test_only_a_keyed_digest_is_stored() -> None:
    row = secrets_store.add_secret(EndpointFactory(), GOOD)

    assert GOOD not in str(EndpointSecret.objects.filter(pk=row.pk).values())
    assert row.digest == crypto.digest(GOOD.encode())


def test_several_are_valid_while_rotating_and_the_old_one_ends_on_time() -> None:
    endpoint = EndpointFactory()
    secrets_store.add_secret(endpoint, GOOD)
    secrets_store.add_secret(endpoint, OTHER)
    secrets_store.add_secret(endpoint, GOOD, expires_at=T0 + timedelta(hours=1))

    assert found(GOOD, OTHER) == [True, True]
    assert found(GOOD, OTHER, at=timedelta(hours=1)) == [False, True]


def test_setting_secrets_ends_the_others() -> None:
    endpoint = EndpointFactory()
    secrets_store.set_secrets(endpoint, [GOOD])
    secrets_store.set_secrets(endpoint, [OTHER])
    secrets_store.set_secrets(endpoint, [OTHER])

    assert found(GOOD, OTHER) == [False, True]
    assert endpoint.secrets.count() == 1


def test_a_bad_one_of_several_changes_nothing() -> None:
    endpoint = EndpointFactory()
    secrets_store.set_secrets(endpoint, [GOOD])

    with pytest.raises(BadSecret):
        secrets_store.set_secrets(endpoint, [OTHER, "short"])

    assert found(GOOD, OTHER) == [True, False]


def test_a_secret_belongs_to_one_endpoint() -> None:
    secrets_store.add_secret(EndpointFactory(name="first"), GOOD)

    with pytest.raises(BadSecret, match="first"):
        secrets_store.add_secret(EndpointFactory(), GOOD)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "x" * 15,
        "x" * 40,
        "abababababababababab",
        "CHANGE_ME_CHANGE_ME",
        "change-me-please",
        "your_webhook_token",
        "YOUR-WEBHOOK-SECRET-HERE",
        "passwordpassword",
        "x" * 300,
        "with\x00nul-character-in",
        "with\nnewline-inside-it",
        " starts-with-a-space",
        "ends-with-a-space ",
        None,
        5,
    ],
)
def test_weak_secrets_are_refused_without_being_shown(secret: object) -> None:
    with pytest.raises(BadSecret) as caught:
        secrets_store.add_secret(EndpointFactory(), secret)  # type: ignore[arg-type]  # what a file may hold

    assert not secret or str(secret) not in str(caught.value)


@pytest.mark.parametrize("near", [GOOD.upper(), GOOD + " ", " " + GOOD, GOOD + "\n", GOOD[:-1], GOOD + "\x00", ""])
def test_a_secret_is_compared_as_its_bytes(near: str) -> None:
    secrets_store.add_secret(EndpointFactory(), GOOD)

    assert found(near) == [False]


def test_a_rotated_key_still_finds_older_secrets(settings: Any) -> None:
    secrets_store.add_secret(EndpointFactory(), GOOD)
    settings.FIELD_ENCRYPTION_KEYS = [
        "bmV3LWtleS10aGF0LWlzLWp1c3QtZm9yLXRlc3RpbmchIQ==",
        *settings.FIELD_ENCRYPTION_KEYS,
    ]

    assert found(GOOD) == [True]
    with pytest.raises(BadSecret):
        secrets_store.add_secret(EndpointFactory(), GOOD)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("right", [True, False])
def test_looking_is_the_same_work_whatever_was_sent(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any, count: int, right: bool
) -> None:
    secrets_store.add_secret(EndpointFactory(), GOOD)
    computed: list[bytes] = []
    real = crypto.digests
    monkeypatch.setattr(crypto, "digests", lambda secret: computed.append(secret) or real(secret))  # type: ignore[func-returns-value]

    with django_assert_num_queries(1):
        secrets_store.find([GOOD.encode() if right else b"wrong"] * count, now=T0)

    assert len(computed) == secrets_store.SLOTS


def test_use_is_remembered_to_the_minute() -> None:
    row = secrets_store.add_secret(EndpointFactory(), GOOD)

    for seconds, expected in ((0, 0), (59, 0), (60, 60)):
        row.refresh_from_db()
        secrets_store.mark_used(row, now=T0 + timedelta(seconds=seconds))
        row.refresh_from_db()
        assert row.last_used_at == T0 + timedelta(seconds=expected)
