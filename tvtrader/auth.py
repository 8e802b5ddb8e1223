"""Who may use the API: a stub that the console replaces."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request


class AdminKeyAuthentication(BaseAuthentication):
    """Authenticate by X-Admin-Key."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        return None


class ReadOrAdmin(IsAuthenticated):
    """Reading for every user, writing for administrators."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and (
            request.method in SAFE_METHODS or bool(request.user and request.user.is_staff)
        )
