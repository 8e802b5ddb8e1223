"""The words that every venue adapter and every decision share: plain values, no behaviour of any framework."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Market(StrEnum):
    """What kind of market a venue is."""

    SPOT = "SPOT"
    USDM = "USDM"


class Side(StrEnum):
    """Side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class Direction(StrEnum):
    """Side of a trade or of a held position."""

    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def opposite(self) -> Direction:
        return Direction.SHORT if self is Direction.LONG else Direction.LONG

    @property
    def sign(self) -> int:
        return 1 if self is Direction.LONG else -1

    @property
    def entry_side(self) -> Side:
        return Side.BUY if self is Direction.LONG else Side.SELL

    @property
    def exit_side(self) -> Side:
        return self.entry_side.opposite


class PositionSide(StrEnum):
    """The position that an order addresses: BOTH in one-way mode and on spot, LONG or SHORT in hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class PositionMode(StrEnum):
    """How a futures account holds positions: one net position per symbol, or one per side."""

    ONE_WAY = "ONE_WAY"
    HEDGE = "HEDGE"


class MarginType(StrEnum):
    """Whether a position has its own margin or shares the account's."""

    ISOLATED = "ISOLATED"
    CROSSED = "CROSSED"


class OrderType(StrEnum):
    """Order types that the engine uses; the last three are conditional."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"

    @property
    def conditional(self) -> bool:
        return self not in (OrderType.MARKET, OrderType.LIMIT)


class TimeInForce(StrEnum):
    """How long a limit order rests; GTX is post-only."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class WorkingType(StrEnum):
    """The price that a trigger watches."""

    MARK = "MARK"
    LAST = "LAST"


class Liquidity(StrEnum):
    """Whether a fill took resting liquidity or was the resting side."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class OrderStatus(StrEnum):
    """Life of an order; the allowed changes are in `ledger.domain.order_state`."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    ACCEPTED = "ACCEPTED"
    TRIGGERED = "TRIGGERED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class IncomeKind(StrEnum):
    """Movements of money on a venue that are not fills."""

    FUNDING = "FUNDING"
    LIQUIDATION_FEE = "LIQUIDATION_FEE"
    TRANSFER = "TRANSFER"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentRules:
    """Trading rules of one symbol at one venue; zero means that the venue sets no such limit.

    Quantities in base, prices in quote per base, notional in quote. `price_up`/`price_down` are factors on the
    reference price that bound limit prices (PERCENT_PRICE). `maintenance_rate` is a fraction of notional.
    """

    symbol: str
    market: Market
    base_asset: str
    quote_asset: str
    margin_asset: str
    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal = ZERO
    market_step_size: Decimal = ZERO
    market_min_quantity: Decimal = ZERO
    market_max_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO
    max_notional: Decimal = ZERO
    min_price: Decimal = ZERO
    max_price: Decimal = ZERO
    price_up: Decimal = ZERO
    price_down: Decimal = ZERO
    max_leverage: int = 125
    maintenance_rate: Decimal = Decimal("0.004")
    trading: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One order as it goes to a venue. quantity: base; price and trigger_price: quote per base."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    position_side: PositionSide = PositionSide.BOTH
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    working_type: WorkingType = WorkingType.MARK
    callback_pct: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRef:
    """How to name an order to a venue: conditional orders live on other routes than plain ones."""

    client_order_id: str
    symbol: str
    conditional: bool = False
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReport:
    """One match as the venue tells it. fee: positive when paid; realized_pnl: the venue's figure, if it gives one."""

    venue_trade_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    filled_at: datetime
    client_order_id: str = ""
    position_side: PositionSide = PositionSide.BOTH
    realized_pnl: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What a venue says of one order now; `fills` holds the fills that came with this report, perhaps not all."""

    client_order_id: str
    symbol: str
    status: OrderStatus
    filled_quantity: Decimal
    updated_at: datetime
    venue_order_id: str = ""
    fills: tuple[FillReport, ...] = ()
    reason: str = ""
    request: OrderRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeReport:
    """A movement of money that is not a fill; amount is signed from the account's view."""

    venue_income_id: str
    kind: IncomeKind
    asset: str
    amount: Decimal
    symbol: str
    occurred_at: datetime
    position_side: PositionSide = PositionSide.BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Funds of one asset: `free` can be spent or used as margin now, `total` includes what is locked or in use."""

    asset: str
    free: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """A held futures position; quantity is signed (short negative), margin and PnL in the margin asset."""

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealized_pnl: Decimal
    leverage: int
    margin_type: MarginType
    margin: Decimal
    liquidation_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Prices of one symbol at one moment, quote per base."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    mark: Decimal
    at: datetime

    def taking(self, side: Side) -> Decimal:
        """Return the price that a market order of this side meets."""
        return self.ask if side is Side.BUY else self.bid

    def watched(self, working_type: WorkingType) -> Decimal:
        """Return the price that a trigger of this working type watches."""
        return self.mark if working_type is WorkingType.MARK else self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What differs between venues and matters above the port: data instead of `if venue ==`.

    call_timeout: the longest that one call can take. absence_after: a "not found" proves that an order never
    reached the venue only this long after it was sent. reserves_balance: resting sell orders lock what they
    would sell (spot), so a stop and a target must be one OCO pair and an exit must cancel them first.
    """

    market: Market
    call_timeout: timedelta
    absence_after: timedelta
    reserves_balance: bool
    leverage: bool
    native_trailing: bool = True
