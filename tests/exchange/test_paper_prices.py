"""Where paper prices come from, and what they do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from exchange import instrument_files
from exchange.adapters.paper.market import next_funding
from exchange.clients import get_client
from exchange.errors import QueryFailed
from exchange.models import Venue
from exchange.paper_prices import nudge_price_if_missing, set_funding_rate, set_price
from exchange.paper_prices.candles import CandleFileError, load, path_of
from exchange.paper_prices.feed import Feed, UnknownSource
from exchange.paper_prices.live import LivePrices
from exchange.paper_prices.market import set_prices
from exchange.paper_prices.values import NewPrice
from exchange.paper_prices.walk import step
from exchange.paper_rows import PaperAccount, PaperPrice
from exchange.types import Market, OrderRef, OrderRequest, OrderStatus, OrderType, Side
from tests.factories import AccountFactory

D = Decimal
T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def walked(steps: int, *, seed: int = 7, price: str = "60000", tick: str = "0.1") -> list[Decimal]:
    prices, last = [], D(price)
    for number in range(1, steps + 1):
        last = step(seed=seed, name="USDM:BTCUSDT", steps=number, price=last, tick_size=D(tick))
        prices.append(last)
    return prices


# ── walk ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_walk_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert walked(50) == walked(50)
    assert walked(50) != walked(50, seed=8)


@pytest.mark.parametrize(("price", "tick"), [("60000", "0.1"), ("0.000012", "0.00000001"), ("0.4567", "0.0001")])
def test_a_walk_stays_on_the_grid_moves_and_does_not_jump(price: str, tick: str) -> None:
    prices = [D(price), *walked(400, price=price, tick=tick)]

    moves = [abs(after - before) for before, after in pairwise(prices)]
    assert all(value % D(tick) == 0 and value > 0 for value in prices)
    assert any(moves)
    assert all(
        move <= before * D("0.0002") + D(tick) for move, before in zip(moves, prices[:-1], strict=True)
    )  # fmt: skip


@pytest.mark.django_db
def test_a_walk_goes_on_where_it_was_after_a_restart() -> None:
    AccountFactory()
    for number in range(2):  # a new feed each time, as after a restart
        Feed("walk", seed=7).tick(T0 + timedelta(seconds=number))

    row = PaperPrice.objects.get(market="USDM", symbol="BTCUSDT")
    assert (row.last, row.steps) == (walked(2)[-1], 2)
    assert not PaperPrice.objects.filter(market="SPOT").exists()  # no spot account, no spot prices


@pytest.mark.django_db
def test_setting_a_price_does_not_turn_the_walk_back() -> None:
    AccountFactory()
    Feed("walk", seed=7).tick(T0)
    set_price("USDM", "BTCUSDT", D(50000))

    Feed("walk", seed=7).tick(T0)

    row = PaperPrice.objects.get(market="USDM", symbol="BTCUSDT")
    assert row.steps == 2
    assert abs(row.last - 50000) <= 11


# ── candles ───────────────────────────────────────────────────────────────────────────────────────────────────
CSV = "market,symbol,open,high,low,close\nUSDM,BTCUSDT,100,110,95,105\nUSDM,BTCUSDT,105,106,90,91\n"


@pytest.mark.django_db
def test_candles_are_played_along_their_path_and_stop_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(CSV)
    AccountFactory()
    seen = []
    for _ in range(10):
        Feed(f"candles:{path}").tick(T0)
        seen.append(PaperPrice.objects.get(symbol="BTCUSDT").last)

    assert seen == [D(value) for value in (100, 95, 110, 105, 105, 106, 90, 91, 91, 91)]


def test_candles_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "candles.json"
    path.write_text(
        '[{"market": "spot", "symbol": "ADAUSDT", "open": 0.1, "high": 0.30000000000000001, "low": 0.1,'
        ' "close": "0.2"}]'
    )

    assert load(path) == {(Market.SPOT, "ADAUSDT"): (D("0.1"), D("0.1"), D("0.30000000000000001"), D("0.2"))}
    assert path_of(D(2), D(3), D(1), D(1)) == (D(2), D(3), D(1), D(1))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("market,symbol,open,high,low\nUSDM,X,1,1,1\n", "candle 1 has no close"),
        ("market,symbol,open,high,low,close\nUSDM,X,1,NaN,1,1\n", "candle 1: prices must be positive"),
        ("market,symbol,open,high,low,close\nUSDM,X,1,0.5,1,1\n", "high the highest"),
        ("market,symbol,open,high,low,close\nMOON,X,1,1,1,1\n", "market is SPOT or USDM"),
        ("", "holds no candles"),
    ],
)
def test_a_bad_candle_file_says_where_and_what(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(text)

    with pytest.raises(CandleFileError, match=says):
        load(path)


def test_an_unknown_source_and_a_missing_file_say_what_to_do() -> None:
    with pytest.raises(UnknownSource, match="use walk, candles:<file> or live"):
        Feed("moon")
    with pytest.raises(CandleFileError, match="cannot read"):
        Feed("candles:/nowhere.csv")


# ── live ──────────────────────────────────────────────────────────────────────────────────────────────────────
class Venues(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, Any]] = {}
    status: ClassVar[int] = 200
    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        body = json.dumps(self.answers.get(self.path, [])).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def venue() -> Iterator[str]:
    Venues.asked, Venues.status = [], 200
    Venues.answers = {
        "/v1/ticker/price": [{"symbol": "BTCUSDT", "price": "60000.10"}, {"symbol": "OTHER", "price": "1"}],
        "/v1/ticker/bookTicker": [{"symbol": "BTCUSDT", "bidPrice": "60000.00", "askPrice": "60000.20"}],
        "/v1/premiumIndex": [{"symbol": "BTCUSDT", "markPrice": "60001.5"}],
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), Venues) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_live_prices_are_those_of_the_venue_and_no_key_is_sent(venue: str) -> None:
    now = [0.0]
    live = LivePrices({Market.USDM: venue}, clock=lambda: now[0])

    prices = live.next({Market.USDM: ["BTCUSDT", "MISSING"]})

    assert prices == [
        NewPrice(
            market=Market.USDM, symbol="BTCUSDT", last=D("60000.10"), bid=D("60000.00"), ask=D("60000.20"),
            mark=D("60001.5"),
        )
    ]  # fmt: skip
    assert not any("X-MBX-APIKEY" in headers for _, headers in Venues.asked)
    assert live.next({Market.USDM: ["BTCUSDT"]}) == []  # too early
    now[0] = 1.1
    assert len(live.next({Market.USDM: ["BTCUSDT"]})) == 1


def test_a_venue_that_fails_is_asked_less_and_less_often(venue: str, caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    live = LivePrices({Market.USDM: venue}, clock=lambda: now[0])
    Venues.status = 503
    asked = []
    for second in range(200):
        now[0] = float(second)
        before = len(Venues.asked)
        live.next({Market.USDM: ["BTCUSDT"]})
        if len(Venues.asked) > before:
            asked.append(second)

    assert asked == [0, 2, 6, 14, 30, 62, 122, 182]
    assert "live prices are not reachable" in caplog.text


# ── what prices do ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.django_db
def test_a_price_acts_on_every_account_of_its_market_and_on_no_other() -> None:
    accounts = [AccountFactory(venue=venue) for venue in (Venue.PAPER_USDM, Venue.PAPER_USDM, Venue.PAPER_SPOT)]
    for market in Market:
        set_price(market, "BTCUSDT", D(60000))
    for account in accounts:
        get_client(account).submit_order(
            OrderRequest(
                client_order_id="tv-1", symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, quantity=D("0.01"),
                price=D(59000),
            )
        )  # fmt: skip

    set_price(Market.USDM, "BTCUSDT", D(58000))

    states = [get_client(account).get_order(OrderRef(client_order_id="tv-1", symbol="BTCUSDT")) for account in accounts]
    assert [state.status for state in states if state] == [
        OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.ACCEPTED,
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="positive"):
        set_price("USDM", "BTCUSDT", D(price))


@pytest.mark.django_db
def test_an_alert_may_give_a_price_only_where_there_is_none(settings: Any) -> None:
    settings.PAPER_PRICES = "live"  # no walk that starts by itself
    account = AccountFactory()
    with pytest.raises(QueryFailed):
        get_client(account).get_quote("BTCUSDT")

    assert nudge_price_if_missing(account, "BTCUSDT", D("61234.56"))
    assert not nudge_price_if_missing(account, "BTCUSDT", D(1))
    assert not nudge_price_if_missing(account, "NOSUCH", D(1))
    assert not nudge_price_if_missing(account, "ETHUSDT", D("NaN"))

    assert get_client(account).get_quote("BTCUSDT").last == D("61234.5")


@pytest.mark.django_db
def test_funding_falls_due_by_the_clock_without_any_order() -> None:
    account = AccountFactory(paper_balances={"USDT": "10000"})
    set_price("USDM", "BTCUSDT", D(60000))
    set_funding_rate("USDM", "BTCUSDT", D("0.001"))
    client = get_client(account)
    client.submit_order(
        OrderRequest(client_order_id="tv-1", symbol="BTCUSDT", side=Side.BUY, type=OrderType.MARKET, quantity=D("0.1"))
    )
    due = PaperAccount.objects.get().funding_at

    set_prices([NewPrice(market=Market.USDM, symbol="BTCUSDT", last=D(60000))], at=due - timedelta(seconds=1))
    assert client.list_incomes(T0 - timedelta(days=3650)) == ()
    set_prices([NewPrice(market=Market.USDM, symbol="BTCUSDT", last=D(60000))], at=due)

    (income,) = client.list_incomes(T0 - timedelta(days=3650))
    assert income.amount == -6
    assert PaperAccount.objects.get().funding_at == due + timedelta(hours=8)


@pytest.mark.parametrize(("hour", "expected"), [(0, 8), (7, 8), (8, 16), (15, 16), (16, 24), (23, 24)])
def test_funding_times(hour: int, expected: int) -> None:
    moment = T0.replace(hour=hour, minute=30)

    assert next_funding(moment) == T0.replace(hour=0, minute=0) + timedelta(hours=expected)


def test_shipped_start_prices_fit_their_instruments() -> None:
    for venue in (Venue.PAPER_SPOT, Venue.PAPER_USDM):
        assert len(instrument_files.load(venue)) >= 20
        for shipped in instrument_files.load(venue).values():
            assert shipped.start_price % shipped.rules.tick_size == 0
            assert shipped.rules.market is venue.market
