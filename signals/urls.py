"""The ways in for alerts, each also under /api and with or without a slash at the end."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from signals.interpret import Route
from signals.views import AlertWebhook

_webhook = AlertWebhook.as_view(route=Route.WEBHOOK)
_balance = AlertWebhook.as_view(route=Route.BALANCE)

urlpatterns: list[URLPattern] = [
    re_path(r"^(?:api/)?webhook/?\Z", _webhook, name="webhook"),
    re_path(r"^(?:api/)?webhook/e/(?P<name>[^/]+)/?\Z", _webhook, name="webhook-endpoint"),
    re_path(r"^(?:api/)?webhook/(?P<secret>[^/]+)/?\Z", _webhook, name="webhook-secret"),
    re_path(
        r"^(?:api/)?tradingview-to-webhook-order/?\Z", AlertWebhook.as_view(route=Route.ORDER), name="webhook-order"
    ),
    re_path(
        r"^(?:api/)?tradingview-to-discord-study/?\Z", AlertWebhook.as_view(route=Route.STUDY), name="webhook-study"
    ),
    re_path(r"^(?:api/)?(?:tradingview/)?binance/advanced-trading-webhook/?\Z", _balance, name="webhook-balance"),
]
