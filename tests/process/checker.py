"""A process beside the service that looks at its database: `python -m tests.process.checker`.

For each line on stdin it waits until everything is in order, and answers with one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from tests.process.service import ROOT, clean_environment

SETTLED = {"ACCEPTED", "FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED", "PARTIALLY_FILLED", "TRIGGERED"}
# What may be announced after a death: a stop that the market passed meanwhile, a position that had to wait for what the
# dead had been sending. What is announced must be over when the test looks.
EXPECTED_ALARMS = {"UNPROTECTED", "STOP_THROUGH", "PROTECTION_FAILED", "EXIT_STUCK"}


class Checker:
    """The test's side of the conversation."""

    def __init__(self, home: Path, **settings: str) -> None:
        env = clean_environment(home, DJANGO_SETTINGS_MODULE="tvtrader.settings", **settings)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.process.checker"], cwd=ROOT, env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, *, seconds: float) -> dict[str, Any]:
        """Return what was found within the time: `error` is empty if all is in order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process; it may be busy, and holds nothing."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvtrader.settings")
    django.setup()
    for line in sys.stdin:
        print(json.dumps(look(float(line))), flush=True)  # noqa: T201  # this is the answer


def look(seconds: float) -> dict[str, Any]:
    """Look until all is in order or the time is over: reports may be under way, and prices move meanwhile."""
    from django.db import connection

    began = time.monotonic()
    while True:
        error = ""
        try:
            check()
            found = facts()
        except AssertionError as exc:
            error, found = _told(exc), {}
        finally:
            # The service that starts next must be the first to open the database, as on a machine of its own.
            connection.close()
        took = time.monotonic() - began
        if not error or took > seconds:
            return {"error": error, "took": took, **found}
        time.sleep(0.05)


def _told(exc: AssertionError) -> str:
    """Return the failed line with what its names stood for: pytest does not rewrite assertions in this process."""
    frame = traceback.TracebackException.from_exception(exc, capture_locals=True).stack[-1]
    names = ", ".join(f"{name} = {value}" for name, value in (frame.locals or {}).items())
    return f"{frame.name}: {frame.line} ({exc}) with {names}"[:3000]


def check() -> None:
    """Check every paper account, and what must hold across accounts."""
    from exchange.models import Account
    from ledger.models import Notice, Order, Trade
    from signals.models import Signal
    from tests.flows.invariants import ENDS, assert_in_order

    for account in Account.objects.order_by("pk"):
        assert_in_order(account)
    unsettled = Order.objects.exclude(status__in=SETTLED)
    assert [(o.client_order_id, o.status) for o in unsettled] == []
    assert [(s.pk, s.status) for s in Signal.objects.exclude(status__in=ENDS)] == []
    assert [t.public_id for t in Trade.objects.filter(status__in=Trade.LIVE, naked_since__isnull=False)] == []
    filled = Order.objects.filter(role="ENTRY", fills__isnull=False).distinct()
    entries = Counter(filled.values_list("trade", flat=True))
    assert [trade for trade, times in entries.items() if times > 1] == []
    alarms = Notice.objects.filter(level="ALARM").exclude(code__in=EXPECTED_ALARMS)
    assert [(n.code, n.message) for n in alarms] == []
    closed = Trade.objects.filter(close_reason__in=EXPECTED_ALARMS)
    silent = [t.public_id for t in closed if not Notice.objects.filter(trade=t, level="ALARM").exists()]
    assert silent == []


def facts() -> dict[str, Any]:
    """Return what a test wants to count."""
    from exchange.paper_rows import PaperOrder, PaperPosition
    from ledger.models import Notice, Trade
    from signals.models import Signal

    return {
        "signals": [list(row) for row in Signal.objects.values_list("pk", "own_id", "status", "reason_code")],
        "live": Trade.objects.filter(status__in=Trade.LIVE).count(),
        "trades": Trade.objects.count(),
        "ends": Counter(Trade.objects.exclude(status__in=Trade.LIVE).values_list("close_reason", flat=True)),
        "alarms": Counter(Notice.objects.filter(level="ALARM").values_list("code", flat=True)),
        "orders": PaperOrder.objects.count(),
        "open_orders": PaperOrder.objects.filter(open=True).count(),
        "positions": PaperPosition.objects.count(),
    }


if __name__ == "__main__":
    main()
