"""Signals: the list, and the decision page that answers "what happened to my alert, and why"."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from exchange.admin.acts import Act, ActFailed
from exchange.admin.base import FactAdmin, column
from exchange.formats import NOTHING, STATUS_COLORS, link
from signals import approvals
from signals.admin.decision import decision_context
from signals.models import Signal

S = Signal.Status
REPLAYABLE = frozenset({S.DONE, S.REFUSED, S.EXPIRED, S.FAILED, S.REJECTED_BY_PERSON})


def _approve(signal: Any, by: str) -> str:
    try:
        approvals.approve(signal, by=by)
    except approvals.NotPossible as exc:
        raise ActFailed(str(exc)) from exc
    return "approved: it is decided and sent now."


def _reject(signal: Any, by: str) -> str:
    try:
        approvals.reject(signal, by=by)
    except approvals.NotPossible as exc:
        raise ActFailed(str(exc)) from exc
    return "rejected: nothing is sent."


def _replay(signal: Any, by: str) -> str:
    try:
        copy = approvals.replay(signal, by=by)
    except approvals.NotPossible as exc:
        raise ActFailed(str(exc)) from exc
    return f"runs once more as signal {copy.pk}."


def _waits(signal: Any) -> bool:
    return bool(signal.status == S.AWAITING_APPROVAL)


def _can_replay(signal: Any) -> bool:
    return signal.status in REPLAYABLE and bool(signal.intent)


@admin.register(Signal)
class SignalAdmin(FactAdmin):
    """Alerts and what became of them."""

    acts = (
        Act(
            name="approve",
            label="Approve",
            question="Let this alert trade now, with the prices of now?",
            run=_approve,
            allowed=_waits,
        ),
        Act(
            name="reject",
            label="Reject",
            question="End this alert without a trade?",
            run=_reject,
            allowed=_waits,
            danger=True,
        ),
        Act(
            name="replay",
            label="Replay",
            question="Run the same intent once more, as a new alert of now? It may trade a second time.",
            run=_replay,
            allowed=_can_replay,
            danger=True,
        ),
    )
    list_display = ("id", "received_at", "symbol", "wish", "state", "because", "of_trade", "strategy", "endpoint")
    list_display_links = ("id", "received_at", "symbol")
    list_filter = ("status", "strategy", "endpoint", "dialect", "reason_code")
    list_select_related = ("strategy", "endpoint", "trade")
    search_fields = ("=id", "symbol", "own_id", "reason_code", "reason")
    date_hierarchy = "received_at"

    @column(description="Asks for")
    def wish(self, row: Signal) -> str:
        intent = row.intent or {}
        return " ".join(str(intent[key]) for key in ("action", "direction") if intent.get(key)) or NOTHING

    @column(description="Status", ordering="status", label=STATUS_COLORS)
    def state(self, row: Signal) -> str:
        return row.status

    @column(description="Because", ordering="reason_code")
    def because(self, row: Signal) -> str:
        return Truncator(row.reason).chars(90) or row.reason_code or NOTHING

    @column(description="Trade")
    def of_trade(self, row: Signal) -> SafeString | str:
        return link(row.trade, row.trade.public_id if row.trade else None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the decision page; there is nothing to post to it."""
        if request.method == "POST":
            raise PermissionDenied
        rows = self.get_queryset(request).select_related("endpoint", "strategy__account", "duplicate_of")
        signal = rows.filter(pk=object_id).first() if object_id.isdecimal() else None
        if not self.has_view_permission(request, signal):
            raise PermissionDenied
        if signal is None:
            return self.lead_away(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            **decision_context(signal),
            "title": f"Signal {signal.pk}",
            "original": signal,
            "opts": self.opts,
            "acts": self.offered_acts(request, signal),
            "show_back_button": True,
        }
        return TemplateResponse(request, "console/signal.html", context)
