"""The working copy of an account while one call is carried out: books fills, keeps the events in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_UP, Decimal

from exchange.adapters.paper.state import (
    DEFAULT_LEVERAGE,
    BookedFill,
    Holding,
    HoldingKey,
    MarketView,
    PaperOrder,
    Setup,
    State,
    Step,
    report_of,
)
from exchange.types import (
    ZERO,
    FillReport,
    IncomeKind,
    IncomeReport,
    InstrumentRules,
    Liquidity,
    MarginType,
    Market,
    OrderReport,
    OrderRequest,
    OrderStatus,
    PositionSide,
    Quote,
    Side,
    WorkingType,
)

CENT = Decimal("0.00000001")  # what Binance rounds fees and profits to
BPS = Decimal(10000)


def to_grid(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Round a fill price to the tick against the taker: buys up, sells down."""
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    return (price / tick).to_integral_value(rounding=rounding) * tick


class Desk:
    """Mutable inside one call only; `step` hands back frozen values."""

    def __init__(self, state: State, at: datetime) -> None:
        self.base = state
        self.terms = state.terms
        self.at = at
        self.next_number = state.next_number
        self.funding_at = state.funding_at
        self.wallets = dict(state.wallets)
        self.orders = {order.number: order for order in state.orders}
        self.holdings = dict(state.holdings)
        self.setups = dict(state.setups)
        self.rules = state.rules
        self.markets = dict(state.markets)
        self.touched: set[int] = set()
        self.fills: list[BookedFill] = []
        self.events: list[OrderReport | IncomeReport] = []

    @property
    def spot(self) -> bool:
        return self.terms.market is Market.SPOT

    def step(self, *answer: int) -> Step:
        """Return what was changed."""
        after = replace(
            self.base,
            next_number=self.next_number,
            funding_at=self.funding_at,
            wallets=self.wallets,
            orders=tuple(order for _, order in sorted(self.orders.items()) if order.open),
            holdings={key: held for key, held in self.holdings.items() if held.quantity},
            setups=self.setups,
            markets=self.markets,
        )
        changed = tuple(self.orders[number] for number in sorted(self.touched))
        return Step(state=after, changed=changed, fills=tuple(self.fills), events=tuple(self.events), answer=answer)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────
    def view(self, symbol: str) -> MarketView:
        return self.markets[symbol]

    def quote(self, symbol: str) -> Quote:
        return self.markets[symbol].quote

    def rule(self, symbol: str) -> InstrumentRules:
        return self.rules[symbol]

    def setup(self, symbol: str) -> Setup:
        default = Setup(leverage=min(DEFAULT_LEVERAGE, self.rule(symbol).max_leverage))
        return self.setups.get(symbol, default)

    def held(self, key: HoldingKey) -> Holding:
        return self.holdings.get(key, Holding())

    def open_orders(self, symbol: str | None = None) -> list[PaperOrder]:
        """Return the open orders by age."""
        return [
            order
            for _, order in sorted(self.orders.items())
            if order.open and (symbol is None or order.request.symbol == symbol)
        ]

    def watched(self, request: OrderRequest) -> Decimal:
        """Return the price that the order's trigger watches; spot knows only the last price."""
        return self.quote(request.symbol).watched(WorkingType.LAST if self.spot else request.working_type)

    def taker_price(self, request: OrderRequest) -> Decimal:
        """Return what a taker pays: the market with slippage, rounded against it, never beyond its limit price."""
        side = request.side
        market = self.quote(request.symbol).taking(side)
        slipped = market + side.sign * market * self.terms.slippage_bps / BPS
        price = to_grid(slipped, self.rule(request.symbol).tick_size, side)
        if request.price is None:
            return price
        return min(price, request.price) if side is Side.BUY else max(price, request.price)

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────
    def take_number(self) -> int:
        self.next_number += 1
        return self.next_number - 1

    def add(self, request: OrderRequest, *, group: str = "") -> PaperOrder:
        """Put a new open order on the books; reported by the caller, once it is known how it fares."""
        number = self.take_number()
        order = PaperOrder(
            number=number, request=request, status=OrderStatus.ACCEPTED, group=group,
            created_at=self.at, updated_at=self.at,
        )  # fmt: skip
        return self.keep(order)

    def keep(self, order: PaperOrder) -> PaperOrder:
        order = replace(order, updated_at=self.at)
        self.orders[order.number] = order
        self.touched.add(order.number)
        return order

    def tell(self, order: PaperOrder, fills: tuple[FillReport, ...] = ()) -> None:
        self.events.append(report_of(order, fills))

    def end(self, order: PaperOrder, status: OrderStatus, reason: str) -> PaperOrder:
        """End an order without a fill and report it."""
        order = self.keep(replace(order, status=status, reason=reason))
        self.tell(order)
        return order

    def credit(self, asset: str, amount: Decimal) -> None:
        self.wallets[asset] = self.wallets.get(asset, ZERO) + amount

    def income(self, kind: IncomeKind, symbol: str, position_side: PositionSide, amount: Decimal) -> None:
        """Move money that is not a fill."""
        asset = self.rule(symbol).margin_asset
        self.credit(asset, amount)
        self.events.append(
            IncomeReport(
                venue_income_id=str(self.take_number()), kind=kind, asset=asset, amount=amount, symbol=symbol,
                occurred_at=self.at, position_side=position_side,
            )
        )  # fmt: skip

    def fill(self, order: PaperOrder, quantity: Decimal, price: Decimal, liquidity: Liquidity) -> PaperOrder:
        """Book one match of an order and report it."""
        rate = self.terms.maker_fee if liquidity is Liquidity.MAKER else self.terms.taker_fee
        book = self._book_spot if self.spot else self._book_futures
        fee, fee_asset, realized = book(order.request, quantity, price, rate)
        filled = order.filled + quantity
        done = filled == order.request.quantity
        order = self.keep(
            replace(order, filled=filled, status=OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED)
        )
        fill = FillReport(
            venue_trade_id=str(self.take_number()), symbol=order.request.symbol, side=order.request.side,
            price=price, quantity=quantity, fee=fee, fee_asset=fee_asset, liquidity=liquidity, filled_at=self.at,
            client_order_id=order.request.client_order_id, position_side=order.request.position_side,
            realized_pnl=realized,
        )  # fmt: skip
        self.fills.append(BookedFill(order_number=order.number, fill=fill))
        self.tell(order, (fill,))
        return order

    def _book_spot(
        self, request: OrderRequest, quantity: Decimal, price: Decimal, rate: Decimal
    ) -> tuple[Decimal, str, Decimal | None]:
        rules = self.rule(request.symbol)
        if request.side is Side.BUY:
            fee = (quantity * rate).quantize(CENT, rounding=ROUND_UP)
            self.credit(rules.base_asset, quantity - fee)
            self.credit(rules.quote_asset, -quantity * price)
            return fee, rules.base_asset, None
        fee = (quantity * price * rate).quantize(CENT, rounding=ROUND_UP)
        self.credit(rules.base_asset, -quantity)
        self.credit(rules.quote_asset, quantity * price - fee)
        return fee, rules.quote_asset, None

    def _book_futures(
        self, request: OrderRequest, quantity: Decimal, price: Decimal, rate: Decimal
    ) -> tuple[Decimal, str, Decimal | None]:
        key = (request.symbol, request.position_side)
        held = self.held(key)
        closing = min(quantity, abs(held.quantity)) if held.quantity * request.side.sign < 0 else ZERO
        held, realized = self._close(held, closing, price)
        opening = quantity - closing
        if opening:
            setup = self.setup(request.symbol)
            margin = (opening * price / setup.leverage).quantize(CENT, rounding=ROUND_UP)
            held = Holding(
                quantity=held.quantity + request.side.sign * opening,
                cost=held.cost + opening * price,
                isolated_margin=held.isolated_margin + (margin if setup.margin_type is MarginType.ISOLATED else ZERO),
            )
        self.holdings[key] = held
        fee = (quantity * price * rate).quantize(CENT, rounding=ROUND_UP)
        asset = self.rule(request.symbol).margin_asset
        self.credit(asset, realized - fee)
        return fee, asset, realized

    @staticmethod
    def _close(held: Holding, closing: Decimal, price: Decimal) -> tuple[Holding, Decimal]:
        if not closing:
            return held, ZERO
        size = abs(held.quantity)
        sign = 1 if held.quantity > 0 else -1
        # The last part takes whatever cost and margin are left, so that rounding leaves nothing behind.
        whole = closing == size
        cost = held.cost if whole else (held.cost * closing / size).quantize(CENT, rounding=ROUND_UP)
        margin = held.isolated_margin * closing / size
        margin = held.isolated_margin if whole else margin.quantize(CENT, rounding=ROUND_DOWN)
        realized = sign * (closing * price - cost)
        rest = Holding(
            quantity=held.quantity - sign * closing, cost=held.cost - cost,
            isolated_margin=held.isolated_margin - margin,
        )  # fmt: skip
        return rest, realized
