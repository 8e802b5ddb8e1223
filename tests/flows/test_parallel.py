"""Many alerts at once, with real threads and real workers: no error, nothing lost, nothing doubled."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection

from exchange.models import Account
from exchange.paper_rows import PaperOrder
from ledger.models import Notice, Trade
from ledger.services.reports import apply_report
from signals.models import Signal
from signals.sweeper import Sweeper
from tests.flows.house import House
from tests.flows.invariants import ENDS, assert_in_order

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal
SYMBOLS = [f"{base}USDT" for base in ("BTC", "ETH", "ADA", "LINK", "SOL", "BNB", "XRP", "DOGE", "AVAX")] + ["BTCUSDC"]


@contextmanager
def workers(count: int) -> Iterator[None]:
    """Run sweepers as the workers of several processes would."""
    threads = [Sweeper(interval_s=0.02) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop(30)


def at_once(calls: Sequence[Callable[[], Any]], *, threads: int = 50) -> list[Any]:
    """Make all calls at the same moment, so many at a time, each thread with a connection of its own."""
    start = threading.Barrier(min(threads, len(calls)))
    first = threading.local()

    def run(call: Callable[[], Any]) -> Any:
        if not getattr(first, "past", False):
            first.past = True
            start.wait(30)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(start.parties) as pool:
        return list(pool.map(run, calls))


def wait_for(condition: Callable[[], bool], *, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the workers did not get through"
        threading.Event().wait(0.05)


def all_ended() -> bool:
    return not Signal.objects.exclude(status__in=ENDS).exists()


def test_fifty_alerts_for_one_lane_each_trade_once() -> None:
    """50 x 0.002 BTC, added to one trade: 0.1 BTC in 50 orders."""
    house = House(
        strategy_fields={"on_duplicate_entry": "add", "leverage": 10, "max_open_trades": None},
        balances={"USDT": "100000"},
    )

    with workers(3):
        answers = at_once(
            [partial(house.post, symbol="BTCUSDT", action="buy", base_amount="0.002", id=f"a{n}") for n in range(50)]
        )
        wait_for(all_ended)

    assert Counter(answer.status_code for answer in answers) == {202: 50}
    assert Counter(Signal.objects.values_list("status", flat=True)) == {"DONE": 50}
    assert PaperOrder.objects.filter(account=house.account, side="BUY", status="FILLED").count() == 50
    assert house.trade().quantity == D("0.1")
    assert Trade.objects.count() == 1
    assert_in_order(house.account)


def test_twenty_identical_deliveries_trade_once() -> None:
    house = House(strategy_fields={"on_duplicate_entry": "add", "leverage": 10})

    with workers(2):
        answers = at_once([lambda: house.post(symbol="BTCUSDT", action="buy", base_amount="0.002")] * 20)
        wait_for(all_ended)

    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 19}
    assert len({answer.json()["signal"] for answer in answers}) == 1
    assert house.trade().quantity == D("0.002")


def test_two_hundred_alerts_over_fifty_lanes() -> None:
    """5 accounts x 10 symbols x 4 alerts "be long": one protected trade a lane."""
    houses = [
        House(
            name=f"many-{number}",
            prices=dict.fromkeys(SYMBOLS, "100") | {"BTCUSDT": "50000", "BTCUSDC": "50000", "DOGEUSDT": "0.2"},
            balances={"USDT": "100000", "USDC": "100000"},
            strategy_fields={"sizing_method": "margin", "sizing_amount": D("50"), "leverage": 10, "stop_pct": D("5")},
        )
        for number in range(5)
    ]
    calls = [
        partial(house.post, symbol=symbol, action="long", id=f"{symbol}-{n}")
        for house in houses
        for symbol in SYMBOLS
        for n in range(4)
    ]

    with workers(3):
        # A server has eight threads; the rest of a burst waits at its door.
        answers = at_once(calls, threads=8)
        wait_for(all_ended)

    assert Counter(answer.status_code for answer in answers) == {202: 200}
    refused = Signal.objects.exclude(status="DONE").values_list("symbol", "reason_code", "reason").distinct()
    assert list(refused) == []
    assert Counter(Trade.objects.values_list("status", flat=True)) == {"OPEN": 50}
    assert not Notice.objects.filter(level="ALARM").exists()
    for house in houses:
        assert_in_order(house.account)


def test_parallel_entries_cannot_spend_one_balance_twice() -> None:
    """Ten symbols want 30 % of 10000 each at the same moment: what is free shrinks with every plan."""
    house = House(
        prices=dict.fromkeys(SYMBOLS, "100") | {"BTCUSDT": "50000", "DOGEUSDT": "0.2"},
        strategy_fields={"sizing_method": "balance_fraction", "sizing_amount": D("0.3"), "leverage": 1},
    )
    wanted = [symbol for symbol in SYMBOLS if symbol.endswith("USDT")]

    with workers(4):
        at_once([partial(house.post, symbol=symbol, action="long") for symbol in wanted])
        wait_for(all_ended)

    spent = sum((trade.quantity * (trade.entry_price or 0) for trade in Trade.objects.all()), D(0))
    # Each takes 30 % of what the others left: 10000 x (1 - 0.7^9) = 9596 at most.
    assert spent <= D("9597")
    assert not Signal.objects.filter(status="FAILED").exists()


def test_one_report_from_twenty_threads_books_once() -> None:
    house = House(strategy_fields={"leverage": 10})
    house.send(symbol="BTCUSDT", action="buy", base_amount="0.002")
    from exchange.clients import get_client

    account: Account = house.account
    order = house.trade().orders.get(role="ENTRY")
    report = get_client(account).get_order(order.ref())
    assert report is not None

    at_once([lambda: apply_report(account_id=account.pk, report=report, source="stream")] * 20)

    assert order.fills.count() == 1
    assert house.trade().quantity == D("0.002")
