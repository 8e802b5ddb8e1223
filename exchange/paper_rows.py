"""Rows of the paper venue: what Binance would keep on its side for a live account."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from exchange import models as exchange_models
from exchange.fields import ExactDecimalField
from exchange.types import (
    IncomeKind,
    Liquidity,
    MarginType,
    Market,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)


def _choices(enum: Any) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ").lower()) for member in enum]


class PaperAccount(models.Model):
    """The venue's side of a paper account; its row is the lock under which the account changes."""

    account = models.OneToOneField(
        exchange_models.Account, on_delete=models.CASCADE, primary_key=True, related_name="paper"
    )
    hedge = models.BooleanField(default=False, help_text="Position mode in force; changes only while flat.")
    next_number = models.PositiveBigIntegerField(default=1)
    funding_at = models.DateTimeField(help_text="When funding is charged next.")

    class Meta:
        app_label = "exchange"

    def __str__(self) -> str:
        return f"paper {self.account_id}"


class PaperBalance(models.Model):
    """Wallet of one asset, with what is locked or used as margin."""

    account = models.ForeignKey(exchange_models.Account, on_delete=models.CASCADE, related_name="paper_wallets")
    asset = models.CharField(max_length=24)
    total = ExactDecimalField()

    class Meta:
        app_label = "exchange"
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "asset"], name="paper_balance_once")]

    def __str__(self) -> str:
        return f"{self.total} {self.asset}"


class PaperSetup(models.Model):
    """Leverage and margin type of one symbol; without a row the venue's defaults hold."""

    account = models.ForeignKey(exchange_models.Account, on_delete=models.CASCADE, related_name="paper_setups")
    symbol = models.CharField(max_length=40)
    leverage = models.PositiveSmallIntegerField()
    margin_type = models.CharField(max_length=16, choices=_choices(MarginType))

    class Meta:
        app_label = "exchange"
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "symbol"], name="paper_setup_once")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.leverage}x {self.margin_type}"


class PaperPosition(models.Model):
    """A futures position; quantity is signed, cost is what it was opened for."""

    account = models.ForeignKey(exchange_models.Account, on_delete=models.CASCADE, related_name="paper_positions")
    symbol = models.CharField(max_length=40)
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide))
    quantity = ExactDecimalField()
    cost = ExactDecimalField()
    isolated_margin = ExactDecimalField(default="0")

    class Meta:
        app_label = "exchange"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "symbol", "position_side"], name="paper_position_once")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol}"


class PaperOrder(models.Model):
    """An order at the paper venue; a client order id may be used again once the earlier order has ended."""

    account = models.ForeignKey(exchange_models.Account, on_delete=models.CASCADE, related_name="paper_orders")
    number = models.PositiveBigIntegerField()
    client_order_id = models.CharField(max_length=36)
    symbol = models.CharField(max_length=40)
    side = models.CharField(max_length=8, choices=_choices(Side))
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide))
    type = models.CharField(max_length=24, choices=_choices(OrderType))
    quantity = ExactDecimalField()
    price = ExactDecimalField(null=True)
    trigger_price = ExactDecimalField(null=True)
    callback_pct = ExactDecimalField(null=True)
    time_in_force = models.CharField(max_length=8, choices=_choices(TimeInForce))
    working_type = models.CharField(max_length=8, choices=_choices(WorkingType))
    reduce_only = models.BooleanField()
    status = models.CharField(max_length=24, choices=_choices(OrderStatus))
    open = models.BooleanField()
    filled = ExactDecimalField(default="0")
    group = models.CharField(max_length=40, blank=True, default="", help_text="Orders of one OCO pair share it.")
    extreme = ExactDecimalField(null=True, help_text="Best price that a trailing order has seen.")
    reason = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "exchange"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "number"], name="paper_order_once"),
            models.UniqueConstraint(
                fields=["account", "client_order_id"],
                condition=models.Q(open=True),
                name="paper_one_open_order_per_client_id",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "client_order_id"], name="paper_order_client_id"),
            models.Index(fields=["symbol"], condition=models.Q(open=True), name="paper_order_open"),
        ]

    def __str__(self) -> str:
        return self.client_order_id


class PaperFill(models.Model):
    """One match; append-only."""

    account = models.ForeignKey(exchange_models.Account, on_delete=models.CASCADE, related_name="paper_fills")
    number = models.PositiveBigIntegerField()
    order_number = models.PositiveBigIntegerField()
    client_order_id = models.CharField(max_length=36)
    symbol = models.CharField(max_length=40)
    side = models.CharField(max_length=8, choices=_choices(Side))
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide))
    quantity = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField()
    fee_asset = models.CharField(max_length=24)
    realized_pnl = ExactDecimalField(null=True)
    liquidity = models.CharField(max_length=8, choices=_choices(Liquidity))
    filled_at = models.DateTimeField()

    class Meta:
        app_label = "exchange"
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "number"], name="paper_fill_once")]
        indexes: ClassVar = [
            models.Index(fields=["account", "order_number"], name="paper_fill_order"),
            models.Index(fields=["account", "symbol", "filled_at"], name="paper_fill_since"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} @ {self.price}"


class PaperIncome(models.Model):
    """Funding and other movements of money that are not fills; append-only."""

    account = models.ForeignKey(exchange_models.Account, on_delete=models.CASCADE, related_name="paper_incomes")
    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=24, choices=_choices(IncomeKind))
    asset = models.CharField(max_length=24)
    amount = ExactDecimalField()
    symbol = models.CharField(max_length=40)
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide))
    occurred_at = models.DateTimeField()

    class Meta:
        app_label = "exchange"
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "number"], name="paper_income_once")]
        indexes: ClassVar = [models.Index(fields=["account", "occurred_at"], name="paper_income_since")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.asset}"


class PaperPrice(models.Model):
    """The paper market's prices of one symbol, shared by all processes and accounts."""

    market = models.CharField(max_length=8, choices=_choices(Market))
    symbol = models.CharField(max_length=40)
    bid = ExactDecimalField()
    ask = ExactDecimalField()
    last = ExactDecimalField()
    mark = ExactDecimalField()
    funding_rate = ExactDecimalField(default="0.0001", help_text="Fraction per 8 hours.")
    max_fill_quantity = ExactDecimalField(
        default="0", help_text="The most that one order gets per tick; 0: everything at once."
    )
    rest_expires = models.BooleanField(
        default=False, help_text="The rest of a market order expires instead of waiting for the next tick."
    )
    steps = models.PositiveBigIntegerField(default=0, help_text="How far the price source has come.")
    at = models.DateTimeField()

    class Meta:
        app_label = "exchange"
        constraints: ClassVar = [models.UniqueConstraint(fields=["market", "symbol"], name="paper_price_once")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.last}"


class PaperEvent(models.Model):
    """A report for the ledger, written with the change that it tells of; append-only."""

    class Kind(models.TextChoices):
        ORDER = "ORDER", "order"
        INCOME = "INCOME", "income"

    account = models.ForeignKey(exchange_models.Account, on_delete=models.CASCADE, related_name="paper_events")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        app_label = "exchange"
        indexes: ClassVar = [models.Index(fields=["account", "id"], name="paper_event_outbox")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class PaperCursor(models.Model):
    """The last event of an account that the ledger has taken."""

    account = models.OneToOneField(
        exchange_models.Account, on_delete=models.CASCADE, primary_key=True, related_name="paper_cursor"
    )
    delivered = models.PositiveBigIntegerField(default=0)

    class Meta:
        app_label = "exchange"

    def __str__(self) -> str:
        return f"{self.account_id} at {self.delivered}"
