"""Accounts, whose keys go in and never come out, and the switch of the house."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanSwitchWidget

from exchange.admin.base import ConsoleAdmin, FactAdmin, column
from exchange.formats import STATUS_COLORS, change_url
from exchange.models import Account, HouseState
from ledger.admin.controls import SWITCHES
from ledger.domain.validation import read_number

if TYPE_CHECKING:
    AccountModelForm = forms.ModelForm[Account]
else:
    AccountModelForm = forms.ModelForm


def _secret_field(label: str) -> forms.CharField:
    # render_value stays off: what is stored or was just typed is never part of a page.
    return forms.CharField(
        label=label,
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="Written encrypted and never shown again. Empty keeps what is stored.",
    )


class AccountForm(AccountModelForm):
    """The account without its keys, and inputs for new ones."""

    new_api_key = _secret_field("New API key")
    new_api_secret = _secret_field("New API secret")
    forget_keys = forms.BooleanField(label="Forget the stored keys", required=False, widget=UnfoldBooleanSwitchWidget())

    class Meta:
        model = Account
        exclude = ("api_key", "api_secret", "state", "state_reason")

    def clean_paper_balances(self) -> dict[str, str]:
        """Refuse what the paper venue could not start from."""
        balances = self.cleaned_data["paper_balances"]
        if not isinstance(balances, dict):
            raise forms.ValidationError('Assets with amounts are wanted, e.g. {"USDT": "10000"}.')
        for asset, amount in balances.items():
            try:
                read_number(amount)
            except ValueError as exc:
                raise forms.ValidationError(f"{asset}: {exc}.") from exc
        return balances

    def _clean_fraction(self, name: str) -> Decimal:
        value: Decimal = self.cleaned_data[name]
        if not 0 <= value < 1:
            raise forms.ValidationError("A fraction from 0 to below 1 is wanted: 0.0005 is 0.05 %.")
        return value

    def clean_maker_fee(self) -> Decimal:
        return self._clean_fraction("maker_fee")

    def clean_taker_fee(self) -> Decimal:
        return self._clean_fraction("taker_fee")

    def clean_slippage_bps(self) -> Decimal:
        value: Decimal = self.cleaned_data["slippage_bps"]
        if not 0 <= value <= 1000:
            raise forms.ValidationError("Between 0 and 1000 hundredths of a percent.")
        return value

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        given = [bool(data.get(name)) for name in ("new_api_key", "new_api_secret")]
        if any(given) and not all(given):
            raise forms.ValidationError("A key and its secret belong together: give both.")
        if any(given) and data.get("forget_keys"):
            raise forms.ValidationError("Either give new keys or forget the stored ones.")
        return data

    def save(self, commit: bool = True) -> Account:
        if self.cleaned_data.get("forget_keys"):
            self.instance.api_key = self.instance.api_secret = ""
        elif self.cleaned_data.get("new_api_key"):
            self.instance.api_key = self.cleaned_data["new_api_key"]
            self.instance.api_secret = self.cleaned_data["new_api_secret"]
        return super().save(commit=commit)


@admin.register(Account)
class AccountAdmin(ConsoleAdmin):
    """Credentials at one venue, with the account's switch."""

    form = AccountForm
    acts = SWITCHES
    list_display = ("name", "venue", "kind", "keys", "enabled", "switch", "state_reason")
    list_filter = ("venue", "environment", "enabled", "state")
    search_fields = ("name",)
    readonly_fields = ("keys", "state", "state_reason", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "venue", "environment", "enabled", "state", "state_reason", "created_at")}),
        ("Keys", {"fields": ("keys", "new_api_key", "new_api_secret", "forget_keys")}),
        (
            "Paper venues only",
            {"fields": ("paper_balances", "maker_fee", "taker_fee", "slippage_bps", "hedge_mode")},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        # No page needs the secret, so it is not even decrypted.
        return super().get_queryset(request).defer("api_secret")

    @column(description="Money", label={"PAPER": "info", "LIVE": "danger", "TESTNET": "warning", "DEMO": "warning"})
    def kind(self, row: Account) -> str:
        return "PAPER" if row.is_paper else row.environment.upper()

    @column(description="API key")
    def keys(self, row: Account) -> str:
        if row.pk is None or not row.api_key:
            return "not set"
        return f"set, ends in {row.api_key[-4:]}" if len(row.api_key) >= 16 else "set"

    @column(description="Switch", label=STATUS_COLORS)
    def switch(self, row: Account) -> str:
        return row.state


@admin.register(HouseState)
class HouseStateAdmin(FactAdmin):
    """The switch of the whole house: one row, changed by its acts."""

    acts = SWITCHES
    list_display = ("__str__", "switch", "reason", "changed_at")

    @column(description="Switch", label=STATUS_COLORS)
    def switch(self, row: HouseState) -> str:
        return row.state

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return HttpResponseRedirect(change_url(HouseState.get()))
