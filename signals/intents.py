"""What an alert asks for, dialect removed: the one shape that every dialect ends in and the planner starts from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from exchange.types import Direction, OrderType
from ledger.domain.policy import Sizing


class Action(StrEnum):
    """What is asked.

    OPEN a trade; ADD to one; TARGET: be in `direction`, idempotently (flat if None); CLOSE `direction` or whatever
    is held; SELL a spot holding by `sizing`; BREAKEVEN: move the stop; CHECK: no order, only verify protection;
    INFO: announce only.
    """

    OPEN = "OPEN"
    ADD = "ADD"
    TARGET = "TARGET"
    CLOSE = "CLOSE"
    SELL = "SELL"
    BREAKEVEN = "BREAKEVEN"
    CHECK = "CHECK"
    INFO = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """A target of the alert: exactly one of price, pct (percent of entry) and r (multiples of the stop distance).

    share: fraction of the position, None takes the rest.
    """

    price: Decimal | None = None
    pct: Decimal | None = None
    r: Decimal | None = None
    share: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One alert's wish. Fields that are None leave the choice to the strategy.

    price: what the alert says the market or limit price is. second_price: limit price of a second entry.
    stop_price / stop_pct: the stop, absolute or percent from the entry. targets: () leaves the strategy's targets;
    no_targets: the alert says "none". breakeven_prices: by held direction. at: when the alert says it was fired.
    """

    action: Action
    symbol: str
    direction: Direction | None = None
    order_type: OrderType | None = None
    price: Decimal | None = None
    second_price: Decimal | None = None
    sizing: Sizing | None = None
    leverage: int | None = None
    stop_price: Decimal | None = None
    stop_pct: Decimal | None = None
    targets: tuple[TargetSpec, ...] = ()
    no_targets: bool = False
    breakeven_long: Decimal | None = None
    breakeven_short: Decimal | None = None
    close_fraction: Decimal | None = None
    at: datetime | None = None
    note: str = ""
