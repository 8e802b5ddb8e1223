"""Reads that the console and the API share: few queries, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from exchange.models import Instrument
from exchange.types import ZERO
from ledger.domain.order_state import AT_VENUE
from ledger.domain.plan import LegKind
from ledger.models import Fill, Order, Trade
from ledger.services.results import get_figures


def with_assets(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Add `base_asset` and `quote_asset` to rows that have an account and a symbol."""
    instrument = Instrument.objects.filter(venue=OuterRef("account__venue"), symbol=OuterRef("symbol"))
    annotated: QuerySet[Any] = rows.annotate(
        base_asset=Subquery(instrument.values("base_asset")[:1]),
        quote_asset=Subquery(instrument.values("quote_asset")[:1]),
    )
    return annotated


def assets_of(row: Any) -> tuple[str, str]:
    """Return base and quote asset of a row from `with_assets`; empty if the instrument is not known any more."""
    return getattr(row, "base_asset", None) or "", getattr(row, "quote_asset", None) or ""


def with_protection(trades: QuerySet[Trade]) -> QuerySet[Trade]:
    """Fetch what `protection` looks at."""
    stops = Order.objects.filter(role=LegKind.SL, status__in=sorted(AT_VENUE)).order_by("id")
    return trades.prefetch_related("legs", Prefetch("orders", queryset=stops, to_attr="stops_at_venue"))


def protection(trade: Any) -> str:
    """Say in a word whether the venue holds a stop for all that the trade holds.

    The trade comes from `with_protection`. Words: empty (not live), FLAT, PROTECTED, NO STOP (none is wanted),
    CLOSING and UNPROTECTED.
    """
    if not trade.live:
        return ""
    if trade.quantity <= ZERO:
        return "FLAT"
    # While a stop is replaced both are there; together they would seem to cover more than they do.
    stops = [order for order in trade.stops_at_venue if not order.superseded] or trade.stops_at_venue
    covered = sum((order.quantity - order.filled_quantity for order in stops), ZERO)
    if covered >= trade.quantity:
        return "PROTECTED"
    if trade.status == Trade.Status.CLOSING:
        return "CLOSING"
    wanted = trade.stop_override is not None or any(leg.kind == LegKind.SL for leg in trade.legs.all())
    return "UNPROTECTED" if wanted else "NO STOP"


PROTECTION_COLORS = {
    "PROTECTED": "success",
    "UNPROTECTED": "danger",
    "NO STOP": "warning",
    "CLOSING": "info",
    "FLAT": "info",
}


def with_figures(trades: Sequence[Any]) -> Sequence[Any]:
    """Add `figures` (net PnL and slippage) to loaded trades; two queries for any number."""
    figures = get_figures(trades)
    for trade in trades:
        trade.figures = figures[trade.pk]
    return trades


def stop_price(trade: Any) -> Decimal | None:
    """Return the trigger of the stop that the venue holds, if it holds one."""
    return trade.stops_at_venue[-1].trigger_price if trade.stops_at_venue else None


def list_orders(trade: Trade) -> list[Order]:
    """Return the trade's orders, oldest first, with leg, fills and events."""
    return list(trade.orders.select_related("leg").prefetch_related("fills", "events").order_by("id"))


def list_fills(orders: list[Order]) -> list[Fill]:
    """Return the fills of orders from `list_orders` in the order of time."""
    fills = [fill for order in orders for fill in order.fills.all()]
    return sorted(fills, key=lambda fill: (fill.filled_at, fill.pk))
