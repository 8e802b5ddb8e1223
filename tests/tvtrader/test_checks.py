"""Dangerous mixes are refused or warned about."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from exchange.models import Account
from tvtrader import checks


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
