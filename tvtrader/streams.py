"""Joins the venues' streams with the ledger, which exchange may not know."""

from __future__ import annotations

from exchange.clock import now
from exchange.streams import StreamSupervisor
from exchange.types import OrderReport
from ledger.models import Lane
from ledger.services.reports import apply_income, apply_report
from signals.relay import hint


def start_streams() -> StreamSupervisor:
    """Return the running thread that listens to the venues and hands what it hears to the ledger."""
    supervisor = StreamSupervisor(
        on_report=take_report,
        on_income=lambda account_id, report: apply_income(account_id=account_id, report=report),
    )
    supervisor.start()
    return supervisor


def take_report(account_id: int, report: OrderReport) -> None:
    """Book the report and, if that made work, call a worker at once: a filled entry wants its stop."""
    apply_report(account_id=account_id, report=report, source="stream")
    due = Lane.objects.filter(account_id=account_id, symbol=report.symbol, wake_at__lte=now())
    for lane_id in due.values_list("pk", flat=True):
        hint(lane_id)
