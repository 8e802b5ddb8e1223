"""kill -9 of ./run at any moment, then ./run again: nothing lost, nothing doubled, nothing left naked."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.process.checker import Checker
from tests.process.service import Answer, Service, manage, new_key, wait_until
from tests.process.story import HOUSE_FILE, SECRETS, Alert, Story
from tests.process.watching import count_rows, watch

pytestmark = pytest.mark.slow

IN_ORDER_WITHIN_S = 10.0
DELAYS_MS = (0, 5, 10, 16, 24, 34, 46, 60, 80, 110, 160, 230, 330, 480)
AFTER_START_MS = {24: 0, 60: 60, 160: 200}  # the same round is killed once more, so long after the next start
# What to bring about first, what then leads to the moment, and the lane that it happens in.
SCENES = [
    ("the alert is stored", "flat", "long", "native"),
    ("the decision is stored", "flat", "short", "native"),
    ("the entry is being sent", "flat", "long", "native"),
    ("the venue has the entry, the ledger does not know", "flat", "short", "native"),
    ("the entry is filled, there is no stop", "flat", "long", "native"),
    ("the stop is being sent", "flat", "short", "native"),
    ("the stop is being replaced", "long", "add", "native"),
    ("the exit is being sent", "long", "flat", "native"),
    ("the exit is filled, stop and targets rest", "long", "short", "native"),
    ("the venue has canceled, the ledger does not know", "long", "flat", "native"),
    ("stop and target are being sent as a pair", "flat", "buy", "spot"),
]
SYMBOLS = {"native": "BTCUSDT", "spot": "ADAUSDT"}
DECIDED = {"DONE", "REFUSED", "DUPLICATE"}


class Ordeal:
    """One home, the service that dies in it over and over, and what it promised."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.key = new_key()
        self.kills = 0
        self.service: Service | None = None
        self.answered: list[tuple[Alert, Answer]] = []
        self.unanswered: list[Alert] = []
        self.slowest = 0.0
        self.seen: Counter[str] = Counter()
        self._checker: Checker | None = None

    @property
    def running(self) -> Service:
        assert self.service is not None
        return self.service

    def begin(self) -> None:
        """Start a process in the home; it is not ready yet."""
        self.service = Service(self.home, key=self.key, PAPER_SEED="7")

    def kill(self) -> None:
        self.running.kill()
        self.kills += 1

    def come_back(self) -> None:
        """Start, deliver again what nobody answered, and look that all comes in order."""
        self.begin()
        self.running.wait_until_ready()
        for alert in self.unanswered:
            # As TradingView would; but it may have been stored before the death, and is then not acted on again.
            self.deliver(alert, again=True)
        self.unanswered.clear()
        self.look()

    def deliver(self, alert: Alert, *, again: bool = False) -> None:
        answer = self.running.post(alert.path, alert.body)
        if answer.status == 0:
            assert not again, "the service died by itself"
            self.unanswered.append(alert)
        else:
            assert answer.status in ({200, 202} if again else {202}), answer
            self.answered.append((alert, answer))

    def look(self) -> dict[str, Any]:
        """Wait until everything is in order and every alert has come to its end, exactly once."""
        if self._checker is None:
            self._checker = Checker(self.home)
        found = self._checker.ask(seconds=IN_ORDER_WITHIN_S)
        assert not found["error"], found["error"]
        self.slowest = max(self.slowest, found["took"])
        rows = {row[0]: row for row in found["signals"]}
        for alert, answer in self.answered:
            _, own_id, status, reason_code = rows[answer.body["signal"]]
            assert own_id == alert.own_id
            assert status in DECIDED, (alert, status, reason_code)
        acted = Counter(own_id for _, own_id, status, _ in rows.values() if own_id and status != "DUPLICATE")
        assert {own_id: times for own_id, times in acted.items() if times > 1} == {}
        assert {alert.own_id for alert, _ in self.answered if alert.own_id} == set(acted)
        return found

    def close(self) -> None:
        if self.service is not None and self.service.process.poll() is None:
            self.service.process.kill()
            self.service.process.wait(10)
        if self._checker is not None:
            self._checker.close()


@pytest.fixture
def ordeal(tmp_path: Path) -> Iterator[Ordeal]:
    made = Ordeal(tmp_path / "home")
    yield made
    made.close()


def test_killed_anywhere_and_started_again(ordeal: Ordeal, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    kill_the_first_start(ordeal)
    furnish(ordeal)
    story = Story(ordeal.running.get("/cache/prices"))

    for delay_ms in DELAYS_MS:
        kill_after(ordeal, story.round(), seconds=delay_ms / 1000)
        if delay_ms in AFTER_START_MS:
            kill_the_recovery(ordeal, seconds=AFTER_START_MS[delay_ms] / 1000)
        ordeal.come_back()
    for moment, before, act, lane in SCENES:
        play(ordeal, story, moment, before=before, act=act, lane=lane)

    found = flatten(ordeal)
    assert ordeal.kills >= 24
    assert found["trades"] >= 20
    missed = [scene[0] for scene in SCENES if not ordeal.seen[scene[0]]]
    assert len(missed) <= len(SCENES) // 2, missed
    with capsys.disabled():
        print(  # noqa: T201  # the figures are asked for
            f"\n{ordeal.kills} kills ({len(ordeal.seen)} of {len(SCENES)} moments met, not: {missed}),"
            f" {len(ordeal.answered)} alerts answered, {found['trades']} trades, {found['orders']} paper orders,"
            f" ended {found['ends']}, alarms {found['alarms']}; in order after {ordeal.slowest:.1f} s at most;"
            f" {time.monotonic() - began:.0f} s"
        )


def kill_the_first_start(ordeal: Ordeal) -> None:
    """Die before anything is there, amid the tables, and when the demo is configured."""
    places: list[tuple[str, Callable[[], object]]] = [
        ("the keys", (ordeal.home / ".env").exists),
        ("a database", (ordeal.home / "var" / "tvtrader.sqlite3").exists),
        ("the demo's accounts", lambda: count_rows(ordeal.home, "exchange_account")),
    ]
    for what, reached in places:
        ordeal.begin()
        wait_until(reached, seconds=30, what=what)
        ordeal.kill()


def furnish(ordeal: Ordeal) -> None:
    """Let the service come up after all, and give it the house of these tests beside the demo's."""
    ordeal.begin()
    ordeal.running.wait_until_ready()
    applied = manage(ordeal.home, "apply_config", str(HOUSE_FILE), **SECRETS)
    assert applied.returncode == 0, applied.stdout


def kill_after(ordeal: Ordeal, alerts: Sequence[Alert], *, seconds: float) -> None:
    """Deliver alerts side by side, and kill so long after they were sent off."""
    gone = threading.Barrier(len(alerts) + 1)

    def send(alert: Alert) -> None:
        gone.wait(10)
        ordeal.deliver(alert)

    with ThreadPoolExecutor(len(alerts)) as pool:
        sent = [pool.submit(send, alert) for alert in alerts]
        gone.wait(10)
        threading.Event().wait(seconds)
        ordeal.kill()
        for future in sent:
            future.result()


def kill_the_recovery(ordeal: Ordeal, *, seconds: float) -> None:
    ordeal.begin()
    ordeal.running.wait_until_ready()
    threading.Event().wait(seconds)
    ordeal.kill()


def play(ordeal: Ordeal, story: Story, moment: str, *, before: str, act: str, lane: str) -> None:
    """Kill at the moment as it is seen in the database, or when the alert has been worked off without it."""
    ordeal.deliver(story.native(before, lane=lane, symbol=SYMBOLS[lane]))
    ordeal.look()
    alert = story.native(act, lane=lane, symbol=SYMBOLS[lane])
    with watch(ordeal.home) as watched, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(ordeal.deliver, alert)
        deadline = time.monotonic() + 1.5
        while not (met := watched.sees(moment)) and time.monotonic() < deadline:
            pass  # the moments last a few milliseconds
        ordeal.kill()
        sending.result()
    ordeal.seen[moment] += met
    ordeal.come_back()


def flatten(ordeal: Ordeal) -> dict[str, Any]:
    """Close everything with the command that a person would use, and let the ledger be compared with the venue."""
    done = manage(ordeal.home, "flatten", "--yes")
    assert done.returncode == 0, done.stdout
    found = ordeal.look()
    assert (found["live"], found["positions"], found["open_orders"]) == (0, 0, 0)
    checked = manage(ordeal.home, "ledger_check")
    assert checked.returncode == 0, checked.stdout
    return found
