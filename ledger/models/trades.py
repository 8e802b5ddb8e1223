"""Lanes, trades and their legs: where work waits, what we hold, and what the plan wants."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models

from exchange.fields import ExactDecimalField
from exchange.models import Account
from exchange.types import Direction, MarginType, Market, OrderType, PositionSide, WorkingType
from ledger.domain.plan import LegKind
from ledger.models.strategies import Strategy, _choices


class Lane(models.Model):
    """The queue of one account and symbol: `wake_at` says when somebody must look, `bumps` counts what happened.

    The row is the truth that work waits; broker messages only shorten the wait.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lanes")
    symbol = models.CharField(max_length=40)
    wake_at = models.DateTimeField(null=True, blank=True, db_index=True)
    bumps = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "symbol"], name="lane_once")]

    def __str__(self) -> str:
        return f"{self.account}:{self.symbol}"


def new_public_id() -> str:
    """Return a random hex id: a fresh database must never meet its old orders at the venue."""
    return secrets.token_hex(6)


class Trade(models.Model):
    """A round trip from flat to flat: entries, adds, stop, targets, exit."""

    class Status(models.TextChoices):
        OPENING = "OPENING", "opening"
        OPEN = "OPEN", "open"
        CLOSING = "CLOSING", "closing"
        CLOSED = "CLOSED", "closed"
        ABANDONED = "ABANDONED", "abandoned: nothing ever filled"

    LIVE: ClassVar = [Status.OPENING, Status.OPEN, Status.CLOSING]

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="trades")
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="trades")
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="trades")
    symbol = models.CharField(max_length=40)
    direction = models.CharField(max_length=8, choices=_choices(Direction))
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide), default=PositionSide.BOTH)
    market = models.CharField(max_length=8, choices=_choices(Market))
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPENING)
    leverage = models.PositiveSmallIntegerField(null=True, blank=True)
    margin_type = models.CharField(max_length=16, choices=_choices(MarginType), blank=True, default="")
    reserve_asset = models.CharField(max_length=24, blank=True, default="")
    reference_price = ExactDecimalField(null=True, blank=True, help_text="Price at which the decision was made.")

    working_type = models.CharField(max_length=8, choices=_choices(WorkingType), default=WorkingType.MARK)
    breakeven_after = models.PositiveSmallIntegerField(null=True, blank=True)
    breakeven_offset_pct = ExactDecimalField(default="0")
    trail_pct = ExactDecimalField(null=True, blank=True)
    protect_within_s = models.PositiveSmallIntegerField(default=2)
    entries_expire_at = models.DateTimeField(null=True, blank=True)

    entries_canceled = models.BooleanField(default=False)
    stop_override = ExactDecimalField(null=True, blank=True, help_text="A stop set by alert or person after the entry.")
    close_requested_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=64, blank=True, default="")

    # A cache of the fold over fills, proved by ledger_check.
    quantity = ExactDecimalField(default="0", help_text="Held now, base, unsigned.")
    entered_quantity = ExactDecimalField(default="0")
    entry_price = ExactDecimalField(null=True, blank=True, help_text="Average over all entry fills.")
    realized_pnl = ExactDecimalField(default="0", help_text="Quote, before fees and funding.")
    fees = models.JSONField(default=dict, blank=True, help_text="Fees by asset.")
    funding = ExactDecimalField(default="0", help_text="Signed, in the margin asset.")
    unmatched_quantity = ExactDecimalField(default="0", help_text="Sold from holdings that this trade did not buy.")

    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    protected_at = models.DateTimeField(null=True, blank=True, help_text="When a stop first covered the position.")
    naked_since = models.DateTimeField(null=True, blank=True, help_text="Since when the stop covers less than is held.")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["strategy", "symbol", "direction"],
                condition=models.Q(status__in=["OPENING", "OPEN", "CLOSING"]),
                name="one_live_trade_per_strategy_symbol_direction",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["lane", "status"], name="trade_lane_status"),
            models.Index(fields=["account", "status"], name="trade_account_status"),
            models.Index(fields=["strategy", "symbol", "closed_at"], name="trade_last_exit"),
            models.Index(fields=["strategy", "created_at"], name="trade_begun"),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.direction} {self.symbol}"

    @property
    def live(self) -> bool:
        return self.status in self.LIVE


class Leg(models.Model):
    """One planned leg of a trade; its orders carry it out."""

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="legs")
    kind = models.CharField(max_length=8, choices=_choices(LegKind))
    index = models.PositiveSmallIntegerField(default=1)
    order_type = models.CharField(max_length=24, choices=_choices(OrderType))
    quantity = ExactDecimalField(null=True, blank=True)
    price = ExactDecimalField(null=True, blank=True)
    trigger_price = ExactDecimalField(null=True, blank=True)
    offset_pct = ExactDecimalField(null=True, blank=True)
    share = ExactDecimalField(null=True, blank=True)
    reserve = ExactDecimalField(default="0", help_text="Funds bound until the venue has the order.")
    send_before = models.DateTimeField(
        null=True, blank=True, help_text="When the alert of this entry comes of age: then it is not sent any more."
    )

    class Meta:
        ordering: ClassVar = ["trade_id", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["trade", "kind", "index"], name="leg_once_per_trade")]

    def __str__(self) -> str:
        return f"{self.kind} {self.index}"

    @property
    def tag(self) -> str:
        """Return the leg's part of a client order id: `entry`, `dca1`, `sl`, `tp2`, `exit1`."""
        kind = self.kind.lower()
        return kind if self.index == 1 and self.kind in (LegKind.ENTRY, LegKind.SL) else f"{kind}{self.index}"
