"""Production in small: two workers that die over and over, and a Redis that forgets; only on PostgreSQL and Redis."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.process.checker import Checker
from tests.process.servers import Production, flush, own_servers
from tests.process.service import Answer, call, manage
from tests.process.story import HOUSE_FILE, SECRETS, Alert, Story

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("TVTRADER_TEST_ON") != "servers", reason="for PostgreSQL and Redis: TVTRADER_TEST_ON=servers"
    ),
]

ANSWERED_WITHIN_S = 3.0  # TradingView's patience
IN_ORDER_WITHIN_S = 45.0  # an order that a dead worker was sending is asked for until its deadline of 10 s
FUTURES = ("long", "add", "short", "flat", "long", "short")
SPOT = ("buy", "buy", "flat", "buy", "flat", "buy")
LANES = [
    ("native", "BTCUSDT", FUTURES), ("native", "ETHUSDT", FUTURES), ("native", "SOLUSDT", FUTURES),
    ("native", "LINKUSDT", FUTURES), ("native", "XRPUSDT", FUTURES), ("quick", "BTCUSDT", FUTURES),
    ("quick", "ETHUSDT", FUTURES), ("hedge-exit", "SOLUSDT", ("long", "short", "exit", "short", "long", "exit")),
    ("spot", "ADAUSDT", SPOT), ("spot", "BTCUSDT", SPOT),
]  # fmt: skip


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    with own_servers() as settings:
        made = Production(tmp_path, settings)
        try:
            migrated = manage(tmp_path, "migrate", **settings)
            assert migrated.returncode == 0, migrated.stdout
            applied = manage(tmp_path, "apply_config", str(HOUSE_FILE), **settings, **SECRETS)
            assert applied.returncode == 0, applied.stdout
            made.start()
            yield made
        finally:
            made.close()


def test_workers_die_and_redis_forgets(production: Production, capsys: pytest.CaptureFixture[str]) -> None:
    story = Story({})
    answers: list[tuple[Alert, Answer]] = []
    kills = 0
    for step in range(6):
        answers += deliver(production, [story.native(acts[step], lane=name, symbol=s) for name, s, acts in LANES])
        if step == 2:
            flush(production.settings)
        victims = [*production.workers] if step == 4 else [production.workers[step % 2]]
        victims += [production.streams] if step in (1, 4) else []
        for victim in victims:
            victim.kill()
            kills += 1
        for victim in victims:
            victim.start()
        for victim in victims:
            production.wait_for(victim)

    assert len(answers) == 60
    checker = Checker(production.home, **production.settings)
    try:
        found = checker.ask(seconds=IN_ORDER_WITHIN_S)
        assert not found["error"], f"{found['error']}\n{production.logs()}"
        rows = {row[0]: row for row in found["signals"]}
        assert {row[1] for row in rows.values()} == {alert.own_id for alert, _ in answers}
        assert {rows[answer.body["signal"]][1] for _, answer in answers} == {alert.own_id for alert, _ in answers}
        # What was opened after an exit that took its time may be refused, but nothing fails.
        ends = Counter((row[2], row[3]) for row in rows.values())
        assert {status for status, _ in ends} <= {"DONE", "REFUSED"}, ends
        flattened = manage(production.home, "flatten", "--yes", "--wait", "45", **production.settings)
        assert flattened.returncode == 0, flattened.stdout
        last = checker.ask(seconds=IN_ORDER_WITHIN_S)
    finally:
        checker.close()
    assert not last["error"], last["error"]
    assert (last["live"], last["positions"], last["open_orders"]) == (0, 0, 0)
    checked = manage(production.home, "ledger_check", **production.settings)
    assert checked.returncode == 0, checked.stdout
    with capsys.disabled():
        print(  # noqa: T201  # the figures are asked for
            f"\n{kills} kills, 60 alerts, {last['trades']} trades, {last['orders']} paper orders, ended {last['ends']},"
            f" alarms {last['alarms']}, in order {found['took']:.1f} s after the last death; signals {dict(ends)}"
        )


def deliver(production: Production, alerts: list[Alert]) -> list[tuple[Alert, Answer]]:
    """Deliver alerts four at a time and return once an order of theirs is on its way."""
    question = "SELECT COUNT(*) FROM ledger_order"
    with psycopg.connect(production.settings["DATABASE_URL"], autocommit=True) as connection:
        before = connection.execute(question).fetchone()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda alert: timely(production, alert), alerts))
        deadline = time.monotonic() + 2
        while connection.execute(question).fetchone() == before and time.monotonic() < deadline:
            pass  # an order is on its way for some milliseconds only
    return list(zip(alerts, answers, strict=True))


def timely(production: Production, alert: Alert) -> Answer:
    began = time.monotonic()
    answer = call(production.base, alert.path, alert.body)
    took = time.monotonic() - began
    assert answer.status == 202, answer
    assert took < ANSWERED_WITHIN_S
    return answer
