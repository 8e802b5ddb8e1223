"""Incomes, equity and notices."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from exchange.admin.acts import Act
from exchange.admin.base import FactAdmin, column
from exchange.formats import STATUS_COLORS, link, money, signed
from ledger.models import EquitySnapshot, Income, Notice


@admin.register(Income)
class IncomeAdmin(FactAdmin):
    """Funding and other movements that are no fills."""

    list_display = ("occurred_at", "kind", "sum", "symbol", "of_trade", "account")
    list_filter = ("kind", "account", "asset")
    list_select_related = ("account", "trade")
    search_fields = ("symbol", "venue_income_id")
    date_hierarchy = "occurred_at"
    ordering = ("-occurred_at", "-id")

    @column(description="Amount")
    def sum(self, row: Income) -> str:
        return signed(row.amount, row.asset)

    @column(description="Trade")
    def of_trade(self, row: Income) -> SafeString | str:
        return link(row.trade, row.trade.public_id if row.trade else None)


@admin.register(EquitySnapshot)
class EquitySnapshotAdmin(FactAdmin):
    """Funds over time."""

    list_display = ("at", "account", "whole", "spendable", "open_pnl")
    list_filter = ("account", "asset")
    list_select_related = ("account",)
    date_hierarchy = "at"
    ordering = ("-at", "-id")

    @column(description="Total")
    def whole(self, row: EquitySnapshot) -> str:
        return money(row.total, row.asset)

    @column(description="Free")
    def spendable(self, row: EquitySnapshot) -> str:
        return money(row.free, row.asset)

    @column(description="Unrealized PnL")
    def open_pnl(self, row: EquitySnapshot) -> str:
        return signed(row.unrealized_pnl, row.asset)


def _see(notice: Any, by: str) -> str:
    Notice.objects.filter(pk=notice.pk).update(seen=True)
    return "marked as seen."


def _is_unseen(notice: Any) -> bool:
    return not notice.seen


@admin.register(Notice)
class NoticeAdmin(FactAdmin):
    """What a person has to be told; the only thing to do is to say that it was seen."""

    acts = (
        Act(
            name="seen",
            label="Mark as seen",
            question="Has somebody read this?",
            run=_see,
            allowed=_is_unseen,
            bulk=True,
        ),
    )
    list_display = ("at", "weight", "code", "message", "of_trade", "account", "seen")
    list_filter = ("level", "seen", "code", "account")
    list_select_related = ("trade", "account")
    search_fields = ("code", "message")
    date_hierarchy = "at"

    @column(description="Level", ordering="level", label=STATUS_COLORS)
    def weight(self, row: Notice) -> str:
        return row.level

    @column(description="Trade")
    def of_trade(self, row: Notice) -> SafeString | str:
        return link(row.trade, row.trade.public_id if row.trade else None)
