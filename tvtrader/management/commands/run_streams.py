"""The production process that listens to the venues."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from tvtrader.checks import enforce
from tvtrader.pulse import PulseWriter
from tvtrader.streams import start_streams

STOP_S = 5.0


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C. Exit status 1: the streams died, so that a supervisor starts them anew."""

    help = "Listen to the venues and hand what they report to the ledger; run exactly one of these."

    def handle(self, *args: Any, **options: Any) -> None:
        enforce()
        stopping = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        streams = start_streams()
        pulse = PulseWriter("streams", {"streams": streams.is_alive})
        pulse.start()
        try:
            while streams.is_alive() and not stopping.wait(1.0):
                pass
        finally:
            pulse.stop()
            streams.stop(STOP_S)
        if not stopping.is_set():
            raise SystemExit(1)
