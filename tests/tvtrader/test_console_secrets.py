"""What is secret goes into the console and does not come out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token, TokenProxy

from exchange.models import Account
from ledger.models import Trade
from signals.models import Endpoint, EndpointSecret, Signal
from tests.factories import (
    AccountFactory,
)
from tests.story import API_KEY, API_SECRET, Story

pytestmark = pytest.mark.django_db


def page(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def listing(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────


def account_form(account: Account | None = None, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": account.name if account else "fresh", "venue": "binance_usdm", "environment": "live", "enabled": "on",
        "paper_balances": "{}", "maker_fee": "0.0002", "taker_fee": "0.0005", "slippage_bps": "1",
        "new_api_key": "", "new_api_secret": "",
    }  # fmt: skip
    return data | changes


def test_keys_go_in_and_never_come_out(console: Client) -> None:
    add = reverse("admin:exchange_account_add")
    posted = account_form(new_api_key=API_KEY, new_api_secret=API_SECRET)

    assert console.post(add, posted).status_code == 302

    account = Account.objects.get(name="fresh")
    assert (account.api_key, account.api_secret) == (API_KEY, API_SECRET)
    for url in (
        page(account),
        listing(Account),
        reverse("admin:index"),
        reverse("admin:exchange_account_history", args=[account.pk]),
    ):
        shown = console.get(url).content.decode()
        assert API_SECRET not in shown
        assert API_KEY not in shown
    assert "ends in 6789" in console.get(page(account)).content.decode()


def test_a_form_that_comes_back_with_an_error_does_not_bring_the_secret_back(console: Client) -> None:
    response = console.post(
        reverse("admin:exchange_account_add"), account_form(venue="", new_api_key=API_KEY, new_api_secret=API_SECRET)
    )

    assert response.status_code == 200
    assert API_SECRET not in response.content.decode()
    assert API_KEY not in response.content.decode()


def test_empty_inputs_keep_the_stored_keys_and_forgetting_removes_them(console: Client) -> None:
    account = AccountFactory(api_key=API_KEY, api_secret=API_SECRET)

    console.post(page(account), account_form(account))
    account.refresh_from_db()
    assert (account.api_key, account.api_secret) == (API_KEY, API_SECRET)

    console.post(page(account), account_form(account, forget_keys="on"))
    account.refresh_from_db()
    assert (account.api_key, account.api_secret) == ("", "")


def test_a_key_without_its_secret_is_refused(console: Client) -> None:
    account = AccountFactory(api_key=API_KEY, api_secret=API_SECRET)

    response = console.post(page(account), account_form(account, new_api_key="another-key"))

    assert "belong together" in response.content.decode()
    account.refresh_from_db()
    assert account.api_key == API_KEY


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("paper_balances", '{"USDT": 10000.5}'), ("paper_balances", "[1]"), ("paper_balances", '{"USDT": "-1"}'),
        ("taker_fee", "5"), ("maker_fee", "-0.1"), ("slippage_bps", "1001"), ("taker_fee", "NaN"),
    ],
)  # fmt: skip
def test_paper_settings_that_make_no_sense_are_refused(console: Client, field: str, value: str) -> None:
    response = console.post(reverse("admin:exchange_account_add"), account_form() | {field: value})

    assert response.status_code == 200
    assert not Account.objects.filter(name="fresh").exists()


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (Account, "api_secret__startswith"), (Account, "api_key__contains"), (Account, "api_secret"),
        (Trade, "account__api_secret__startswith"), (Endpoint, "secrets__digest__startswith"),
        (Endpoint, "strategy__account__api_key__gt"), (Signal, "endpoint__secrets__digest"),
        (User, "password__startswith"), (LogEntry, "user__password__startswith"), (User, "auth_token__key__startswith"),
    ],
)  # fmt: skip
def test_secrets_can_not_be_asked_for_letter_by_letter(console: Client, model: Any, lookup: str) -> None:
    assert console.get(listing(model), {lookup: "g"}).status_code == 400


def test_a_new_webhook_secret_is_shown_once_and_nowhere_else(console: Client, story: Story) -> None:
    url = reverse("admin:signals_endpoint_act", args=[story.endpoint.pk, "secret"])
    assert console.get(url).status_code == 200
    assert EndpointSecret.objects.filter(endpoint=story.endpoint).count() == 1

    response = console.post(url)

    found = re.search(r'<pre class="tv-pre tv-once">(.+?)</pre>', response.content.decode())
    assert found
    secret = found[1]
    assert len(secret) >= 32
    assert response["Cache-Control"].count("no-store") == 1
    assert EndpointSecret.objects.filter(endpoint=story.endpoint).count() == 2
    assert console.post(f"/webhook/{secret}", "{}", content_type="application/json").status_code == 400
    for again in (page(story.endpoint), reverse("admin:index"), listing(LogEntry), listing(Endpoint)):
        assert secret not in console.get(again).content.decode()
    assert not any(secret in str(value) for value in console.session.values())
    assert not any(secret in cookie.value for cookie in console.cookies.values())


def test_a_secret_can_be_revoked(console: Client, story: Story) -> None:
    secret = EndpointSecret.objects.get(endpoint=story.endpoint)
    data = {
        "name": story.endpoint.name, "strategy": story.endpoint.strategy_id, "dialect": "native", "enabled": "on",
        "strict": "unknown", "secrets-TOTAL_FORMS": "1", "secrets-INITIAL_FORMS": "1", "secrets-0-id": secret.pk,
        "secrets-0-endpoint": story.endpoint.pk, "secrets-0-DELETE": "on", "routes-TOTAL_FORMS": "0",
        "routes-INITIAL_FORMS": "0",
    }  # fmt: skip

    assert console.post(page(story.endpoint), data).status_code == 302

    assert not EndpointSecret.objects.exists()
    assert (
        "Deleted" in str(list(LogEntry.objects.values_list("change_message", flat=True))) or LogEntry.objects.exists()
    )


def test_an_api_token_is_shown_once(console: Client, superuser: User) -> None:
    response = console.post(reverse("admin:authtoken_tokenproxy_add"), {"user": superuser.pk})

    token = Token.objects.get(user=superuser).key
    assert token in response.content.decode()
    pages = [listing(TokenProxy), listing(LogEntry), reverse("admin:authtoken_tokenproxy_change", args=[superuser.pk])]
    pages.append(reverse("admin:authtoken_tokenproxy_delete", args=[superuser.pk]))
    for url in pages:
        again = console.get(url)
        assert again.status_code == 200
        assert token not in again.content.decode(), url
    console.post(pages[-1], {"post": "yes"})
    assert not Token.objects.exists()
    assert token not in str(list(LogEntry.objects.values()))
