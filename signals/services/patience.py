"""How long a request may wait for the database: TradingView hangs up after three seconds and resends on 5xx only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection

log = structlog.get_logger(__name__)

T = TypeVar("T")
LONGEST_S = 2.0
LOCK_WAIT_S = 0.5  # PostgreSQL; SQLite queues fairly, and who stops waiting loses his place
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.2


class StoreUnavailable(Exception):
    """The database could not be read or written in time; nothing is known to be stored."""


def with_patience(work: Callable[[], T], *, longest_s: float = LONGEST_S) -> T:
    """Return work's result, trying again on a fresh connection while the database is away or locked.

    work must be safe to repeat even if its first run was committed and only the answer got lost.
    Raises StoreUnavailable after `longest_s` seconds.
    """
    deadline = time.monotonic() + longest_s
    pause = FIRST_PAUSE_S
    while True:
        try:
            with _lock_waits_until(deadline):
                return work()
        except (OperationalError, InterfaceError) as exc:
            if not connection.in_atomic_block:
                connection.close()
            if time.monotonic() + pause >= deadline:
                raise StoreUnavailable(type(exc).__name__) from exc
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
        except DatabaseError as exc:
            # A broken store, or a fault of ours: trying again would not help, a resend after the repair will.
            log.exception("intake_database_error")
            raise StoreUnavailable(type(exc).__name__) from exc


@contextmanager
def _lock_waits_until(deadline: float) -> Iterator[None]:
    """Wait no longer for SQLite's write lock, on this thread's connection only; workers have more patience."""
    if connection.vendor != "sqlite":
        yield
        return
    usual = connection.settings_dict
    options = usual.get("OPTIONS", {})
    wait = max(deadline - time.monotonic(), FIRST_PAUSE_S)
    connection.settings_dict = {**usual, "OPTIONS": {**options, "timeout": wait}, "URGENT": True}
    _set_busy_timeout(wait)
    try:
        yield
    finally:
        connection.settings_dict = usual
        _set_busy_timeout(options.get("timeout", 5.0))


def _set_busy_timeout(seconds: float) -> None:
    if connection.connection is not None:
        with connection.wrap_database_errors:
            connection.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def limit_lock_waits() -> None:
    """Have PostgreSQL end a wait for a lock, until the end of the transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{int(LOCK_WAIT_S * 1000)}ms'")
