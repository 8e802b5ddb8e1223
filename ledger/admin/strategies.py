"""Strategies, grouped by the question that each setting answers."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from exchange.admin.base import ConsoleAdmin, column
from exchange.formats import NOTHING, STATUS_COLORS, number
from ledger.admin.controls import SWITCHES
from ledger.models import Strategy, Trade


@admin.register(Strategy)
class StrategyAdmin(ConsoleAdmin):
    """The named books that alerts trade for."""

    acts = SWITCHES
    list_display = ("name", "account", "mode", "sizing", "leverage", "enabled", "switch", "open_trades")
    list_filter = ("account", "mode", "enabled", "state")
    list_select_related = ("account",)
    search_fields = ("name",)
    readonly_fields = ("state", "state_reason", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "account", "mode", "symbols", "enabled", "state", "state_reason", "created_at")}),
        (
            "Risk",
            {
                "description": "Ceilings on loss. An entry that would pass one is refused with the numbers.",
                "fields": ("stop_required", "max_risk_pct", "max_daily_loss", "max_slippage_pct", "protect_within_s"),
            },
        ),
        (
            "Leverage",
            {"description": "Futures only.", "fields": ("leverage", "max_leverage", "margin_type")},
        ),
        (
            "Sizing",
            {
                "description": "How large an entry is when the alert gives no size.",
                "fields": ("sizing_method", "sizing_amount", "reserve_pct"),
            },
        ),
        (
            "Entry",
            {
                "fields": (
                    "entry_type",
                    "entry_timeout_s",
                    "dca",
                    "on_duplicate_entry",
                    "on_opposite",
                    "max_age_s",
                )
            },
        ),
        (
            "Exits",
            {
                "fields": (
                    "stop_from_alert",
                    "stop_pct",
                    "take_profits",
                    "breakeven_after",
                    "breakeven_offset_pct",
                    "trail_pct",
                    "working_type",
                    "exit_cooldown_s",
                )
            },
        ),
        ("Limits", {"fields": ("max_open_trades", "max_notional", "max_trades_per_day")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Strategy]:
        live = Count("trades", filter=Q(trades__status__in=Trade.LIVE))
        strategies: QuerySet[Strategy] = super().get_queryset(request).annotate(live_trades=live)
        return strategies

    @column(description="Size")
    def sizing(self, row: Strategy) -> str:
        return f"{row.get_sizing_method_display()} {number(row.sizing_amount)}" if row.sizing_method else NOTHING

    @column(description="Switch", label=STATUS_COLORS)
    def switch(self, row: Strategy) -> str:
        return row.state

    @column(description="Open trades", ordering="live_trades")
    def open_trades(self, row: Strategy) -> int:
        return int(getattr(row, "live_trades", 0))
