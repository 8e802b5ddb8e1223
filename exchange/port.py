"""The port: what the engine asks of a venue. Every adapter implements this and nothing else is called above it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from exchange.types import (
    Balance,
    Capabilities,
    FillReport,
    IncomeReport,
    InstrumentRules,
    MarginType,
    OrderRef,
    OrderReport,
    OrderRequest,
    PositionMode,
    Quote,
    VenuePosition,
)

ReportSink = Callable[[OrderReport], None]
IncomeSink = Callable[[IncomeReport], None]


class ExchangeClient(Protocol):
    """One account at one venue.

    Reads raise QueryFailed or AccountUnusable. Orders raise OrderRejected, NotSent, OutcomeUnknown or
    AccountUnusable. Implementations are thread-safe and never retry an order by themselves.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def load_instruments(self) -> tuple[InstrumentRules, ...]: ...

    def get_quote(self, symbol: str) -> Quote: ...

    def get_balances(self) -> tuple[Balance, ...]: ...

    def get_positions(self, symbol: str | None = None) -> tuple[VenuePosition, ...]:
        """Return the non-zero positions; always empty on spot."""
        ...

    def get_position_mode(self) -> PositionMode: ...

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Make the symbol's leverage this; "already so" is success. Raises OrderRejected if the venue refuses."""
        ...

    def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        """Make the symbol's margin type this; "already so" is success. Raises OrderRejected if the venue refuses."""
        ...

    def submit_order(self, request: OrderRequest) -> OrderReport: ...

    def submit_oco(self, target: OrderRequest, stop: OrderRequest) -> tuple[OrderReport, OrderReport]:
        """Place a target and a stop of which one cancels the other; both or none exist afterwards (spot only)."""
        ...

    def cancel_order(self, ref: OrderRef) -> OrderReport:
        """Cancel and return the order's state afterwards; an order that had already ended is reported as it ended."""
        ...

    def get_order(self, ref: OrderRef) -> OrderReport | None:
        """Return the order with all its fills, or None if the venue says that it does not exist."""
        ...

    def list_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
        """Return all resting orders, plain and conditional, each with its `request`."""
        ...

    def list_fills(self, symbol: str, since: datetime) -> tuple[FillReport, ...]: ...

    def list_incomes(self, since: datetime) -> tuple[IncomeReport, ...]: ...
