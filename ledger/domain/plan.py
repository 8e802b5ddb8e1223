"""A plan: the legs of a trade as decided once, before anything is sent; and the decision that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchange.types import ZERO, Direction, MarginType, OrderType, WorkingType


class LegKind(StrEnum):
    """Role of a leg, and of the orders that carry it out."""

    ENTRY = "ENTRY"
    DCA = "DCA"
    SL = "SL"
    TP = "TP"
    EXIT = "EXIT"

    @property
    def opens(self) -> bool:
        return self in (LegKind.ENTRY, LegKind.DCA)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPlan:
    """One leg. Entries carry a quantity (base); SL and TP follow the position and carry a share or nothing.

    price: limit price of an entry. trigger_price: where SL or TP act. offset_pct: instead of trigger_price, signed
    percent of the average entry price, so that the leg follows the average. share: fraction of what was entered,
    None on a TP takes the rest. reserve: funds (quote or margin asset) that an entry binds until the venue has it.
    """

    kind: LegKind
    index: int = 1
    order_type: OrderType
    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    offset_pct: Decimal | None = None
    share: Decimal | None = None
    reserve: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRules:
    """How the exits of a trade behave after the entry; copied onto the trade so that later edits don't surprise it."""

    working_type: WorkingType = WorkingType.MARK
    breakeven_after: int | None = None
    breakeven_offset_pct: Decimal = ZERO
    trail_pct: Decimal | None = None
    protect_within_s: int = 2
    entry_timeout_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePlan:
    """A new trade. reference_price: the price that the decision was made at, for slippage."""

    symbol: str
    direction: Direction
    legs: tuple[LegPlan, ...]
    exits: ExitRules
    leverage: int | None = None
    margin_type: MarginType | None = None
    reserve_asset: str = ""
    reference_price: Decimal = ZERO
    notes: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What is to be done with a signal.

    CLOSE_FIRST: close (or, for pending entries, cancel) the named trades, then decide again with what is then held.
    SELL: reduce a spot holding by `quantity`, on the named trade or, without one, on a trade of its own.
    """

    OPEN = "OPEN"
    ADD = "ADD"
    CLOSE = "CLOSE"
    SELL = "SELL"
    CLOSE_FIRST = "CLOSE_FIRST"
    MOVE_STOP = "MOVE_STOP"
    NOTHING = "NOTHING"
    REFUSE = "REFUSE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The planner's answer. code and reason explain it to a person; remedy says what to change after a refusal.

    trades: ids of the trades acted on. plan: for OPEN and ADD (ADD uses only its legs). quantity: for SELL and for
    a partial CLOSE (base). stop_price: for MOVE_STOP.
    """

    outcome: Outcome
    code: str
    reason: str
    remedy: str = ""
    trades: tuple[int, ...] = ()
    plan: TradePlan | None = None
    quantity: Decimal | None = None
    stop_price: Decimal | None = None
