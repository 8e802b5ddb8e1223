"""The threads that every worker process runs beside its tasks: the sweeper and the sign of life."""

from __future__ import annotations

import threading
from typing import Any

from django.conf import settings

_lock = threading.Lock()
_running: list[Any] = []


def start() -> None:
    """Start the companions once in this process."""
    from signals.sweeper import Sweeper
    from tvtrader.pulse import PulseWriter

    with _lock:
        if _running:
            return
        sweeper = Sweeper()
        _running.append(sweeper)
        # The one-process service writes one sign of life for all its threads.
        if settings.TVTRADER_ROLE != "embedded":
            _running.append(PulseWriter("worker", {"sweeper": sweeper.is_alive}))
        for thread in _running:
            thread.start()


def sweeper_alive() -> bool:
    """Tell whether this process's sweeper runs."""
    return any(thread.is_alive() for thread in _running[:1])


def stop(timeout: float = 5.0) -> None:
    """Ask the companions to end and wait a little for the lanes in hand."""
    with _lock:
        threads, _running[:] = list(_running), []
    for thread in reversed(threads):
        thread.stop(timeout)
