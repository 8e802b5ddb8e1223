"""How the console writes numbers, money, times and links; everything is escaped by the templates or format_html."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "–"  # noqa: RUF001  # a dash, as tables have it

# Colors of unfold's labels.
STATUS_COLORS = {
    "DONE": "success",
    "FILLED": "success",
    "OPEN": "success",
    "ACTIVE": "success",
    "RECEIVED": "info",
    "PLANNED": "info",
    "OPENING": "info",
    "CLOSING": "info",
    "ACCEPTED": "info",
    "TRIGGERED": "info",
    "PARTIALLY_FILLED": "info",
    "SUBMITTING": "info",
    "INFO": "info",
    "AWAITING_APPROVAL": "warning",
    "REFUSED": "warning",
    "REDUCING": "warning",
    "UNKNOWN": "warning",
    "EXPIRED": "warning",
    "WARNING": "warning",
    "INVALID": "danger",
    "FAILED": "danger",
    "REJECTED": "danger",
    "DENIED": "danger",
    "HALTED": "danger",
    "ALARM": "danger",
}


def number(value: Decimal | None) -> str:
    """Return the stored digits without exponent, or a dash."""
    return NOTHING if value is None else format(value, "f")


def money(value: Decimal | None, asset: str) -> str:
    """Return the amount with its asset: an amount alone says nothing."""
    return NOTHING if value is None else f"{format(value, 'f')} {asset}".strip()


def signed(value: Decimal | None, asset: str = "") -> str:
    """Return the amount with its sign and asset."""
    return NOTHING if value is None else f"{format(value, '+f')} {asset}".strip()


def amounts(by_asset: dict[str, Any]) -> str:
    """Return amounts of several assets, e.g. `0.12 USDT, 0.001 BNB`."""
    return ", ".join(f"{amount} {asset}" for asset, amount in sorted(by_asset.items())) or NOTHING


def when(value: datetime | None, *, fine: bool = False) -> str:
    """Return the time with its zone, to the second or, if `fine`, to the millisecond."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    text = local.strftime("%Y-%m-%d %H:%M:%S")
    if fine:
        text += f".{local.microsecond // 1000:03d}"
    return f"{text} {local.tzname()}"


def change_url(row: Model) -> str:
    """Return the console's page of a row."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def link(row: Model | None, text: object = None) -> SafeString | str:
    """Return a link to the row's page in the console."""
    if row is None:
        return NOTHING
    return format_html('<a class="tv-link" href="{}">{}</a>', change_url(row), row if text is None else text)
