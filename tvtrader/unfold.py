"""The dress of the console: its names, its side bar, and what is asked on every page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

# Django's own formats of a language win over plain settings; ours write the zone behind every time.
FORMAT_MODULE_PATH = ["tvtrader.formats"]


def _page(title: str, icon: str, view: str, **more: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{view}"), **more}


def _style(request: HttpRequest) -> str:
    return static("tvtrader/console.css")


def _icon(request: HttpRequest) -> str:
    return static("tvtrader/favicon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "tvtrader",
    "SITE_HEADER": "tvtrader",
    "SITE_SUBHEADER": "alerts to orders",
    "SITE_SYMBOL": "candlestick_chart",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [_style],
    "ENVIRONMENT": "tvtrader.dashboard.environment",
    "DASHBOARD_CALLBACK": "tvtrader.dashboard.dashboard",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254)",
            "100": "oklch(93% .032 255)",
            "200": "oklch(88% .059 254)",
            "300": "oklch(81% .105 252)",
            "400": "oklch(71% .165 255)",
            "500": "oklch(62% .214 260)",
            "600": "oklch(55% .245 263)",
            "700": "oklch(49% .243 264)",
            "800": "oklch(42% .199 266)",
            "900": "oklch(38% .146 266)",
            "950": "oklch(28% .091 268)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": False,
        "show_all_applications": False,
        "navigation": "tvtrader.unfold.navigation",
    },
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the side bar; the number of alarms that nobody has seen stands beside the notices."""
    from tvtrader.dashboard import count_unseen_alarms

    count = count_unseen_alarms()
    badge = {"badge": str(count)} if count else {}
    return [
        {
            "items": [
                _page("Dashboard", "dashboard", "index"),
                _page("Signals", "notifications_active", "signals_signal_changelist"),
                _page("Trades", "swap_vert", "ledger_trade_changelist"),
                _page("Notices", "warning", "ledger_notice_changelist", **badge),
            ],
        },
        {
            "title": "Set up",
            "separator": True,
            "items": [
                _page("Accounts", "key", "exchange_account_changelist"),
                _page("Strategies", "tune", "ledger_strategy_changelist"),
                _page("Endpoints", "webhook", "signals_endpoint_changelist"),
                _page("Ticker aliases", "label", "exchange_tickeralias_changelist"),
                _page("Instruments", "straighten", "exchange_instrument_changelist"),
                _page("House switch", "power_settings_new", "exchange_housestate_changelist"),
            ],
        },
        {
            "title": "Ledger",
            "separator": True,
            "items": [
                _page("Orders", "receipt_long", "ledger_order_changelist"),
                _page("Fills", "done_all", "ledger_fill_changelist"),
                _page("Incomes", "payments", "ledger_income_changelist"),
                _page("Equity", "show_chart", "ledger_equitysnapshot_changelist"),
            ],
        },
        {
            "title": "System",
            "separator": True,
            "collapsible": True,
            "items": [
                _page("Users", "person", "auth_user_changelist"),
                _page("Groups", "group", "auth_group_changelist"),
                _page("API tokens", "vpn_key", "authtoken_tokenproxy_changelist"),
                _page("Schedule", "schedule", "django_celery_beat_periodictask_changelist"),
                _page("Processes", "memory", "tvtrader_pulse_changelist"),
                _page("Audit log", "history", "admin_logentry_changelist"),
                _page("Sign-ins", "login", "axes_accesslog_changelist"),
            ],
        },
    ]
