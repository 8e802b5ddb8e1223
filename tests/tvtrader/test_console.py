"""Every page of the console opens, tells the truth, keeps secrets, and changes no fact."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import PeriodicTask
from rest_framework.authtoken.models import Token, TokenProxy

from exchange.clock import now
from exchange.models import Account, HouseState, Instrument, TradingState
from ledger.models import EquitySnapshot, Fill, Income, Notice, Order, Trade
from signals.models import Endpoint, EndpointSecret, Signal
from tests.factories import (
    AccountFactory,
    EquitySnapshotFactory,
    IncomeFactory,
    NoticeFactory,
    SignalFactory,
    StrategyFactory,
)
from tests.story import API_KEY, API_SECRET, HOSTILE, Story, tell

pytestmark = pytest.mark.django_db
FACTS = (Signal, Trade, Order, Fill, Income, EquitySnapshot, Notice, Instrument, HouseState, LogEntry)


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password="x")


@pytest.fixture
def console(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def story() -> Story:
    return tell()


def page(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def listing(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def ours() -> list[Any]:
    return [model for model in admin.site._registry if model is not TokenProxy]


def test_every_model_of_ours_that_an_operator_needs_has_a_page() -> None:
    registered = {model._meta.label for model in admin.site._registry}
    hidden = {
        # Behind the pages of their parents, or the other side of the paper venue.
        "exchange.SymbolSetup", "ledger.Lane", "ledger.Leg", "ledger.OrderEvent",
        "signals.EndpointRoute", "signals.EndpointSecret", "signals.Delivery",
    }  # fmt: skip
    wanted = {
        model._meta.label
        for label in ("exchange", "ledger", "signals", "tvtrader")
        for model in apps.get_app_config(label).get_models()
        if not model.__name__.startswith("Paper")
    }

    assert wanted - hidden - registered == set()


@pytest.mark.parametrize("model", ours(), ids=lambda model: model._meta.label)
def test_every_list_and_search_opens(console: Client, story: Story, model: Any) -> None:
    NoticeFactory()
    IncomeFactory(account=story.trade.account)
    EquitySnapshotFactory(account=story.trade.account)

    response = console.get(listing(model), follow=True)
    assert response.status_code == 200
    assert console.get(listing(model), {"q": "a"}, follow=True).status_code == 200


@pytest.mark.parametrize("model", ours(), ids=lambda model: model._meta.label)
def test_every_page_of_a_row_opens(console: Client, story: Story, model: Any) -> None:
    NoticeFactory()
    IncomeFactory(account=story.trade.account)
    EquitySnapshotFactory(account=story.trade.account)
    HouseState.get()
    row = model._default_manager.first()

    if row is not None:
        assert console.get(page(row)).status_code == 200


def test_adding_is_offered_for_configuration_only(console: Client) -> None:
    for model in ours():
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        facts = model in FACTS or model._meta.label.startswith(("axes.", "tvtrader."))
        expected = 403 if facts else 200
        assert console.get(url).status_code == expected, model


@pytest.mark.parametrize("model", FACTS, ids=lambda model: model._meta.label)
def test_a_superuser_can_neither_change_nor_delete_a_fact(console: Client, story: Story, model: Any) -> None:
    NoticeFactory()
    IncomeFactory(account=story.trade.account)
    EquitySnapshotFactory(account=story.trade.account)
    HouseState.get()
    LogEntry.objects.log_actions(1, [story.trade], 2, "x", single_object=True)
    row = model._default_manager.first()
    before = model._default_manager.filter(pk=row.pk).values().get()
    data = {field.name: "1" for field in model._meta.fields}

    assert console.post(page(row), data).status_code == 403
    delete = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_delete", args=[row.pk])
    assert console.post(delete, {"post": "yes"}).status_code == 403
    bulk = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    console.post(listing(model), bulk)

    assert model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("user", ["nobody", "reader"])
def test_strangers_and_plain_users_see_nothing(client: Client, story: Story, user: str) -> None:
    if user == "reader":
        client.force_login(User.objects.create_user("reader"))

    for row in (story.signal, story.trade, story.trade.account):
        assert client.get(page(row)).status_code == 302
    assert client.get(reverse("admin:index")).status_code == 302


def test_staff_without_rights_get_no_facts_and_no_buttons(client: Client, story: Story) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    act = reverse("admin:ledger_trade_act", args=[story.trade.pk, "close"])
    assert client.get(page(story.trade)).status_code == 403
    assert client.get(page(story.signal)).status_code == 403
    assert story.trade.public_id not in client.get(reverse("admin:index")).content.decode()

    viewer.user_permissions.add(Permission.objects.get(codename="view_trade"))
    assert "/act/" not in client.get(page(story.trade)).content.decode()
    assert client.post(act).status_code == 403
    story.trade.refresh_from_db()
    assert story.trade.close_requested_at is None


# ── what the decision page and the trade page say ─────────────────────────────────────────────────────────────


def test_the_decision_page_tells_the_whole_story(console: Client, story: Story) -> None:
    shown = text(console.get(page(story.signal)))

    for words in (
        "DONE", "OPENED", "Opened LONG 0.020 BTC.", "story-endpoint", "story-strategy", "story-account",
        "&quot;size&quot;: 0.100", "sizing.method margin", "sizing.amount 10", "Rounded down to the step 0.001.",
        "60000.00", "MARKET", "59000.0", "62000.0", "60000.10 USDT", "0.600001 USDT", "PROTECTED",
        "The stop is at the venue.", "Alert received", "First fill", "Stop acknowledged", "12:00:00.020 UTC",
        "2026-03-02", "Replay",
    ):  # fmt: skip
        assert words in shown, words
    assert "Approve" not in shown


def test_a_refusal_shows_its_reason_and_what_to_change(console: Client) -> None:
    signal = SignalFactory(
        status=Signal.Status.REFUSED,
        reason_code="BELOW_MIN_NOTIONAL",
        reason="3.60 USDT is below the venue's minimum of 5.",
        remedy="Send at least 5 USDT.",
        plan={"outcome": "REFUSE", "code": "BELOW_MIN_NOTIONAL", "reason": "3.60", "orders": [], "notes": []},
    )

    shown = text(console.get(page(signal)))

    assert "3.60 USDT is below the venue&#x27;s minimum of 5." in shown
    assert "What to change: Send at least 5 USDT." in shown
    assert "No order was planned." in shown


def test_a_duplicate_links_to_the_signal_that_acted_and_back(console: Client, story: Story) -> None:
    twin = SignalFactory(endpoint=story.endpoint, status=Signal.Status.DUPLICATE, duplicate_of=story.signal)

    assert page(story.signal) in console.get(page(twin)).content.decode()
    assert page(twin) in console.get(page(story.signal)).content.decode()


@pytest.mark.parametrize(
    "body", ["", "not json", "[1, 2]", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 3000, '{"a": "\\ud800"}', "{}"]
)
def test_whatever_arrived_can_be_looked_at(console: Client, body: str) -> None:
    signal = SignalFactory(body=body, status=Signal.Status.INVALID)

    assert console.get(page(signal)).status_code == 200


def test_a_key_that_came_twice_is_shown_twice(console: Client) -> None:
    signal = SignalFactory(body='{"side": "buy", "side": "sell"}')

    assert "&quot;side&quot;: &quot;buy&quot;, &quot;side&quot;: &quot;sell&quot;" in text(console.get(page(signal)))


def test_no_text_of_an_alert_becomes_markup(console: Client) -> None:
    story = tell(symbol=HOSTILE, body='{"note": "<img src=x onerror=alert(1)>"}')
    Signal.objects.filter(pk=story.signal.pk).update(
        reason=HOSTILE, remedy=HOSTILE, own_id=HOSTILE, reason_code=HOSTILE, ignored_fields=[HOSTILE],
        intent={HOSTILE: HOSTILE}, plan={"outcome": HOSTILE, "orders": [{"leg": HOSTILE}], "notes": [HOSTILE]},
    )  # fmt: skip
    Order.objects.filter(pk=story.entry.pk).update(reason=HOSTILE)
    Trade.objects.filter(pk=story.trade.pk).update(close_reason=HOSTILE)
    NoticeFactory(message=HOSTILE, code=HOSTILE, level=Notice.Level.ALARM, trade=story.trade)
    pages = [page(story.signal), page(story.trade), page(story.entry), reverse("admin:index")]
    pages += [listing(model) for model in (Signal, Trade, Order, Fill, Notice)]

    for url in pages:
        assert "<img" not in console.get(url).content.decode(), url
    assert "&lt;img" in console.get(page(story.signal)).content.decode()


def test_the_trade_page_shows_money_with_its_asset_and_time_with_its_zone(console: Client, story: Story) -> None:
    shown = text(console.get(page(story.trade)))

    for words in ("0.020 BTC", "60000.10 USDT", "0.600001 USDT", "59000.0 USDT", "PROTECTED", "12:00:00.080 UTC"):
        assert words in shown, words
    assert f"signal {story.signal.pk}" in shown


def test_a_position_without_its_stop_is_marked_as_unprotected(console: Client, story: Story) -> None:
    Order.objects.filter(pk=story.stop.pk).update(status="REJECTED")

    assert "UNPROTECTED" in text(console.get(page(story.trade)))
    assert "UNPROTECTED" in text(console.get(listing(Trade)))
    assert "1 without protection" in text(console.get(reverse("admin:index")))


def test_a_stop_that_is_being_replaced_does_not_count_twice(console: Client, story: Story) -> None:
    # Half of the position is covered by the new stop; the old one is on its way out.
    Order.objects.filter(pk=story.stop.pk).update(superseded=True, quantity=Decimal("0.010"))
    Order.objects.create(
        trade=story.trade, leg=story.stop.leg, account=story.trade.account, client_order_id="tv-new-sl-2", sequence=2,
        role="SL", symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity=Decimal("0.010"), status="ACCEPTED",
    )  # fmt: skip

    assert "UNPROTECTED" in text(console.get(listing(Trade)))


# ── queries ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", [Signal, Trade, Order, Fill, Notice, Account, Endpoint], ids=lambda m: m.__name__)
def test_a_list_asks_as_often_for_many_rows_as_for_few(console: Client, model: Any) -> None:
    tell(name="a")
    console.get(listing(model))
    with CaptureQueriesContext(connection) as few:
        console.get(listing(model))
    for name in "bcdef":
        tell(name=name)
    with CaptureQueriesContext(connection) as many:
        console.get(listing(model))

    assert len(many) == len(few)
    assert len(many) <= 20


def test_the_dashboard_asks_as_often_for_many_trades_as_for_few(console: Client) -> None:
    tell(name="a")
    url = reverse("admin:index")
    console.get(url)
    with CaptureQueriesContext(connection) as few:
        console.get(url)
    for name in "bcdef":
        tell(name=name)
    with CaptureQueriesContext(connection) as many:
        console.get(url)

    assert len(many) == len(few)


def test_the_decision_page_asks_as_often_for_many_orders_as_for_few(console: Client, story: Story) -> None:
    console.get(page(story.signal))
    with CaptureQueriesContext(connection) as few:
        console.get(page(story.signal))
    for sequence in range(2, 12):
        Order.objects.create(
            trade=story.trade, leg=story.entry.leg, account=story.trade.account,
            client_order_id=f"tv-x-entry-{sequence}", sequence=sequence, role="ENTRY", symbol="BTCUSDT", side="BUY",
            type="MARKET", quantity=Decimal(1), status="REJECTED",
        )  # fmt: skip
    with CaptureQueriesContext(connection) as many:
        console.get(page(story.signal))

    assert len(many) == len(few)


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


def test_an_api_token_is_shown_once(console: Client, boss: User) -> None:
    response = console.post(reverse("admin:authtoken_tokenproxy_add"), {"user": boss.pk})

    token = Token.objects.get(user=boss).key
    assert token in response.content.decode()
    pages = [listing(TokenProxy), listing(LogEntry), reverse("admin:authtoken_tokenproxy_change", args=[boss.pk])]
    pages.append(reverse("admin:authtoken_tokenproxy_delete", args=[boss.pk]))
    for url in pages:
        again = console.get(url)
        assert again.status_code == 200
        assert token not in again.content.decode(), url
    console.post(pages[-1], {"post": "yes"})
    assert not Token.objects.exists()
    assert token not in str(list(LogEntry.objects.values()))


# ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_act_asks_first_and_is_audited(console: Client, boss: User) -> None:
    strategy = StrategyFactory(name="mean-reversion")
    url = reverse("admin:ledger_strategy_act", args=[strategy.pk, "halt"])

    asked = text(console.get(url))
    strategy.refresh_from_db()
    assert "Halt: 1 strategy" in asked
    assert strategy.state == TradingState.ACTIVE

    assert console.post(url).status_code == 302
    strategy.refresh_from_db()
    assert strategy.state == TradingState.HALTED
    assert "boss" in strategy.state_reason
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (boss, "mean-reversion")
    assert "Halt" in entry.change_message


def test_a_bulk_act_names_the_count_before_it_acts(console: Client) -> None:
    strategies = [StrategyFactory() for _ in range(3)]
    chosen = {"action": "act_halt", "_selected_action": [row.pk for row in strategies[:2]]}
    url = reverse("admin:ledger_strategy_changelist")

    asked = console.post(url, chosen)
    assert "Halt: 2 strategies" in text(asked)
    assert [type(row).objects.get(pk=row.pk).state for row in strategies] == [TradingState.ACTIVE] * 3

    console.post(url, chosen | {"confirmed": "yes"})
    after = [type(row).objects.get(pk=row.pk).state for row in strategies]
    assert after == [TradingState.HALTED, TradingState.HALTED, TradingState.ACTIVE]
    assert LogEntry.objects.count() == 2


def test_the_house_is_switched_off_and_on(console: Client) -> None:
    house = HouseState.get()

    console.post(reverse("admin:exchange_housestate_act", args=[house.pk, "halt"]))
    assert HouseState.get().state == TradingState.HALTED
    assert "HALTED" in text(console.get(reverse("admin:index")))

    console.post(reverse("admin:exchange_housestate_act", args=[house.pk, "resume"]))
    assert HouseState.get().state == TradingState.ACTIVE


def test_closing_a_trade_asks_for_its_close(console: Client, story: Story) -> None:
    url = reverse("admin:ledger_trade_act", args=[story.trade.pk, "close"])
    assert console.get(url).status_code == 200
    story.trade.refresh_from_db()
    assert story.trade.close_requested_at is None

    console.post(url)
    assert Trade.objects.get(pk=story.trade.pk).close_requested_at is not None
    assert "not possible any more" in text(console.post(url, follow=True))


def test_flattening_an_account_closes_its_trades_only(console: Client, story: Story) -> None:
    other = tell(name="other")

    console.post(reverse("admin:exchange_account_act", args=[story.trade.account_id, "flatten"]))

    story.trade.refresh_from_db()
    other.trade.refresh_from_db()
    assert story.trade.close_requested_at is not None
    assert other.trade.close_requested_at is None


def test_acts_need_the_token_of_the_form(boss: User, story: Story) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss)

    response = client.post(reverse("admin:ledger_trade_act", args=[story.trade.pk, "close"]))

    assert response.status_code == 403
    story.trade.refresh_from_db()
    assert story.trade.close_requested_at is None


def test_an_unknown_act_is_not_found(console: Client, story: Story) -> None:
    assert console.post(reverse("admin:ledger_trade_act", args=[story.trade.pk, "delete"])).status_code == 404
    assert console.post(reverse("admin:ledger_trade_act", args=[10**9, "close"])).status_code == 404


def test_approving_lets_a_waiting_signal_go_on(console: Client) -> None:
    signal = SignalFactory(status=Signal.Status.AWAITING_APPROVAL, received_at=now())
    assert {"Approve", "Reject"} <= set(text(console.get(page(signal))).split())

    console.post(reverse("admin:signals_signal_act", args=[signal.pk, "approve"]))

    signal.refresh_from_db()
    assert signal.status == Signal.Status.RECEIVED
    assert "not possible any more" in text(
        console.post(reverse("admin:signals_signal_act", args=[signal.pk, "reject"]), follow=True)
    )


def test_replaying_makes_a_new_signal(console: Client, story: Story) -> None:
    console.post(reverse("admin:signals_signal_act", args=[story.signal.pk, "replay"]))

    assert Signal.objects.count() == 2


def test_an_alarm_leaves_the_dashboard_when_it_was_seen(console: Client) -> None:
    notice = NoticeFactory(level=Notice.Level.ALARM, code="NO_STOP", message="A stop is missing.")
    assert "A stop is missing." in text(console.get(reverse("admin:index")))

    console.post(reverse("admin:ledger_notice_act", args=[notice.pk, "seen"]))

    assert "A stop is missing." not in text(console.get(reverse("admin:index")))


@pytest.mark.parametrize("model", [Trade, Order, Fill], ids=lambda model: model.__name__)
def test_lists_can_be_downloaded(console: Client, story: Story, model: Any) -> None:
    url = reverse(f"admin:ledger_{model._meta.model_name}_download_csv")

    response = console.get(url)

    body = b"".join(response) if response.streaming else response.content
    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    assert len(body.decode().splitlines()) >= 2


# ── the dress ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("venue", "environment", "enabled", "badge"),
    [
        ("paper_usdm", "live", True, "PAPER"), ("binance_usdm", "testnet", True, "TESTNET"),
        ("binance_usdm", "live", True, "LIVE"), ("binance_usdm", "live", False, "PAPER"),
    ],
)  # fmt: skip
def test_every_page_says_whether_real_money_can_move(
    console: Client, venue: str, environment: str, enabled: bool, badge: str
) -> None:
    AccountFactory(venue=venue, environment=environment, enabled=enabled)

    assert re.search(rf">\s*{badge}\s*<", console.get(listing(Signal)).content.decode())


def test_forms_of_what_we_did_not_write_wear_the_dress_too(console: Client) -> None:
    for name in ("auth_user_add", "auth_group_add", "django_celery_beat_periodictask_add"):
        shown = console.get(reverse(f"admin:{name}")).content.decode()
        inputs = re.findall(r'<(?:input|select)[^>]*name="(?:username|name|task|regtask)"[^>]*>', shown)
        assert inputs
        assert all("border-base-200" in tag for tag in inputs), name
    assert PeriodicTask in admin.site._registry


def test_the_strategy_form_explains_what_is_wrong(console: Client) -> None:
    strategy = StrategyFactory()
    shown = console.get(page(strategy)).content.decode()
    for title in ("Risk", "Leverage", "Sizing", "Entry", "Exits", "Limits"):
        assert re.search(rf">\s*{title}\s*<", shown), title

    response = console.post(
        page(strategy),
        {
            "name": strategy.name, "account": strategy.account_id, "mode": "auto", "symbols": "[]", "enabled": "on",
            "sizing_method": "balance_fraction", "sizing_amount": "34", "leverage": "30", "max_leverage": "20",
            "reserve_pct": "0.2", "entry_type": "MARKET", "dca": '[{"distance_pct": 2}]', "take_profits": "[]",
            "stop_from_alert": "on", "working_type": "MARK", "breakeven_offset_pct": "0", "protect_within_s": "2",
            "on_duplicate_entry": "refuse", "on_opposite": "close_first", "exit_cooldown_s": "30", "max_age_s": "60",
        },
    )  # fmt: skip

    shown = text(response)
    assert response.status_code == 200
    assert "0.25 means 25 %" in shown
    assert "above the maximum of 20" in shown
    strategy.refresh_from_db()
    assert strategy.leverage is None
