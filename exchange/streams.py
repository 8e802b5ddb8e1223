"""One thread that ticks the paper market and hands every report to the ledger, at least once and in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef

from exchange import clock
from exchange.adapters.paper import codec
from exchange.locks import ProcessLock
from exchange.paper_prices.feed import Feed
from exchange.paper_rows import PaperAccount, PaperCursor, PaperEvent
from exchange.types import IncomeReport, OrderReport

log = logging.getLogger(__name__)

TICK_LOCK = 0x7476_7061  # any number that no other advisory lock of the house uses
BATCH = 200
COMPLAIN_EVERY = 40  # ticks

ReportSink = Callable[[int, OrderReport], None]
IncomeSink = Callable[[int, IncomeReport], None]


class StreamSupervisor(threading.Thread):
    """Ticks the paper market every PAPER_TICK_S seconds while no other process does, and delivers what happened.

    The sinks get the account's id and a report. A report counts as delivered once its sink has returned; after a
    crash it comes again. A sink that raises is called again at the next tick, and its account waits until then.
    """

    def __init__(
        self, on_report: ReportSink, on_income: IncomeSink, *, tick_s: float | None = None, feed: Feed | None = None
    ) -> None:
        super().__init__(name="streams", daemon=True)
        self._on_report = on_report
        self._on_income = on_income
        self._tick_s = settings.PAPER_TICK_S if tick_s is None else tick_s
        self._feed = feed
        self._stopping = threading.Event()
        self._lock = ProcessLock("paper-tick", TICK_LOCK)
        self._failing: dict[int, int] = {}

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                started = time.monotonic()
                self._try_tick()
                self._stopping.wait(max(self._tick_s - (time.monotonic() - started), 0.001))
        finally:
            self._lock.release()
            connection.close()

    def stop(self, timeout: float = 10) -> None:
        """End the thread and wait for it, at most timeout seconds."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout)

    def tick(self) -> bool:
        """Take the next prices, match and deliver, once; False if another process does it."""
        if not self._lock.hold():
            return False
        try:
            if self._feed is None:
                self._feed = Feed()
            self._feed.tick(clock.now())
        finally:
            # Reports of orders are due even when prices are not to be had.
            self.deliver()
        return True

    def deliver(self) -> int:
        """Hand over what the sinks have not taken yet, account by account; return how many reports they took."""
        cursors = dict(PaperCursor.objects.values_list("account_id", "delivered"))
        accounts = PaperAccount.objects.order_by("pk").values_list("pk", flat=True)
        return sum(self._deliver_account(account_id, cursors.get(account_id, 0)) for account_id in accounts)

    def _try_tick(self) -> None:
        try:
            self.tick()
        except Exception:
            log.exception("the paper market could not tick; trying again")
            self._lock.release()
            connection.close()

    def _deliver_account(self, account_id: int, cursor: int) -> int:
        taken = 0
        while not self._stopping.is_set():
            events = list(PaperEvent.objects.filter(account=account_id, pk__gt=cursor).order_by("pk")[:BATCH])
            for event in events:
                if not self._hand_over(event):
                    return taken
                cursor = event.pk
                PaperCursor.objects.update_or_create(pk=account_id, defaults={"delivered": cursor})
                taken += 1
            if len(events) < BATCH:
                break
        return taken

    def _hand_over(self, event: PaperEvent) -> bool:
        try:
            if event.kind == PaperEvent.Kind.ORDER:
                self._on_report(event.account_id, codec.load_order(event.payload))
            else:
                self._on_income(event.account_id, codec.load_income(event.payload))
        except Exception:
            failures = self._failing.get(event.account_id, 0)
            self._failing[event.account_id] = failures + 1
            if failures % COMPLAIN_EVERY == 0:
                log.exception("report %s of account %s was not taken; it comes again", event.pk, event.account_id)
            return False
        self._failing.pop(event.account_id, None)
        return True


def forget_delivered(*, before: datetime) -> int:
    """Delete the events that the ledger took and that are older than `before`; return how many."""
    taken = PaperCursor.objects.filter(account=OuterRef("account"), delivered__gte=OuterRef("pk"))
    return PaperEvent.objects.filter(Exists(taken), at__lt=before).delete()[0]
