"""Hands lanes to the broker from a thread beside the request, so that no request ever waits for a broker.

What is lost here (a full queue, a broker that is down, a process that dies) is found by the sweepers: a lane's row is
the truth, its message only shortens the wait.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)

TASK = "tvtrader.trade.work_lane"
CAPACITY = 1000
PAUSE_S = 0.5


def publish(lane_id: int) -> None:
    """Send one lane's id to the broker; may block or raise, so only the relay's thread calls it."""
    current_app.send_task(TASK, kwargs={"lane_id": lane_id}, retry=False, ignore_result=True)


class Relay:
    """A bounded queue and the one daemon thread that empties it, started with the first hint after a fork."""

    def __init__(
        self, *, send: Callable[[int], None] = publish, capacity: int = CAPACITY, pause_s: float = PAUSE_S
    ) -> None:
        self._send = send
        self._capacity = capacity
        self._pause_s = pause_s
        self._failing = False
        self.reset()

    def reset(self) -> None:
        """Begin anew: a forked child has its parent's queue and locks, but not its thread."""
        self._queue: queue.Queue[int] = queue.Queue(self._capacity)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hint(self, lane_id: int) -> bool:
        """Queue a lane without waiting; False if the queue is full and the hint was dropped."""
        try:
            self._queue.put_nowait(lane_id)
        except queue.Full:
            return False
        self._ensure_thread()
        return True

    def _ensure_thread(self) -> None:
        thread = self._thread
        if thread is not None and thread.is_alive():
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, args=(self._queue,), name="relay", daemon=True)
                self._thread.start()

    def _run(self, lanes: queue.Queue[int]) -> None:
        while True:
            lane_id = lanes.get()
            try:
                self._send(lane_id)
            except Exception as exc:  # noqa: BLE001  # brokers raise what they like, and the sweepers do the work anyway
                self._complain(exc)
                _empty(lanes)
                time.sleep(self._pause_s)
            else:
                self._recovered()

    def _complain(self, exc: Exception) -> None:
        if not self._failing:
            log.warning("broker_unreachable", error=type(exc).__name__)
        self._failing = True

    def _recovered(self) -> None:
        if self._failing:
            log.warning("broker_reachable_again")
        self._failing = False


def _empty(lanes: queue.Queue[int]) -> None:
    try:
        while True:
            lanes.get_nowait()
    except queue.Empty:
        return


relay = Relay()
os.register_at_fork(after_in_child=relay.reset)


def hint_after_commit(lane_id: int) -> None:
    """Give the hint once the transaction is committed; a failure of it must not turn a stored alert into a 500.

    A function of its own, for Django's robust hooks can't report a failing functools.partial without failing.
    """

    def give() -> None:
        hint(lane_id)

    transaction.on_commit(give, robust=True)


def hint(lane_id: int) -> None:
    """Tell a worker that a lane has work; never blocks, never raises."""
    try:
        relay.hint(lane_id)
    except Exception:
        # Such as no thread left to start: the alert is stored, and the sweepers find it.
        log.exception("hint_failed", lane=lane_id)
