"""Orders with their events, and fills."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from exchange.admin.base import FactAdmin, FactInline, column
from exchange.formats import STATUS_COLORS, link, money, number, signed
from ledger import rows
from ledger.admin.exporting import CsvButtons
from ledger.models import Fill, Order, OrderEvent


class OrderEventInline(FactInline):
    """What happened to the order, oldest first."""

    model = OrderEvent
    fields = ("at", "from_status", "to_status", "source", "note")
    readonly_fields = fields


class FillInline(FactInline):
    """The order's fills."""

    model = Fill
    fields = ("filled_at", "quantity", "price", "fee", "fee_asset", "realized_pnl", "liquidity", "venue_trade_id")
    readonly_fields = fields


@admin.register(Order)
class OrderAdmin(CsvButtons, FactAdmin):
    """Every order of ours."""

    export = "orders"
    inlines = (OrderEventInline, FillInline)
    list_display = (
        "client_order_id",
        "of_trade",
        "role",
        "what",
        "asked",
        "at_price",
        "trigger",
        "state",
        "filled",
        "account",
        "created_at",
    )
    list_filter = ("status", "role", "type", "side", "account")
    list_select_related = ("trade", "account")
    search_fields = ("client_order_id", "venue_order_id", "symbol", "trade__public_id")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return rows.with_assets(super().get_queryset(request))

    @column(description="Trade")
    def of_trade(self, row: Order) -> SafeString | str:
        return link(row.trade, row.trade.public_id)

    @column(description="Order", ordering="symbol")
    def what(self, row: Order) -> str:
        return f"{row.side} {row.symbol} {row.get_type_display()}"

    @column(description="Quantity")
    def asked(self, row: Order) -> str:
        return money(row.quantity, rows.assets_of(row)[0])

    @column(description="Price")
    def at_price(self, row: Order) -> str:
        return number(row.price)

    @column(description="Trigger")
    def trigger(self, row: Order) -> str:
        return number(row.trigger_price)

    @column(description="Status", ordering="status", label=STATUS_COLORS)
    def state(self, row: Order) -> str:
        return row.status

    @column(description="Filled")
    def filled(self, row: Order) -> str:
        return number(row.filled_quantity)


@admin.register(Fill)
class FillAdmin(CsvButtons, FactAdmin):
    """Every match that a venue told us."""

    export = "fills"
    list_display = ("filled_at", "what", "size", "at_price", "cost", "pnl", "liquidity", "of_order", "account")
    list_filter = ("side", "liquidity", "account")
    list_select_related = ("order", "account")
    search_fields = ("symbol", "venue_trade_id", "order__client_order_id")
    date_hierarchy = "filled_at"
    ordering = ("-filled_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fill]:
        return rows.with_assets(super().get_queryset(request))

    @column(description="Fill", ordering="symbol")
    def what(self, row: Fill) -> str:
        return f"{row.side} {row.symbol}"

    @column(description="Quantity")
    def size(self, row: Fill) -> str:
        return money(row.quantity, rows.assets_of(row)[0])

    @column(description="Price")
    def at_price(self, row: Fill) -> str:
        return money(row.price, rows.assets_of(row)[1])

    @column(description="Fee")
    def cost(self, row: Fill) -> str:
        return money(row.fee, row.fee_asset)

    @column(description="Venue's PnL")
    def pnl(self, row: Fill) -> str:
        return signed(row.realized_pnl, rows.assets_of(row)[1])

    @column(description="Order")
    def of_order(self, row: Fill) -> SafeString | str:
        return link(row.order)
