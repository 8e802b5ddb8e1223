"""What runs beside a command in production: workers and the streams, here in one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from exchange.clock import now
from ledger import lanes
from signals.worker import work_lane
from tests.flows.house import hear


@contextmanager
def workers() -> Iterator[None]:
    """Hear the venue and work lanes in a thread while the block runs; an error of theirs fails the test."""
    done = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while not done.wait(0.01):
                hear()
                for lane_id in lanes.list_due(now=now()):
                    work_lane(lane_id)
        except BaseException as exc:  # noqa: BLE001  # told to the test below
            errors.append(exc)
        finally:
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(10)
    assert not errors, errors
