"""The fold of fills, with numbers worked by hand, and its properties under any order and repetition."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, Inexact, getcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.types import Direction, Market, Side
from ledger.domain.position import FillFact, PositionFold, exact, fold

D = Decimal
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG, SHORT = Direction.LONG, Direction.SHORT


def buy(number: int, quantity: str, price: str, fee: str = "0", asset: str = "USDT", after: int = -1) -> FillFact:
    return _fill(Side.BUY, number, quantity, price, fee, asset, after)


def sell(number: int, quantity: str, price: str, fee: str = "0", asset: str = "USDT", after: int = -1) -> FillFact:
    return _fill(Side.SELL, number, quantity, price, fee, asset, after)


def _fill(side: Side, number: int, quantity: str, price: str, fee: str, asset: str, after: int) -> FillFact:
    return FillFact(
        key=str(number),
        side=side,
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        fee_asset=asset,
        at=T0 + timedelta(seconds=number if after < 0 else after),
    )


def usdm(*fills: FillFact, direction: Direction = LONG) -> PositionFold:
    return fold(fills, direction, "BTC", "USDT", market=Market.USDM)


def spot(*fills: FillFact) -> PositionFold:
    return fold(fills, LONG, "BTC", "USDT", market=Market.SPOT)


def test_nothing_is_a_flat_position() -> None:
    position = usdm()

    assert position == PositionFold()
    assert position.entry_price is None


def test_long_ladder_with_two_targets_and_fees() -> None:
    # 1 @ 100 and 3 @ 80: cost 340, average 85. Sell 2 @ 95: +20, basis 170 left. Sell 2 @ 110: +50.
    ladder = (buy(1, "1", "100", "0.05"), buy(2, "3", "80", "0.12"))
    first_target = sell(3, "2", "95", "0.095")
    second_target = sell(4, "2", "110", "0.11")

    middle = usdm(*ladder, first_target)
    end = usdm(*ladder, first_target, second_target)

    assert (middle.quantity, middle.entry_price, middle.cost, middle.realized_pnl) == (D(2), D(85), D(170), D(20))
    assert (end.quantity, end.cost, end.realized_pnl) == (D(0), D(0), D(70))
    assert end.entry_price == D(85)
    assert end.exit_price == D("102.5")
    assert end.fees == {"USDT": D("0.375")}
    assert end.average_cost is None
    assert end.first_entry_at == T0 + timedelta(seconds=1)
    assert end.last_fill_at == T0 + timedelta(seconds=4)


def test_short_ladder_with_two_targets_and_fees() -> None:
    # 2 @ 50 and 2 @ 60: 220 taken in, average 55. Buy 1 @ 45: +10. Buy 3 @ 70 (stopped): -45. Together -35.
    position = usdm(
        sell(1, "2", "50", "0.04"),
        sell(2, "2", "60", "0.048"),
        buy(3, "1", "45", "0.018"),
        buy(4, "3", "70", "0.084"),
        direction=SHORT,
    )

    assert position.quantity == D(0)
    assert position.entry_price == D(55)
    assert position.realized_pnl == D(-35)
    assert position.fees == {"USDT": D("0.19")}


def test_an_add_after_a_target_averages_with_what_is_left() -> None:
    # 4 @ 10, sell 2 @ 14: +8, basis 20. Add 2 @ 16: basis 52 for 4, average cost 13. Sell 4 @ 12: -4.
    position = usdm(buy(1, "4", "10"), sell(2, "2", "14"), buy(3, "2", "16"), sell(4, "4", "12"))

    assert position.realized_pnl == D(4)
    assert position.entry_price == D(12)  # over all entries: 72 for 6


def test_spot_commission_in_the_base_reduces_what_is_held() -> None:
    # 5.85 bought at 100, 0.1 % commission in the base: 5.84415 can be sold.
    bought = buy(1, "5.85", "100", "0.00585", "BTC")

    position = spot(bought)
    sold = spot(bought, sell(2, "5.84415", "110", "0.6428565"))

    assert position.quantity == D("5.84415")
    assert position.entered_quantity == D("5.85")
    assert position.entry_price == D(100)
    assert position.cost == D("584.415")
    assert position.fees == {"BTC": D("0.00585")}
    # Each of the 5.84415 earned 10.
    assert (sold.quantity, sold.realized_pnl, sold.unmatched_quantity) == (D(0), D("58.4415"), D(0))
    assert sold.fees == {"BTC": D("0.00585"), "USDT": D("0.6428565")}


def test_futures_commission_in_the_base_does_not_touch_the_position() -> None:
    position = fold([buy(1, "2", "600", "0.0005", "BNB")], LONG, "BNB", "USDT", market=Market.USDM)

    assert position.quantity == D(2)
    assert position.fees == {"BNB": D("0.0005")}


def test_commission_in_a_third_asset_does_not_touch_the_position() -> None:
    position = spot(buy(1, "2", "100", "0.0003", "BNB"))

    assert position.quantity == D(2)
    assert position.fees == {"BNB": D("0.0003")}


def test_commission_in_the_base_on_a_sale_is_taken_from_the_rest() -> None:
    # 2 @ 100 held; 1 sold at 120 and 0.1 gone as commission: (1.1) * (120 - 100) = 22; 0.9 left at 100.
    position = spot(buy(1, "2", "100"), sell(2, "1", "120", "0.1", "BTC"))

    assert (position.quantity, position.cost, position.realized_pnl) == (D("0.9"), D(90), D(22))


def test_rebate_is_a_negative_fee() -> None:
    position = usdm(buy(1, "1", "100", "-0.01"), sell(2, "1", "101", "0.05"))

    assert position.fees == {"USDT": D("0.04")}
    assert position.realized_pnl == D(1)


def test_rebate_in_the_base_adds_to_what_is_held() -> None:
    position = spot(buy(1, "1", "100", "-0.001", "BTC"))

    assert (position.quantity, position.cost) == (D("1.001"), D("100.1"))


def test_fees_that_cancel_out_leave_no_entry() -> None:
    assert usdm(buy(1, "1", "100", "0.01"), buy(2, "1", "100", "-0.01")).fees == {}


def test_partial_fills_out_of_order_make_one_position() -> None:
    # 0.3 + 0.2 + 0.5 @ 10, 12, 11: 3 + 2.4 + 5.5 = 10.9.
    parts = [buy(1, "0.3", "10"), buy(2, "0.2", "12"), buy(3, "0.5", "11")]

    position = usdm(parts[2], parts[0], parts[1], parts[0])

    assert (position.quantity, position.entry_price) == (D(1), D("10.9"))


def test_an_exit_heard_before_its_entry_is_matched_by_time() -> None:
    position = usdm(sell(2, "1", "120"), buy(1, "1", "100"))

    assert (position.realized_pnl, position.unmatched_quantity) == (D(20), D(0))


def test_fills_of_one_moment_count_in_the_order_of_their_ids() -> None:
    # "9" is before "10" although it sorts after it as text.
    position = usdm(buy(9, "1", "100", after=5), sell(10, "1", "130", after=5))

    assert (position.realized_pnl, position.unmatched_quantity) == (D(30), D(0))


def test_sale_of_holdings_without_a_purchase_has_no_pnl() -> None:
    position = spot(sell(1, "3", "50", "0.15"))

    assert (position.quantity, position.unmatched_quantity, position.realized_pnl) == (D(0), D(3), D(0))
    assert position.entry_price is None
    assert position.first_entry_at is None
    assert position.first_fill_at == T0 + timedelta(seconds=1)


def test_only_the_matched_part_of_a_sale_has_pnl() -> None:
    # 1 bought at 40; 3 sold at 50: one of them earned 10, two came from elsewhere.
    position = spot(buy(1, "1", "40"), sell(2, "3", "50"))

    assert (position.quantity, position.unmatched_quantity, position.realized_pnl) == (D(0), D(2), D(10))


def test_over_reduction_does_not_flip_the_position() -> None:
    position = usdm(buy(1, "1", "40"), sell(2, "3", "50"), buy(3, "1", "60"))

    assert (position.quantity, position.cost, position.unmatched_quantity) == (D(1), D(60), D(2))


def test_liquidation_closes_at_its_own_price() -> None:
    # 0.5 @ 60000 with 20x: liquidated at 57240: 0.5 * -2760.
    position = usdm(buy(1, "0.5", "60000", "15"), sell(2, "0.5", "57240", "14.31"))

    assert (position.quantity, position.realized_pnl) == (D(0), D(-1380))


def test_zero_quantity_moves_nothing_but_its_fee() -> None:
    position = usdm(buy(1, "0", "100", "0.02"))

    assert (position.quantity, position.entry_price, position.first_entry_at) == (D(0), None, None)
    assert position.fees == {"USDT": D("0.02")}


@pytest.mark.parametrize("bad", [buy(1, "-1", "100"), buy(1, "1", "-100")])
def test_negative_numbers_are_refused(bad: FillFact) -> None:
    with pytest.raises(ValueError, match="negative"):
        usdm(bad)


def test_thirds_leave_no_remainder_once_flat() -> None:
    # 50 paid for 3, average 16.66...: any rounding of it would show in the sum of the three sales for 60.
    position = usdm(buy(1, "1", "10"), buy(2, "2", "20"), *(sell(n, "1", "20") for n in (3, 4, 5)))

    assert str(position.realized_pnl) == "10"


def test_thirds_in_between_are_cut_for_display_only() -> None:
    position = usdm(buy(1, "1", "10"), buy(2, "2", "20"), sell(3, "1", "20"))

    assert position.entry_price == D("16.666666666666666667")
    assert position.realized_pnl == D("3.333333333333333333")


def test_long_numbers_stay_exact() -> None:
    tiny = "0.000000000000000001"
    position = usdm(buy(1, "123456789012345678", "1"), buy(2, tiny, "98765432109876543.21"))

    assert position.entered_quantity == D("123456789012345678.000000000000000001")
    assert position.entered_cost == D("123456789012345678.09876543210987654321")


def test_exact_cuts_only_what_does_not_fit() -> None:
    # Whatever the caller's context has seen before.
    getcontext().flags[Inexact] = True

    assert exact(Fraction(1, 3)) == D("0.333333333333333333")
    assert exact(Fraction(1, 8)) == D("0.125")
    assert str(exact(Fraction(10))) == "10"


def test_contradicting_copies_of_a_fill_give_one_result_in_any_order() -> None:
    one, other = buy(1, "1", "100"), replace(buy(1, "1", "100"), quantity=D(2))

    assert usdm(one, other) == usdm(other, one)


_money = st.decimals(min_value=0, max_value=10**9, places=8, allow_nan=False, allow_infinity=False)
_fee = st.decimals(min_value=-10, max_value=10, places=8, allow_nan=False, allow_infinity=False)


@st.composite
def fill_lists(draw: st.DrawFn) -> list[FillFact]:
    count = draw(st.integers(0, 12))
    return [
        FillFact(
            key=str(number),
            side=draw(st.sampled_from(Side)),
            quantity=draw(_money),
            price=draw(_money),
            fee=draw(_fee),
            fee_asset=draw(st.sampled_from(["BTC", "USDT", "BNB"])),
            at=T0 + timedelta(milliseconds=draw(st.integers(0, 5))),
        )
        for number in range(count)
    ]


_directions = st.sampled_from(Direction)
_markets = st.sampled_from(Market)


@given(fill_lists(), _directions, _markets, st.data())
@settings(max_examples=200, deadline=None)
def test_any_order_and_any_repetition_give_the_same_position(
    fills: list[FillFact], direction: Direction, market: Market, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(fills))
    repeated = data.draw(st.lists(st.sampled_from(fills), max_size=8)) if fills else []

    straight = fold(fills, direction, "BTC", "USDT", market=market)

    assert fold([*repeated, *shuffled, *repeated], direction, "BTC", "USDT", market=market) == straight


@given(fill_lists(), _directions, _markets)
@settings(max_examples=200, deadline=None)
def test_base_is_conserved_and_never_negative(fills: list[FillFact], direction: Direction, market: Market) -> None:
    position = fold(fills, direction, "BTC", "USDT", market=market)

    entered = sum((Fraction(f.quantity) for f in fills if f.side is direction.entry_side), Fraction(0))
    left = sum((Fraction(f.quantity) for f in fills if f.side is direction.exit_side), Fraction(0))
    base_fees = sum((Fraction(f.fee) for f in fills if f.fee_asset == "BTC" and market is Market.SPOT), Fraction(0))
    assert Fraction(position.quantity) - Fraction(position.unmatched_quantity) == entered - left - base_fees
    assert position.quantity >= 0
    assert position.unmatched_quantity >= 0
    assert sum((Fraction(f.fee) for f in fills if f.fee_asset == "BNB"), Fraction(0)) == Fraction(
        position.fees.get("BNB", D(0))
    )


@given(st.lists(st.tuples(_money, _money), min_size=1, max_size=8), _money, _directions)
@settings(max_examples=200, deadline=None)
def test_flat_trade_has_realized_what_it_took_in_less_what_it_paid(
    entries: list[tuple[D, D]], exit_price: D, direction: Direction
) -> None:
    fills = [
        _fill(direction.entry_side, number, str(quantity), str(price), "0", "USDT", number)
        for number, (quantity, price) in enumerate(entries)
    ]
    total = sum((quantity for quantity, _ in entries), D(0))
    first = total / 2
    parts = [first, total - first]
    fills += [
        _fill(direction.exit_side, 100 + number, str(part), str(exit_price), "0", "USDT", 100 + number)
        for number, part in enumerate(parts)
    ]

    position = fold(fills, direction, "BTC", "USDT", market=Market.USDM)

    paid = sum((Fraction(quantity) * Fraction(price) for quantity, price in entries), Fraction(0))
    taken = Fraction(total) * Fraction(exit_price)
    assert position.quantity == 0
    assert Fraction(position.realized_pnl) == direction.sign * (taken - paid)
