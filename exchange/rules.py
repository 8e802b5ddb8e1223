"""Rounding to an instrument's grid and checks of its filters; the venue's limits are data, the refusals are ours."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal, localcontext

from exchange.types import ZERO, Direction, InstrumentRules, OrderType, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A filter that an order would break, with the numbers behind it."""

    code: str
    message: str


def plain(value: Decimal) -> str:
    """Return a decimal in plain digits: never an exponent, no trailing zeros beyond its own scale."""
    return format(value, "f")


def tidy(value: Decimal) -> str:
    """Return a decimal in plain digits for people: without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def on_grid(value: Decimal, grid: Decimal) -> bool:
    """Tell whether value is a multiple of grid; a grid of zero allows everything."""
    return grid == ZERO or value % grid == ZERO


def _to_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    if grid == ZERO:
        return value
    # Wide enough that the division itself never rounds a quantity up; quantize gives the result the grid's own
    # scale, so 0.4 on a step of 0.001 prints as 0.400.
    with localcontext() as context:
        context.prec = 80
        scale = grid.normalize() if grid < 1 else Decimal(1)
        return ((value / grid).to_integral_value(rounding=rounding) * grid).quantize(scale)


def floor_quantity(quantity: Decimal, rules: InstrumentRules, order_type: OrderType = OrderType.LIMIT) -> Decimal:
    """Round a quantity down to the step that applies to the order type. Source: LOT_SIZE, MARKET_LOT_SIZE."""
    step = rules.step_size
    if order_type is not OrderType.LIMIT and rules.market_step_size > step:
        step = rules.market_step_size
    return _to_grid(quantity, step, ROUND_DOWN)


def round_entry(price: Decimal, rules: InstrumentRules, side: Side) -> Decimal:
    """Round an entry price to the tick, never to a worse price than asked: buys down, sells up."""
    return _to_grid(price, rules.tick_size, ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)


def round_stop(price: Decimal, rules: InstrumentRules, direction: Direction) -> Decimal:
    """Round a stop to the tick, away from the market: down for a long, up for a short."""
    return _to_grid(price, rules.tick_size, ROUND_FLOOR if direction is Direction.LONG else ROUND_CEILING)


def round_target(price: Decimal, rules: InstrumentRules, direction: Direction) -> Decimal:
    """Round a target to the tick, towards the entry, so that rounding never makes it harder to reach."""
    return _to_grid(price, rules.tick_size, ROUND_FLOOR if direction is Direction.LONG else ROUND_CEILING)


def min_quantity(rules: InstrumentRules, order_type: OrderType) -> Decimal:
    """Return the smallest quantity that the order type may have."""
    if order_type is OrderType.LIMIT:
        return rules.min_quantity
    return max(rules.min_quantity, rules.market_min_quantity)


def max_quantity(rules: InstrumentRules, order_type: OrderType) -> Decimal:
    """Return the largest quantity that the order type may have; zero means no limit."""
    limits = [rules.max_quantity]
    if order_type is not OrderType.LIMIT:
        limits.append(rules.market_max_quantity)
    set_limits = [limit for limit in limits if limit > ZERO]
    return min(set_limits) if set_limits else ZERO


def check_order(
    *,
    rules: InstrumentRules,
    order_type: OrderType,
    quantity: Decimal,
    price: Decimal | None,
    reference: Decimal,
    reduces: bool,
) -> Breach | None:
    """Return the first filter that the order would break, or None.

    price: the limit or trigger price, None for market orders. reference: the price that values a market order.
    reduces: futures orders that only shrink a position are exempt from the minimum notional.
    """
    sym = rules.symbol
    if not rules.trading:
        return Breach(code="SYMBOL_NOT_TRADING", message=f"{sym} is not open for trading at the venue")
    step = floor_quantity(quantity, rules, order_type)
    if quantity <= ZERO or step != quantity:
        return Breach(
            code="QUANTITY_STEP",
            message=f"quantity {tidy(quantity)} is not a positive multiple of {tidy(rules.step_size)}",
        )
    least, most = min_quantity(rules, order_type), max_quantity(rules, order_type)
    if quantity < least:
        return Breach(
            code="MIN_QUANTITY",
            message=f"quantity {tidy(quantity)} is below the minimum {tidy(least)} of {sym}",
        )
    if most and quantity > most:
        return Breach(
            code="MAX_QUANTITY",
            message=f"quantity {tidy(quantity)} is above the maximum {tidy(most)} of {sym}",
        )
    if price is not None:
        breach = _check_price(rules, order_type, price, reference)
        if breach:
            return breach
    notional = quantity * (price if order_type is OrderType.LIMIT and price is not None else reference)
    exempt = reduces and rules.margin_asset != ""
    if rules.min_notional and notional < rules.min_notional and not exempt:
        return Breach(
            code="MIN_NOTIONAL",
            message=f"value {tidy(notional)} {rules.quote_asset} is below {sym}'s minimum {tidy(rules.min_notional)}",
        )
    if rules.max_notional and notional > rules.max_notional:
        return Breach(
            code="MAX_NOTIONAL",
            message=f"value {tidy(notional)} {rules.quote_asset} is above {sym}'s maximum {tidy(rules.max_notional)}",
        )
    return None


def _check_price(rules: InstrumentRules, order_type: OrderType, price: Decimal, reference: Decimal) -> Breach | None:
    if price <= ZERO or not on_grid(price, rules.tick_size):
        return Breach(
            code="PRICE_TICK",
            message=f"price {tidy(price)} is not a positive multiple of {tidy(rules.tick_size)}",
        )
    if (rules.min_price and price < rules.min_price) or (rules.max_price and price > rules.max_price):
        return Breach(
            code="PRICE_RANGE", message=f"price {tidy(price)} is outside the venue's range for {rules.symbol}"
        )
    if order_type is OrderType.LIMIT and reference > ZERO:
        # Only the harmful side is bounded by futures venues; spot bounds both, and being strict costs a plain refusal.
        if rules.price_up and price > reference * rules.price_up:
            return Breach(
                code="PERCENT_PRICE",
                message=f"price {tidy(price)} is too far above the market {tidy(reference)}",
            )
        if rules.price_down and price < reference * rules.price_down:
            return Breach(
                code="PERCENT_PRICE",
                message=f"price {tidy(price)} is too far below the market {tidy(reference)}",
            )
    return None
