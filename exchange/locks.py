"""A lock among all processes of the house that its holder's death sets free."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

log = logging.getLogger(__name__)


class ProcessLock:
    """Held by at most one thread in the house; `hold` never waits.

    PostgreSQL: a session advisory lock on the calling thread's connection, which must stay open meanwhile. SQLite: a
    lock on a file beside the database. Use it from one thread only.
    """

    def __init__(self, name: str, key: int) -> None:
        self._name = name
        self._key = key
        self._session: Any = None
        self._file: int | None = None

    def hold(self) -> bool:
        """Take the lock, or make sure that it is still ours; False if another has it."""
        return self._hold_session() if connection.vendor == "postgresql" else self._hold_file()

    def release(self) -> None:
        """Give the lock back, if it is ours."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._session is not None:
            if connection.connection is self._session:
                # A pooled connection outlives `close` and would take the lock with it.
                with suppress(DatabaseError), connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [self._key])
            self._session = None

    def _hold_session(self) -> bool:
        connection.ensure_connection()
        if self._session is not None and connection.connection is self._session:
            return True
        self._session = None
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._key])
            (ours,) = cursor.fetchone()
        if ours:
            self._session = connection.connection
        return bool(ours)

    def _hold_file(self) -> bool:
        if self._file is not None:
            return True
        handle = os.open(self._path(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._file = handle
        return True

    def _path(self) -> Path:
        database = Path(str(connection.settings_dict["NAME"]))
        directory = database.parent if database.is_file() else Path(settings.TVTRADER_HOME) / "var"
        return directory / f"{database.stem}.{self._name}.lock"
