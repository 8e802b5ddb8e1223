"""Rounding and filters, for the instruments that there are and for any that may come."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange import instrument_files
from exchange.models import Venue
from exchange.rules import (
    check_order,
    floor_quantity,
    max_quantity,
    min_quantity,
    on_grid,
    plain,
    round_entry,
    round_stop,
    round_target,
    tidy,
)
from exchange.types import Direction, InstrumentRules, Market, OrderType, Side

D = Decimal
SHIPPED = [*instrument_files.rules(Venue.PAPER_SPOT), *instrument_files.rules(Venue.PAPER_USDM)]

instruments = st.sampled_from(SHIPPED)
values = st.decimals(min_value="0.00000001", max_value="999999999999", allow_nan=False, allow_infinity=False)
types = st.sampled_from(list(OrderType))


def rules(**changes: Any) -> InstrumentRules:
    base = InstrumentRules(
        symbol="BTCUSDT", market=Market.SPOT, base_asset="BTC", quote_asset="USDT", margin_asset="",
        tick_size=D("0.01"), step_size=D("0.00001"), min_quantity=D("0.00001"), max_quantity=D(9000),
        min_notional=D(5),
    )  # fmt: skip
    return replace(base, **changes)


# ── rounding ──────────────────────────────────────────────────────────────────────────────────────────────────
@given(instruments, values, types)
def test_a_quantity_never_rounds_up_and_lands_on_the_step(
    inst: InstrumentRules, value: Decimal, kind: OrderType
) -> None:
    rounded = floor_quantity(value, inst, kind)

    assert rounded <= value
    assert value < rounded + max(inst.step_size, inst.market_step_size)  # a difference would be rounded itself
    assert on_grid(rounded, inst.step_size)
    assert int(rounded.as_tuple().exponent) <= 0  # nothing that would print as 1E+2
    assert floor_quantity(rounded, inst, kind) == rounded


@given(instruments, values)
def test_prices_land_on_the_tick_on_the_safe_side(inst: InstrumentRules, value: Decimal) -> None:
    assert round_entry(value, inst, Side.BUY) <= value <= round_entry(value, inst, Side.SELL)
    assert round_stop(value, inst, Direction.LONG) <= value <= round_stop(value, inst, Direction.SHORT)
    assert round_target(value, inst, Direction.LONG) <= value <= round_target(value, inst, Direction.SHORT)
    for price in (
        round_entry(value, inst, Side.BUY),
        round_stop(value, inst, Direction.SHORT),
        round_target(value, inst, Direction.LONG),
    ):
        assert on_grid(price, inst.tick_size)
        assert int(price.as_tuple().exponent) <= 0
        assert price - inst.tick_size < value < price + inst.tick_size


def test_worked_examples_of_rounding() -> None:
    assert str(floor_quantity(D("0.0283333"), rules())) == "0.02833"
    assert str(floor_quantity(D("0.4"), rules(step_size=D("0.001")))) == "0.400"
    assert str(floor_quantity(D("1239"), rules(step_size=D(10)))) == "1230"
    assert str(floor_quantity(D("0.3") - D("0.1") * 3, rules())) == "0.00000"
    assert str(round_stop(D("0.00000761499"), rules(tick_size=D("0.00000001")), Direction.SHORT)) == "0.00000762"


def test_a_market_step_of_zero_means_that_the_lot_step_rules() -> None:
    btc = next(row for row in SHIPPED if row.symbol == "BTCUSDT" and row.market is Market.SPOT)

    assert btc.market_step_size == 0
    assert floor_quantity(D("0.123456789"), btc, OrderType.MARKET) == D("0.12345")
    assert min_quantity(btc, OrderType.MARKET) == D("0.00001")
    # The largest market order is off the grid at Binance: it must still be floored to the lot step.
    assert max_quantity(btc, OrderType.MARKET) == D("129.84957276")
    assert max_quantity(btc, OrderType.LIMIT) == 9000


def test_a_coarser_market_step_rules_market_orders_only() -> None:
    coarse = rules(step_size=D("0.01"), market_step_size=D("0.1"))

    assert floor_quantity(D("1.27"), coarse, OrderType.MARKET) == D("1.2")
    assert floor_quantity(D("1.27"), coarse, OrderType.STOP_MARKET) == D("1.2")
    assert floor_quantity(D("1.27"), coarse, OrderType.LIMIT) == D("1.27")


def test_numbers_for_people_and_venues_have_plain_digits() -> None:
    assert plain(D("1E-8")) == "0.00000001"
    assert plain(D("1E+3")) == "1000"
    assert tidy(D("0.400")) == "0.4"
    assert tidy(D("100")) == "100"


# ── filters ───────────────────────────────────────────────────────────────────────────────────────────────────
def check(inst: InstrumentRules, quantity: str, price: str | None = None, **more: Any) -> str:
    values: dict[str, Any] = {
        "order_type": OrderType.LIMIT if price else OrderType.MARKET,
        "reference": D(60000),
        "reduces": False,
    }
    breach = check_order(rules=inst, quantity=D(quantity), price=D(price) if price else None, **{**values, **more})
    return breach.code if breach else ""


@pytest.mark.parametrize(
    ("changes", "quantity", "price", "code"),
    [
        ({}, "0.001", None, ""),
        ({"trading": False}, "0.001", None, "SYMBOL_NOT_TRADING"),
        ({}, "0.000001", None, "QUANTITY_STEP"),
        ({}, "0", None, "QUANTITY_STEP"),
        ({}, "-1", None, "QUANTITY_STEP"),
        ({"min_quantity": D("0.01")}, "0.001", None, "MIN_QUANTITY"),
        ({"market_min_quantity": D("0.01")}, "0.001", None, "MIN_QUANTITY"),
        ({"market_min_quantity": D("0.01")}, "0.001", "60000", ""),
        ({}, "9001", None, "MAX_QUANTITY"),
        ({"market_max_quantity": D(100)}, "101", None, "MAX_QUANTITY"),
        ({"market_max_quantity": D(100)}, "101", "60000", ""),
        ({}, "0.001", "60000.001", "PRICE_TICK"),
        ({}, "0.001", "-1", "PRICE_TICK"),
        ({"min_price": D(100)}, "1", "99", "PRICE_RANGE"),
        ({"max_price": D(70000)}, "1", "70001", "PRICE_RANGE"),
        ({"price_up": D("1.05")}, "1", "63000", ""),
        ({"price_up": D("1.05")}, "1", "63000.01", "PERCENT_PRICE"),
        ({"price_down": D("0.95")}, "1", "56999.99", "PERCENT_PRICE"),
        ({}, "0.00008", None, "MIN_NOTIONAL"),
        ({}, "0.0001", "50000", ""),
        ({}, "0.0001", "49999", "MIN_NOTIONAL"),
        ({"max_notional": D(1000)}, "1", None, "MAX_NOTIONAL"),
    ],
)
def test_each_filter_is_enforced(changes: dict[str, Any], quantity: str, price: str | None, code: str) -> None:
    assert check(rules(**changes), quantity, price) == code


def test_what_reduces_a_futures_position_may_be_small_but_not_on_spot() -> None:
    assert check(rules(margin_asset="USDT", market=Market.USDM), "0.00001", reduces=True) == ""
    assert check(rules(), "0.00001", reduces=True) == "MIN_NOTIONAL"


@given(instruments, values, values, types)
def test_any_rounded_order_is_accepted_or_refused_with_a_reason(
    inst: InstrumentRules, quantity: Decimal, price: Decimal, kind: OrderType
) -> None:
    breach = check_order(
        rules=inst, order_type=kind, quantity=floor_quantity(quantity, inst, kind),
        price=None if kind is OrderType.MARKET else round_entry(price, inst, Side.BUY), reference=price, reduces=False,
    )  # fmt: skip

    assert breach is None or (breach.code and any(digit.isdigit() for digit in breach.message))
