from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from tvtrader.management.commands import run_streams
from tvtrader.models import Pulse

pytestmark = pytest.mark.django_db(transaction=True)


class Streams:
    """Stands for the supervisor: lives until it is stopped or dies by itself."""

    def __init__(self, alive: bool = True) -> None:
        self.alive, self.stopped = alive, False

    def is_alive(self) -> bool:
        return self.alive

    def stop(self, timeout: float) -> None:
        self.alive, self.stopped = False, True


@pytest.fixture(autouse=True)
def keep_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams()

    def start() -> Any:
        # Our handlers stand before the streams start, so this cannot end the test run.
        threading.Thread(target=os.kill, args=(os.getpid(), number)).start()
        return streams

    monkeypatch.setattr(run_streams, "start_streams", start)

    call_command("run_streams")

    assert streams.stopped
    assert not Pulse.objects.exists()


def test_dead_streams_end_the_process_for_its_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_streams, "start_streams", lambda: Streams(alive=False))

    with pytest.raises(SystemExit) as caught:
        call_command("run_streams")

    assert caught.value.code == 1
