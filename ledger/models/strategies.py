"""The strategy: the named book that alerts trade for, with its sizing, risk and exits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from exchange.fields import ExactDecimalField
from exchange.models import Account, TradingState
from exchange.types import MarginType, OrderType, WorkingType
from ledger.domain import policy as p
from ledger.domain.validation import find_problems


def _choices(enum: Any) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ").lower()) for member in enum]


class Strategy(models.Model):
    """A named source of trades on one account."""

    name = models.SlugField(max_length=64, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="strategies")
    enabled = models.BooleanField(default=True, help_text="Off: opens nothing from that moment on; exits still pass.")
    state = models.CharField(max_length=16, choices=TradingState.choices, default=TradingState.ACTIVE)
    state_reason = models.CharField(max_length=200, blank=True, default="")
    mode = models.CharField(max_length=16, choices=_choices(p.Mode), default=p.Mode.AUTO)
    symbols = models.JSONField(
        default=list, blank=True, help_text="Symbols that may be traded; empty: any of the venue."
    )

    sizing_method = models.CharField(
        max_length=24,
        choices=_choices(p.SizingMethod),
        blank=True,
        default="",
        help_text="Used when the alert gives no size. Empty: the alert must give one.",
    )
    sizing_amount = ExactDecimalField(
        null=True,
        blank=True,
        help_text="In quote, in base, or a fraction of 1, as the method says (0.25 is 25 %).",
    )
    leverage = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(125)],
        help_text="Set at the exchange before the entry when the alert names none. Futures only.",
    )
    max_leverage = models.PositiveSmallIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(125)],
        help_text="An alert above this is refused.",
    )
    margin_type = models.CharField(max_length=16, choices=_choices(MarginType), blank=True, default="")
    reserve_pct = ExactDecimalField(
        default="0.2", help_text="Percent of the balance that no entry may use, for fees and price moves."
    )

    entry_type = models.CharField(
        max_length=16, choices=[("MARKET", "market"), ("LIMIT", "limit")], default=OrderType.MARKET
    )
    entry_timeout_s = models.PositiveIntegerField(
        null=True, blank=True, help_text="Seconds after which unfilled entries are cancelled. Empty: never."
    )
    dca = models.JSONField(default=list, blank=True, help_text='Adds, e.g. [{"distance_pct": "2", "size_scale": "1"}].')
    take_profits = models.JSONField(
        default=list,
        blank=True,
        help_text='Targets, e.g. [{"r": "1", "share": "0.5"}, {"pct": "3", "share": "rest"}, {"price": "alert"}].',
    )
    stop_from_alert = models.BooleanField(default=True, help_text="Use the alert's stop when it gives one.")
    stop_pct = ExactDecimalField(null=True, blank=True, help_text="Stop in percent from the average entry price.")
    stop_required = models.BooleanField(default=False, help_text="Refuse entries that end up without a stop.")
    working_type = models.CharField(max_length=8, choices=_choices(WorkingType), default=WorkingType.MARK)
    breakeven_after = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Number of the target whose fill moves the stop to the average entry price.",
    )
    breakeven_offset_pct = ExactDecimalField(default="0", help_text="Percent into profit for that stop.")
    trail_pct = ExactDecimalField(null=True, blank=True, help_text="Trailing distance of the stop in percent.")
    protect_within_s = models.PositiveSmallIntegerField(
        default=2, help_text="A filled position without an acknowledged stop is closed at market after this."
    )

    on_duplicate_entry = models.CharField(max_length=16, choices=_choices(p.OnDuplicate), default=p.OnDuplicate.REFUSE)
    on_opposite = models.CharField(max_length=16, choices=_choices(p.OnOpposite), default=p.OnOpposite.CLOSE_FIRST)
    exit_cooldown_s = models.PositiveIntegerField(
        default=30, help_text="A repeated exit within these seconds after a successful one is ignored."
    )
    max_age_s = models.PositiveIntegerField(default=60, help_text="Alerts older than this open nothing.")

    max_open_trades = models.PositiveIntegerField(null=True, blank=True)
    max_notional = ExactDecimalField(null=True, blank=True, help_text="Largest value of one trade's entries, in quote.")
    max_daily_loss = ExactDecimalField(null=True, blank=True, help_text="In quote, realized since 00:00 UTC.")
    max_trades_per_day = models.PositiveIntegerField(null=True, blank=True)
    max_slippage_pct = ExactDecimalField(
        null=True,
        blank=True,
        help_text="Refuse a market entry when the price has left the alert's price by more.",
    )
    max_risk_pct = ExactDecimalField(
        null=True, blank=True, help_text="Loss at the stop of all entries, in percent of the wallet."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name_plural = "strategies"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raise ValidationError that explains which settings don't make sense together."""
        market = self.account.market if self.account_id else None
        values = {field.name: getattr(self, field.attname) for field in self._meta.fields}
        problems = find_problems(values, market=market)
        if problems:
            raise ValidationError(problems)

    def policy(self) -> p.StrategyPolicy:
        """Return the row as the value that the planner works with."""
        sizing = None
        if self.sizing_method:
            sizing = p.Sizing(method=p.SizingMethod(self.sizing_method), amount=self.sizing_amount or Decimal(0))
        return p.StrategyPolicy(
            name=self.name,
            mode=p.Mode(self.mode),
            symbols=frozenset(self.symbols),
            sizing=sizing,
            leverage=self.leverage,
            max_leverage=self.max_leverage,
            margin_type=MarginType(self.margin_type) if self.margin_type else None,
            entry_type=OrderType(self.entry_type),
            entry_timeout_s=self.entry_timeout_s,
            dca=tuple(_rung(row) for row in self.dca),
            targets=tuple(_target(row) for row in self.take_profits),
            stop=p.StopPolicy(
                from_alert=self.stop_from_alert,
                pct=self.stop_pct,
                required=self.stop_required,
                working_type=WorkingType(self.working_type),
                breakeven_after=self.breakeven_after,
                breakeven_offset_pct=self.breakeven_offset_pct,
                trail_pct=self.trail_pct,
            ),
            protect_within_s=self.protect_within_s,
            on_duplicate=p.OnDuplicate(self.on_duplicate_entry),
            on_opposite=p.OnOpposite(self.on_opposite),
            exit_cooldown_s=self.exit_cooldown_s,
            max_age_s=self.max_age_s,
            reserve_pct=self.reserve_pct,
            limits=p.Limits(**{name: getattr(self, name) for name in p.Limits.__dataclass_fields__}),
        )


def _rung(row: dict[str, Any]) -> p.DcaRung:
    return p.DcaRung(distance_pct=Decimal(row["distance_pct"]), size_scale=Decimal(row.get("size_scale", "1")))


def _target(row: dict[str, Any]) -> p.TargetPolicy:
    share = row.get("share", "rest")
    return p.TargetPolicy(
        from_alert=row.get("price") == "alert",
        pct=Decimal(row["pct"]) if "pct" in row else None,
        r=Decimal(row["r"]) if "r" in row else None,
        share=None if share == "rest" else Decimal(share),
    )
