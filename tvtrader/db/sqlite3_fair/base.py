"""Django's SQLite backend with a fair write lock.

SQLite's own busy handler polls, so that under load a writer can wait for seconds while others pass it. Here the
transactions of one process queue for their turn; other processes still meet through SQLite's lock.
Only `atomic()` blocks queue: write inside them.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from tvtrader.db.sqlite3_fair.lock import FairLock, lock_for

DEFAULT_TIMEOUT_S = 20.0


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that takes its turn at BEGIN and gives it back at COMMIT, ROLLBACK or close."""

    _turn: FairLock | None = None

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs
        except BaseException:
            self._give_turn()
            raise

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc]  # not in the stubs
        finally:
            self._give_turn()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]  # not in the stubs
        finally:
            self._give_turn()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        if self._turn is not None:
            return
        lock = lock_for(str(self.settings_dict["NAME"]))
        timeout = float(self.settings_dict.get("OPTIONS", {}).get("timeout", DEFAULT_TIMEOUT_S))
        if not lock.acquire(timeout, urgent=bool(self.settings_dict.get("URGENT"))):
            raise OperationalError("database is locked")
        self._turn = lock

    def _give_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()
