"""The port on the paper venue: each call is one transaction of its own on the account's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

from exchange.adapters.paper import margin, orders, settings
from exchange.adapters.paper.desk import CENT, Desk
from exchange.adapters.paper.state import HoldingKey, PaperOrder, State, Step, report_of
from exchange.adapters.paper.store import PaperStore, StoredOrder
from exchange.errors import OrderRejected, QueryFailed
from exchange.types import (
    ZERO,
    Balance,
    Capabilities,
    FillReport,
    IncomeReport,
    InstrumentRules,
    MarginType,
    Market,
    OrderRef,
    OrderReport,
    OrderRequest,
    PositionMode,
    Quote,
    VenuePosition,
)

ENTRY_PLACES = Decimal("1E-12")
PRECISION = 60  # digits; products of venue-grid numbers stay exact


def utc_now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def exact() -> Iterator[None]:
    """Give decimal arithmetic enough digits that products and sums of money are exact."""
    with localcontext() as context:
        context.prec = PRECISION
        yield


def capabilities_of(market: Market) -> Capabilities:
    """Return what a paper market can do."""
    return Capabilities(
        market=market,
        call_timeout=timedelta(seconds=10),
        absence_after=timedelta(0),
        reserves_balance=market is Market.SPOT,
        leverage=market is Market.USDM,
    )


class PaperClient:
    """One account at the paper venue; implements `exchange.port.ExchangeClient`."""

    def __init__(self, *, market: Market, store: PaperStore, clock: Callable[[], datetime] = utc_now) -> None:
        self._market = market
        self._store = store
        self._clock = clock
        self._capabilities = capabilities_of(market)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    # ── reads ─────────────────────────────────────────────────────────────────────────────────────────────────
    def load_instruments(self) -> tuple[InstrumentRules, ...]:
        return self._store.rules()

    def get_quote(self, symbol: str) -> Quote:
        view = self._store.view(symbol)
        if view is None:
            raise QueryFailed(f"the paper market has no price for {symbol}", code="-1121")
        return view.quote

    def get_balances(self) -> tuple[Balance, ...]:
        with exact():
            desk = Desk(self._store.read(), self._clock())
            if self._market is Market.SPOT:
                used = margin.locked(desk, desk.open_orders())
                return tuple(
                    Balance(asset=asset, free=total - used.get(asset, ZERO), total=total)
                    for asset, total in sorted(desk.wallets.items())
                )
            return tuple(
                Balance(asset=asset, free=_rounded(max(margin.available(desk, asset), ZERO)), total=total)
                for asset, total in sorted(desk.wallets.items())
            )

    def get_positions(self, symbol: str | None = None) -> tuple[VenuePosition, ...]:
        if self._market is Market.SPOT:
            return ()
        with exact():
            desk = Desk(self._store.read(), self._clock())
            return tuple(_position(desk, key) for key in sorted(desk.holdings) if symbol is None or key[0] == symbol)

    def get_position_mode(self) -> PositionMode:
        hedge = self._market is Market.USDM and self._store.read().terms.hedge
        return PositionMode.HEDGE if hedge else PositionMode.ONE_WAY

    def get_order(self, ref: OrderRef) -> OrderReport | None:
        stored = self._find(ref)
        return stored.report if stored else None

    def list_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
        state = self._store.read()
        return tuple(report_of(order) for order in state.orders if symbol is None or order.request.symbol == symbol)

    def list_fills(self, symbol: str, since: datetime) -> tuple[FillReport, ...]:
        return self._store.fills(symbol, since)

    def list_incomes(self, since: datetime) -> tuple[IncomeReport, ...]:
        return self._store.incomes(since)

    # ── changes ───────────────────────────────────────────────────────────────────────────────────────────────
    def set_leverage(self, symbol: str, leverage: int) -> None:
        self._change(lambda state: settings.set_leverage(state, symbol, leverage, self._clock()), symbol)

    def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        self._change(lambda state: settings.set_margin_type(state, symbol, margin_type, self._clock()), symbol)

    def submit_order(self, request: OrderRequest) -> OrderReport:
        (stored,) = self._change(lambda state: orders.submit(state, request, self._clock()), request.symbol)
        return stored.report

    def submit_oco(self, target: OrderRequest, stop: OrderRequest) -> tuple[OrderReport, OrderReport]:
        first, second = self._change(lambda state: orders.submit_oco(state, target, stop, self._clock()), target.symbol)
        return first.report, second.report

    def cancel_order(self, ref: OrderRef) -> OrderReport:
        def decide(state: State) -> Step:
            found = self._open(state, ref)
            return orders.cancel(state, found.number, self._clock()) if found else Step(state=state)

        answer = self._change(decide, ref.symbol)
        if answer:
            return answer[0].report
        stored = self._find(ref)
        if stored is None:
            raise OrderRejected("Unknown order sent.", code="-2011")
        return stored.report

    def _change(self, decide: Callable[[State], Step], symbol: str) -> tuple[StoredOrder, ...]:
        with exact():
            return self._store.change(decide, symbols=(symbol,))

    def _open(self, state: State, ref: OrderRef) -> PaperOrder | None:
        for order in state.orders:
            if (order.request.client_order_id, order.request.symbol) == (ref.client_order_id, ref.symbol):
                return order if self._on_route(order, ref) else None
        return None

    def _find(self, ref: OrderRef) -> StoredOrder | None:
        stored = self._store.find(ref.client_order_id, ref.symbol)
        return stored if stored and self._on_route(stored.order, ref) else None

    def _on_route(self, order: PaperOrder, ref: OrderRef) -> bool:
        # Binance futures keeps conditional orders apart: the plain routes neither show nor cancel them.
        return self._market is Market.SPOT or order.request.type.conditional is ref.conditional


def _rounded(value: Decimal) -> Decimal:
    # Divisions by the leverage have no end; what an account may use is never rounded up.
    return value.quantize(CENT, rounding=ROUND_DOWN)


def _position(desk: Desk, key: HoldingKey) -> VenuePosition:
    symbol, position_side = key
    held, setup = desk.holdings[key], desk.setup(symbol)
    liquidation = margin.liquidation_price(desk, key)
    return VenuePosition(
        symbol=symbol,
        position_side=position_side,
        quantity=held.quantity,
        entry_price=held.entry_price.quantize(ENTRY_PLACES),
        mark_price=desk.quote(symbol).mark,
        unrealized_pnl=margin.unrealized(desk, key, held),
        leverage=setup.leverage,
        margin_type=setup.margin_type,
        margin=_rounded(margin.position_margin(desk, key, held)),
        liquidation_price=None if liquidation is None else _rounded(liquidation),
    )
