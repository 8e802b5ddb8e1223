"""A thread in every worker that works due lanes: a lost message, a dead broker or a killed worker costs seconds."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.conf import settings
from django.db import close_old_connections, connection

from exchange.clock import now
from ledger import lanes
from signals.worker import work_lane

log = structlog.get_logger(__name__)

THREADS = 4


class Sweeper(threading.Thread):
    """Look for due lanes every SWEEP_INTERVAL_S (± 30 %) and work them; needs the database only."""

    def __init__(self, *, interval_s: float | None = None) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._interval = interval_s or settings.SWEEP_INTERVAL_S
        self._stopping = threading.Event()
        self._busy: set[int] = set()
        self._guard = threading.Lock()
        self.last_pass_at = now()

    def stop(self, timeout: float = 5) -> None:
        """Finish the lanes in hand and end the thread."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout)

    def run(self) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="sweep") as pool:
            while not self._stopping.wait(self._interval * random.uniform(0.7, 1.3)):  # noqa: S311  # jitter
                try:
                    close_old_connections()
                    for lane_id in lanes.list_due(now=now()):
                        if self._claim(lane_id):
                            pool.submit(self._work, lane_id)
                    self.last_pass_at = now()
                except Exception:
                    # A database that is down must not end the thread that recovers from it.
                    log.exception("sweep_failed")
                finally:
                    connection.close()

    def _claim(self, lane_id: int) -> bool:
        with self._guard:
            if lane_id in self._busy:
                return False
            self._busy.add(lane_id)
            return True

    def _work(self, lane_id: int) -> None:
        try:
            if self._stopping.is_set():
                return  # what is queued is due in the rows as well, and the process wants to end
            close_old_connections()
            work_lane(lane_id)
        except Exception:
            log.exception("sweep_lane_failed", lane=lane_id)
        finally:
            connection.close()
            with self._guard:
                self._busy.discard(lane_id)
