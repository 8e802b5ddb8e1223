"""Orders with their events, and the fills: append-only facts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from exchange.fields import ExactDecimalField
from exchange.models import Account
from exchange.types import (
    Liquidity,
    OrderRef,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from ledger.domain.order_state import LIVE
from ledger.domain.plan import LegKind
from ledger.models.strategies import _choices
from ledger.models.trades import Leg, Trade


class Order(models.Model):
    """One order of ours, committed before it is sent; client_order_id is `tv-<trade>-<leg>-<n>`, unique for ever."""

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="orders")
    leg = models.ForeignKey(Leg, on_delete=models.PROTECT, related_name="orders")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    client_order_id = models.CharField(max_length=36, unique=True)
    sequence = models.PositiveIntegerField(default=1)
    venue_order_id = models.CharField(max_length=40, blank=True, default="")
    role = models.CharField(max_length=8, choices=_choices(LegKind))
    symbol = models.CharField(max_length=40)
    side = models.CharField(max_length=8, choices=_choices(Side))
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide), default=PositionSide.BOTH)
    type = models.CharField(max_length=24, choices=_choices(OrderType))
    quantity = ExactDecimalField()
    price = ExactDecimalField(null=True, blank=True)
    trigger_price = ExactDecimalField(null=True, blank=True)
    reduce_only = models.BooleanField(default=False)
    time_in_force = models.CharField(max_length=8, choices=_choices(TimeInForce), default=TimeInForce.GTC)
    working_type = models.CharField(max_length=8, choices=_choices(WorkingType), default=WorkingType.MARK)
    callback_pct = ExactDecimalField(null=True, blank=True)
    oco_group = models.CharField(
        max_length=40, blank=True, default="", help_text="Orders of one group cancel each other (spot)."
    )
    superseded = models.BooleanField(default=False, help_text="A replacement was made; this one is to be cancelled.")
    status = models.CharField(max_length=24, choices=_choices(OrderStatus), default=OrderStatus.INITIALIZED)
    filled_quantity = ExactDecimalField(default="0")
    average_price = ExactDecimalField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, default="")
    reason_code = models.CharField(max_length=40, blank=True, default="")
    submitted_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True, help_text="Until then a SUBMITTING order is somebody's.")
    ask_at = models.DateTimeField(null=True, blank=True, help_text="When to ask the venue about it next.")
    asks = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["leg", "sequence"], name="order_once_per_leg_and_sequence"),
            models.UniqueConstraint(
                fields=["leg"],
                condition=models.Q(
                    superseded=False, status__in=["INITIALIZED", *sorted(str(status) for status in LIVE)]
                ),
                name="one_live_order_per_leg",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["account", "status"], name="order_account_status")]

    def __str__(self) -> str:
        return self.client_order_id

    def request(self) -> OrderRequest:
        """Return the order as it goes to the venue."""
        return OrderRequest(
            client_order_id=self.client_order_id,
            symbol=self.symbol,
            side=Side(self.side),
            type=OrderType(self.type),
            quantity=self.quantity,
            position_side=PositionSide(self.position_side),
            price=self.price,
            trigger_price=self.trigger_price,
            time_in_force=TimeInForce(self.time_in_force),
            reduce_only=self.reduce_only,
            working_type=WorkingType(self.working_type),
            callback_pct=self.callback_pct,
        )

    def ref(self) -> OrderRef:
        """Return the order's name at the venue."""
        return OrderRef(
            client_order_id=self.client_order_id,
            symbol=self.symbol,
            conditional=OrderType(self.type).conditional,
            venue_order_id=self.venue_order_id,
        )


class OrderEvent(models.Model):
    """One thing that happened to an order; append-only."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    from_status = models.CharField(max_length=24, blank=True, default="")
    to_status = models.CharField(max_length=24)
    source = models.CharField(max_length=24, help_text="engine, answer, stream, query, reconcile or operator.")
    note = models.CharField(max_length=300, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"


class Fill(models.Model):
    """One match; append-only and unique, however often the venue tells it."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="fills")
    symbol = models.CharField(max_length=40)
    venue_trade_id = models.CharField(max_length=40)
    side = models.CharField(max_length=8, choices=_choices(Side))
    quantity = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField()
    fee_asset = models.CharField(max_length=24)
    realized_pnl = ExactDecimalField(null=True, blank=True, help_text="The venue's figure, where it gives one.")
    liquidity = models.CharField(max_length=8, choices=_choices(Liquidity))
    filled_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["filled_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "symbol", "venue_trade_id"], name="fill_once")
        ]
        indexes: ClassVar = [models.Index(fields=["filled_at"], name="fill_at")]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} @ {self.price}"
