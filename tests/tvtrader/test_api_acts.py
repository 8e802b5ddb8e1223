"""Acting by API: carried out once, written down, refused when it is too late; and the dry run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from exchange.models import PaperPrice, TradingState
from ledger.models import Order, Trade
from signals.models import Signal
from tests.factories import (
    SignalFactory,
    StrategyFactory,
)
from tests.story import Story, tell
from tests.tvtrader.test_api import ROUTES

pytestmark = pytest.mark.django_db

# ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_closing_is_carried_out_written_down_and_refused_after_the_end(boss: Client, story: Story) -> None:
    url = f"/api/v1/trades/{story.trade.pk}/close/"

    assert boss.post(url).status_code == 200
    story.trade.refresh_from_db()
    assert story.trade.close_requested_at is not None
    assert LogEntry.objects.get().user.username == "boss"

    Trade.objects.filter(pk=story.trade.pk).update(status=Trade.Status.CLOSED)
    response = boss.post(url)
    assert response.status_code == 409
    assert "detail" in response.json()


def test_the_stop_goes_to_breakeven(boss: Client, story: Story) -> None:
    _price("60500")

    assert boss.post(f"/api/v1/trades/{story.trade.pk}/breakeven/").status_code == 200

    story.trade.refresh_from_db()
    assert story.trade.stop_override is not None


def test_entries_are_cancelled(boss: Client, story: Story) -> None:
    assert boss.post(f"/api/v1/trades/{story.trade.pk}/cancel-entries/").status_code == 200

    story.trade.refresh_from_db()
    assert story.trade.entries_canceled


@pytest.mark.parametrize("name", ["accounts", "strategies"])
def test_switches_turn_off_and_on_and_flatten_names_its_trades(boss: Client, story: Story, name: str) -> None:
    row: Any = story.trade.account if name == "accounts" else story.trade.strategy
    tell(name="other")

    assert boss.post(f"/api/v1/{name}/{row.pk}/halt/").json()["state"] == TradingState.HALTED
    assert boss.post(f"/api/v1/{name}/{row.pk}/resume/").json()["state"] == TradingState.ACTIVE
    assert boss.post(f"/api/v1/{name}/{row.pk}/flatten/").json() == {"trades": [story.trade.pk]}


def test_a_waiting_signal_is_decided_once(boss: Client) -> None:
    signal = SignalFactory(status=Signal.Status.AWAITING_APPROVAL, received_at=datetime.now(UTC))

    assert boss.post(f"/api/v1/signals/{signal.pk}/approve/").json()["status"] == "RECEIVED"
    assert boss.post(f"/api/v1/signals/{signal.pk}/approve/").status_code == 409
    assert boss.post(f"/api/v1/signals/{signal.pk}/reject/").status_code == 409


def test_a_rejected_signal_ends(boss: Client) -> None:
    signal = SignalFactory(status=Signal.Status.AWAITING_APPROVAL, received_at=datetime.now(UTC))

    assert boss.post(f"/api/v1/signals/{signal.pk}/reject/").json()["status"] == "REJECTED_BY_PERSON"


def test_a_replay_answers_with_the_new_signal(boss: Client, story: Story) -> None:
    response = boss.post(f"/api/v1/signals/{story.signal.pk}/replay/")

    assert response.status_code == 201
    assert response.json()["id"] != story.signal.pk
    assert response.json()["status"] == "RECEIVED"


def test_a_dry_run_plans_and_leaves_no_trace(boss: Client, story: Story) -> None:
    _price("60000")
    StrategyFactory(account=story.trade.account)
    before = (Signal.objects.count(), Trade.objects.count(), Order.objects.count())
    Trade.objects.update(status=Trade.Status.CLOSED)
    alert = {"action": "long", "symbol": "BTCUSDT"}

    response = boss.post(
        "/api/v1/plan/", json.dumps({"endpoint": "story-endpoint", "alert": alert}), content_type="application/json"
    )

    answer = response.json()
    assert response.status_code == 200
    # 100 USDT at about 60 000 is 0.0016 BTC, on the step of 0.001: 0.001.
    assert answer["outcome"] == "OPEN", answer
    assert [(row["leg"], row["side"], row["quantity"]) for row in answer["orders"]] == [("entry", "BUY", "0.001")]
    assert (Signal.objects.count(), Trade.objects.count(), Order.objects.count()) == before


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", "nonsense", '{"endpoint": "nowhere", "alert": {}}', '{"endpoint": "story-endpoint"}',
     '{"endpoint": NaN}',
     '{"endpoint": "story-endpoint", "endpoint": "x", "alert": {}}', "[" * 5000, '{"endpoint": {"a": 1}, "alert": {}}'],
)  # fmt: skip
def test_a_dry_run_of_nonsense_is_a_bad_request(boss: Client, story: Story, body: str) -> None:
    assert boss.post("/api/v1/plan/", body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("alert", ['"{{close}}"', '""', "5", "[]", '"\\ud800"', '{"a": "\\ud800"}', '"[[[["', "null"])
def test_a_dry_run_of_a_bad_alert_says_what_is_wrong(boss: Client, story: Story, alert: str) -> None:
    body = f'{{"endpoint": "story-endpoint", "alert": {alert}}}'

    response = boss.post("/api/v1/plan/", body, content_type="application/json")

    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert response.json()["outcome"] in ("INVALID", "REFUSE")


def test_the_schema_describes_every_route(boss: Client, recwarn: pytest.WarningsRecorder) -> None:
    schema = boss.get("/api/v1/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()

    wanted = {
        "/" + route.split()[1].replace("<pk>", "{id}")
        for route in ROUTES
        if "/v1/" in route and not route.endswith(("v1/", "schema/", "docs/"))
    }
    assert wanted == set(schema["paths"])
    assert "api_secret" not in json.dumps(schema)


def _price(last: str, *, symbol: str = "BTCUSDT", market: str = "USDM") -> None:
    price = Decimal(last)
    PaperPrice.objects.create(
        market=market, symbol=symbol, bid=price, ask=price, last=price, mark=price, at=datetime.now(UTC)
    )
