"""Lanes: who may work an account and symbol now, and when somebody must.

The lock is a PostgreSQL session advisory lock, or a file lock on SQLite: both are freed by the server or the kernel
when the holder dies. Leases would block a lane after a crash and Redis locks lack fencing.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Case, F, Q, Value, When

from ledger.models import Lane

log = structlog.get_logger(__name__)

BACK_OFF = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=5), timedelta(seconds=15))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A held lane. certain: any earlier holder is dead or done, so that no call of its can still be under way.

    With an advisory lock a holder may live on after its database session died; then only deadlines tell.
    """

    certain: bool


def touch(*, account_id: int, symbol: str, at: datetime) -> Lane:
    """Make the lane due at `at` or earlier, and count that something happened; belongs in the caller's transaction."""
    lane, _ = Lane.objects.get_or_create(account_id=account_id, symbol=symbol)
    later = Q(wake_at__isnull=True) | Q(wake_at__gt=at)
    Lane.objects.filter(pk=lane.pk).update(
        bumps=F("bumps") + 1, wake_at=Case(When(later, then=Value(at)), default=F("wake_at"))
    )
    return lane


def rest(lane_id: int, *, seen: int, wake_at: datetime | None) -> bool:
    """Let the lane sleep until `wake_at`; False if something happened since `seen` bumps: then work it again."""
    return Lane.objects.filter(pk=lane_id, bumps=seen).update(wake_at=wake_at, failures=0) == 1


def back_off(lane_id: int, *, now: datetime) -> int:
    """Let a lane whose work raised wait before the next try: growing, never for ever; return the failures so far."""
    lane = Lane.objects.get(pk=lane_id)
    pause = BACK_OFF[min(lane.failures, len(BACK_OFF) - 1)]
    Lane.objects.filter(pk=lane_id).update(wake_at=now + pause, failures=F("failures") + 1)
    return lane.failures + 1


def is_due(lane_id: int, *, now: datetime) -> bool:
    """Tell whether the lane has work now."""
    return Lane.objects.filter(pk=lane_id, wake_at__lte=now).exists()


def list_due(*, now: datetime, limit: int = 200) -> list[int]:
    """Return the ids of the lanes that have work now, the longest waiting first."""
    return list(Lane.objects.filter(wake_at__lte=now).order_by("wake_at", "pk").values_list("pk", flat=True)[:limit])


@contextmanager
def hold(lane_id: int) -> Iterator[Held | None]:
    """Hold the lane's lock, without waiting: yields None if somebody else has it."""
    if connection.vendor == "postgresql":
        with _advisory_lock(lane_id) as taken:
            yield Held(certain=False) if taken else None
    else:
        with _file_lock(lane_id) as taken:
            yield Held(certain=True) if taken else None


@contextmanager
def _advisory_lock(lane_id: int) -> Iterator[bool]:
    key = int.from_bytes(hashlib.sha256(f"tvtrader-lane:{lane_id}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        row = cursor.fetchone()
    taken = bool(row and row[0])
    try:
        yield taken
    finally:
        if taken:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
                    row = cursor.fetchone()
                if not (row and row[0]):
                    log.error("lane_lock_lost", lane=lane_id)  # the connection was another one than at the start
            except (OperationalError, InterfaceError) as exc:
                # The session is gone and its locks with it.
                log.warning("lane_unlock_failed", lane=lane_id, error=str(exc))


@contextmanager
def _file_lock(lane_id: int) -> Iterator[bool]:
    # One folder a database: lanes of different databases have the same numbers.
    name = hashlib.sha256(str(connection.settings_dict["NAME"]).encode()).hexdigest()[:12]
    folder = Path(settings.TVTRADER_HOME) / "var" / "locks" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"lane-{lane_id}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
