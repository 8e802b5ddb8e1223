"""The first page of the console: what is open, what it earned, what was asked, and what needs a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from exchange.clock import now
from exchange.formats import STATUS_COLORS, change_url, money, signed
from exchange.models import Account, HouseState, Venue
from ledger import rows
from ledger.models import Notice, Trade
from ledger.selectors import list_daily_pnl, start_of_day
from signals.models import Signal

ROWS = 10


def environment(request: HttpRequest) -> list[str] | None:
    """Return the badge of every page: whether anything here can move real money."""
    if not request.user.is_authenticated:
        return None
    paper = [venue.value for venue in Venue if venue.paper]
    kinds = set(Account.objects.filter(enabled=True).exclude(venue__in=paper).values_list("environment", flat=True))
    if Account.Environment.LIVE in kinds:
        return ["LIVE", "danger"]
    return ["TESTNET", "warning"] if kinds else ["PAPER", "info"]


def count_unseen_alarms() -> int:
    """Return how many alarms wait for somebody to see them."""
    return Notice.objects.filter(level=Notice.Level.ALARM, seen=False).count()


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the dashboard shows, as far as the user may see it."""
    moment = now()
    user: Any = request.user
    if user.has_perm("ledger.view_trade"):
        context.update(_trades(moment))
    if user.has_perm("signals.view_signal"):
        last = Signal.objects.select_related("strategy", "endpoint", "trade").order_by("-id")
        context["last_signals"] = list(last[:ROWS])
    if user.has_perm("ledger.view_notice"):
        alarms = Notice.objects.filter(level=Notice.Level.ALARM, seen=False).select_related("account", "trade")
        context["alarms"] = list(alarms.order_by("-id")[:ROWS])
    if user.has_perm("exchange.view_account"):
        context["accounts"] = list(Account.objects.defer("api_key", "api_secret"))
    house = HouseState.get()
    context.update(
        house=house,
        house_url=change_url(house),
        house_color=STATUS_COLORS.get(house.state, ""),
        waiting=Signal.objects.filter(status=Signal.Status.AWAITING_APPROVAL).count(),
        waiting_url=reverse("admin:signals_signal_changelist") + "?status__exact=AWAITING_APPROVAL",
        title="Dashboard",
    )
    return context


def _trades(moment: datetime) -> dict[str, Any]:
    live = Trade.objects.filter(status__in=Trade.LIVE).select_related("strategy", "account").order_by("-id")
    trades: list[Any] = list(rows.with_protection(rows.with_assets(live)))
    shown = [
        {
            "trade": trade,
            "protection": (word := rows.protection(trade)),
            "color": rows.PROTECTION_COLORS.get(word, ""),
            "held": money(trade.quantity, rows.assets_of(trade)[0]),
            "entry": money(trade.entry_price, rows.assets_of(trade)[1]),
            "stop": money(rows.stop_price(trade), rows.assets_of(trade)[1]),
            "pnl": signed(trade.realized_pnl, rows.assets_of(trade)[1]),
        }
        for trade in trades
    ]
    return {
        "open_trades": shown,
        "unprotected": sum(row["protection"] == "UNPROTECTED" for row in shown),
        "today": today(moment),
    }


def today(moment: datetime) -> list[dict[str, str]]:
    """Return what each account realized since 00:00 UTC, with fees and funding; accounts without any left out."""
    midnight = start_of_day(moment)
    moved = Trade.objects.filter(orders__fills__filled_at__gte=midnight)
    lines = []
    for account in Account.objects.filter(pk__in=moved.values("account_id")).defer("api_key", "api_secret"):
        for day in list_daily_pnl(Trade.objects.filter(account=account), since=midnight):
            unvalued = "".join(f" and {money(fee, asset)}" for asset, fee in day.unvalued.items())
            lines.append(
                {
                    "account": account.name,
                    "net": signed(day.net),
                    "fees": f"{money(day.fees, '')}{unvalued}",
                    "funding": signed(day.funding),
                }
            )
    return lines
