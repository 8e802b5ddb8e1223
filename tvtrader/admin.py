"""Console pages of what we did not write: users, tokens, the beat schedule, sign-ins and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axes import models as axes
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django_celery_beat import admin as beat_admin
from django_celery_beat import models as beat
from rest_framework.authtoken.admin import TokenAdmin as DrfTokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from exchange.admin.acts import Once
from exchange.admin.base import BaseAdmin, ClosedLookups, ConsoleAdmin, FactAdmin, column
from tvtrader.models import Pulse

if TYPE_CHECKING:
    UserBase = DjangoUserAdmin[User]
    TokenBase = DrfTokenAdmin
else:
    UserBase = DjangoUserAdmin
    TokenBase = DrfTokenAdmin

for model in (
    User,
    Group,
    TokenProxy,
    beat.PeriodicTask,
    beat.IntervalSchedule,
    beat.CrontabSchedule,
    beat.SolarSchedule,
    beat.ClockedSchedule,
    axes.AccessAttempt,
    axes.AccessFailureLog,
    axes.AccessLog,
):
    admin.site.unregister(model)


def _name_token(self: TokenProxy) -> str:
    return f"token of {self.user}"


# Its text is the token itself, and titles, questions and the audit log are full of texts.
TokenProxy.__str__ = _name_token  # type: ignore[assignment,method-assign]


@admin.register(User)
class UserAdmin(ClosedLookups, UserBase, BaseAdmin):
    """People who may sign in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(ClosedLookups, DjangoGroupAdmin, BaseAdmin):
    """Sets of rights."""


@admin.register(TokenProxy)
class TokenAdmin(TokenBase, ConsoleAdmin):
    """Tokens of the API: made here, shown once, and listed without the token."""

    list_display = ("user", "tail", "created")
    list_display_links = ("user",)
    list_select_related = ("user",)
    autocomplete_fields = ()
    actions = None

    @column(description="Token")
    def tail(self, row: TokenProxy) -> str:
        return f"ends in {row.key[-4:]}"

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # A token is made or removed; there is nothing in it to change.
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("authtoken.view_tokenproxy")

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the token on the only page that ever does."""
        once = Once(
            told="made",
            label=f"New token of {obj.user}",
            value=obj.key,
            hint=f"Authorization: Token {obj.key}",
        )
        return self.show_once(request, obj, once)


class PeriodicTaskForm(beat_admin.PeriodicTaskForm):  # type: ignore[misc]  # no types
    """Their form with our inputs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = _TaskSelect()


class _TaskSelect(UnfoldAdminSelectWidget, beat_admin.TaskSelectWidget):  # type: ignore[misc]  # no types
    """Their list of tasks in our dress."""


@admin.register(beat.PeriodicTask)
class PeriodicTaskAdmin(beat_admin.PeriodicTaskAdmin, BaseAdmin):  # type: ignore[misc]  # no types
    """What beat sends, and when."""

    form = PeriodicTaskForm


@admin.register(beat.IntervalSchedule)
class IntervalScheduleAdmin(BaseAdmin):
    """Every so often."""


@admin.register(beat.CrontabSchedule)
class CrontabScheduleAdmin(beat_admin.CrontabScheduleAdmin, BaseAdmin):  # type: ignore[misc]  # no types
    """At times of the day."""


@admin.register(beat.SolarSchedule)
class SolarScheduleAdmin(BaseAdmin):
    """At sunrise and the like."""


@admin.register(beat.ClockedSchedule)
class ClockedScheduleAdmin(beat_admin.ClockedScheduleAdmin, BaseAdmin):  # type: ignore[misc]  # no types
    """Once."""


@admin.register(LogEntry)
class LogEntryAdmin(FactAdmin):
    """Who did what in the console."""

    list_display = ("action_time", "user", "content_type", "object_repr", "said")
    list_filter = ("action_flag", "content_type", "user")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "change_message")
    date_hierarchy = "action_time"

    @column(description="What")
    def said(self, row: LogEntry) -> str:
        return row.get_change_message()


@admin.register(Pulse)
class PulseAdmin(FactAdmin):
    """Signs of life of the processes."""

    list_display = ("name", "kind", "started_at", "seen_at")


class SignInAdmin(FactAdmin):
    """Attempts to sign in; what was typed is not shown."""

    list_display = ("attempt_time", "username", "ip_address", "path_info")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    exclude = ("get_data", "post_data")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [name for name in super().get_readonly_fields(request, obj) if name not in self.exclude]


for model in (axes.AccessAttempt, axes.AccessFailureLog, axes.AccessLog):
    admin.site.register(model, SignInAdmin)
