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
LISTEN_S = 0.2


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
        # The loop looks for the end only between two waits for messages, of 2 s each.
        drain = consumer.connection.drain_events
        consumer.connection.drain_events = lambda timeout=None, **more: drain(timeout=LISTEN_S, **more)
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

    def stop(self, timeout: float) -> list[str]:
        """Ask all to end at once, then wait; return what is cut off, to be taken up at the next start."""
        deadline = time.monotonic() + timeout
        state.should_stop = 0  # type: ignore[assignment]  # an exit code; the stubs know only None
        stops: dict[str, Callable[[], object]] = {"sweeper": lambda: companions.stop(timeout)}
        if self._pulse is not None:
            stops["pulse"] = self._pulse.stop
        if self._streams is not None:
            stops["streams"] = lambda: self._streams.stop(timeout)
        if self._beat is not None:
            stops["beat"] = lambda: self._beat.service.stop(wait=False)
        waiting = [threading.Thread(target=stop, name=name, daemon=True) for name, stop in stops.items()]
        for thread in waiting:
            thread.start()
        waiting += [thread for thread in (self._worker, self._streams) if thread is not None]
        for thread in waiting:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return [thread.name for thread in waiting if thread.is_alive()]
