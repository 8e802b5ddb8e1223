"""The API: who may ask what, which fields clients can count on, and what acting does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from exchange.models import PaperPrice
from ledger.models import Order
from signals.models import Signal
from tests.factories import (
    T0,
    AccountFactory,
    EquitySnapshotFactory,
    FillFactory,
    IncomeFactory,
    InstrumentFactory,
    SignalFactory,
)
from tests.story import API_KEY, API_SECRET, Story, tell

pytestmark = pytest.mark.django_db
KEY = "admin-key-of-the-tests-0123456789abcdef"

# Every route of the API and beside it, with who may use it: all (no login), reader (any user), admin.
# A route that is not listed fails the test below: think about who may use it first.
ROUTES = {
    "GET api/v1/": "reader",
    "GET api/v1/schema/": "reader",
    "GET api/v1/docs/": "login",
    "POST api/v1/plan/": "admin",
    **{
        f"GET api/v1/{name}/{item}": "reader"
        for name in (
            "signals", "strategies", "endpoints", "accounts", "instruments", "trades", "orders", "fills", "incomes",
            "equity",
        )
        for item in ("", "<pk>/")
    },
    "GET api/v1/positions/": "reader",
    "GET api/v1/balances/": "reader",
    **{f"POST api/v1/signals/<pk>/{act}/": "admin" for act in ("approve", "reject", "replay")},
    **{f"POST api/v1/trades/<pk>/{act}/": "admin" for act in ("close", "breakeven", "cancel-entries")},
    **{
        f"POST api/v1/{name}/<pk>/{act}/": "admin"
        for name in ("accounts", "strategies")
        for act in ("halt", "resume", "flatten")
    },
    **{
        f"GET cache/{name}": "setting"
        for name in ("prices", "prices/count", "prices/<symbol>", "filters", "filters/<symbol>", "summary")
    },
    "GET cache/balances": "admin",
    "GET cache/orders": "admin",
    "POST cache/refresh/balances": "admin",
    "POST cache/refresh/filters": "admin",
    "GET dashboard": "all",
}  # fmt: skip


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver):
            if entry.app_name != "admin":
                yield from routes(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            path = prefix + str(entry.pattern)
            path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", path).replace("^", "").replace("$", "").replace("\\Z", "")
            yield re.sub(r"<\w+:", "<", path), entry.callback


def methods(callback: Any) -> list[str]:
    actions = getattr(callback, "actions", None)
    if actions:
        return [name.upper() for name in actions if name != "head"]
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if view is None:
        return ["GET"]
    return [name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)]


def test_every_route_is_listed_with_who_may_use_it() -> None:
    found = {
        f"{method} {path}"
        for path, callback in routes()
        if path.startswith(("api/v1/", "cache", "dashboard"))
        for method in methods(callback)
    }

    assert found == set(ROUTES)


def ask(client: Client, route: str) -> Any:
    method, path = route.split()
    path = "/" + path.replace("<pk>", "999999").replace("<symbol>", "BTCUSDT")
    return client.generic(method, path, "{}", content_type="application/json")


@pytest.mark.parametrize("route", sorted(ROUTES))
@pytest.mark.parametrize("who", ["stranger", "reader", "boss"])
def test_each_route_lets_in_who_it_should(route: str, who: str, reader: Client, boss: Client, settings: Any) -> None:
    client = {"stranger": Client(), "reader": reader, "boss": boss}[who]
    may = {"all": 0, "login": 0, "reader": 1, "admin": 2, "setting": 2}[ROUTES[route]]
    rank = {"stranger": 0, "reader": 1, "boss": 2}[who]

    response = ask(client, route)

    if rank >= may:
        assert response.status_code not in (401, 403)
    else:
        assert response.status_code == (401 if who == "stranger" else 403)
    assert response.status_code != 500


def test_the_docs_lead_strangers_to_the_login(client: Client) -> None:
    response = client.get("/api/v1/docs/")
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")

    client.force_login(User.objects.create_user("reader"))
    assert client.get("/api/v1/docs/").status_code == 200


@pytest.mark.parametrize("public", [True, False])
def test_the_setting_opens_prices_but_never_balances(client: Client, public: bool, settings: Any) -> None:
    settings.CACHE_ROUTES_PUBLIC = public

    for path in ("prices", "prices/count", "filters", "filters/BTCUSDT", "summary"):
        assert client.get(f"/cache/{path}").status_code == (200 if public else 401)
    for path in ("balances", "orders"):
        assert client.get(f"/cache/{path}").status_code == 401
    assert client.post("/cache/refresh/balances").status_code == 401


# ── who is who ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_admin_key_opens_what_an_administrator_may(client: Client, settings: Any, story: Story) -> None:
    settings.ADMIN_API_KEY = KEY
    act = f"/api/v1/trades/{story.trade.pk}/close/"

    assert client.get("/api/v1/trades/", headers={"X-Admin-Key": KEY}).status_code == 200
    assert client.get("/cache/balances", headers={"X-Admin-Key": KEY}).status_code != 401
    assert client.post(act, headers={"X-Admin-Key": KEY}).status_code == 200
    assert not LogEntry.objects.exists()  # it is nobody's row; the service's log has it


@pytest.mark.parametrize("given", ["", "wrong", KEY + " ", KEY[:-1], KEY.upper(), "schlüssel", "\x00"])
def test_any_other_key_is_refused(client: Client, settings: Any, given: str) -> None:
    settings.ADMIN_API_KEY = KEY

    assert client.get("/api/v1/trades/", headers={"X-Admin-Key": given}).status_code == 401


@pytest.mark.parametrize("given", ["", "anything", "None"])
def test_without_the_setting_no_key_opens_anything(client: Client, settings: Any, given: str) -> None:
    settings.ADMIN_API_KEY = ""

    assert client.get("/api/v1/trades/", headers={"X-Admin-Key": given}).status_code == 401


def test_a_session_may_read_and_needs_the_csrf_token_to_act(story: Story) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("boss", is_staff=True))

    assert client.get("/api/v1/trades/").status_code == 200
    assert client.post(f"/api/v1/trades/{story.trade.pk}/close/").status_code == 403
    story.trade.refresh_from_db()
    assert story.trade.close_requested_at is None


def test_a_disabled_user_is_refused(reader: Client) -> None:
    User.objects.update(is_active=False)

    assert reader.get("/api/v1/trades/").status_code == 401


@pytest.mark.parametrize("method", ["put", "patch", "delete", "post"])
@pytest.mark.parametrize("name", ["signals", "trades", "orders", "fills", "accounts", "incomes"])
def test_rows_can_not_be_written(boss: Client, story: Story, method: str, name: str) -> None:
    data = json.dumps({"state": "ACTIVE", "status": "CLOSED"})

    for path in (f"/api/v1/{name}/1/", f"/api/v1/{name}/"):
        assert getattr(boss, method)(path, data, content_type="application/json").status_code == 405


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────

FIELDS = {
    "signals": "id endpoint strategy account dialect symbol status reason_code reason received_at intent plan trade "
    "duplicate_of timeline",
    "trades": "id public_id account strategy symbol side status quantity entry_price stop_price opened_at closed_at "
    "realized_pnl fees funding net_pnl slippage signals legs",
    "orders": "id client_order_id venue_order_id trade leg role symbol side position_side type quantity price "
    "trigger_price reduce_only status filled_quantity average_price reason created_at updated_at",
    "fills": "id order venue_trade_id symbol side quantity price fee fee_asset realized_pnl liquidity filled_at",
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_promised_fields_are_there_in_lists_and_alone(reader: Client, story: Story, name: str) -> None:
    listed = reader.get(f"/api/v1/{name}/").json()["results"][0]
    alone = reader.get(f"/api/v1/{name}/{listed['id']}/").json()

    assert set(FIELDS[name].split()) <= set(listed)
    assert alone == listed


def test_a_trade_is_told_with_the_venues_digits(reader: Client, story: Story) -> None:
    trade = reader.get(f"/api/v1/trades/{story.trade.pk}/").json()

    # 0 realized - 0.600001 of fees + 0 funding; the entry was 0.10 worse than the price decided at.
    assert Decimal(trade["net_pnl"]) == Decimal("-0.600001")
    assert Decimal(trade["slippage"]) == Decimal("0.10")
    assert {name: trade[name] for name in ("side", "quantity", "entry_price", "stop_price", "protected", "fees")} == {
        "side": "LONG",
        "quantity": "0.020",
        "entry_price": "60000.10",
        "stop_price": "59000.0",
        "protected": True,
        "fees": {"USDT": "0.600001"},
    }
    assert (trade["account"], trade["strategy"]) == ("story-account", "story-strategy")
    assert trade["signals"] == [story.signal.pk]
    assert [leg["leg"] for leg in trade["legs"]] == ["entry", "sl", "tp1"]
    assert trade["opened_at"] == "2026-03-02T12:00:00.080000Z"
    assert trade["closed_at"] is None


@pytest.mark.parametrize("written", ["0.00000001", "1000000000000000000000000", "1E+3", "1E-10", "0.10", "123.4500"])
def test_no_number_has_an_exponent_or_loses_a_digit(reader: Client, story: Story, written: str) -> None:
    FillFactory(order=story.entry, venue_trade_id="odd", quantity=Decimal(written))

    found = reader.get("/api/v1/fills/", {"venue_trade_id": "odd"}).json()["results"][0]["quantity"]

    assert found == format(Decimal(written), "f")


def test_times_are_utc_whatever_zone_is_active(reader: Client, story: Story, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"

    fill = reader.get("/api/v1/fills/").json()["results"][0]
    assert fill["filled_at"].endswith("Z")
    assert fill["filled_at"].startswith("2026-03-02T12:00:00")


def test_the_timeline_has_the_stages_that_happened_in_the_order_of_time(reader: Client, story: Story) -> None:
    # Rows get their own time when they are made; the story happened at T0.
    Signal.objects.update(stored_at=T0.replace(microsecond=5000))
    Order.objects.update(created_at=T0.replace(microsecond=35000))
    for fill in story.entry.fills.all():
        type(fill).objects.filter(pk=fill.pk).update(created_at=T0.replace(microsecond=80000))

    steps = reader.get(f"/api/v1/signals/{story.signal.pk}/").json()["timeline"]

    assert [(step["stage"], step["at"]) for step in steps] == [
        ("received", "2026-03-02T12:00:00.000000Z"),
        ("stored", "2026-03-02T12:00:00.005000Z"),
        ("queued", "2026-03-02T12:00:00.005000Z"),
        ("started", "2026-03-02T12:00:00.020000Z"),
        ("planned", "2026-03-02T12:00:00.030000Z"),
        ("sent", "2026-03-02T12:00:00.040000Z"),
        ("acknowledged", "2026-03-02T12:00:00.070000Z"),
        ("filled", "2026-03-02T12:00:00.080000Z"),
        ("protected", "2026-03-02T12:00:00.120000Z"),
        ("done", "2026-03-02T12:00:00.130000Z"),
    ]


def test_a_refused_signal_has_no_stage_of_an_order(reader: Client) -> None:
    signal = SignalFactory(status=Signal.Status.REFUSED, started_at=T0, planned_at=T0, done_at=T0)

    steps = reader.get(f"/api/v1/signals/{signal.pk}/").json()["timeline"]

    assert {step["stage"] for step in steps} == {"received", "stored", "queued", "started", "planned", "done"}


def test_positions_are_told_with_their_mark_and_their_protection(reader: Client, story: Story) -> None:
    _price("60500.50")

    body = reader.get("/api/v1/positions/").json()

    # 0.020 * (60 500.50 - 60 000.10) = 10.008
    assert body["count"] == 1
    position = body["results"][0]
    assert set(position) == {
        "account", "symbol", "side", "quantity", "entry_price", "mark_price", "unrealized_pnl", "leverage",
        "liquidation_price", "protected",
    }  # fmt: skip
    assert Decimal(position["unrealized_pnl"]) == Decimal("10.008")
    assert Decimal(position["quantity"]) == Decimal("0.02")
    assert (position["account"], position["side"], position["protected"]) == ("story-account", "LONG", True)
    assert reader.get("/api/v1/positions/", {"account": "other"}).json()["results"] == []


def test_balances_are_asked_of_each_account_and_one_that_fails_hides_no_other(reader: Client) -> None:
    AccountFactory(name="good", paper_balances={"USDT": "10000"})
    AccountFactory(name="odd", venue="ccxt:nowhere")

    body = reader.get("/api/v1/balances/").json()

    assert [(row["account"], row["asset"], Decimal(row["free"])) for row in body["results"]] == [
        ("good", "USDT", Decimal(10000))
    ]
    assert [error["account"] for error in body["errors"]] == ["odd"]


def test_money_routes_answer_in_their_fields(reader: Client) -> None:
    account = AccountFactory(name="main")
    IncomeFactory(account=account, amount=Decimal("-0.250"))
    EquitySnapshotFactory(account=account, total=Decimal("10000.00"))

    income = reader.get("/api/v1/incomes/").json()["results"][0]
    equity = reader.get("/api/v1/equity/").json()["results"][0]

    assert (income["account"], income["amount"], income["asset"]) == ("main", "-0.250", "USDT")
    assert (equity["account"], equity["total"], equity["at"]) == ("main", "10000.00", "2026-03-02T12:00:00Z")


@pytest.mark.parametrize("name", [*FIELDS, "accounts", "strategies", "endpoints", "instruments", "balances"])
def test_no_answer_holds_a_secret_or_may_be_kept(boss: Client, story: Story, name: str) -> None:
    response = boss.get(f"/api/v1/{name}/")

    assert response["Cache-Control"] == "no-store"
    for secret in (API_KEY, API_SECRET, "api_key", "api_secret", "digest"):
        assert secret not in response.content.decode()
    if name == "accounts":
        assert response.json()["results"][0]["has_keys"] is True


# ── questions ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        "api_secret__startswith=g", "api_key=x", "account__api_secret__startswith=g", "name__contains=a", "secrets=1",
        "strategy__account__api_key__gt=a", "statuss=OPEN",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["accounts", "trades", "endpoints", "signals", "positions"])
def test_questions_that_are_no_filter_are_refused(reader: Client, name: str, query: str) -> None:
    assert reader.get(f"/api/v1/{name}/?{query}").status_code == 400


def test_ordering_by_a_secret_is_not_possible(reader: Client) -> None:
    first = AccountFactory(name="a", api_secret="z")
    AccountFactory(name="b", api_secret="a")

    found = reader.get("/api/v1/accounts/", {"ordering": "api_secret"}).json()["results"]

    assert found[0]["id"] == first.pk


def test_filters_choose_rows(reader: Client, story: Story) -> None:
    other = tell(name="other", symbol="ETHUSDT")

    def ids(name: str, **query: Any) -> list[int]:
        return [row["id"] for row in reader.get(f"/api/v1/{name}/", query).json()["results"]]

    assert ids("trades", symbol="ETHUSDT") == [other.trade.pk]
    assert ids("trades", strategy="story-strategy") == [story.trade.pk]
    assert ids("trades", live="true") == [other.trade.pk, story.trade.pk]
    assert ids("trades", live="false") == []
    assert ids("orders", trade=story.trade.pk, role="SL") == [story.stop.pk]
    assert ids("fills", trade=other.trade.pk) == [other.entry.fills.get().pk]
    assert ids("signals", account="other-account") == [other.signal.pk]
    assert ids("signals", status="DONE", since="2026-03-02T12:00:00Z", until="2026-03-02T12:00:00Z") == []
    assert ids("signals", since="2026-03-02T12:00:00Z") == [other.signal.pk, story.signal.pk]


def test_pages_are_capped_and_keep_their_order(reader: Client) -> None:
    trade = tell().trade
    order = trade.orders.order_by("id")[0]
    FillFactory.create_batch(6, order=order, filled_at=T0, quantity=Decimal(1))

    seen: list[int] = []
    url = "/api/v1/fills/?ordering=filled_at&page_size=2"
    while url:
        page = reader.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]

    assert len(seen) == len(set(seen)) == 7
    whole = reader.get("/api/v1/fills/", {"page_size": "100000"}).json()
    assert len(whole["results"]) == 7
    assert reader.get("/api/v1/fills/", {"page": "99999"}).status_code == 404
    assert reader.get("/api/v1/fills/", {"page": "x"}).status_code == 404


def test_a_page_holds_at_most_two_hundred_rows(reader: Client) -> None:
    InstrumentFactory()
    for number in range(205):
        InstrumentFactory(symbol=f"X{number}USDT")

    assert len(reader.get("/api/v1/instruments/", {"page_size": "100000"}).json()["results"]) == 200


@pytest.mark.parametrize("name", [*FIELDS, "accounts", "strategies", "endpoints"])
def test_a_list_asks_as_often_for_many_rows_as_for_few(reader: Client, name: str) -> None:
    tell(name="a")
    url = f"/api/v1/{name}/"
    reader.get(url)
    with CaptureQueriesContext(connection) as few:
        reader.get(url)
    for story_name in "bcdef":
        tell(name=story_name)
    with CaptureQueriesContext(connection) as many:
        reader.get(url)

    assert len(many) == len(few) <= 12


def test_an_unknown_row_is_not_found(reader: Client) -> None:
    for path in ("trades/0/", "trades/999/", "trades/abc/", "signals/99999999999999999999/"):
        assert reader.get(f"/api/v1/{path}").status_code == 404


def _price(last: str, *, symbol: str = "BTCUSDT", market: str = "USDM") -> None:
    price = Decimal(last)
    PaperPrice.objects.create(
        market=market, symbol=symbol, bid=price, ask=price, last=price, mark=price, at=datetime.now(UTC)
    )
