"""Django's SQLite backend with a fair write lock.

SQLite's own busy handler polls, so that under load a writer can wait for seconds while others pass it. Here the
writers of one process queue for their turn, `atomic()` blocks and single statements alike; other processes still meet
through SQLite's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from tvtrader.db.sqlite3_fair.lock import FairLock, lock_for

DEFAULT_TIMEOUT_S = 20.0
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that takes its turn at BEGIN and gives it back at COMMIT, ROLLBACK or close.

    A write outside of a transaction is one of its own, and takes its turn for as long as it runs.
    """

    _turn: FairLock | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._execute_in_turn)

    def _execute_in_turn(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if self._turn is not None or not str(sql).lstrip().upper().startswith(WRITES):
            return execute(sql, params, many, context)
        self._take_turn()
        try:
            return execute(sql, params, many, context)
        finally:
            self._give_turn()

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
