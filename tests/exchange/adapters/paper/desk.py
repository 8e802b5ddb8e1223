"""An account on the pure engine, for tests: state in, step out, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from exchange.adapters.paper import market as engine
from exchange.adapters.paper import orders, settings
from exchange.adapters.paper.client import exact
from exchange.adapters.paper.desk import Desk
from exchange.adapters.paper.state import Holding, MarketView, PaperOrder, State, Step, Terms
from exchange.types import (
    FillReport,
    IncomeReport,
    InstrumentRules,
    MarginType,
    Market,
    OrderReport,
    OrderRequest,
    OrderType,
    PositionSide,
    Quote,
    Side,
    WorkingType,
)

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
D = Decimal
NUMBERS = ("price", "trigger_price", "callback_pct")


def rules(symbol: str = "BTCUSDT", market: Market = Market.USDM, **changes: Any) -> InstrumentRules:
    values: dict[str, Any] = {
        "symbol": symbol,
        "market": market,
        "base_asset": symbol.removesuffix("USDT"),
        "quote_asset": "USDT",
        "margin_asset": "USDT" if market is Market.USDM else "",
        "tick_size": D("0.1"),
        "step_size": D("0.001"),
        "min_quantity": D("0.001"),
        "max_quantity": D(100000),
        "min_notional": D(5),
        "maintenance_rate": D("0.004"),
        "max_leverage": 125,
    }
    return InstrumentRules(**{**values, **changes})


class PaperDesk:
    """Keeps the state between calls, and every fill and income, so that a test can read them."""

    def __init__(
        self,
        market: Market = Market.USDM,
        *,
        wallet: str = "10000",
        price: str = "100",
        fees: tuple[str, str] = ("0", "0"),
        slippage_bps: str = "0",
        hedge: bool = False,
        symbols: tuple[str, ...] = ("BTCUSDT",),
        wallets: Mapping[str, str] | None = None,
        **rule_changes: Any,
    ) -> None:
        self.at = T0
        self._count = 0
        self.fills: list[FillReport] = []
        self.incomes: list[IncomeReport] = []
        self.reports: list[OrderReport] = []
        self.ended: dict[int, PaperOrder] = {}
        self.state = State(
            terms=Terms(
                market=market, hedge=hedge, maker_fee=D(fees[0]), taker_fee=D(fees[1]), slippage_bps=D(slippage_bps)
            ),
            next_number=1,
            funding_at=engine.next_funding(T0),
            wallets={asset: D(total) for asset, total in (wallets or {"USDT": wallet}).items()},
            rules={symbol: rules(symbol, market, **rule_changes) for symbol in symbols},
            markets={symbol: self.view(symbol, price) for symbol in symbols},
        )

    def view(self, symbol: str, price: str, mark: str | None = None, **more: Any) -> MarketView:
        known = self.state.markets[symbol] if hasattr(self, "state") else None
        last = D(price)
        values: dict[str, Any] = {
            "funding_rate": known.funding_rate if known else D(0),
            "max_fill_quantity": known.max_fill_quantity if known else D(0),
            "rest_expires": known.rest_expires if known else False,
        }
        quote = Quote(symbol=symbol, bid=last, ask=last, last=last, mark=D(mark or price), at=self.at)
        return MarketView(quote=quote, **{**values, **more})

    def run(self, decide: Callable[[State], Step]) -> Step:
        """Let the engine act on the state; a test with rows does it through a store."""
        with exact():
            return decide(self.state)

    def _act(self, decide: Callable[[State], Step]) -> Step:
        step = self.run(decide)
        self.state = step.state
        self.fills.extend(booked.fill for booked in step.fills)
        self.incomes.extend(event for event in step.events if isinstance(event, IncomeReport))
        self.reports.extend(event for event in step.events if isinstance(event, OrderReport))
        self.ended.update({order.number: order for order in step.changed})
        return step

    def submit(self, side: Side, kind: OrderType, quantity: str, **more: Any) -> PaperOrder:
        self._count += 1
        values: dict[str, Any] = {name: D(value) if name in NUMBERS else value for name, value in more.items()}
        symbol = values.pop("symbol_", "BTCUSDT")
        identity: str = values.pop("identity", None) or f"tv-{self._count}"
        defaults: dict[str, Any] = {"working_type": WorkingType.LAST, "position_side": PositionSide.BOTH}
        request = OrderRequest(
            client_order_id=identity, symbol=symbol, side=side, type=kind, quantity=D(quantity),
            **{**defaults, **values},
        )  # fmt: skip
        step = self._act(lambda state: orders.submit(state, request, self.at))
        return self.ended[step.answer[0]]

    def oco(self, target: OrderRequest, stop: OrderRequest) -> Step:
        return self._act(lambda state: orders.submit_oco(state, target, stop, self.at))

    def buy(self, quantity: str, **more: Any) -> PaperOrder:
        return self.submit(Side.BUY, OrderType.MARKET, quantity, **more)

    def sell(self, quantity: str, **more: Any) -> PaperOrder:
        return self.submit(Side.SELL, OrderType.MARKET, quantity, **more)

    def move(
        self, price: str, *, symbol: str = "BTCUSDT", mark: str | None = None, after: timedelta | None = None
    ) -> Step:
        self.at += after or timedelta(seconds=1)
        return self._act(lambda state: engine.tick(state, {symbol: self.view(symbol, price, mark)}, self.at))

    def change_market(self, symbol: str = "BTCUSDT", **more: Any) -> None:
        view = self.view(symbol, str(self.state.markets[symbol].quote.last), **more)
        self.state = self._with(markets={**self.state.markets, symbol: view})

    def fund(self, rates: Mapping[str, Decimal]) -> Step:
        return self._act(lambda state: engine.fund(state, self.at, rates))

    def leverage(self, leverage: int, symbol: str = "BTCUSDT") -> None:
        self._act(lambda state: settings.set_leverage(state, symbol, leverage, self.at))

    def isolated(self, symbol: str = "BTCUSDT") -> None:
        self._act(lambda state: settings.set_margin_type(state, symbol, MarginType.ISOLATED, self.at))

    def cancel(self, order: PaperOrder) -> PaperOrder:
        self._act(lambda state: orders.cancel(state, order.number, self.at))
        return self.ended[order.number]

    def now(self, order: PaperOrder) -> PaperOrder:
        return self.ended[order.number]

    def holding(self, symbol: str = "BTCUSDT", side: PositionSide = PositionSide.BOTH) -> Holding:
        return self.state.holdings.get((symbol, side), Holding())

    def wallet(self, asset: str = "USDT") -> Decimal:
        return self.state.wallets.get(asset, D(0))

    def look(self) -> Desk:
        return Desk(self.state, self.at)

    def _with(self, **changes: Any) -> State:
        return replace(self.state, **changes)
