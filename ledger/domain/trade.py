"""A live trade as the engine's pure decisions see it: its legs, their orders, and what is held."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from exchange.types import (
    ZERO,
    Direction,
    InstrumentRules,
    Market,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    WorkingType,
)
from ledger.domain.order_state import ENDED
from ledger.domain.plan import LegKind

WOULD_TRIGGER = "WOULD_TRIGGER"
NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
TARGET_PASSED = "TARGET_PASSED"  # of a stop that was refused because the target that it was paired with is reached


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """One order of a leg. superseded: a replacement exists and this one is to go."""

    id: int
    kind: LegKind
    index: int
    status: OrderStatus
    type: OrderType
    quantity: Decimal
    filled: Decimal = ZERO
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    callback_pct: Decimal | None = None
    oco_group: str = ""
    superseded: bool = False
    reason_code: str = ""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def at_rest(self) -> bool:
        """Whether the venue has it and nothing of it is being executed: it can be replaced or cancelled."""
        return self.status is OrderStatus.ACCEPTED or (
            self.status is OrderStatus.PARTIALLY_FILLED and self.type is OrderType.LIMIT
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LegView:
    """One leg with its orders, oldest first. Fields as in `ledger.domain.plan.LegPlan`."""

    kind: LegKind
    index: int
    order_type: OrderType
    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    offset_pct: Decimal | None = None
    share: Decimal | None = None
    orders: tuple[OrderView, ...] = ()

    @property
    def filled(self) -> Decimal:
        return sum((order.filled for order in self.orders), ZERO)

    @property
    def done(self) -> bool:
        """Whether an order of the leg was executed in full."""
        return any(order.status is OrderStatus.FILLED for order in self.orders)

    @property
    def last(self) -> OrderView | None:
        return self.orders[-1] if self.orders else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeState:
    """Everything that decides which orders a trade wants now.

    held: base, unsigned, what the fills say is in the position. closing: a full exit was asked for.
    reserves_balance: the venue locks what resting sells would sell (spot).
    """

    direction: Direction
    position_side: PositionSide
    market: Market
    rules: InstrumentRules
    reserves_balance: bool
    legs: tuple[LegView, ...]
    held: Decimal
    entered: Decimal
    average_price: Decimal | None
    closing: bool = False
    entries_canceled: bool = False
    stop_override: Decimal | None = None
    working_type: WorkingType = WorkingType.MARK
    breakeven_after: int | None = None
    breakeven_offset_pct: Decimal = ZERO

    def legs_of(self, *kinds: LegKind) -> tuple[LegView, ...]:
        """Return the legs of these kinds in the order of their index."""
        return tuple(sorted((leg for leg in self.legs if leg.kind in kinds), key=lambda leg: (leg.kind, leg.index)))

    @property
    def orders(self) -> tuple[OrderView, ...]:
        return tuple(order for leg in self.legs for order in leg.orders)

    @property
    def exit_side(self) -> Side:
        return self.direction.exit_side

    @property
    def hedged(self) -> bool:
        """Whether the account holds sides apart: orders then name the side and must not say reduce-only."""
        return self.position_side is not PositionSide.BOTH

    @property
    def reduce_only(self) -> bool:
        return self.market is Market.USDM and not self.hedged
