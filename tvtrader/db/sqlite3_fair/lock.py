"""A first-come, first-served lock for the writers of one database file in this process."""

from __future__ import annotations

import os
from collections import deque
from threading import Event, Lock

URGENT_IN_A_ROW = 8


class FairLock:
    """Grants one holder at a time, in order of arrival, and hands over without a gap for others to jump in.

    Urgent ones (a webhook's sender hangs up after three seconds) go first, but after eight in a row one of the
    others has its turn, so that a burst of alerts cannot keep the workers from protecting what they hold.
    """

    def __init__(self) -> None:
        self._mutex = Lock()
        self._held = False
        self._urgent: deque[Event] = deque()
        self._ordinary: deque[Event] = deque()
        self._in_a_row = 0

    def acquire(self, timeout: float, *, urgent: bool = False) -> bool:
        """Wait for the turn; return False if it did not come within timeout (seconds)."""
        queue = self._urgent if urgent else self._ordinary
        with self._mutex:
            if not self._held:
                self._held = True
                return True
            turn = Event()
            queue.append(turn)
        if turn.wait(timeout):
            return True
        with self._mutex:
            if turn.is_set():  # the turn came while we gave up: it is ours after all
                return True
            queue.remove(turn)
            return False

    def release(self) -> None:
        """Hand the turn to the urgent one who has waited longest, or else to the longest waiting of the others."""
        with self._mutex:
            first_urgent = self._urgent and (not self._ordinary or self._in_a_row < URGENT_IN_A_ROW)
            if first_urgent:
                self._in_a_row += 1
                self._urgent.popleft().set()
            elif self._ordinary:
                self._in_a_row = 0
                self._ordinary.popleft().set()
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
