"""Routes of the API and of the spot service's users."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import IsAuthenticated
from rest_framework.routers import DefaultRouter

from exchange.api import InstrumentViewSet, NoStore
from ledger.api import views as ledger
from signals import api as signals
from tvtrader import cache_views as cache


class Schema(NoStore, SpectacularAPIView):
    """The machine-readable description of the API."""

    permission_classes = [IsAuthenticated]


class Router(DefaultRouter):
    """All routes below one root, which lists them."""

    include_format_suffixes = False


router = Router()
router.register("signals", signals.SignalViewSet, basename="signal")
router.register("strategies", ledger.StrategyViewSet, basename="strategy")
router.register("endpoints", signals.EndpointViewSet, basename="endpoint")
router.register("accounts", ledger.AccountViewSet, basename="account")
router.register("instruments", InstrumentViewSet, basename="instrument")
router.register("trades", ledger.TradeViewSet, basename="trade")
router.register("orders", ledger.OrderViewSet, basename="order")
router.register("fills", ledger.FillViewSet, basename="fill")
router.register("incomes", ledger.IncomeViewSet, basename="income")
router.register("equity", ledger.EquityViewSet, basename="equity")
router.register("positions", ledger.PositionViewSet, basename="position")
router.register("balances", ledger.BalanceViewSet, basename="balance")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/plan/", signals.PlanView.as_view(), name="plan"),
    path("api/v1/schema/", Schema.as_view(), name="schema"),
    path("api/v1/docs/", login_required(SpectacularSwaggerView.as_view(url_name="schema")), name="docs"),
    path("api/v1/", include(router.urls)),
    path("cache/prices", cache.Prices.as_view()),
    path("cache/prices/count", cache.PriceCount.as_view()),
    path("cache/prices/<str:symbol>", cache.Price.as_view()),
    path("cache/filters", cache.Filters.as_view()),
    path("cache/filters/<str:symbol>", cache.Filter.as_view()),
    path("cache/summary", cache.Summary.as_view()),
    path("cache/balances", cache.Balances.as_view()),
    path("cache/orders", cache.Orders.as_view()),
    path("cache/refresh/balances", cache.RefreshBalances.as_view()),
    path("cache/refresh/filters", cache.RefreshFilters.as_view()),
    path("dashboard", cache.dashboard, name="dashboard"),
]
