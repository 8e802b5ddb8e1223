"""Money that moved without a fill, equity over time, and what an operator has to be told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from exchange.fields import ExactDecimalField
from exchange.models import Account
from exchange.types import IncomeKind
from ledger.models.strategies import _choices
from ledger.models.trades import Trade


class Income(models.Model):
    """Funding and other movements as the venue tells them; append-only."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="incomes")
    trade = models.ForeignKey(Trade, null=True, blank=True, on_delete=models.PROTECT, related_name="incomes")
    kind = models.CharField(max_length=24, choices=_choices(IncomeKind))
    venue_income_id = models.CharField(max_length=64)
    asset = models.CharField(max_length=24)
    amount = ExactDecimalField(help_text="Signed, from the account's view.")
    symbol = models.CharField(max_length=40, blank=True, default="")
    occurred_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["occurred_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "kind", "venue_income_id"], name="income_once")
        ]
        indexes: ClassVar = [models.Index(fields=["occurred_at"], name="income_at")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.asset}"


class EquitySnapshot(models.Model):
    """An account's funds of one asset at one moment."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="equity_snapshots")
    asset = models.CharField(max_length=24)
    free = ExactDecimalField()
    total = ExactDecimalField()
    unrealized_pnl = ExactDecimalField(default="0")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["account", "at"], name="equity_account_at")]

    def __str__(self) -> str:
        return f"{self.account} {self.total} {self.asset}"


class Notice(models.Model):
    """Something that a person has to be told: refusals as INFO, repairs as WARNING, danger to money as ALARM."""

    class Level(models.TextChoices):
        INFO = "INFO", "info"
        WARNING = "WARNING", "warning"
        ALARM = "ALARM", "alarm"

    level = models.CharField(max_length=8, choices=Level.choices)
    code = models.CharField(max_length=48)
    message = models.CharField(max_length=500)
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.SET_NULL, related_name="notices")
    trade = models.ForeignKey(Trade, null=True, blank=True, on_delete=models.SET_NULL, related_name="notices")
    at = models.DateTimeField(auto_now_add=True)
    seen = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.level} {self.code}"
