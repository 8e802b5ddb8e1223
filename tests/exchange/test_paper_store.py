"""The paper venue on real rows: concurrency, death at any moment, and what a caller's transaction does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from exchange import paper_store
from exchange.clients import get_client
from exchange.errors import NotSent, OrderRejected, OutcomeUnknown, QueryFailed
from exchange.models import Account, Venue
from exchange.paper_prices import NewPrice, set_price, set_prices
from exchange.paper_rows import PaperAccount, PaperBalance, PaperEvent, PaperFill, PaperOrder, PaperPosition
from exchange.types import MarginType, Market, OrderReport, OrderRequest, OrderStatus, OrderType, PositionMode, Side
from tests.factories import AccountFactory, InstrumentFactory

D = Decimal


def buy(identity: str, *, symbol: str = "BTCUSDT", quantity: str = "0.01") -> OrderRequest:
    return OrderRequest(
        client_order_id=identity, symbol=symbol, side=Side.BUY, type=OrderType.MARKET, quantity=D(quantity)
    )


def in_parallel(calls: list[Callable[[], Any]], threads: int) -> list[Any]:
    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def account() -> Account:
    row: Account = AccountFactory(paper_balances={"USDT": "1000000"}, slippage_bps=D(0))
    return row


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_orders_on_one_symbol_of_a_new_account(account: Account) -> None:
    set_price("USDM", "BTCUSDT", D(60000))
    client = get_client(account)

    reports = in_parallel([partial(client.submit_order, buy(f"tv-{n}")) for n in range(50)], 50)

    assert {report.status for report in reports} == {OrderStatus.FILLED}
    assert PaperPosition.objects.get().quantity == D("0.5")
    # 50 x 600 x 0.0005
    assert PaperBalance.objects.get().total == 1000000 - 15
    numbers = [row.number for model in (PaperOrder, PaperFill) for row in model.objects.all()]
    assert sorted(numbers) == list(range(1, 101))


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_two_hundred_parallel_orders_over_fifty_symbols_while_prices_move(account: Account) -> None:
    symbols = [f"S{n}USDT" for n in range(50)]
    for symbol in symbols:
        InstrumentFactory(symbol=symbol, base_asset=symbol.removesuffix("USDT"), tick_size=D("0.01"))
    set_prices([NewPrice(market=Market.USDM, symbol=symbol, last=D(100)) for symbol in symbols])
    client = get_client(account)
    orders = [partial(client.submit_order, buy(f"tv-{n}", symbol=symbols[n % 50], quantity="1")) for n in range(200)]
    moves = [partial(set_price, "USDM", symbols[n], D(100 + n)) for n in range(10)]

    reports = in_parallel([*orders[:100], *moves, *orders[100:]], 32)

    assert sum(isinstance(report, OrderReport) and report.status is OrderStatus.FILLED for report in reports) == 200
    assert PaperFill.objects.count() == 200
    assert {row.symbol: row.quantity for row in PaperPosition.objects.all()} == dict.fromkeys(symbols, D(4))


@pytest.mark.django_db(transaction=True)
def test_two_orders_cannot_spend_one_balance_twice() -> None:
    account = AccountFactory(venue=Venue.PAPER_SPOT, paper_balances={"USDT": "1000"}, slippage_bps=D(0))
    set_price("SPOT", "BTCUSDT", D(60000))
    client = get_client(account)

    def attempt(identity: str) -> str:
        try:
            return str(client.submit_order(buy(identity, quantity="0.012")).status)  # 720 of 1000
        except OrderRejected as exc:
            return exc.code

    outcomes = in_parallel([partial(attempt, f"tv-{n}") for n in range(8)], 8)

    assert sorted(outcomes) == ["-2010"] * 7 + ["FILLED"]


# ── transactions ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("call", ["submit", "balances", "positions", "mode"])
def test_a_caller_that_holds_a_transaction_fails_loudly(account: Account, call: str) -> None:
    client = get_client(account)
    calls: dict[str, Callable[[], Any]] = {
        "submit": lambda: client.submit_order(buy("tv-1")),
        "balances": client.get_balances,
        "positions": client.get_positions,
        "mode": client.get_position_mode,
    }

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        calls[call]()


@pytest.mark.django_db(transaction=True)
def test_a_refused_order_leaves_no_row(account: Account) -> None:
    with pytest.raises(OrderRejected):
        get_client(account).submit_order(buy("tv-1", quantity="1000"))

    assert not PaperOrder.objects.exists()
    assert not PaperEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_is_tried_again_and_then_given_up(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    client = get_client(account)
    client.get_balances()
    failures = iter([1, 1, 0, *[1] * 20])
    lock = paper_store.DjangoPaperStore._lock

    def flaky(self: paper_store.DjangoPaperStore) -> Any:
        if next(failures):
            raise OperationalError("database is locked")
        return lock(self)

    monkeypatch.setattr(paper_store, "PAUSE_S", 0)
    monkeypatch.setattr(paper_store.DjangoPaperStore, "_lock", flaky)

    assert client.submit_order(buy("tv-1")).status is OrderStatus.FILLED  # the third attempt
    with pytest.raises(NotSent):
        client.submit_order(buy("tv-2"))
    with pytest.raises(QueryFailed):
        client.get_balances()
    assert PaperOrder.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_breaks_off_is_an_unknown_outcome(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    client = get_client(account)
    client.get_balances()

    def broken() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(connection, "_commit", broken)
    with pytest.raises(OutcomeUnknown):
        client.submit_order(buy("tv-1"))


# ── state ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.django_db
def test_everything_comes_back_from_the_rows(account: Account) -> None:
    set_price("USDM", "BTCUSDT", D(60000))
    client = get_client(account)
    client.set_margin_type("BTCUSDT", MarginType.ISOLATED)
    client.set_leverage("BTCUSDT", 3)
    client.submit_order(buy("tv-1", quantity="0.123"))
    request = OrderRequest(
        client_order_id="tv-2", symbol="BTCUSDT", side=Side.SELL, type=OrderType.TRAILING_STOP_MARKET,
        quantity=D("0.123"), callback_pct=D("1.5"), reduce_only=True,
    )  # fmt: skip
    client.submit_order(request)

    state = paper_store.DjangoPaperStore(account.pk).read()

    (order,) = state.orders
    assert order.request == request
    assert order.extreme == D(60000)
    (position,) = client.get_positions()
    assert (position.quantity, position.entry_price, position.leverage) == (D("0.123"), D(60000), 3)
    assert (position.margin_type, position.margin) == (MarginType.ISOLATED, D(2460))
    # (7380 - 2460) / (0.123 x 0.996)
    assert position.liquidation_price is not None
    assert position.liquidation_price.quantize(D("0.01")) == D("40160.64")


@pytest.mark.django_db
def test_the_position_mode_changes_only_while_flat(account: Account) -> None:
    set_price("USDM", "BTCUSDT", D(60000))
    client = get_client(account)
    client.submit_order(buy("tv-1"))

    Account.objects.filter(pk=account.pk).update(hedge_mode=True)

    assert client.get_position_mode() is PositionMode.ONE_WAY
    close = OrderRequest(
        client_order_id="tv-2", symbol="BTCUSDT", side=Side.SELL, type=OrderType.MARKET, quantity=D("0.01"),
        reduce_only=True,
    )  # fmt: skip
    client.submit_order(close)
    assert client.get_position_mode() is PositionMode.HEDGE


# ── death ─────────────────────────────────────────────────────────────────────────────────────────────────────
BUYER = """
import django; django.setup()
from decimal import Decimal
from exchange.clients import get_client
from exchange.models import Account
from exchange.types import OrderRequest, OrderType, Side
client = get_client(Account.objects.get(name="victim"))
print("ready", flush=True)
for n in range(100000):
    client.submit_order(OrderRequest(client_order_id=f"tv-{n}", symbol="BTCUSDT", side=Side.BUY, type=OrderType.MARKET,
                                     quantity=Decimal("0.002")))
"""


@pytest.fixture
def buyer() -> Iterator[subprocess.Popen[str]]:
    AccountFactory(name="victim", paper_balances={"USDT": "1000000"}, slippage_bps=D(0))
    set_price("USDM", "BTCUSDT", D(60000))
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tvtrader.settings", "DATABASE_URL": _url()}
    process = subprocess.Popen(
        [sys.executable, "-c", BUYER], env=env, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def _url() -> str:
    options = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{options['NAME']}"
    where = f"{options['HOST'] or 'localhost'}:{options['PORT'] or 5432}"
    return f"postgres://{options['USER']}:{options['PASSWORD']}@{where}/{options['NAME']}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_an_order_is_there_whole_or_not_at_all_after_a_kill(buyer: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + 20
    while PaperOrder.objects.count() < 20 and time.monotonic() < give_up:
        time.sleep(0.005)
    buyer.send_signal(signal.SIGKILL)
    buyer.wait()

    count = PaperOrder.objects.count()
    assert count >= 20
    assert PaperOrder.objects.filter(status=OrderStatus.FILLED).count() == count
    assert PaperFill.objects.count() == count
    assert PaperEvent.objects.count() == count
    assert PaperPosition.objects.get().quantity == count * D("0.002")
    assert PaperBalance.objects.get().total == 1000000 - count * D("0.06")
    assert PaperAccount.objects.get().next_number == 2 * count + 1
