"""A first-come, first-served lock for the writers of one database file in this process."""

from __future__ import annotations

import os
from collections import deque
from threading import Event, Lock


class FairLock:
    """Grants one holder at a time, in order of arrival, and hands over without a gap for others to jump in."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._held = False
        self._waiting: deque[Event] = deque()

    def acquire(self, timeout: float) -> bool:
        """Wait for the turn; return False if it did not come within timeout (seconds)."""
        with self._mutex:
            if not self._held:
                self._held = True
                return True
            turn = Event()
            self._waiting.append(turn)
        if turn.wait(timeout):
            return True
        with self._mutex:
            if turn.is_set():  # the turn came while we gave up: it is ours after all
                return True
            self._waiting.remove(turn)
            return False

    def release(self) -> None:
        """Hand the turn to the one who has waited longest."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False


_locks: dict[str, FairLock] = {}
_registry = Lock()


def lock_for(name: str) -> FairLock:
    """Return this process's lock of the database with that name."""
    with _registry:
        return _locks.setdefault(name, FairLock())


def _forget() -> None:
    # A forked child must not wait for turns that threads of its parent hold.
    global _registry
    _registry = Lock()
    _locks.clear()


os.register_at_fork(after_in_child=_forget)
