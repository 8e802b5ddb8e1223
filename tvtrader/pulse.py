"""Writes the sign of life of a background process, for the health check of another."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from tvtrader.models import Pulse

log = logging.getLogger(__name__)
INTERVAL_S = 5.0
STALE = timedelta(seconds=20)
FORGOTTEN = timedelta(days=1)


class PulseWriter(threading.Thread):
    """Says every few seconds which threads of this process live; its row goes when it is stopped."""

    def __init__(self, kind: str, parts: Mapping[str, Callable[[], bool]]) -> None:
        super().__init__(name=f"pulse-{kind}", daemon=True)
        self.kind = kind
        self.parts = dict(parts)
        self.row_name = f"{kind}@{socket.gethostname()}:{os.getpid()}"
        self._stopped = threading.Event()

    def run(self) -> None:
        started = timezone.now()
        try:
            while not self._stopped.is_set():
                self._beat(started)
                self._stopped.wait(INTERVAL_S)
            self._erase()
        finally:
            connection.close()

    def stop(self, timeout: float = 2.0) -> None:
        """Take the sign of life away and end the thread."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout)

    def _beat(self, started: datetime) -> None:
        close_old_connections()
        states = {name: alive() for name, alive in self.parts.items()}
        for name in (name for name, alive in states.items() if not alive):
            log.critical("thread %s of %s is dead: restart this process", name, self.row_name)
        try:
            Pulse.objects.update_or_create(
                name=self.row_name,
                defaults={"kind": self.kind, "parts": states, "started_at": started, "seen_at": timezone.now()},
            )
        except DatabaseError:
            log.warning("the sign of life could not be written", exc_info=True)

    def _erase(self) -> None:
        try:
            Pulse.objects.filter(name=self.row_name).delete()
        except DatabaseError:
            log.warning("the sign of life could not be removed", exc_info=True)


def list_living(*, now: datetime) -> list[Pulse]:
    """Return the processes that were seen lately."""
    return list(Pulse.objects.filter(seen_at__gte=now - STALE))


def forget_dead(*, now: datetime) -> int:
    """Remove the rows of processes that ended long ago without saying so; return how many."""
    return Pulse.objects.filter(seen_at__lt=now - FORGOTTEN).delete()[0]
