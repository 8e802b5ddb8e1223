"""The routes by which users of the spot service read prices, filters, balances and orders, in the shapes they know."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchange.api import NoStore
from exchange.clients import get_client
from exchange.clock import now
from exchange.errors import ExchangeError
from exchange.models import Account, Instrument, PaperPrice, Venue
from exchange.registry import UnknownVenue
from exchange.services import refresh_balances, refresh_instruments
from exchange.types import Market
from ledger.models import Order
from tvtrader.auth import AdminOnly

MAX_ORDERS = 1000


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Send the old address of the dashboard to the console, which asks for a login."""
    return HttpResponseRedirect(reverse("admin:index"))


class Unreachable(APIException):
    """The venue can't be asked now."""

    status_code = 503
    default_code = "venue_unreachable"


@extend_schema(exclude=True)
class CacheView(NoStore, APIView):
    """For administrators, or for everybody where the setting says so."""

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if settings.CACHE_ROUTES_PUBLIC else AdminOnly()]


@extend_schema(exclude=True)
class PrivateView(CacheView):
    """For administrators whatever the setting says."""

    def get_permissions(self) -> list[BasePermission]:
        return [AdminOnly()]


def prices() -> dict[str, str]:
    """Return the last price by symbol; where both markets have one, the spot market's."""
    # "SPOT" sorts before "USDM"; reversed, the spot price is written last and stays.
    rows = PaperPrice.objects.order_by("-market", "symbol").values_list("symbol", "last")
    return {symbol: format(last, "f") for symbol, last in sorted(dict(rows).items())}


def filters(symbol: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the smallest steps by symbol; spot before futures, the live venue before paper."""
    rows = Instrument.objects.filter(trading=True)
    if symbol is not None:
        rows = rows.filter(symbol=symbol)

    def weight(row: Instrument) -> tuple[bool, bool]:
        venue = Venue(row.venue)
        return venue.market is Market.SPOT, not venue.paper

    return {
        row.symbol: {
            "filters": {
                "step_size": format(row.step_size, "f"),
                "min_qty": format(row.min_quantity, "f"),
                "min_notional": format(row.min_notional, "f"),
            },
            "ts": row.refreshed_at.timestamp(),
        }
        for row in sorted(rows, key=weight)
    }


class Prices(CacheView):
    """All prices."""

    def get(self, request: Request) -> Response:
        return Response(prices())


class PriceCount(CacheView):
    """How many symbols have a price."""

    def get(self, request: Request) -> Response:
        return Response({"count": len(prices())})


class Price(CacheView):
    """The price of one symbol."""

    def get(self, request: Request, symbol: str) -> Response:
        known = prices()
        if symbol.upper() not in known:
            raise NotFound({"error": f"no price of {symbol.upper()}"})
        return Response({symbol.upper(): known[symbol.upper()]})


class Filters(CacheView):
    """The filters of all symbols."""

    def get(self, request: Request) -> Response:
        return Response(filters())


class Filter(CacheView):
    """The filters of one symbol; empty if it is not known."""

    def get(self, request: Request, symbol: str) -> Response:
        return Response(filters(symbol.upper()).get(symbol.upper(), {}))


class Summary(CacheView):
    """How much is known."""

    def get(self, request: Request) -> Response:
        return Response(
            {
                "prices": {"count": len(prices())},
                "balances": {"exists": Account.objects.filter(enabled=True).exists()},
                "filters": {"count": Instrument.objects.filter(trading=True).values("symbol").distinct().count()},
            }
        )


class Balances(PrivateView):
    """Free funds of one account: `?account=NAME`, or the first spot account, or the first one."""

    def get(self, request: Request) -> Response:
        account = _account(request)
        if account is None:
            return Response({})
        try:
            balances = get_client(account).get_balances()
        except (ExchangeError, UnknownVenue) as exc:
            raise Unreachable(f"{account}: {exc}") from exc
        return Response(
            {
                "account": account.name,
                "balances": {row.asset: format(row.free, "f") for row in sorted(balances, key=lambda row: row.asset)},
                "ts": now().timestamp(),
            }
        )


class Orders(PrivateView):
    """The last orders, newest first."""

    def get(self, request: Request) -> Response:
        given = request.query_params.get("limit", "100")
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:6]) <= MAX_ORDERS and len(given) <= 4):
            raise ValidationError({"limit": f"A number from 1 to {MAX_ORDERS} is wanted."})
        rows = Order.objects.order_by("-id")[: int(given)]
        orders = [
            {
                "timestamp": order.created_at.isoformat().replace("+00:00", "Z"),
                "symbol": order.symbol,
                "side": order.side,
                "qty": format(order.quantity, "f"),
                "price": _first_number(order.average_price, order.price, order.trigger_price),
                "status": order.status,
                "message": order.reason,
            }
            for order in rows
        ]
        return Response({"count": len(orders), "orders": orders})


class RefreshBalances(PrivateView):
    """Ask every account's venue for its balances now."""

    def post(self, request: Request) -> Response:
        failed = {}
        for account in Account.objects.filter(enabled=True):
            try:
                refresh_balances(account)
            except (ExchangeError, UnknownVenue) as exc:
                failed[account.name] = str(exc)
        return _refreshed("balances", failed)


class RefreshFilters(PrivateView):
    """Ask the venues for the rules of their instruments now."""

    def post(self, request: Request) -> Response:
        failed = {}
        by_venue = {account.venue: account for account in Account.objects.filter(enabled=True)}
        for account in by_venue.values():
            try:
                refresh_instruments(account)
            except (ExchangeError, UnknownVenue) as exc:
                failed[account.name] = str(exc)
        return _refreshed("filters", failed)


def _refreshed(what: str, failed: dict[str, str]) -> Response:
    if failed:
        return Response({"message": f"not all {what} were refreshed", "failed": failed}, status=503)
    return Response({"message": f"{what} were refreshed"})


def _account(request: Request) -> Account | None:
    wanted = request.query_params.get("account")
    if wanted is not None:
        found = Account.objects.filter(name=wanted).first()
        if found is None:
            raise ValidationError({"account": "There is no account of this name."})
        return found
    accounts = list(Account.objects.filter(enabled=True).order_by("name"))
    spot = [account for account in accounts if account.market is Market.SPOT]
    return next(iter([*spot, *accounts]), None)


def _first_number(*numbers: Any) -> str | None:
    return next((format(number, "f") for number in numbers if number is not None), None)
