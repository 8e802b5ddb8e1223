"""Net result, slippage and the open part, with numbers worked by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.types import Direction, Market
from ledger.domain.pnl import FeeValue, net_pnl, slippage, slippage_pct, unrealized_pnl, value_fees
from ledger.domain.position import fold
from tests.ledger.domain.test_position import buy, sell

D = Decimal
LONG, SHORT = Direction.LONG, Direction.SHORT


def test_quote_fees_count_as_they_are_and_rebates_count_back() -> None:
    fees = value_fees([buy(1, "1", "100", "0.1"), sell(2, "1", "110", "-0.02")], "BTC", "USDT")

    assert fees == FeeValue(quote=D("0.08"), other={})


def test_base_fees_are_valued_at_the_price_of_their_own_fill() -> None:
    fees = value_fees([buy(1, "1", "100", "0.001", "BTC"), buy(2, "1", "200", "0.001", "BTC")], "BTC", "USDT")

    assert fees.quote == D("0.3")


def test_other_assets_are_listed_and_repetitions_count_once() -> None:
    fill = buy(1, "1", "100", "0.0005", "BNB")

    assert value_fees([fill, fill], "BTC", "USDT") == FeeValue(quote=D(0), other={"BNB": D("0.0005")})


def test_spot_round_trip_nets_to_the_change_of_cash() -> None:
    # Pays 585; sells 5.84415 at 110 for 642.8565 less 0.6428565: cash changes by 57.2136435.
    fills = [buy(1, "5.85", "100", "0.00585", "BTC"), sell(2, "5.84415", "110", "0.6428565")]

    position = fold(fills, LONG, "BTC", "USDT", market=Market.SPOT)
    result = net_pnl(realized=position.realized_pnl, fees=value_fees(fills, "BTC", "USDT"), funding=D(0))

    assert result.net == D("57.2136435")
    assert result.fees == D("1.2278565")
    assert not result.unvalued


def test_funding_is_signed_and_fees_in_other_assets_stay_open() -> None:
    result = net_pnl(realized=D(70), fees=FeeValue(quote=D("0.375"), other={"BNB": D(1)}), funding=D("-1.2"))

    assert result.net == D("68.425")
    assert result.unvalued == {"BNB": D(1)}


@pytest.mark.parametrize(
    ("direction", "entry", "worse", "percent"),
    [
        (LONG, "101", "1", "1"),
        (LONG, "99.5", "-0.5", "-0.5"),
        (SHORT, "99", "1", "1"),
        (SHORT, "100.25", "-0.25", "-0.25"),
        (LONG, "100", "0", "0"),
    ],
)
def test_slippage_is_positive_when_the_entry_was_worse(
    direction: Direction, entry: str, worse: str, percent: str
) -> None:
    prices = {"reference_price": D(100), "entry_price": D(entry)}

    assert slippage(direction=direction, **prices) == D(worse)
    assert slippage_pct(direction=direction, **prices) == D(percent)


@pytest.mark.parametrize(("reference", "entry"), [(None, D(1)), (D(0), D(1)), (D(1), None)])
def test_no_slippage_without_both_prices(reference: D | None, entry: D | None) -> None:
    assert slippage(direction=LONG, reference_price=reference, entry_price=entry) is None
    assert slippage_pct(direction=LONG, reference_price=reference, entry_price=entry) is None


@pytest.mark.parametrize(
    ("direction", "quantity", "entry", "expected"),
    [(LONG, "2", "90", "20"), (SHORT, "2", "90", "-20"), (SHORT, "0.5", "110", "5"), (LONG, "0", "90", "0")],
)
def test_unrealized_at_the_mark_price(direction: Direction, quantity: str, entry: str, expected: str) -> None:
    earned = unrealized_pnl(direction=direction, quantity=D(quantity), entry_price=D(entry), mark_price=D(100))

    assert earned == D(expected)


def test_nothing_entered_has_nothing_unrealized() -> None:
    assert unrealized_pnl(direction=LONG, quantity=D(1), entry_price=None, mark_price=D(100)) == D(0)


_number = st.decimals(min_value=D("0.00000001"), max_value=10**6, places=8, allow_nan=False, allow_infinity=False)


@given(_number, _number, _number, st.decimals(min_value=0, max_value=D("0.01"), places=4))
@settings(max_examples=100, deadline=None)
def test_net_is_the_change_of_cash_whatever_the_commission(quantity: D, bought: D, sold: D, rate: D) -> None:
    """Buy, commission in the base, sell what is left: the net result is the cash at the end less that before."""
    fee = quantity * rate
    left = quantity - fee
    fills = [buy(1, str(quantity), str(bought), str(fee), "BTC"), sell(2, str(left), str(sold))]

    position = fold(fills, LONG, "BTC", "USDT", market=Market.SPOT)
    result = net_pnl(realized=position.realized_pnl, fees=value_fees(fills, "BTC", "USDT"), funding=D(0))

    assert Fraction(result.net) == Fraction(left) * Fraction(sold) - Fraction(quantity) * Fraction(bought)
