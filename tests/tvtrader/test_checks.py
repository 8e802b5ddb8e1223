"""Dangerous mixes are refused or warned about."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory

from exchange.models import Account
from tvtrader import checks
from tvtrader.client import address_of
from tvtrader.logging import redact_text


def live_account() -> Account:
    return Account.objects.create(name="real", venue="binance_usdm", environment="live")


def ids(messages: list[CheckMessage]) -> set[str | None]:
    return {message.id for message in messages}


@pytest.mark.django_db
def test_debug_with_a_live_account_does_not_start(settings: Any) -> None:
    live_account()
    settings.DEBUG = True

    with pytest.raises(ImproperlyConfigured, match=r"tvtrader\.E006"):
        checks.enforce()


@pytest.mark.django_db
def test_a_live_account_on_sqlite_is_warned_about(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    live_account()
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "tvtrader.db.sqlite3_fair")

    assert ids(checks.check_live_accounts(None, databases=["default"])) == {"tvtrader.W001"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"venue": "paper_usdm"},
        {"venue": "binance_usdm", "enabled": False},
        {"venue": "binance_usdm", "environment": "demo"},
    ],
)
def test_play_money_and_disabled_accounts_are_nobodys_concern(settings: Any, fields: dict[str, Any]) -> None:
    Account.objects.create(name="play", **fields)
    settings.DEBUG = True

    assert checks.check_live_accounts(None, databases=["default"]) == []


@pytest.mark.parametrize(("name", "version"), [("django.VERSION", (5, 2, 18)), ("rest_framework.VERSION", "3.18.1")])
def test_a_framework_with_known_holes_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, version: Any) -> None:
    monkeypatch.setattr(f"tvtrader.checks.{name}", version)

    assert ids(checks.check_versions(None)) == {"tvtrader.E005"}


def test_the_installed_versions_are_accepted() -> None:
    assert checks.check_versions(None) == []


def test_failed_logins_count_for_the_caller_and_not_for_the_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.1/32"]
    request = RequestFactory().post(
        "/admin/login/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9"
    )

    assert address_of(request) == "203.0.113.9"


@pytest.mark.django_db
def test_guessing_passwords_ends_after_five_tries(client: Client) -> None:
    get_user_model().objects.create_superuser("admin", password="the-right-one-1")
    answers = [client.post("/admin/login/", {"username": "admin", "password": f"guess-{n}"}) for n in range(6)]
    answers.append(client.post("/admin/login/", {"username": "admin", "password": "the-right-one-1"}))

    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    assert answers[-1].status_code == 429


@pytest.mark.django_db
def test_a_lost_encryption_key_is_told_before_anything_starts(settings: Any) -> None:
    Account.objects.create(name="demo", venue="paper_usdm", api_key="key-of-account", api_secret="secret-of-account")
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(ImproperlyConfigured, match=r"tvtrader\.E007"):
        checks.enforce()


@pytest.mark.django_db
def test_stored_secrets_are_hidden_from_the_logs_once_started() -> None:
    Account.objects.create(name="demo", venue="paper_usdm", api_key="key-of-account", api_secret="secret-of-account")

    checks.enforce()

    assert redact_text("-2015 for key-of-account") == "-2015 for [hidden]"
