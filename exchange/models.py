"""Accounts, the rules of their venues' instruments, and the names that alerts use for them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from exchange.fields import EncryptedTextField, ExactDecimalField
from exchange.types import InstrumentRules, Market


class TradingState(models.TextChoices):
    """What a switch lets pass: everything, only what shrinks positions, or nothing but exits asked by a person."""

    ACTIVE = "ACTIVE", "active"
    REDUCING = "REDUCING", "reducing: exits only"
    HALTED = "HALTED", "halted: exits only, entries cancelled"


class Venue(models.TextChoices):
    """The exchanges that an account can be at; the adapter is chosen by this and nothing else."""

    PAPER_SPOT = "paper_spot", "Paper spot"
    PAPER_USDM = "paper_usdm", "Paper USDⓈ-M futures"
    BINANCE_SPOT = "binance_spot", "Binance spot"
    BINANCE_USDM = "binance_usdm", "Binance USDⓈ-M futures"

    @property
    def market(self) -> Market:
        return Market.SPOT if self.value.endswith("_spot") else Market.USDM

    @property
    def paper(self) -> bool:
        return self.value.startswith("paper_")


class Account(models.Model):
    """One set of credentials at one venue."""

    class Environment(models.TextChoices):
        LIVE = "live", "live"
        TESTNET = "testnet", "testnet"
        DEMO = "demo", "demo"

    name = models.SlugField(max_length=64, unique=True)
    venue = models.CharField(max_length=32, choices=Venue.choices)
    environment = models.CharField(max_length=16, choices=Environment.choices, default=Environment.LIVE)
    api_key = EncryptedTextField(blank=True, default="")
    api_secret = EncryptedTextField(blank=True, default="")
    enabled = models.BooleanField(default=True, help_text="Off: opens nothing from that moment on; exits still pass.")
    state = models.CharField(max_length=16, choices=TradingState.choices, default=TradingState.ACTIVE)
    state_reason = models.CharField(max_length=200, blank=True, default="")
    hedge_mode = models.BooleanField(
        default=False,
        help_text="Paper futures only: hold LONG and SHORT apart. Live accounts are asked for theirs.",
    )
    paper_balances = models.JSONField(default=dict, blank=True, help_text='Starting funds, e.g. {"USDT": "10000"}.')
    maker_fee = ExactDecimalField(default="0.0002", help_text="Fraction, e.g. 0.0002 is 0.02 %. Paper only.")
    taker_fee = ExactDecimalField(default="0.0005", help_text="Fraction. Paper only.")
    slippage_bps = ExactDecimalField(
        default="1", help_text="Hundredths of a percent added to market fills. Paper only."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def market(self) -> Market:
        return Venue(self.venue).market

    @property
    def is_paper(self) -> bool:
        return Venue(self.venue).paper


class HouseState(models.Model):
    """The switch of the whole house; one row."""

    state = models.CharField(max_length=16, choices=TradingState.choices, default=TradingState.ACTIVE)
    reason = models.CharField(max_length=200, blank=True, default="")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "house state"

    def __str__(self) -> str:
        return f"house {self.state}"

    @classmethod
    def read(cls) -> HouseState:
        """Return the row, or what it would say if nobody has used the switch yet; writes nothing."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @classmethod
    def get(cls) -> HouseState:
        """Return the row, made on first use."""
        return cls.objects.get_or_create(pk=1)[0]


class Instrument(models.Model):
    """Trading rules of one symbol at one venue, as last fetched."""

    venue = models.CharField(max_length=32, choices=Venue.choices)
    symbol = models.CharField(max_length=40)
    base_asset = models.CharField(max_length=24)
    quote_asset = models.CharField(max_length=24)
    margin_asset = models.CharField(max_length=24, blank=True, default="")
    tick_size = ExactDecimalField()
    step_size = ExactDecimalField()
    min_quantity = ExactDecimalField()
    max_quantity = ExactDecimalField(default="0")
    market_step_size = ExactDecimalField(default="0")
    market_min_quantity = ExactDecimalField(default="0")
    market_max_quantity = ExactDecimalField(default="0")
    min_notional = ExactDecimalField(default="0")
    max_notional = ExactDecimalField(default="0")
    min_price = ExactDecimalField(default="0")
    max_price = ExactDecimalField(default="0")
    price_up = ExactDecimalField(default="0")
    price_down = ExactDecimalField(default="0")
    max_leverage = models.PositiveSmallIntegerField(default=125)
    maintenance_rate = ExactDecimalField(default="0.004")
    trading = models.BooleanField(default=True)
    refreshed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["venue", "symbol"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["venue", "symbol"], name="instrument_once_per_venue")]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.venue})"

    def rules(self) -> InstrumentRules:
        """Return the row as the value that the pure code works with."""
        return InstrumentRules(market=Venue(self.venue).market, **{name: getattr(self, name) for name in RULE_FIELDS})


RULE_FIELDS = tuple(name for name in InstrumentRules.__dataclass_fields__ if name != "market")


class TickerAlias(models.Model):
    """A ticker that alerts use, and the venue's symbol that it means."""

    venue = models.CharField(max_length=32, choices=Venue.choices)
    ticker = models.CharField(max_length=40)
    symbol = models.CharField(max_length=40)

    class Meta:
        ordering: ClassVar = ["venue", "ticker"]
        verbose_name_plural = "ticker aliases"
        constraints: ClassVar = [models.UniqueConstraint(fields=["venue", "ticker"], name="alias_once_per_venue")]

    def __str__(self) -> str:
        return f"{self.ticker} → {self.symbol} ({self.venue})"


class SymbolSetup(models.Model):
    """What we know to be set at the venue for one account and symbol, so that it is set only when it differs."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="symbol_setups")
    symbol = models.CharField(max_length=40)
    leverage = models.PositiveSmallIntegerField(null=True)
    margin_type = models.CharField(max_length=16, blank=True, default="")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "symbol"], name="setup_once_per_symbol")]

    def __str__(self) -> str:
        return f"{self.account}:{self.symbol} {self.leverage}x {self.margin_type}"


# Last, because these rows refer to Account: Django finds a model only if this module imports it.
from exchange.paper_rows import (  # noqa: E402  # see above
    PaperAccount,
    PaperBalance,
    PaperCursor,
    PaperEvent,
    PaperFill,
    PaperIncome,
    PaperOrder,
    PaperPosition,
    PaperPrice,
    PaperSetup,
)

__all__ = [
    "RULE_FIELDS",
    "Account",
    "HouseState",
    "Instrument",
    "PaperAccount",
    "PaperBalance",
    "PaperCursor",
    "PaperEvent",
    "PaperFill",
    "PaperIncome",
    "PaperOrder",
    "PaperPosition",
    "PaperPrice",
    "PaperSetup",
    "SymbolSetup",
    "TickerAlias",
    "TradingState",
    "Venue",
]
