"""Users of the spot service find prices, filters, balances and orders in the shapes they know."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client

from exchange.models import PaperPrice
from tests.factories import (
    AccountFactory,
    InstrumentFactory,
)
from tests.story import Story

pytestmark = pytest.mark.django_db

# ── the spot service's users ──────────────────────────────────────────────────────────────────────────────────


def test_prices_come_as_a_map(boss: Client) -> None:
    _price("60000.50")
    _price("60001.00", market="SPOT")
    _price("0.4567", symbol="ADAUSDT")

    assert boss.get("/cache/prices").json() == {"ADAUSDT": "0.4567", "BTCUSDT": "60001.00"}
    assert boss.get("/cache/prices/count").json() == {"count": 2}
    assert boss.get("/cache/prices/btcusdt").json() == {"BTCUSDT": "60001.00"}
    assert boss.get("/cache/prices/NOPE").status_code == 404
    assert boss.get("/cache/summary").json()["prices"] == {"count": 2}


def test_filters_prefer_the_spot_market(boss: Client) -> None:
    InstrumentFactory(venue="paper_usdm", min_notional=Decimal(100))
    InstrumentFactory(venue="paper_spot", min_notional=Decimal("5.00"))

    found = boss.get("/cache/filters").json()["BTCUSDT"]["filters"]

    assert found == {"step_size": "0.001", "min_qty": "0.001", "min_notional": "5.00"}
    assert boss.get("/cache/filters/btcusdt").json()["filters"] == found
    assert boss.get("/cache/filters/NOPE").json() == {}


def test_balances_come_from_the_spot_account(boss: Client) -> None:
    assert boss.get("/cache/balances").json() == {}
    AccountFactory(name="a-futures", paper_balances={"USDT": "1"})
    AccountFactory(name="spot", venue="paper_spot", paper_balances={"USDT": "5000", "ADA": "1000"})

    body = boss.get("/cache/balances").json()
    assert body["account"] == "spot"
    assert {asset: Decimal(free) for asset, free in body["balances"].items()} == {"USDT": 5000, "ADA": 1000}
    assert boss.get("/cache/balances", {"account": "a-futures"}).json()["account"] == "a-futures"
    assert boss.get("/cache/balances", {"account": "x"}).status_code == 400


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1001", "99999999999999999999", "", "1.5", "٣"])
def test_an_odd_limit_is_a_bad_request(boss: Client, limit: str) -> None:
    assert boss.get("/cache/orders", {"limit": limit}).status_code == 400


def test_the_last_orders_come_newest_first(boss: Client, story: Story) -> None:
    body = boss.get("/cache/orders", {"limit": "2"}).json()

    assert body["count"] == 2
    assert [order["price"] for order in body["orders"]] == ["62000.0", "59000.0"]
    assert set(body["orders"][0]) == {"timestamp", "symbol", "side", "qty", "price", "status", "message"}


def test_refreshing_tells_which_account_failed(boss: Client) -> None:
    AccountFactory(name="good")
    assert boss.post("/cache/refresh/balances").status_code == 200

    AccountFactory(name="odd", venue="ccxt:nowhere")
    response = boss.post("/cache/refresh/balances")
    assert response.status_code == 503
    assert set(response.json()["failed"]) == {"odd"}


def test_the_old_dashboard_leads_to_the_console(client: Client) -> None:
    assert client.get("/dashboard")["Location"] == "/admin/"


def _price(last: str, *, symbol: str = "BTCUSDT", market: str = "USDM") -> None:
    price = Decimal(last)
    PaperPrice.objects.create(
        market=market, symbol=symbol, bid=price, ask=price, last=price, mark=price, at=datetime.now(UTC)
    )
