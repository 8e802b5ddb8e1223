"""What the planner may look at: a frozen picture of one lane, its account and its market at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from exchange.types import ZERO, Direction, InstrumentRules, PositionMode, Quote
from ledger.domain.policy import StrategyPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTrade:
    """A live trade of the same account and symbol. quantity: base, unsigned; stop_price: the one in force.

    entries_pending: entry or DCA orders still rest. own: it belongs to the strategy that is deciding.
    closing: an exit is under way. margin: what the venue would release if it closed (0 on spot).
    """

    id: int
    own: bool
    direction: Direction
    quantity: Decimal
    average_price: Decimal
    entries_pending: bool
    closing: bool = False
    stop_price: Decimal | None = None
    add_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How much of the strategy's limits is used now. Money in quote.

    pending_risk: loss at the stops of all of the account's live trades incl. resting entries.
    """

    open_trades: int = 0
    trades_today: int = 0
    loss_today: Decimal = ZERO
    pending_risk: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything a decision depends on besides the intent.

    free: spendable funds by asset, what is reserved for planned and in-flight orders already taken off.
    total: wallet by asset. opens_allowed: False when house, account or strategy is switched off (blocked_by says
    which). last_exit_at: when this strategy last closed a trade here successfully, by direction.
    """

    now: datetime
    received_at: datetime
    policy: StrategyPolicy
    rules: InstrumentRules
    mode: PositionMode
    quote: Quote
    free: Mapping[str, Decimal]
    total: Mapping[str, Decimal]
    trades: tuple[HeldTrade, ...] = ()
    usage: Usage = field(default_factory=Usage)
    opens_allowed: bool = True
    blocked_by: str = ""
    last_exit_at: Mapping[Direction, datetime] = field(default_factory=dict)
