"""Routes of accounts, strategies, trades, orders, fills, incomes, equity, positions and balances."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import django_filters
import structlog
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from exchange.api import NoStore, ReadViewSet
from exchange.api_acts import Conflict, actor, write_down
from exchange.clients import get_client
from exchange.errors import ExchangeError
from exchange.models import Account
from exchange.registry import UnknownVenue
from ledger import rows
from ledger.api import serializers as s
from ledger.models import EquitySnapshot, Fill, Income, Order, Strategy, Trade
from ledger.selectors import list_positions
from ledger.services import controls

log = structlog.get_logger(__name__)

# Within a view set `list` is its method.
Rows = list[dict[str, Any]]


def _time_filters(field: str) -> tuple[Any, Any]:
    return (
        django_filters.IsoDateTimeFilter(field_name=field, lookup_expr="gte"),
        django_filters.IsoDateTimeFilter(field_name=field, lookup_expr="lt"),
    )


def _name_filter(relation: str) -> Any:
    return django_filters.CharFilter(field_name=f"{relation}__name")


class SwitchActs:
    """The kill switch of an account or a strategy."""

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def halt(self, request: Request, pk: str | None = None) -> Response:
        """Open nothing from now on and cancel waiting entries; exits still pass."""
        return self._switch(request, "halt")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str | None = None) -> Response:
        """Let alerts open trades again."""
        return self._switch(request, "resume")

    @extend_schema(request=None, responses={200: dict[str, list[int]]})
    @action(detail=True, methods=["post"])
    def flatten(self, request: Request, pk: str | None = None) -> Response:
        """Cancel our orders and close our positions at market; answers with the ids of the trades concerned."""
        row = self.get_object()  # type: ignore[attr-defined]  # of the view set beside this mixin
        trades = controls.flatten(row, by=actor(request))
        write_down(request, row, "flatten", trades=len(trades))
        return Response({"trades": [trade.pk for trade in trades]})

    def _switch(self, request: Request, act: str) -> Response:
        row = self.get_object()  # type: ignore[attr-defined]
        getattr(controls, act)(row, reason="API", by=actor(request))
        write_down(request, row, act)
        row = self.get_object()  # type: ignore[attr-defined]
        return Response(self.get_serializer(row).data)  # type: ignore[attr-defined]


class AccountFilter(django_filters.FilterSet):
    class Meta:
        model = Account
        fields = ("name", "venue", "environment", "enabled", "state")


class AccountViewSet(SwitchActs, ReadViewSet):
    """Accounts; their keys are never told."""

    queryset = Account.objects.defer("api_key", "api_secret").annotate(
        has_keys=ExpressionWrapper(~Q(api_key="") & ~Q(api_secret=""), output_field=BooleanField())
    )
    serializer_class = s.AccountSerializer
    filterset_class = AccountFilter
    ordering = ("name",)
    ordering_fields = ("id", "name")


class StrategyFilter(django_filters.FilterSet):
    account = _name_filter("account")

    class Meta:
        model = Strategy
        fields = ("name", "account", "mode", "enabled", "state")


class StrategyViewSet(SwitchActs, ReadViewSet):
    """Strategies with their settings."""

    queryset = Strategy.objects.select_related("account").defer("account__api_key", "account__api_secret")
    serializer_class = s.StrategySerializer
    filterset_class = StrategyFilter
    ordering = ("name",)
    ordering_fields = ("id", "name")


class TradeFilter(django_filters.FilterSet):
    account = _name_filter("account")
    strategy = _name_filter("strategy")
    side = django_filters.CharFilter(field_name="direction")
    live = django_filters.BooleanFilter(method="filter_live", label="Opening, open or closing.")
    since, until = _time_filters("created_at")

    class Meta:
        model = Trade
        fields = ("account", "strategy", "symbol", "side", "status", "public_id")

    def filter_live(self, trades: QuerySet[Trade], name: str, value: bool) -> QuerySet[Trade]:
        wanted = Q(status__in=Trade.LIVE)
        return trades.filter(wanted if value else ~wanted)


class TradeViewSet(ReadViewSet):
    """Round trips, with what an operator can do to them."""

    queryset = Trade.objects.select_related("account", "strategy").defer("account__api_key", "account__api_secret")
    serializer_class = s.TradeSerializer
    filterset_class = TradeFilter
    ordering_fields = ("id", "opened_at", "closed_at", "created_at")

    def get_queryset(self) -> QuerySet[Trade]:
        return rows.with_protection(super().get_queryset()).prefetch_related("signals")

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        return page if page is None else rows.with_figures(page)

    def get_object(self) -> Any:
        return rows.with_figures([super().get_object()])[0]

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str | None = None) -> Response:
        """Cancel the trade's orders and close it at market."""
        return self._act(request, "close_trade")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def breakeven(self, request: Request, pk: str | None = None) -> Response:
        """Move the stop to the average entry price."""
        return self._act(request, "move_to_breakeven")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], url_path="cancel-entries")
    def cancel_entries(self, request: Request, pk: str | None = None) -> Response:
        """Cancel entries that have not filled; what is held stays."""
        return self._act(request, "cancel_entries")

    def _act(self, request: Request, act: str) -> Response:
        trade = self.get_object()
        try:
            getattr(controls, act)(trade, by=actor(request))
        except (controls.NotPossible, ExchangeError) as exc:
            raise Conflict(str(exc)) from exc
        write_down(request, trade, act)
        return Response(self.get_serializer(self.get_object()).data)


class OrderFilter(django_filters.FilterSet):
    account = _name_filter("account")
    since, until = _time_filters("created_at")

    class Meta:
        model = Order
        fields = ("account", "trade", "symbol", "role", "side", "type", "status", "client_order_id", "venue_order_id")


class OrderViewSet(ReadViewSet):
    """Every order of ours."""

    queryset = Order.objects.select_related("leg", "account").defer("account__api_key", "account__api_secret")
    serializer_class = s.OrderSerializer
    filterset_class = OrderFilter
    ordering_fields = ("id", "created_at", "updated_at")


class FillFilter(django_filters.FilterSet):
    account = _name_filter("account")
    trade = django_filters.NumberFilter(field_name="order__trade_id")
    since, until = _time_filters("filled_at")

    class Meta:
        model = Fill
        fields = ("account", "order", "trade", "symbol", "side", "liquidity", "fee_asset", "venue_trade_id")


class FillViewSet(ReadViewSet):
    """Every match that a venue told us."""

    queryset = Fill.objects.select_related("order", "account").defer("account__api_key", "account__api_secret")
    serializer_class = s.FillSerializer
    filterset_class = FillFilter
    ordering_fields = ("id", "filled_at")


class IncomeFilter(django_filters.FilterSet):
    account = _name_filter("account")
    since, until = _time_filters("occurred_at")

    class Meta:
        model = Income
        fields = ("account", "trade", "kind", "asset", "symbol")


class IncomeViewSet(ReadViewSet):
    """Funding and other movements."""

    queryset = Income.objects.select_related("account").defer("account__api_key", "account__api_secret")
    serializer_class = s.IncomeSerializer
    filterset_class = IncomeFilter
    ordering_fields = ("id", "occurred_at")


class EquityFilter(django_filters.FilterSet):
    account = _name_filter("account")
    since, until = _time_filters("at")

    class Meta:
        model = EquitySnapshot
        fields = ("account", "asset")


class EquityViewSet(ReadViewSet):
    """Funds over time."""

    queryset = EquitySnapshot.objects.select_related("account").defer("account__api_key", "account__api_secret")
    serializer_class = s.EquitySerializer
    filterset_class = EquityFilter
    ordering_fields = ("id", "at")


class AccountsView(NoStore, viewsets.ViewSet):
    """What is asked of accounts now instead of read from rows; it has the shape of one page."""

    def list(self, request: Request) -> Response:
        unknown = sorted(set(request.query_params) - {"account", "format"})
        if unknown:
            raise ValidationError(dict.fromkeys(unknown, "No such filter. There is: account."))
        accounts = Account.objects.order_by("name")
        wanted = request.query_params.get("account")
        if wanted is not None:
            accounts = accounts.filter(name=wanted)
        results: Rows = []
        errors: Rows = []
        for account in accounts:
            try:
                results += self.ask(account)
            except (ExchangeError, UnknownVenue) as exc:
                # One account that can't be asked must not hide the others.
                log.warning("account_not_asked", account=account.name, error=str(exc))
                errors.append({"account": account.name, "message": str(exc)})
        page = {"count": len(results), "next": None, "previous": None, "results": results, "errors": errors}
        return Response(page)

    @abstractmethod
    def ask(self, account: Account) -> Rows:
        """Return the account's rows; raises ExchangeError if it can't be asked."""


ACCOUNT_PARAMETER = OpenApiParameter("account", str, description="Name of one account.")


class PositionViewSet(AccountsView):
    """Open positions by account, symbol and side."""

    serializer_class = s.PositionSerializer

    @extend_schema(parameters=[ACCOUNT_PARAMETER])
    def list(self, request: Request) -> Response:
        return super().list(request)

    def ask(self, account: Account) -> Rows:
        return [
            {
                "account": account.name,
                "symbol": position.symbol,
                "side": position.side.value,
                "quantity": s.text(position.quantity),
                "entry_price": s.text(position.entry_price),
                "mark_price": s.text(position.mark_price),
                "unrealized_pnl": s.text(position.unrealized_pnl),
                "leverage": position.leverage,
                "liquidation_price": s.text(position.liquidation_price),
                "protected": position.protected,
            }
            for position in list_positions(account=account)
        ]


class BalanceViewSet(AccountsView):
    """Funds as the venues tell them now."""

    serializer_class = s.BalanceSerializer

    @extend_schema(parameters=[ACCOUNT_PARAMETER])
    def list(self, request: Request) -> Response:
        return super().list(request)

    def ask(self, account: Account) -> Rows:
        balances = get_client(account).get_balances()
        return [
            {
                "account": account.name,
                "asset": balance.asset,
                "free": s.text(balance.free),
                "total": s.text(balance.total),
            }
            for balance in sorted(balances, key=lambda row: row.asset)
        ]
