"""How long an alert takes until its position is protected: `python -m benchmarks.alert_to_protected [--alerts N]`.

Runs the embedded service (./run: SQLite, one process, paper venue) and sends native `long` alerts, one at a time and
then twelve at once, each followed by `flat`. The stages are differences of the rows' own timestamps; "POST answered"
is the client's clock.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count

from benchmarks.bench import DOORS, HEAD, LANES, database, line, machine, running_service
from tests.process.service import Service, wait_until

MOMENTS = """
SELECT s.received_at, s.started_at, s.planned_at, e.submitted_at, e.acknowledged_at,
       (SELECT MIN(f.filled_at) FROM ledger_fill f WHERE f.order_id = e.id),
       (SELECT MIN(o.acknowledged_at) FROM ledger_order o WHERE o.trade_id = t.id AND o.role = 'SL'), t.protected_at
FROM signals_signal s JOIN ledger_trade t ON t.id = s.trade_id
JOIN ledger_order e ON e.trade_id = t.id AND e.role = 'ENTRY'
WHERE s.own_id LIKE ? || '-%' AND s.own_id LIKE '%-long'
"""
NAMES = (
    "received",
    "taken up",
    "decided",
    "entry sent",
    "entry acknowledged",
    "filled",
    "stop acknowledged",
    "protected",
)
STAGES = [
    ("received", "taken up"), ("taken up", "decided"), ("decided", "entry sent"), ("entry sent", "entry acknowledged"),
    ("received", "entry acknowledged"), ("filled", "stop acknowledged"), ("received", "protected"),
]  # fmt: skip
Lane = tuple[str, str]
_numbers = count(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=240, help="entries in each of the two parts (default 240)")
    wanted = parser.parse_args().alerts
    print(machine())
    with running_service() as service, database(service) as rows:
        for name, at_once in (("warm", 1), ("one", 1), ("many", len(LANES))):
            rounds = len(LANES) if name == "warm" else max(1, wanted // at_once)
            answered = [seconds for number in range(rounds) for seconds in play(service, rows, name, number, at_once)]
            if name != "warm":
                report(rows, name, at_once, answered)


def play(service: Service, rows: sqlite3.Connection, name: str, number: int, at_once: int) -> list[float]:
    """Go long on as many lanes, wait until all are protected, then flat; return how long the answers took."""
    lanes = [LANES[(number + offset) % len(LANES)] for offset in range(at_once)]
    answered = send(service, name, lanes, "long")
    wait_until(lambda: _open(rows, protected=True) == at_once, seconds=30, what="protection", every_s=0.02)
    send(service, name, lanes, "flat")
    wait_until(lambda: _open(rows, protected=False) == 0, seconds=30, what="the exits", every_s=0.02)
    return answered


def send(service: Service, name: str, lanes: list[Lane], action: str) -> list[float]:
    def post(lane: Lane) -> float:
        account, symbol = lane
        body = {"action": action, "symbol": symbol, "id": f"{name}-{next(_numbers)}-{action}"}
        began = time.monotonic()
        answer = service.post(DOORS[account], body)
        took = time.monotonic() - began
        if answer.status != 202:
            raise SystemExit(f"{body} was answered {answer}")
        return took

    with ThreadPoolExecutor(len(lanes)) as pool:
        return list(pool.map(post, lanes))


def _open(rows: sqlite3.Connection, *, protected: bool) -> int:
    condition = "AND protected_at IS NOT NULL" if protected else ""
    question = f"SELECT COUNT(*) FROM ledger_trade WHERE status IN ('OPENING', 'OPEN', 'CLOSING') {condition}"  # noqa: S608  # ours
    return int(rows.execute(question).fetchone()[0])


def report(rows: sqlite3.Connection, name: str, at_once: int, answered: list[float]) -> None:
    found = [
        dict(zip(NAMES, (datetime.fromisoformat(moment) for moment in row), strict=True))
        for row in rows.execute(MOMENTS, [name])
    ]
    print(f"\n{len(found)} entries, {at_once} at a time\n\n{HEAD}\n{line('POST answered', answered)}")
    for first, last in STAGES:
        print(line(f"{first} → {last}", [(moments[last] - moments[first]).total_seconds() for moments in found]))


if __name__ == "__main__":
    main()
