"""Binance's answers to what it refuses, so that a wrong order fails on paper as it would there.

Source: error tables of the spot and USDⓈ-M futures APIs.
"""

from __future__ import annotations

from decimal import Decimal

from exchange.errors import OrderRejected
from exchange.rules import Breach, plain
from exchange.types import InstrumentRules, Market, OrderRequest

INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action."
REDUCE_ONLY = "ReduceOnly Order is rejected."
MARGIN = "Margin is insufficient."

SPOT_FILTERS = {
    "QUANTITY_STEP": "LOT_SIZE",
    "MIN_QUANTITY": "LOT_SIZE",
    "MAX_QUANTITY": "LOT_SIZE",
    "PRICE_TICK": "PRICE_FILTER",
    "PRICE_RANGE": "PRICE_FILTER",
    "PERCENT_PRICE": "PERCENT_PRICE_BY_SIDE",
    "MIN_NOTIONAL": "NOTIONAL",
    "MAX_NOTIONAL": "NOTIONAL",
}
FUTURES_CODES = {
    "SYMBOL_NOT_TRADING": "-4140",
    "QUANTITY_STEP": "-4023",
    "MIN_QUANTITY": "-4004",
    "MAX_QUANTITY": "-4005",
    "PRICE_TICK": "-4014",
    "PRICE_RANGE": "-4013",
    "PERCENT_PRICE": "-4016",
    "MIN_NOTIONAL": "-4164",
    "MAX_NOTIONAL": "-2027",
}


def finer(value: Decimal | None, grid: Decimal) -> bool:
    """Tell whether a value has more decimal places than its grid."""
    if value is None or not grid:
        return False
    return _places(value) > _places(grid)


def _places(value: Decimal) -> int:
    text = plain(value)
    return len(text.partition(".")[2].rstrip("0")) if "." in text else 0


def refusal_of(breach: Breach, request: OrderRequest, rules: InstrumentRules) -> OrderRejected:
    """Return the venue's refusal of an order that breaks a filter."""
    if rules.market is Market.SPOT:
        if breach.code == "SYMBOL_NOT_TRADING":
            return OrderRejected(f"Market is closed. ({breach.message})", code="-2010")
        return OrderRejected(f"Filter failure: {SPOT_FILTERS[breach.code]} ({breach.message})", code="-1013")
    too_fine = (breach.code == "QUANTITY_STEP" and finer(request.quantity, rules.step_size)) or (
        breach.code == "PRICE_TICK" and finer(request.price or request.trigger_price, rules.tick_size)
    )
    code = "-1111" if too_fine else FUTURES_CODES[breach.code]
    if breach.code == "QUANTITY_STEP" and request.quantity <= 0:
        code = "-4003"
    if breach.code == "PERCENT_PRICE" and "below" in breach.message:
        code = "-4024"
    return OrderRejected(breach.message, code=code)


def duplicate(market: Market) -> OrderRejected:
    """Return the refusal of a client order id that an open order has."""
    if market is Market.SPOT:
        return OrderRejected("Duplicate order sent.", code="-2010")
    return OrderRejected("ClientOrderId is duplicated.", code="-4116")


def would_trigger(market: Market) -> OrderRejected:
    """Return the refusal of a trigger that the market has already passed."""
    if market is Market.SPOT:
        return OrderRejected("Order would trigger immediately.", code="-2010", would_trigger=True)
    return OrderRejected("Order would immediately trigger.", code="-2021", would_trigger=True)


def would_take(market: Market) -> OrderRejected:
    """Return the refusal of a post-only order that would take."""
    if market is Market.SPOT:
        return OrderRejected("Order would immediately match and take.", code="-2010")
    return OrderRejected("The post-only order would have taken and was rejected.", code="-5022")
