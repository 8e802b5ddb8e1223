"""How the console's templates write numbers, times and states."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from exchange import formats

register = template.Library()


@register.filter
def digits(value: Decimal | None) -> str:
    """Write the stored digits."""
    return formats.number(value)


@register.filter
def when(value: datetime | None) -> str:
    """Write a time with its zone."""
    return formats.when(value)


@register.filter
def when_fine(value: datetime | None) -> str:
    """Write a time to the millisecond."""
    return formats.when(value, fine=True)


@register.simple_tag
def label(text: str, color: str = "") -> SafeString:
    """Write a state in its color."""
    color = color or formats.STATUS_COLORS.get(text, "none")
    return format_html('<span class="tv-label tv-{}">{}</span>', color, text.replace("_", " "))
