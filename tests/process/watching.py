"""Looking at the service's database from outside, to kill it in the middle of something."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FLOORS = {"signal": "signals_signal", "order": "ledger_order", "trade": "ledger_trade"}

# What is to be seen of something newer than the rows that there were; `o` is an order of ours, `p` the venue's copy.
MOMENTS = {
    "the alert is stored": "SELECT 1 FROM signals_signal WHERE id > :signal",
    "the decision is stored": "SELECT 1 FROM ledger_trade WHERE id > :trade",
    "the entry is being sent": (
        "SELECT 1 FROM ledger_order o WHERE o.id > :order AND o.role = 'ENTRY' AND o.status = 'SUBMITTING'"
    ),
    "the venue has the entry, the ledger does not know": (
        "SELECT 1 FROM ledger_order o JOIN exchange_paperorder p ON p.client_order_id = o.client_order_id"
        " WHERE o.id > :order AND o.role = 'ENTRY' AND o.status = 'SUBMITTING'"
    ),
    "the entry is filled, there is no stop": (
        "SELECT 1 FROM ledger_order o WHERE o.id > :order AND o.role = 'ENTRY' AND o.status = 'FILLED' AND NOT EXISTS"
        " (SELECT 1 FROM ledger_order s WHERE s.trade_id = o.trade_id AND s.role = 'SL' AND s.status = 'ACCEPTED')"
    ),
    "the stop is being sent": (
        "SELECT 1 FROM ledger_order o WHERE o.id > :order AND o.role = 'SL' AND o.status = 'SUBMITTING'"
    ),
    "the stop is being replaced": (
        "SELECT 1 FROM ledger_order o WHERE o.id > :order AND o.role = 'SL' AND o.sequence > 1 AND EXISTS"
        " (SELECT 1 FROM ledger_order s WHERE s.leg_id = o.leg_id AND s.superseded AND s.status = 'ACCEPTED')"
    ),
    "the exit is being sent": (
        "SELECT 1 FROM ledger_order o WHERE o.id > :order AND o.role = 'EXIT' AND o.status = 'SUBMITTING'"
    ),
    "the exit is filled, stop and targets rest": (
        "SELECT 1 FROM ledger_order o WHERE o.id > :order AND o.role = 'EXIT' AND o.status = 'FILLED' AND EXISTS"
        " (SELECT 1 FROM ledger_order s WHERE s.trade_id = o.trade_id AND s.status = 'ACCEPTED')"
    ),
    "the venue has canceled, the ledger does not know": (
        "SELECT 1 FROM ledger_order o JOIN exchange_paperorder p ON p.client_order_id = o.client_order_id"
        " WHERE p.status = 'CANCELED' AND o.status = 'ACCEPTED'"
    ),
    "stop and target are being sent as a pair": (
        "SELECT 1 FROM ledger_order o WHERE o.id > :order AND o.oco_group != '' AND o.status = 'SUBMITTING'"
    ),
}


class Watch:
    """Sees what is newer than its own beginning."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._floors = {
            name: connection.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}").fetchone()[0]
            for name, table in FLOORS.items()
        }

    def sees(self, moment: str) -> bool:
        """Tell whether the moment is now."""
        return self._connection.execute(MOMENTS[moment], self._floors).fetchone() is not None


@contextmanager
def open_database(home: Path) -> Iterator[sqlite3.Connection]:
    """Open a home's database for reading only."""
    connection = sqlite3.connect(f"file:{home / 'var' / 'tvtrader.sqlite3'}?mode=ro", uri=True, timeout=5)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def watch(home: Path) -> Iterator[Watch]:
    """Watch while the block runs; the service that starts next is then the first to open the database again."""
    with open_database(home) as connection:
        yield Watch(connection)


def count_rows(home: Path, table: str) -> int:
    """Return how many rows a table has; 0 while there is no such table, or no database."""
    try:
        with open_database(home) as connection:
            return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
