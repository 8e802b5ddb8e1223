"""What we are told: endpoints with their secrets, signals, and the keys that make a delivery count once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ledger.models import Lane, Strategy, Trade


class Dialect(models.TextChoices):
    """The alert formats; each has a serializer of the same name in `signals.dialects`."""

    NATIVE = "native", "native"
    SPOT = "spot", "spot (six amounts)"
    STRATEGY_ALERT = "strategy_alert", "strategy alert (entry, exit, breakeven)"
    ENTRY_EXIT = "entry_exit", "entry / exit with second entry"
    BRACKET = "bracket", "bracket (LONG or SHORT with tp and sl)"
    BALANCE_PERCENTAGE = "balance_percentage", "balance percentage"


class Endpoint(models.Model):
    """Where alerts arrive: a dialect, a strategy, and secrets that authenticate."""

    name = models.SlugField(max_length=64, unique=True)
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="endpoints")
    dialect = models.CharField(max_length=32, choices=Dialect.choices, default=Dialect.NATIVE)
    enabled = models.BooleanField(default=True)
    strict = models.BooleanField(
        null=True, blank=True, help_text="Refuse unknown fields. Empty: as the dialect does by default."
    )
    duplicate_window_s = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Seconds in which the same content counts as a resend. Empty: the house's.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class EndpointRoute(models.Model):
    """Which strategy a `subaccount` label of an alert means at this endpoint."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="routes")
    label = models.CharField(max_length=64)
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="routes")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["endpoint", "label"], name="route_once")]

    def __str__(self) -> str:
        return f"{self.label} → {self.strategy}"


class EndpointSecret(models.Model):
    """One valid secret of an endpoint, kept as a keyed digest; several may be valid at once while rotating."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="secrets")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"secret of {self.endpoint}"


class Signal(models.Model):
    """One alert as it was delivered, without its secret, and what became of it."""

    class Status(models.TextChoices):
        RECEIVED = "RECEIVED", "received"
        AWAITING_APPROVAL = "AWAITING_APPROVAL", "awaiting approval"
        PLANNED = "PLANNED", "planned"
        DONE = "DONE", "done"
        INVALID = "INVALID", "invalid"
        DUPLICATE = "DUPLICATE", "duplicate"
        REFUSED = "REFUSED", "refused"
        EXPIRED = "EXPIRED", "expired"
        REJECTED_BY_PERSON = "REJECTED_BY_PERSON", "rejected by a person"
        FAILED = "FAILED", "failed"

    WAITING: ClassVar = [Status.RECEIVED, Status.PLANNED]

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="signals")
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="signals")
    lane = models.ForeignKey(Lane, null=True, blank=True, on_delete=models.PROTECT, related_name="signals")
    trade = models.ForeignKey(Trade, null=True, blank=True, on_delete=models.PROTECT, related_name="signals")
    duplicate_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="duplicates")
    dialect = models.CharField(max_length=32, choices=Dialect.choices)
    symbol = models.CharField(max_length=40, blank=True, default="")
    body = models.TextField(blank=True, default="", help_text="The alert as delivered, its secret removed.")
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    own_id = models.CharField(max_length=128, blank=True, default="")
    status = models.CharField(max_length=24, choices=Status.choices, default=Status.RECEIVED)
    reason_code = models.CharField(max_length=48, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    remedy = models.CharField(max_length=500, blank=True, default="")
    intent = models.JSONField(null=True, blank=True)
    plan = models.JSONField(null=True, blank=True)
    ignored_fields = models.JSONField(default=list, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    alert_at = models.DateTimeField(null=True, blank=True, help_text="When the alert says it was fired.")
    received_at = models.DateTimeField()
    stored_at = models.DateTimeField(auto_now_add=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["lane", "status", "id"], name="signal_waiting"),
            models.Index(fields=["status", "received_at"], name="signal_by_status"),
        ]

    def __str__(self) -> str:
        return f"signal {self.pk}"


class Delivery(models.Model):
    """The key under which a delivery counts once: its own id for ever, else its content within a window."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    key = models.CharField(max_length=160)
    signal = models.ForeignKey(Signal, null=True, on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["endpoint", "key"], name="delivery_once")]

    def __str__(self) -> str:
        return f"{self.endpoint}:{self.key}"
