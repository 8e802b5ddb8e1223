"""What a strategy wants of every trade, as one frozen value; the Strategy row is only its storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from exchange.types import MarginType, OrderType, WorkingType


class Mode(StrEnum):
    """Whether alerts trade at once, wait for a person, or are only announced."""

    AUTO = "auto"
    APPROVE = "approve"
    NOTIFY = "notify"


class SizingMethod(StrEnum):
    """How an amount becomes a quantity; what each does with `amount` is in `signals.sizing`."""

    QUOTE_AMOUNT = "quote_amount"
    BASE_AMOUNT = "base_amount"
    BALANCE_FRACTION = "balance_fraction"
    POSITION_FRACTION = "position_fraction"
    MARGIN = "margin"
    RISK_FRACTION = "risk_fraction"


class OnDuplicate(StrEnum):
    """What an entry does when the strategy already holds or awaits the same direction."""

    REFUSE = "refuse"
    REPLACE = "replace"
    ADD = "add"


class OnOpposite(StrEnum):
    """What an entry does when the strategy holds the other direction."""

    CLOSE_FIRST = "close_first"
    REFUSE = "refuse"
    HEDGE = "hedge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Method and amount; the amount's unit depends on the method (quote, base, or a fraction of 1)."""

    method: SizingMethod
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DcaRung:
    """A planned add: `distance_pct` percent beyond the entry, `size_scale` times the entry's quantity."""

    distance_pct: Decimal
    size_scale: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPolicy:
    """A target given by the alert's price, a percent of the entry or a multiple of the stop distance.

    Exactly one of from_alert, pct and r is set. share: fraction of the position; None takes the rest.
    """

    from_alert: bool = False
    pct: Decimal | None = None
    r: Decimal | None = None
    share: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPolicy:
    """The protective stop: from the alert's price, else `pct` percent from the average entry price.

    required: an entry for which neither gives a stop is refused. breakeven_after: number of the target whose fill
    moves the stop to the average price, `breakeven_offset_pct` percent into profit.
    """

    from_alert: bool = True
    pct: Decimal | None = None
    required: bool = False
    working_type: WorkingType = WorkingType.MARK
    breakeven_after: int | None = None
    breakeven_offset_pct: Decimal = Decimal(0)
    trail_pct: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings that no alert can pass; None means no limit. Money in quote, percents as percents."""

    max_open_trades: int | None = None
    max_notional: Decimal | None = None
    max_daily_loss: Decimal | None = None
    max_trades_per_day: int | None = None
    max_slippage_pct: Decimal | None = None
    max_risk_pct: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPolicy:
    """Everything that the planner may know of a strategy. leverage None: the venue's setting is left as it is."""

    name: str
    mode: Mode = Mode.AUTO
    symbols: frozenset[str] = frozenset()
    sizing: Sizing | None = None
    leverage: int | None = None
    max_leverage: int = 20
    margin_type: MarginType | None = None
    entry_type: OrderType = OrderType.MARKET
    entry_timeout_s: int | None = None
    dca: tuple[DcaRung, ...] = ()
    targets: tuple[TargetPolicy, ...] = ()
    stop: StopPolicy = field(default_factory=StopPolicy)
    protect_within_s: int = 2
    on_duplicate: OnDuplicate = OnDuplicate.REFUSE
    on_opposite: OnOpposite = OnOpposite.CLOSE_FIRST
    exit_cooldown_s: int = 30
    max_age_s: int = 60
    reserve_pct: Decimal = Decimal("0.2")
    limits: Limits = field(default_factory=Limits)
