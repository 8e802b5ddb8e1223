"""Who may use the API: everybody who is known may read, administrators may also act."""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

HEADER = "HTTP_X_ADMIN_KEY"


class AdminKeyHolder:
    """Whoever shows the admin key: an administrator who is nobody's row."""

    pk = None
    id = None
    is_active = True
    is_authenticated = True
    is_anonymous = False
    is_staff = True
    is_superuser = False

    def get_username(self) -> str:
        return "admin key"

    def __str__(self) -> str:
        return self.get_username()


class AdminKeyAuthentication(BaseAuthentication):
    """Authenticates by `X-Admin-Key`; an empty ADMIN_API_KEY switches it off."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        given = request.META.get(HEADER)
        if given is None or not settings.ADMIN_API_KEY:
            return None
        # As bytes: text with other letters than ASCII can't be compared in constant time.
        if not hmac.compare_digest(given.encode(errors="surrogatepass"), settings.ADMIN_API_KEY.encode()):
            raise AuthenticationFailed("The admin key is wrong.")
        return AdminKeyHolder(), None

    def authenticate_header(self, request: Request) -> str:
        """Make a missing authentication a 401 instead of a 403."""
        return 'Token realm="tvtrader"'


class AdminKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Describes the admin key in the schema."""

    target_class = AdminKeyAuthentication
    name = "adminKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-Admin-Key"}


class ReadOrAdmin(IsAuthenticated):
    """Reading for every user, writing and acting for administrators."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        return request.method in SAFE_METHODS or bool(request.user.is_staff)


class AdminOnly(IsAuthenticated):
    """For administrators, reading included."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and bool(request.user.is_staff)
