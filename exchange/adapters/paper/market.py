"""What prices and time do to an account: triggers and fills, funding, liquidation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from exchange.adapters.paper import margin, matching
from exchange.adapters.paper.desk import CENT, Desk
from exchange.adapters.paper.state import HoldingKey, MarketView, State, Step
from exchange.types import (
    ZERO,
    IncomeKind,
    Liquidity,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
)

FUNDING_EVERY = timedelta(hours=8)
LIQUIDATION_FEE_RATE = Decimal("0.0125")
# A machine that slept for weeks is charged for at most this many intervals in one go.
MAX_INTERVALS = 90


def next_funding(at: datetime) -> datetime:
    """Return the first of 00:00, 08:00 and 16:00 UTC after a moment."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + FUNDING_EVERY * (at.hour // 8 + 1)


def tick(state: State, markets: Mapping[str, MarketView], at: datetime) -> Step:
    """Let new prices act: funding that is due, triggers, fills of resting orders, liquidation."""
    desk = Desk(state, at)
    desk.markets.update(markets)
    if not desk.spot:
        _fund_when_due(desk)
    for symbol in sorted(markets):
        for order in desk.open_orders(symbol):
            # An order of the list may have been ended by another one of it.
            if desk.orders[order.number].open:
                matching.advance(desk, desk.orders[order.number])
    if not desk.spot:
        _liquidate(desk)
    return desk.step()


def fund(state: State, at: datetime, rates: Mapping[str, Decimal] | None = None) -> Step:
    """Charge funding now: longs pay a positive rate, shorts receive it. rates: by symbol, else the market's own."""
    desk = Desk(state, at)
    _charge(desk, rates or {})
    return desk.step()


def _fund_when_due(desk: Desk) -> None:
    for _ in range(MAX_INTERVALS):
        if desk.funding_at > desk.at:
            return
        _charge(desk, {})
        desk.funding_at += FUNDING_EVERY
    desk.funding_at = next_funding(desk.at)


def _charge(desk: Desk, rates: Mapping[str, Decimal]) -> None:
    for key, held in sorted(desk.holdings.items()):
        symbol, position_side = key
        view = desk.view(symbol)
        raw = -held.quantity * view.quote.mark * rates.get(symbol, view.funding_rate)
        # What is paid rounds up and what is received down, never in the account's favour.
        amount = raw.quantize(CENT, rounding=ROUND_UP if raw < 0 else ROUND_DOWN)
        if not amount:
            continue
        desk.income(IncomeKind.FUNDING, symbol, position_side, amount)
        if not margin.crossed(desk, symbol):
            desk.holdings[key] = replace(held, isolated_margin=held.isolated_margin + amount)


# ── liquidation ───────────────────────────────────────────────────────────────────────────────────────────────
def _liquidate(desk: Desk) -> None:
    for key, held in sorted(desk.holdings.items()):
        if held.quantity and not margin.crossed(desk, key[0]):
            backing = held.isolated_margin + margin.unrealized(desk, key, held)
            if backing <= margin.maintenance(desk, key, held):
                _take_over(desk, key, backing=held.isolated_margin)
    for asset in sorted({desk.rule(symbol).margin_asset for symbol, _ in desk.holdings}):
        _liquidate_crossed(desk, asset)


def _liquidate_crossed(desk: Desk, asset: str) -> None:
    """Close crossed positions, the largest loss first, until the rest is covered again."""
    while True:
        positions = [item for item in margin.holdings_of(desk, asset) if margin.crossed(desk, item[0][0])]
        need = sum((margin.maintenance(desk, key, held) for key, held in positions), ZERO)
        profit = sum((margin.unrealized(desk, key, held) for key, held in positions), ZERO)
        wallet = margin.cross_wallet(desk, asset)
        if not positions or wallet + profit > need:
            return
        worst, held = min(positions, key=lambda item: margin.unrealized(desk, *item))
        _take_over(desk, worst, backing=wallet + profit - margin.unrealized(desk, worst, held))


def _take_over(desk: Desk, key: HoldingKey, *, backing: Decimal) -> None:
    """Cancel the symbol's orders and close the position at the market, with a fee from what is left of its margin."""
    symbol, position_side = key
    for order in desk.open_orders(symbol):
        if not order.waiting:
            desk.end(order, OrderStatus.CANCELED, "liquidation")
    held = desk.held(key)
    request = OrderRequest(
        client_order_id=f"autoclose-{desk.next_number}",
        symbol=symbol,
        side=Side.SELL if held.quantity > 0 else Side.BUY,
        type=OrderType.MARKET,
        quantity=abs(held.quantity),
        position_side=position_side,
        reduce_only=position_side is PositionSide.BOTH,
    )
    asset = desk.rule(symbol).margin_asset
    before = desk.wallets.get(asset, ZERO)
    order = desk.add(request)
    price = max(desk.taker_price(request), desk.rule(symbol).tick_size)
    desk.fill(order, request.quantity, price, Liquidity.TAKER)
    left = backing + desk.wallets[asset] - before
    if left < ZERO:
        # The fund makes good what the position lost beyond its margin.
        desk.income(IncomeKind.OTHER, symbol, position_side, -left)
    elif left:
        fee = (request.quantity * price * LIQUIDATION_FEE_RATE).quantize(CENT, rounding=ROUND_UP)
        desk.income(IncomeKind.LIQUIDATION_FEE, symbol, position_side, -min(fee, left))
