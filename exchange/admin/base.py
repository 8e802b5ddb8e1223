"""What all pages of the console share: exact numbers, closed lookups, and facts that nobody can edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from exchange.admin.acts import ActsMixin
from exchange.fields import ExactDecimalField

if TYPE_CHECKING:
    # unfold ships no types; its classes behave as Django's.
    BaseAdmin = admin.ModelAdmin[Any]
    BaseInline = admin.TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin
    from unfold.admin import TabularInline as BaseInline

# Names of fields that no query may ask for, on whatever way they are reached.
SECRET_FIELDS = frozenset({"api_key", "api_secret", "digest", "key", "password", "body", "session_data"})


class ConsoleAdmin(ActsMixin, BaseAdmin):
    """A page of the console."""

    formfield_overrides = {ExactDecimalField: {"widget": UnfoldAdminTextInputWidget}}
    list_per_page = 50
    list_filter_sheet = False
    change_form_outer_before_template = "console/acts.html"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse questions about secrets, which Django would answer for the model's own fields."""
        if SECRET_FIELDS & set(lookup.split("__")):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        offered = self.offered_acts(request, row) if row is not None else []
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "acts": offered})


class ReadOnly:
    """For what happened: to be looked at, never added to, changed or removed by hand."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class FactAdmin(ReadOnly, ConsoleAdmin):
    """A list and a page of facts."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        return [*self.readonly_fields, *(field.name for field in self.model._meta.fields)]


class FactInline(ReadOnly, BaseInline):
    """Facts below another row."""

    extra = 0
    can_delete = False
