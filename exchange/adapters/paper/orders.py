"""Placing and cancelling: every check that Binance makes before it accepts an order, then the first match."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from exchange.adapters.paper import margin, matching, refusals
from exchange.adapters.paper.desk import Desk
from exchange.adapters.paper.state import PaperOrder, State, Step
from exchange.errors import OrderRejected
from exchange.rules import check_order, plain
from exchange.types import (
    ZERO,
    Market,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)

SPOT_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
FUTURES_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
MAX_CONDITIONAL = 200  # futures, per account
MAX_OPEN_PER_SYMBOL = 200
SPOT_MAX_CONDITIONAL = 5  # per symbol
CALLBACK_PCT = (Decimal("0.1"), Decimal(20))


def submit(state: State, request: OrderRequest, at: datetime) -> Step:
    """Place one order and let it meet the market; raises OrderRejected with Binance's code."""
    desk = Desk(state, at)
    request = _checked(desk, plain_digits(request))
    order = _place(desk, request)
    return desk.step(order.number)


def submit_oco(state: State, target: OrderRequest, stop: OrderRequest, at: datetime) -> Step:
    """Place a target and a stop on spot that share one lock and cancel each other."""
    desk = Desk(state, at)
    if not desk.spot:
        raise OrderRejected("This operation is not supported.", code="-1020")
    target, stop = plain_digits(target), plain_digits(stop)
    _check_pair(desk, target, stop)
    group = str(desk.next_number)
    target, stop = _checked(desk, target), _checked(desk, stop)
    first = desk.add(target, group=group)
    second = desk.add(stop, group=group)
    if not matching.affordable(desk, first) or not matching.affordable(desk, second):
        raise OrderRejected(refusals.INSUFFICIENT_BALANCE, code="-2010")
    desk.tell(first)
    desk.tell(second)
    return desk.step(first.number, second.number)


def cancel(state: State, number: int, at: datetime) -> Step:
    """Cancel an open order, and with it the other one of its OCO pair."""
    desk = Desk(state, at)
    order = desk.orders[number]
    for other in desk.open_orders():
        if other.number == number or (order.group and other.group == order.group):
            desk.end(other, OrderStatus.CANCELED, "")
    return desk.step(number)


def plain_digits(request: OrderRequest) -> OrderRequest:
    """Return the order with numbers as they travel in text: plain digits; raises OrderRejected for NaN and infinity."""
    values: dict[str, Any] = {}
    for name in ("quantity", "price", "trigger_price", "callback_pct"):
        value = getattr(request, name)
        if value is not None and not value.is_finite():
            raise OrderRejected(f"Illegal characters found in parameter '{name}'.", code="-1100")
        values[name] = None if value is None else Decimal(plain(value))
    return replace(request, **values)


# ── checks, in the order in which they are made ───────────────────────────────────────────────────────────────
def _checked(desk: Desk, request: OrderRequest) -> OrderRequest:
    _check_shape(desk, request)
    _check_mode(desk, request)
    _check_filters(desk, request)
    _check_counts(desk, request)
    if request.type.conditional:
        _check_trigger(desk, request)
    elif margin.reducing(desk, request):
        request = _cut(desk, request)
    return request


def _check_shape(desk: Desk, request: OrderRequest) -> None:
    if request.symbol not in desk.rules:
        raise OrderRejected("Invalid symbol.", code="-1121")
    if request.symbol not in desk.markets:
        raise OrderRejected(f"No orders on book for {request.symbol}: the paper market has no price yet.", code="-1112")
    if not (SPOT_ID if desk.spot else FUTURES_ID).fullmatch(request.client_order_id):
        code = "-1100" if desk.spot else "-4015"
        raise OrderRejected("Illegal characters or length of the client order id.", code=code)
    allowed = {
        OrderType.MARKET: set(),
        OrderType.LIMIT: {"price"},
        OrderType.STOP_MARKET: {"trigger_price"},
        OrderType.TAKE_PROFIT_MARKET: {"trigger_price"},
        OrderType.TRAILING_STOP_MARKET: {"callback_pct", "trigger_price"},
    }[request.type]
    given = {name for name in ("price", "trigger_price", "callback_pct") if getattr(request, name) is not None}
    missing = allowed - given - ({"trigger_price"} if request.type is OrderType.TRAILING_STOP_MARKET else set())
    if missing:
        raise OrderRejected(f"Mandatory parameter '{min(missing)}' was not sent, was empty/null.", code="-1102")
    if given - allowed:
        raise OrderRejected(f"Parameter '{min(given - allowed)}' sent when not required.", code="-1106")
    if request.callback_pct is not None and not CALLBACK_PCT[0] <= request.callback_pct <= CALLBACK_PCT[1]:
        raise OrderRejected("Data sent for parameter 'callbackRate' is not valid.", code="-1130")


def _check_mode(desk: Desk, request: OrderRequest) -> None:
    if desk.spot:
        if request.reduce_only or request.position_side is not PositionSide.BOTH:
            raise OrderRejected("Not all sent parameters were read: spot knows no positions.", code="-1104")
        return
    if desk.terms.hedge is (request.position_side is PositionSide.BOTH):
        raise OrderRejected("Order's position side does not match user's setting.", code="-4061")
    if desk.terms.hedge and request.reduce_only:
        raise OrderRejected("Parameter 'reduceonly' sent when not required.", code="-1106")


def _check_filters(desk: Desk, request: OrderRequest) -> None:
    rules, quote = desk.rule(request.symbol), desk.quote(request.symbol)
    try:
        breach = check_order(
            rules=rules,
            order_type=request.type,
            quantity=request.quantity,
            price=request.price if request.type is OrderType.LIMIT else request.trigger_price,
            reference=quote.last if desk.spot else quote.mark,
            reduces=margin.reducing(desk, request),
        )
    except InvalidOperation:
        raise OrderRejected("Precision is over the maximum defined for this asset.", code="-1111") from None
    if breach:
        raise refusals.refusal_of(breach, request, rules)


def _check_counts(desk: Desk, request: OrderRequest) -> None:
    open_orders = desk.open_orders()
    if any(order.request.client_order_id == request.client_order_id for order in open_orders):
        raise refusals.duplicate(desk.terms.market)
    here = [order for order in open_orders if order.request.symbol == request.symbol]
    conditional = sum(order.waiting for order in (here if desk.spot else open_orders))
    if request.type.conditional and conditional >= (SPOT_MAX_CONDITIONAL if desk.spot else MAX_CONDITIONAL):
        if desk.spot:
            raise OrderRejected("Filter failure: MAX_NUM_ALGO_ORDERS", code="-1013")
        raise OrderRejected("Reach max stop order limit.", code="-4045")
    resting = len(here) if desk.spot else sum(not order.waiting for order in here)
    if request.type is OrderType.LIMIT and resting >= MAX_OPEN_PER_SYMBOL:
        if desk.spot:
            raise OrderRejected("Filter failure: MAX_NUM_ORDERS", code="-1013")
        raise OrderRejected("Reach max open order limit.", code="-2025")


def _check_trigger(desk: Desk, request: OrderRequest) -> None:
    price = desk.watched(request)
    if request.type is not OrderType.TRAILING_STOP_MARKET:
        if matching.reached(request, price):
            raise refusals.would_trigger(desk.terms.market)
        return
    start = request.trigger_price
    if start is not None and (start <= price if request.side is Side.SELL else start >= price):
        raise OrderRejected("Invalid activation price.", code="-4135")


def _cut(desk: Desk, request: OrderRequest) -> OrderRequest:
    """Cut an order that may only reduce to what is there to reduce and not already spoken for by resting ones."""
    held = matching.reducible(desk, request)
    if not held:
        raise OrderRejected(refusals.REDUCE_ONLY, code="-2022", nothing_to_reduce=True)
    resting = sum(
        (
            order.remaining
            for order in desk.open_orders(request.symbol)
            if not order.waiting
            and order.request.side is request.side
            and order.request.position_side is request.position_side
            and margin.reducing(desk, order.request)
        ),
        ZERO,
    )
    if resting >= held:
        raise OrderRejected(
            "ReduceOnly Order Failed. Please check your existing position and open orders.", code="-4118"
        )
    return replace(request, quantity=min(request.quantity, held - resting))


def _check_pair(desk: Desk, target: OrderRequest, stop: OrderRequest) -> None:
    same = (target.symbol, target.side, target.quantity) == (stop.symbol, stop.side, stop.quantity)
    kinds = target.type is OrderType.LIMIT and stop.type is OrderType.STOP_MARKET
    if not same or not kinds or target.client_order_id == stop.client_order_id:
        raise OrderRejected("Unsupported order combination.", code="-1014")
    if target.symbol in desk.markets:
        last = desk.quote(target.symbol).last
        above, below = (target.price, stop.trigger_price)
        if target.side is Side.BUY:
            above, below = below, above
        if above is None or below is None or not below < last < above:
            sells = target.side is Side.SELL
            high, low = (above is not None and last >= above), (below is not None and last <= below)
            raise OrderRejected(
                "The relationship of the prices for the orders is not correct.",
                code="-2010",
                would_trigger=low if sells else high,
                target_passed=high if sells else low,
            )


# ── the first match ───────────────────────────────────────────────────────────────────────────────────────────
def _place(desk: Desk, request: OrderRequest) -> PaperOrder:
    takes = request.type is OrderType.MARKET or (request.type is OrderType.LIMIT and matching.marketable(desk, request))
    if request.type is OrderType.LIMIT:
        _check_time_in_force(desk, request, takes)
    order = desk.add(request)
    _check_funds(desk, order)
    depth = desk.view(request.symbol).max_fill_quantity
    if takes and request.time_in_force is TimeInForce.FOK and depth and depth < request.quantity:
        return desk.end(order, OrderStatus.EXPIRED, "the book was too thin for all of it")
    if takes:
        return matching.execute(desk, order, taker=True)
    if request.type is OrderType.TRAILING_STOP_MARKET:
        order = matching.trail(desk, order, desk.watched(request))
    if request.type is OrderType.LIMIT and request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return desk.end(order, OrderStatus.EXPIRED, "the market was not at its price")
    desk.tell(order)
    return order


def _check_funds(desk: Desk, order: PaperOrder) -> None:
    if desk.spot:
        if not matching.affordable(desk, order):
            raise OrderRejected(refusals.INSUFFICIENT_BALANCE, code="-2010")
        return
    # Conditional orders are checked when they trigger, reducing ones bind nothing.
    exempt = order.request.type.conditional or margin.reducing(desk, order.request)
    if not exempt and not matching.margin_suffices(desk, order):
        raise OrderRejected(refusals.MARGIN, code="-2019")


def _check_time_in_force(desk: Desk, request: OrderRequest, takes: bool) -> None:
    if request.time_in_force is TimeInForce.GTX and takes:
        raise refusals.would_take(desk.terms.market)
    if request.time_in_force is not TimeInForce.FOK or desk.terms.market is Market.SPOT:
        return
    depth = desk.view(request.symbol).max_fill_quantity
    if not takes or (depth and depth < request.quantity):
        raise OrderRejected("The FOK order could not be filled at once and was rejected.", code="-5021")
