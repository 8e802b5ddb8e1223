"""The background threads of the one-process service: worker, beat, streams and their sign of life."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from celery.beat import EmbeddedService
from celery.worker import WorkController, state
from django.conf import settings

from tvtrader import companions
from tvtrader.celery import app
from tvtrader.pulse import PulseWriter
from tvtrader.streams import start_streams

log = logging.getLogger(__name__)
WORKER_READY_S = 10.0


class EmbeddedWorker(WorkController):
    """A Celery worker that leaves signals, stdout and logging to its host, and says when it is ready."""

    def __init__(self) -> None:
        self.consumer_ready = threading.Event()
        super().__init__(
            app=app,
            pool="threads",
            concurrency=settings.WORKER_CONCURRENCY,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )

    def on_consumer_ready(self, consumer: Any) -> None:
        self.consumer_ready.set()


class Background:
    """Starts the threads in order and stops them within a time."""

    def __init__(self) -> None:
        self._worker: threading.Thread | None = None
        self._beat: Any = None
        self._streams: Any = None
        self._pulse: PulseWriter | None = None

    def start(self) -> None:
        """Start everything; making the worker starts the sweeper too (`worker_init`)."""
        state.should_stop = None
        worker = EmbeddedWorker()
        self._worker = threading.Thread(target=worker.start, name="worker", daemon=True)
        self._worker.start()
        scheduler = "django_celery_beat.schedulers:DatabaseScheduler"  # the setting is not read here
        self._beat = EmbeddedService(app, thread=True, scheduler_cls=scheduler)
        self._beat.start()
        self._streams = start_streams()
        self._pulse = PulseWriter(
            "embedded",
            {
                "worker": self._worker.is_alive,
                "sweeper": companions.sweeper_alive,
                "beat": self._beat.is_alive,
                "streams": self._streams.is_alive,
            },
        )
        self._pulse.start()
        if not worker.consumer_ready.wait(WORKER_READY_S):
            log.warning("the worker is not ready yet; the sweeper does its work meanwhile")

    def stop(self, timeout: float) -> bool:
        """Ask all to end at once, then wait; return whether all did. What is cut off is taken up at the next start."""
        deadline = time.monotonic() + timeout
        state.should_stop = 0  # type: ignore[assignment]  # an exit code; the stubs know only None
        stops: list[Callable[[], object]] = [lambda: companions.stop(timeout)]
        if self._pulse is not None:
            stops.append(self._pulse.stop)
        if self._streams is not None:
            stops.append(lambda: self._streams.stop(timeout))
        if self._beat is not None:
            stops.append(lambda: self._beat.service.stop(wait=False))
        waiting = [threading.Thread(target=stop, daemon=True) for stop in stops]
        for thread in waiting:
            thread.start()
        waiting += [thread for thread in (self._worker, self._streams) if thread is not None]
        for thread in waiting:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in waiting)
