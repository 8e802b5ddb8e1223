"""A start that dies at its weakest moments, and a stop while alerts arrive."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.checker import Checker
from tests.process.service import ROOT, Answer, Service, clean_environment, manage, new_key
from tests.process.story import HOUSE_FILE, SECRETS, Story

pytestmark = pytest.mark.slow

STOPS_WITHIN_S = 5.0
# The service, with a process that ends itself instead of calling a function for the nth time.
DIES = """
import os, sys
from {module} import {owner}
calls = 0
whole = {owner}.{name}
def dies(*args, **kwargs):
    global calls
    calls += 1
    if calls == {nth}:
        os.kill(os.getpid(), 9)
    return whole(*args, **kwargs)
{owner}.{name} = dies
from tvtrader.runner.__main__ import main
main()
"""
WEAK_MOMENTS = [
    # Django writes some migrations down only when their tables are committed.
    pytest.param("django.db.migrations.recorder", "MigrationRecorder", "record_applied", 3, id="a migration"),
    # The configuration is committed, the rules of its instruments are not there yet.
    pytest.param("exchange", "instrument_files", "rules", 1, id="the instruments"),
]


@pytest.fixture
def services() -> Iterator[list[Service]]:
    started: list[Service] = []
    yield started
    for service in started:
        if service.process.poll() is None:
            service.kill()


@pytest.mark.parametrize(("module", "owner", "name", "nth"), WEAK_MOMENTS)
def test_a_first_start_that_died_is_made_good_by_the_next(
    tmp_path: Path, services: list[Service], module: str, owner: str, name: str, nth: int
) -> None:
    code = DIES.format(module=module, owner=owner, name=name, nth=nth)
    died = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(tmp_path, PORT="0"), timeout=60, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stdout

    service = Service(tmp_path, key=new_key())
    services.append(service)
    service.wait_until_ready()

    answer = service.post("demo-native", {"action": "entry", "side": "long", "symbol": "BTCUSDT"})
    assert answer.status == 202, answer
    checker = Checker(tmp_path)
    try:
        found = checker.ask(seconds=10)
    finally:
        checker.close()
    assert found["error"] == ""
    assert found["live"] == 1
    assert [row[2] for row in found["signals"]] == ["DONE"]


def test_it_stops_in_time_while_alerts_arrive_and_goes_on_where_it_was(tmp_path: Path, services: list[Service]) -> None:
    key = new_key()
    services.append(Service(tmp_path, key=key).wait_until_ready())
    applied = manage(tmp_path, "apply_config", str(HOUSE_FILE), **SECRETS)
    assert applied.returncode == 0, applied.stdout
    story = Story(services[-1].get("/cache/prices"))
    checker = Checker(tmp_path)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            answers, (status, took) = stop_under_fire(services[-1], story, number)
            accepted = [answer for answer in answers if answer.status == 202]
            assert status == 0
            assert took < STOPS_WITHIN_S
            assert len(accepted) >= 5
            # Refused by a closed door (0), never by an error.
            assert {answer.status for answer in answers} <= {0, 202}

            services.append(Service(tmp_path, key=key).wait_until_ready())
            found = checker.ask(seconds=10)
            assert found["error"] == ""
            assert {answer.body["signal"] for answer in accepted} <= {row[0] for row in found["signals"]}
            assert {row[2] for row in found["signals"]} <= {"DONE", "REFUSED"}
    finally:
        checker.close()


def stop_under_fire(service: Service, story: Story, number: int) -> tuple[list[Answer], tuple[int, float]]:
    """Signal the service while three senders are busy; return all answers, and how it ended."""
    answers: list[Answer] = []
    alerts = threading.Lock()
    busy = threading.Event()
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            with alerts:
                batch = story.round()
            for alert in batch:
                answers.append(service.post(alert.path, alert.body))
                if len(answers) >= 10:
                    busy.set()
                if answers[-1].status == 0:
                    return

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    assert busy.wait(30)
    ended = service.stop(number)
    over.set()
    for sender in senders:
        sender.join(20)
    return answers, ended
