"""The address of whoever sits before the console's login, for the count of failed attempts."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from signals.addresses import caller


def address_of(request: HttpRequest) -> str | None:
    """Return the caller's address, as trusted proxies tell it; behind one, all strangers would else be one."""
    found = caller(
        peer=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        trusted=settings.TRUSTED_PROXIES,
    )
    return None if found is None else str(found)
