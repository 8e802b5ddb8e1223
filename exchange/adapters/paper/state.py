"""What the paper venue knows of one account, and what one call changed in it: frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from exchange.types import (
    ZERO,
    FillReport,
    IncomeReport,
    InstrumentRules,
    MarginType,
    Market,
    OrderReport,
    OrderRequest,
    OrderStatus,
    PositionSide,
    Quote,
)

OPEN = frozenset({OrderStatus.ACCEPTED, OrderStatus.TRIGGERED, OrderStatus.PARTIALLY_FILLED})
DEFAULT_LEVERAGE = 20

HoldingKey = tuple[str, PositionSide]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The account's conditions. Fees are fractions; slippage_bps in hundredths of a percent."""

    market: Market
    hedge: bool = False
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO
    slippage_bps: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """A symbol's prices and how much of it can be had.

    max_fill_quantity: the most that one order gets per tick, zero for everything. rest_expires: what a market order
    does not get at once expires, as in a thin book, instead of waiting for the next tick. funding_rate: per 8 hours.
    """

    quote: Quote
    funding_rate: Decimal = ZERO
    max_fill_quantity: Decimal = ZERO
    rest_expires: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Leverage and margin type of one symbol."""

    leverage: int = DEFAULT_LEVERAGE
    margin_type: MarginType = MarginType.CROSSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A futures position. quantity: signed; cost: what it was opened for (quote, unsigned), exact where a price is not.

    isolated_margin: set aside for it (margin asset), zero when crossed.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    isolated_margin: Decimal = ZERO

    @property
    def entry_price(self) -> Decimal:
        return self.cost / abs(self.quantity) if self.quantity else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """An order at the paper venue. request.quantity is what was accepted: a reduce-only order may have been cut.

    group: orders of one OCO pair share it. extreme: the best price that a trailing order has seen, None until active.
    """

    number: int
    request: OrderRequest
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    filled: Decimal = ZERO
    group: str = ""
    extreme: Decimal | None = None
    reason: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.request.quantity - self.filled

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def waiting(self) -> bool:
        """Tell whether it is a conditional order whose trigger has not been reached."""
        return self.request.type.conditional and self.status is OrderStatus.ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One account at the paper venue: its open orders and all that their matching needs."""

    terms: Terms
    next_number: int
    funding_at: datetime
    wallets: Mapping[str, Decimal]
    orders: tuple[PaperOrder, ...] = ()
    holdings: Mapping[HoldingKey, Holding] = field(default_factory=dict)
    setups: Mapping[str, Setup] = field(default_factory=dict)
    rules: Mapping[str, InstrumentRules] = field(default_factory=dict)
    markets: Mapping[str, MarketView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFill:
    """A fill and the number of the order that it belongs to."""

    order_number: int
    fill: FillReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one call changed. changed: every order that is new or different, ended ones too, as it stands afterwards.

    events: order and income reports in the order in which they happened. answer: numbers of the orders placed or
    cancelled by the call itself.
    """

    state: State
    changed: tuple[PaperOrder, ...] = ()
    fills: tuple[BookedFill, ...] = ()
    events: tuple[OrderReport | IncomeReport, ...] = ()
    answer: tuple[int, ...] = ()


def report_of(order: PaperOrder, fills: tuple[FillReport, ...] = ()) -> OrderReport:
    """Return the order as the venue reports it."""
    return OrderReport(
        client_order_id=order.request.client_order_id,
        symbol=order.request.symbol,
        status=order.status,
        filled_quantity=order.filled,
        updated_at=order.updated_at,
        venue_order_id=str(order.number),
        fills=fills,
        reason=order.reason,
        request=order.request,
    )
