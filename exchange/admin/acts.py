"""What an operator can do to a row of the console: each act asks first, is carried out by a service, and is audited."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from exchange.formats import change_url


class ActFailed(Exception):
    """The act was not carried out; the text is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """What an act made and shows a single time: it is neither audited nor kept in a message."""

    told: str
    label: str
    value: str = field(repr=False)
    hint: str = field(default="", repr=False)


def _always(row: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One button. run(row, by) does it and returns what to tell; it raises ActFailed if it could not.

    question: asked before, about one row. allowed: whether the row's state has the button at all.
    bulk: it may also be chosen for many rows of a list.
    """

    name: str
    label: str
    question: str
    run: Callable[[Any, str], str | Once]
    allowed: Callable[[Any], bool] = _always
    danger: bool = False
    bulk: bool = False


def audit(request: HttpRequest, row: Model, message: str) -> None:
    """Write to Django's log who did what to which row."""
    user: Any = request.user  # staff, so never the anonymous one
    LogEntry.objects.log_actions(
        user_id=user.pk, queryset=[row], action_flag=CHANGE, change_message=message, single_object=True
    )


class ActsMixin:
    """Adds acts to a ModelAdmin: buttons with a question on the page of a row, and actions on lists."""

    acts: tuple[Act, ...] = ()
    model: type[Model]
    admin_site: admin.AdminSite

    def may_act(self, request: HttpRequest) -> bool:
        """Acts need the right to change, though the rows themselves may be read-only."""
        meta = self.model._meta
        return request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}")

    def offered_acts(self, request: HttpRequest, row: Model) -> list[dict[str, Any]]:
        """Return the buttons for the row as the templates want them."""
        if not self.may_act(request):
            return []
        return [
            {"label": act.label, "danger": act.danger, "url": self._act_url(row, act)}
            for act in self.acts
            if act.allowed(row)
        ]

    def get_urls(self) -> list[URLPattern]:
        meta = self.model._meta
        route = path(
            "<path:object_id>/act/<slug:name>/",
            self.admin_site.admin_view(self.act_view),
            name=f"{meta.app_label}_{meta.model_name}_act",
        )
        return [route, *super().get_urls()]  # type: ignore[misc]  # of the ModelAdmin beside this mixin

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        if self.may_act(request):
            for act in self.acts:
                if act.bulk:
                    actions[f"act_{act.name}"] = (self._bulk(act), f"act_{act.name}", act.label)
        return actions

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask on GET, act on POST, and go back to the row."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        act = next((act for act in self.acts if act.name == name), None)
        if row is None or act is None:
            raise Http404
        if not self.may_act(request):
            raise PermissionDenied
        if not act.allowed(row):
            messages.error(request, f"{act.label}: not possible any more, the state of {row} has changed.")
            return HttpResponseRedirect(change_url(row))
        if request.method != "POST":
            return self._ask(request, act, [row], back=change_url(row))
        once = self._carry_out(request, act, [row])
        return self.show_once(request, row, once) if once else HttpResponseRedirect(change_url(row))

    def _bulk(self, act: Act) -> Callable[..., HttpResponse | None]:
        def action(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            if not self.may_act(request):
                raise PermissionDenied
            rows = [row for row in queryset if act.allowed(row)]
            if not rows:
                messages.warning(request, f"{act.label}: none of the chosen rows is in a state for it.")
                return None
            if request.POST.get("confirmed") != "yes":
                return self._ask(request, act, rows, back=request.get_full_path())
            self._carry_out(request, act, rows)
            return None

        return action

    def show_once(self, request: HttpRequest, row: Model, once: Once) -> HttpResponse:
        """Answer with the only page that ever shows the value."""
        context = {
            **self.admin_site.each_context(request),
            "title": once.label,
            "opts": self.model._meta,
            "once": once,
            "row": row,
            "back": change_url(row),
        }
        return TemplateResponse(request, "console/once.html", context)

    def _carry_out(self, request: HttpRequest, act: Act, rows: Iterable[Any]) -> Once | None:
        once = None
        for row in rows:
            try:
                told = act.run(row, request.user.get_username())
            except ActFailed as exc:
                messages.error(request, f"{row}: {exc}")
                audit(request, row, f"{act.label}: failed, {exc}")
                continue
            if isinstance(told, Once):
                once, told = told, told.told
            messages.success(request, f"{row}: {told}")
            audit(request, row, f"{act.label}: {told}")
        return once

    def _ask(self, request: HttpRequest, act: Act, rows: list[Any], *, back: str) -> HttpResponse:
        meta = self.model._meta
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "opts": meta,
            "act": act,
            "rows": rows[:100],
            "count": len(rows),
            "noun": meta.verbose_name if len(rows) == 1 else meta.verbose_name_plural,
            "pks": [row.pk for row in rows],
            "bulk": request.method == "POST",
            "back": back,
        }
        return TemplateResponse(request, "console/confirm.html", context)

    def _act_url(self, row: Model, act: Act) -> str:
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[row.pk, act.name])
