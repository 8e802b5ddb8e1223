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
from rest_framework.authtoken.models import TokenProxy

from exchange.models import Account, HouseState, Instrument
from ledger.models import EquitySnapshot, Fill, Income, Notice, Order, Trade
from signals.models import Endpoint, Signal
from tests.factories import (
    AccountFactory,
    EquitySnapshotFactory,
    IncomeFactory,
    NoticeFactory,
    SignalFactory,
    StrategyFactory,
)
from tests.story import HOSTILE, Story, tell

pytestmark = pytest.mark.django_db
FACTS = (Signal, Trade, Order, Fill, Income, EquitySnapshot, Notice, Instrument, HouseState, LogEntry)


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
    LogEntry.objects.log_actions(User.objects.get().pk, [story.trade], 2, "x", single_object=True)
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
