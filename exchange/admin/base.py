"""What all pages of the console share: exact numbers, closed lookups, and facts that nobody can edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.db.models import JSONField, Model
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from exchange.admin.acts import ActsMixin
from exchange.fields import ExactDecimalField

if TYPE_CHECKING:
    # unfold ships no types; its classes behave as Django's.
    BaseAdmin = admin.ModelAdmin[Any]
    BaseInline = admin.TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin
    from unfold.admin import TabularInline as BaseInline

Method = TypeVar("Method", bound=Callable[..., Any])


def column(
    *, description: str, ordering: str | None = None, label: dict[str, str] | None = None
) -> Callable[[Method], Method]:
    """Describe a computed column or field; label maps its values to the colors in which they are shown."""
    decorate: Callable[[Method], Method] = display(description=description, ordering=ordering, label=label)
    return decorate


# Names of fields that no query may ask for, on whatever way they are reached.
SECRET_FIELDS = frozenset({"api_key", "api_secret", "digest", "key", "password", "body", "session_data"})


class ClosedLookups:
    """Refuses questions about secrets in addresses of lists, which Django would answer letter by letter."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        if SECRET_FIELDS & set(lookup.split("__")):
            return False
        return bool(super().lookup_allowed(lookup, value, request))  # type: ignore[misc]  # of the ModelAdmin


class ConsoleAdmin(ClosedLookups, ActsMixin, BaseAdmin):
    """A page of the console."""

    formfield_overrides = {
        ExactDecimalField: {"widget": UnfoldAdminTextInputWidget},
        JSONField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})},
    }
    list_per_page = 50
    list_filter_sheet = False
    change_form_outer_before_template = "console/acts.html"

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

    def lead_away(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer for a row that is not there: back to the dashboard with a message."""
        answer: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]  # not in the stubs
            request, self.opts, object_id
        )
        return answer

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [*self.readonly_fields, *(field.name for field in self.model._meta.fields)]


class FactInline(ReadOnly, BaseInline):
    """Facts below another row."""

    extra = 0
    can_delete = False
