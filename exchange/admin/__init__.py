"""Console pages of instruments and ticker aliases; accounts are with the ledger, whose controls switch them."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from exchange.admin.base import ConsoleAdmin, FactAdmin, column
from exchange.formats import money, number
from exchange.models import Instrument, TickerAlias


@admin.register(Instrument)
class InstrumentAdmin(FactAdmin):
    """The venues' rules, as last fetched."""

    list_display = ("symbol", "venue", "trading", "tick", "step", "smallest", "smallest_value", "max_leverage")
    list_filter = ("venue", "trading", "quote_asset")
    search_fields = ("symbol", "base_asset")

    @column(description="Tick size")
    def tick(self, row: Instrument) -> str:
        return money(row.tick_size, row.quote_asset)

    @column(description="Step size")
    def step(self, row: Instrument) -> str:
        return money(row.step_size, row.base_asset)

    @column(description="Smallest quantity")
    def smallest(self, row: Instrument) -> str:
        return number(row.min_quantity)

    @column(description="Smallest value")
    def smallest_value(self, row: Instrument) -> str:
        return money(row.min_notional, row.quote_asset)


@admin.register(TickerAlias)
class TickerAliasAdmin(ConsoleAdmin):
    """Names that alerts use for a venue's symbols."""

    list_display = ("ticker", "symbol", "venue")
    list_filter = ("venue",)
    search_fields = ("ticker", "symbol")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        return {"venue": request.GET.get("venue", "")}
