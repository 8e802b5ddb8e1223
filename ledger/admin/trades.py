"""Trades: the list with its protection, and one page with everything that happened to a trade."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from exchange.admin.base import FactAdmin, column
from exchange.formats import NOTHING, STATUS_COLORS, amounts, link, money, number, signed
from ledger import rows
from ledger.admin.controls import TRADE_ACTS
from ledger.admin.exporting import CsvButtons
from ledger.models import Trade


@admin.register(Trade)
class TradeAdmin(CsvButtons, FactAdmin):
    """Round trips from flat to flat."""

    acts = TRADE_ACTS
    export = "trades"
    list_display = (
        "public_id",
        "what",
        "state",
        "protected",
        "held",
        "entry",
        "pnl",
        "strategy",
        "account",
        "opened_at",
        "closed_at",
    )
    list_filter = ("status", "strategy", "account", "direction", "market")
    list_select_related = ("strategy", "account")
    search_fields = ("public_id", "symbol")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trade]:
        return rows.with_protection(rows.with_assets(super().get_queryset(request)))

    @column(description="Trade", ordering="symbol")
    def what(self, row: Trade) -> str:
        return f"{row.direction} {row.symbol}"

    @column(description="Status", ordering="status", label=STATUS_COLORS)
    def state(self, row: Trade) -> str:
        return row.status

    @column(description="Protection", label=rows.PROTECTION_COLORS)
    def protected(self, row: Trade) -> str:
        return rows.protection(row) or NOTHING

    @column(description="Held")
    def held(self, row: Trade) -> str:
        return money(row.quantity, rows.assets_of(row)[0])

    @column(description="Entry price")
    def entry(self, row: Trade) -> str:
        return number(row.entry_price)

    @column(description="Realized PnL")
    def pnl(self, row: Trade) -> str:
        return signed(row.realized_pnl, rows.assets_of(row)[1])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the trade's page; there is nothing to post to it."""
        if request.method == "POST":
            raise PermissionDenied
        trade = self.get_object(request, object_id)
        if not self.has_view_permission(request, trade):
            raise PermissionDenied
        if trade is None:
            return self.lead_away(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            **trade_context(trade),
            "title": str(trade),
            "original": trade,
            "opts": self.opts,
            "acts": self.offered_acts(request, trade),
            "show_back_button": True,
        }
        return TemplateResponse(request, "console/trade.html", context)


def trade_context(trade: Any) -> dict[str, Any]:
    """Return what the page of a trade shows. The trade comes from the admin's queryset."""
    orders = rows.list_orders(trade)
    base, quote = rows.assets_of(trade)
    word = rows.protection(trade)
    return {
        "trade": trade,
        "protection": word,
        "protection_color": rows.PROTECTION_COLORS.get(word, ""),
        "base": base,
        "quote": quote,
        "facts": _facts(trade, base, quote),
        "legs": sorted(trade.legs.all(), key=lambda leg: leg.pk),
        "orders": orders,
        "fills": rows.list_fills(orders),
        "incomes": list(trade.incomes.order_by("occurred_at", "id")),
        "notices": list(trade.notices.order_by("id")),
        # By its name at the relation: the ledger does not know what a signal is.
        "signals": list(trade.signals.order_by("id")),
    }


def _facts(trade: Trade, base: str, quote: str) -> list[tuple[str, str | SafeString]]:
    return [
        ("Strategy", link(trade.strategy)),
        ("Account", link(trade.account)),
        ("Held", money(trade.quantity, base)),
        ("Entered in all", money(trade.entered_quantity, base)),
        ("Average entry", money(trade.entry_price, quote)),
        ("Stop at the venue", money(rows.stop_price(trade), quote)),
        ("Price at decision", money(trade.reference_price, quote)),
        ("Leverage", f"{trade.leverage}x" if trade.leverage else NOTHING),
        ("Realized PnL", signed(trade.realized_pnl, quote)),
        ("Fees", amounts(trade.fees)),
        ("Funding", signed(trade.funding, trade.reserve_asset or quote)),
        ("Closed because", trade.close_reason or NOTHING),
    ]
