"""Endpoints: where alerts arrive. Secrets are made here, shown once, and listed only by their dates."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from exchange.admin.acts import Act, Once
from exchange.admin.base import BaseInline, ConsoleAdmin, FactInline, column
from signals.models import Endpoint, EndpointRoute, EndpointSecret
from signals.secrets_store import add_secret, new_secret


def _make_secret(endpoint: Any, by: str) -> Once:
    secret = new_secret()
    add_secret(endpoint, secret)
    return Once(
        told="a new secret is valid; the old ones stay valid until you remove them.",
        label=f"New secret of {endpoint}",
        value=secret,
        hint=f"/webhook/{secret}",
    )


class SecretInline(FactInline):
    """The secrets that are valid, without the secrets; ticking one off revokes it."""

    model = EndpointSecret
    verbose_name_plural = "Valid secrets: tick to revoke"
    fields = ("created_at", "expires_at", "last_used_at")
    readonly_fields = fields
    can_delete = True

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("signals.change_endpoint")


class RouteInline(BaseInline):
    """Which strategy a subaccount label means."""

    model = EndpointRoute
    fields = ("label", "strategy")
    extra = 0


@admin.register(Endpoint)
class EndpointAdmin(ConsoleAdmin):
    """A dialect, a strategy, and the secrets that authenticate."""

    acts = (
        Act(
            name="secret",
            label="New secret",
            question="Make one more secret? It is shown once; the old ones stay valid until you remove them.",
            run=_make_secret,
        ),
    )
    inlines = (SecretInline, RouteInline)
    list_display = ("name", "strategy", "dialect", "enabled", "address")
    list_filter = ("dialect", "enabled", "strategy")
    list_select_related = ("strategy",)
    search_fields = ("name",)
    readonly_fields = ("address", "created_at")
    fields = ("name", "strategy", "dialect", "enabled", "strict", "duplicate_window_s", "address", "created_at")

    @column(description="Address with the secret in the body")
    def address(self, row: Endpoint) -> str:
        return f"/webhook/e/{row.name}" if row.pk else "after saving"
