"""Fills: what happens to an order that may match now, and to a conditional order whose trigger may be reached."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from exchange.adapters.paper import margin, refusals
from exchange.adapters.paper.desk import Desk
from exchange.adapters.paper.state import PaperOrder
from exchange.types import ZERO, Liquidity, OrderRequest, OrderStatus, OrderType, Side, TimeInForce

HUNDRED = Decimal(100)


def marketable(desk: Desk, request: OrderRequest) -> bool:
    """Tell whether a limit order would match the market now."""
    price = request.price or ZERO
    market = desk.quote(request.symbol).taking(request.side)
    return price >= market if request.side is Side.BUY else price <= market


def reached(request: OrderRequest, price: Decimal) -> bool:
    """Tell whether a fixed trigger is reached: a stop waits for a worse price, a target for a better one."""
    trigger = request.trigger_price or ZERO
    rising = (request.side is Side.BUY) is (request.type is OrderType.STOP_MARKET)
    return price >= trigger if rising else price <= trigger


def reducible(desk: Desk, request: OrderRequest) -> Decimal:
    """Return how much of a position the order's side could still close."""
    held = desk.held((request.symbol, request.position_side)).quantity
    return abs(held) if held * request.side.sign < 0 else ZERO


def execute(desk: Desk, order: PaperOrder, *, taker: bool) -> PaperOrder:
    """Match an order that may match now, as far as liquidity and the position allow."""
    view = desk.view(order.request.symbol)
    wanted = order.remaining
    if margin.reducing(desk, order.request):
        wanted = min(wanted, reducible(desk, order.request))
        if not wanted:
            return desk.end(order, OrderStatus.EXPIRED, refusals.REDUCE_ONLY)
    quantity = min(wanted, view.max_fill_quantity) if view.max_fill_quantity else wanted
    price = order.request.price if not taker and order.request.price else desk.taker_price(order.request)
    order = desk.fill(order, quantity, price, Liquidity.TAKER if taker else Liquidity.MAKER)
    if order.group:
        _drop_sibling(desk, order)
    if order.open and margin.reducing(desk, order.request) and not reducible(desk, order.request):
        return desk.end(order, OrderStatus.EXPIRED, refusals.REDUCE_ONLY)
    if order.open and _rest_expires(desk, order):
        return desk.end(order, OrderStatus.EXPIRED, "the rest found no liquidity")
    return order


def _rest_expires(desk: Desk, order: PaperOrder) -> bool:
    if order.request.type is OrderType.LIMIT:
        return order.request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    return desk.view(order.request.symbol).rest_expires


def _drop_sibling(desk: Desk, order: PaperOrder) -> None:
    for other in desk.open_orders(order.request.symbol):
        if other.group == order.group and other.number != order.number:
            desk.end(other, OrderStatus.EXPIRED, "OCO_TRIGGER")


def advance(desk: Desk, order: PaperOrder) -> None:
    """Let one open order meet the market as it is now."""
    if order.waiting:
        order = _watch(desk, order)
        if order.waiting:
            return
        _fire(desk, order)
    elif order.request.type is OrderType.LIMIT:
        if marketable(desk, order.request):
            execute(desk, order, taker=False)
    else:
        execute(desk, order, taker=True)  # the rest of a market order that liquidity had cut


def _watch(desk: Desk, order: PaperOrder) -> PaperOrder:
    price = desk.watched(order.request)
    if order.request.type is OrderType.TRAILING_STOP_MARKET:
        order = trail(desk, order, price)
        hit = order.extreme is not None and _pulled_back(order.request, order.extreme, price)
    else:
        hit = reached(order.request, price)
    return desk.keep(replace(order, status=OrderStatus.TRIGGERED)) if hit else order


def trail(desk: Desk, order: PaperOrder, price: Decimal) -> PaperOrder:
    """Remember the best price since activation; trigger_price, if given, is where a trailing order activates."""
    request, best = order.request, order.extreme
    if best is None:
        start = request.trigger_price
        active = start is None or (price >= start if request.side is Side.SELL else price <= start)
        return desk.keep(replace(order, extreme=price)) if active else order
    better = max(best, price) if request.side is Side.SELL else min(best, price)
    return desk.keep(replace(order, extreme=better)) if better != best else order


def _pulled_back(request: OrderRequest, best: Decimal, price: Decimal) -> bool:
    distance = best * (request.callback_pct or ZERO) / HUNDRED
    return price <= best - distance if request.side is Side.SELL else price >= best + distance


def _fire(desk: Desk, order: PaperOrder) -> None:
    """Send a triggered order into the market; only now is it checked what it may do."""
    desk.tell(order)
    if order.group:
        _drop_sibling(desk, order)
    refused = _cut_at_trigger(desk, order)
    order = desk.orders[order.number]
    if refused:
        desk.end(order, OrderStatus.REJECTED, refused)
    else:
        execute(desk, order, taker=True)


def _cut_at_trigger(desk: Desk, order: PaperOrder) -> str:
    """Return why a triggered order is refused, or cut it to what it may close."""
    request = order.request
    if desk.spot:
        return "" if affordable(desk, order) else refusals.INSUFFICIENT_BALANCE
    if margin.reducing(desk, request):
        quantity = min(request.quantity, reducible(desk, request))
        if not quantity:
            return refusals.REDUCE_ONLY
        desk.keep(replace(order, request=replace(request, quantity=quantity)))
        return ""
    return "" if margin_suffices(desk, order) else refusals.MARGIN


def affordable(desk: Desk, order: PaperOrder) -> bool:
    """Tell whether the account has the funds for a spot order that is on the books, its own lock given up."""
    request, rules = order.request, desk.rule(order.request.symbol)
    asset = rules.base_asset if request.side is Side.SELL else rules.quote_asset
    others = [
        other
        for other in desk.open_orders()
        if other.number != order.number and not (order.group and other.group == order.group)
    ]
    free = desk.wallets.get(asset, ZERO) - margin.locked(desk, others).get(asset, ZERO)
    if request.side is Side.SELL:
        return free >= order.remaining
    return free >= order.remaining * _worst_price(desk, request)


def _worst_price(desk: Desk, request: OrderRequest) -> Decimal:
    if request.type is OrderType.LIMIT and request.price is not None:
        return request.price
    return desk.taker_price(request)


def margin_suffices(desk: Desk, order: PaperOrder) -> bool:
    """Tell whether the account can carry a futures order that is on the books, or whether it binds nothing more."""
    key = (order.request.symbol, order.request.position_side)
    asset = desk.rule(order.request.symbol).margin_asset
    with_it = margin.order_margin(desk, key)
    del desk.orders[order.number]
    without = margin.order_margin(desk, key)
    desk.orders[order.number] = order
    if with_it <= without:
        return True
    return margin.available(desk, asset) >= margin.opening_loss(desk, order.request)
