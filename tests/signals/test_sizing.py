"""Sizes worked by hand: each method, several entries, what may be spent, and minimums that are never rounded up to."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from exchange.types import OrderType
from ledger.domain.plan import LegKind
from ledger.domain.policy import SizingMethod
from signals.refusals import Refusal
from signals.sizing import Funds, Means, Slot, choose_sizing, least_quantity, size_entries, to_decimal
from tests.signals.examples.worlds import SPOT, USDM, D, sized, usdm_rules

M = SizingMethod
BTC = USDM["BTCUSDT"]


def slot(price: str, index: int = 1, scale: str | None = None, basis: str | None = None) -> Slot:
    kind = LegKind.ENTRY if index == 1 else LegKind.DCA
    return Slot(
        kind=kind, index=max(1, index - 1), order_type=OrderType.LIMIT, price=D(price), limit=D(price),
        basis=D(basis or price), scale=D(scale) if scale else None,
    )  # fmt: skip


def means(free: str = "1000", leverage: int = 1, reserve: str = "0", **rest: object) -> Means:
    funds = Funds(asset="USDT", free=D(free), reserve_pct=D(reserve))
    return Means(rules=BTC, funds=funds, leverage=leverage, ceiling=20, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "amount", "known", "expected"),
    [
        (M.QUOTE_AMOUNT, "500", means(leverage=10), "0.010"),  # 500 / 50000, whatever the leverage
        (M.BASE_AMOUNT, "0.0129", means(leverage=10), "0.012"),
        (M.BALANCE_FRACTION, "0.25", means(leverage=10), "0.050"),  # 1000 x 0.25 x 10 / 50000
        (M.MARGIN, "10", means(leverage=20), "0.004"),  # 10 x 20 / 50000
        (M.POSITION_FRACTION, "0.5", means("100000", held=D("0.007")), "0.003"),  # 0.0035
        (M.RISK_FRACTION, "0.01", means(leverage=20, stop=D(49000)), "0.010"),  # 10 / 1000
    ],
)
def test_each_method(method: SizingMethod, amount: str, known: Means, expected: str) -> None:
    (quantity,) = size_entries(sized(method, amount), [slot("50000")], known)

    assert str(quantity) == expected


def test_each_own_entry_has_the_amount_at_its_own_price() -> None:
    slots = [slot("50000"), slot("40000", 2)]

    assert size_entries(sized(M.MARGIN, "10"), slots, means(leverage=20)) == (D("0.004"), D("0.005"))


def test_risk_is_spread_over_all_entries_in_equal_quantities() -> None:
    slots = [slot("50000"), slot("49000", 2)]

    # 1 % of 1000 over 2000 + 1000 to the stop: 10 / 3000 = 0.00333
    assert size_entries(sized(M.RISK_FRACTION, "0.01"), slots, means(leverage=20, stop=D(48000))) == (
        D("0.003"), D("0.003"),
    )  # fmt: skip


def test_risk_counts_rungs_by_their_scale() -> None:
    slots = [slot("50000"), slot("49000", 2, scale="2")]

    # 2 % of 1000 over 2000 + 2 x 1000: 20 / 4000 = 0.005, and twice that
    assert size_entries(sized(M.RISK_FRACTION, "0.02"), slots, means(leverage=20, stop=D(48000))) == (
        D("0.005"), D("0.010"),
    )  # fmt: skip


def test_risk_is_measured_from_the_alerts_price_not_the_markets() -> None:
    known = means("10000", leverage=5, stop=D(37200))

    # 100 / 1400 = 0.0714; from the market's 36200 it would be 0.1
    assert size_entries(sized(M.RISK_FRACTION, "0.01"), [slot("36200", basis="35800")], known) == (D("0.071"),)


def test_a_rung_is_a_multiple_of_the_entry_as_it_is_sent() -> None:
    slots = [slot("50000"), slot("49000", 2, scale="2")]

    # 230 / 50000 = 0.0046 is sent as 0.004; its double is 0.008, not 0.009
    assert size_entries(sized(M.QUOTE_AMOUNT, "230"), slots, means()) == (D("0.004"), D("0.008"))


def test_a_fraction_is_cut_to_what_may_be_spent() -> None:
    assert size_entries(sized(M.BALANCE_FRACTION, "1"), [slot("50000")], means(leverage=10, reserve="5")) == (
        D("0.190"),
    )


def test_fractions_of_several_entries_are_cut_alike() -> None:
    slots = [slot("50000"), slot("40000", 2)]

    # twice 1000 x 10 is asked, 10000 may be used: half of each, 0.1 and 0.125
    assert size_entries(sized(M.BALANCE_FRACTION, "1"), slots, means(leverage=10)) == (D("0.100"), D("0.125"))


def test_cutting_does_not_lose_a_step_to_division() -> None:
    rules = usdm_rules("XUSDT", "0.1", "0.1", "0")
    known = Means(rules=rules, funds=Funds(asset="USDT", free=D(10), reserve_pct=D(10)))

    # 10 / 3 is endless; 9 may be spent and 9 / 3 is exactly 3.0
    assert size_entries(sized(M.BALANCE_FRACTION, "1"), [slot("3")], known) == (D("3.0"),)


def test_endless_quotients_are_cut_not_rounded() -> None:
    assert to_decimal(Fraction(2, 3)) < Fraction(2, 3)


def refusal(method: SizingMethod, amount: str, price: str, known: Means) -> Refusal:
    with pytest.raises(Refusal) as caught:
        size_entries(sized(method, amount), [slot(price)], known)
    return caught.value


def test_below_minimum_quantity_says_what_is_needed() -> None:
    found = refusal(M.BALANCE_FRACTION, "0.1", "50000", means("5", leverage=5))

    # 5 x 0.1 x 5 = 2.50 / 50000 = 0.00005; 0.001 x 50000 / 5 = 10.00
    assert found.code == "MIN_QUANTITY"
    assert "0.00005 BTC (2.50 USDT) rounds down to 0 BTC" in found.reason
    assert "minimum 0.001 BTC would be 50.00 USDT, minimum margin 10.00 USDT at leverage 5" in found.reason
    assert "5.00 USDT missing" in found.reason


def test_below_minimum_notional_says_what_is_needed() -> None:
    known = Means(rules=SPOT["BTCUSDT"], funds=Funds(asset="USDT", free=D(5000), reserve_pct=D(0)))
    found = refusal(M.QUOTE_AMOUNT, "4", "60000", known)

    # 0.00006 x 60000 = 3.60; the least on the step that is worth 5 is 0.00009 = 5.40
    assert found.code == "MIN_NOTIONAL"
    assert "0.00006 BTC = 3.60 USDT" in found.reason
    assert "0.00009 BTC would be 5.40 USDT" in found.reason
    assert "missing" not in found.reason
    assert "margin" not in found.reason


def test_risk_that_needs_too_much_leverage_is_refused_with_numbers() -> None:
    found = refusal(M.RISK_FRACTION, "0.05", "50000", means(leverage=20, stop=D(49990)))

    # 50 / 10 = 5 BTC = 250000, above 20 x 1000
    assert found.code == "LEVERAGE_CAP"
    assert "250000.00 USDT" in found.reason
    assert "20000.00 USDT" in found.reason


def test_risk_without_stop_or_distance_is_refused() -> None:
    assert refusal(M.RISK_FRACTION, "0.05", "50000", means()).code == "STOP_REQUIRED"
    assert refusal(M.RISK_FRACTION, "0.05", "50000", means(stop=D(50000))).code == "STOP_WRONG_SIDE"


def test_a_fraction_of_nothing_held_is_refused() -> None:
    assert refusal(M.POSITION_FRACTION, "0.5", "50000", means()).code == "NOTHING_HELD"


def test_the_alerts_size_goes_before_the_strategys() -> None:
    own, policy = sized(M.MARGIN, "1"), sized(M.MARGIN, "2")

    assert choose_sizing(own, policy) is own
    assert choose_sizing(None, policy) is policy
    with pytest.raises(Refusal) as caught:
        choose_sizing(None, None)
    assert caught.value.code == "NO_SIZE"


@pytest.mark.parametrize(
    ("method", "amount"),
    [(M.BALANCE_FRACTION, "1.01"), (M.BALANCE_FRACTION, "25"), (M.RISK_FRACTION, "0"), (M.MARGIN, "-1")],
)
def test_amounts_out_of_range_are_refused(method: SizingMethod, amount: str) -> None:
    with pytest.raises(Refusal) as caught:
        choose_sizing(sized(method, amount), None)
    assert caught.value.code == "SIZE_RANGE"


@pytest.mark.parametrize(("price", "least"), [("60000", "0.00009"), ("500000", "0.00001"), ("3", "1.66667")])
def test_least_quantity_is_on_the_step_and_meets_both_minimums(price: str, least: str) -> None:
    found = least_quantity(SPOT["BTCUSDT"], OrderType.MARKET, Decimal(price))

    assert str(found) == least
