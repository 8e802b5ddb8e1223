"""A strategy whose settings don't make sense together is told which field to change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchange.types import Market
from ledger.domain.validation import find_problems, read_number

GOOD: dict[str, Any] = {
    "symbols": [],
    "sizing_method": "quote_amount",
    "sizing_amount": Decimal(100),
    "leverage": 5,
    "max_leverage": 20,
    "margin_type": "",
    "reserve_pct": Decimal("0.2"),
    "entry_timeout_s": None,
    "dca": [],
    "take_profits": [],
    "stop_from_alert": True,
    "stop_pct": None,
    "stop_required": False,
    "breakeven_after": None,
    "breakeven_offset_pct": Decimal(0),
    "trail_pct": None,
    "protect_within_s": 2,
    "max_age_s": 60,
    "on_opposite": "close_first",
}


def test_sound_settings_have_no_problems() -> None:
    whole = GOOD | {
        "symbols": ["BTCUSDT"],
        "dca": [{"distance_pct": "2", "size_scale": "1"}, {"distance_pct": "4.5"}],
        "take_profits": [
            {"r": "0.75", "share": "0.15"},
            {"pct": "120", "share": "0.15"},
            {"price": "alert", "share": "rest"},
        ],
        "breakeven_after": 3,
        "trail_pct": Decimal("0.1"),
        "max_risk_pct": Decimal("1.5"),
    }

    assert find_problems(whole, market=Market.USDM) == {}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"symbols": "BTCUSDT"}, "symbols", "list"),
        ({"symbols": ["btcusdt"]}, "symbols", "capital letters"),
        ({"symbols": ["\u0412TCUSDT"]}, "symbols", "capital letters"),  # a Cyrillic letter
        ({"symbols": ["BTCUSDT", "BTCUSDT"]}, "symbols", "twice"),
        ({"sizing_amount": None}, "sizing_amount", "needs an amount"),
        ({"sizing_amount": Decimal(0)}, "sizing_amount", "above 0"),
        ({"sizing_amount": Decimal(-5)}, "sizing_amount", "above 0"),
        ({"sizing_method": ""}, "sizing_method", "Choose"),
        ({"sizing_method": "balance_fraction", "sizing_amount": Decimal(34)}, "sizing_amount", "0.25 means 25 %"),
        ({"sizing_method": "position_fraction", "sizing_amount": Decimal("1.01")}, "sizing_amount", "at most 1"),
        ({"sizing_method": "risk_fraction", "sizing_amount": Decimal(2)}, "sizing_amount", "at most 1"),
        (
            {"sizing_method": "risk_fraction", "sizing_amount": Decimal("0.01"), "stop_from_alert": False},
            "sizing_method",
            "needs a stop",
        ),
        ({"leverage": 21}, "leverage", "maximum of 20"),
        ({"reserve_pct": Decimal(100)}, "reserve_pct", "below 100"),
        ({"reserve_pct": Decimal(-1)}, "reserve_pct", "from 0"),
        ({"entry_timeout_s": 0}, "entry_timeout_s", "one second"),
        ({"protect_within_s": 0}, "protect_within_s", "one second"),
        ({"max_age_s": 0}, "max_age_s", "one second"),
        ({"dca": {"distance_pct": "2"}}, "dca", "list"),
        ({"dca": [2]}, "dca", "object"),
        ({"dca": [{"size_scale": "1"}]}, "dca", "distance_pct is missing"),
        ({"dca": [{"distance_pct": 2.5}]}, "dca", '"2.5"'),
        ({"dca": [{"distance_pct": "0"}]}, "dca", "above 0"),
        ({"dca": [{"distance_pct": "100"}]}, "dca", "below 100"),
        ({"dca": [{"distance_pct": True}]}, "dca", "not a number"),
        ({"dca": [{"distance_pct": "NaN"}]}, "dca", "plain positive number"),
        ({"dca": [{"distance_pct": "-2"}]}, "dca", "plain positive number"),
        ({"dca": [{"distance_pct": "٣"}]}, "dca", "plain positive number"),
        ({"dca": [{"distance_pct": "1_0"}]}, "dca", "plain positive number"),
        ({"dca": [{"distance_pct": "2", "size": "1"}]}, "dca", "unknown field 'size'"),
        ({"dca": [{"distance_pct": "1"}] * 11}, "dca", "at most 10"),
        ({"take_profits": [{"share": "1"}]}, "take_profits", "exactly one"),
        ({"take_profits": [{"r": "1", "pct": "2"}]}, "take_profits", "exactly one"),
        ({"take_profits": [{"price": "60000"}]}, "take_profits", 'only be "alert"'),
        ({"take_profits": [{"r": "1", "share": "1.5"}]}, "take_profits", "at most 1"),
        ({"take_profits": [{"r": "1", "share": "0"}]}, "take_profits", "above 0"),
        ({"take_profits": [{"r": "1", "share": "0.6"}, {"r": "2", "share": "0.5"}]}, "take_profits", "add up to 1.1"),
        ({"take_profits": [{"r": "1"}, {"r": "2", "share": "0.5"}]}, "take_profits", "Only the last"),
        ({"take_profits": [{"r": "1", "share": "1"}, {"r": "2"}]}, "take_profits", "nothing is left"),
        ({"take_profits": [{"r": "1"}], "stop_from_alert": False}, "take_profits", "no stop"),
        ({"stop_pct": Decimal(100)}, "stop_pct", "below 100"),
        ({"stop_pct": Decimal(0)}, "stop_pct", "above 0"),
        ({"stop_required": True, "stop_from_alert": False}, "stop_required", "No entry can pass"),
        ({"breakeven_after": 0}, "breakeven_after", "from 1"),
        ({"breakeven_after": 2, "take_profits": [{"r": "1"}]}, "breakeven_after", "no target 2"),
        ({"breakeven_offset_pct": Decimal(-1)}, "breakeven_offset_pct", "from 0"),
        ({"trail_pct": Decimal("0.05")}, "trail_pct", "0.1 and 20"),
        ({"max_open_trades": 0}, "max_open_trades", "above 0"),
        ({"max_notional": Decimal(0)}, "max_notional", "above 0"),
        ({"max_daily_loss": Decimal(-1)}, "max_daily_loss", "above 0"),
        ({"max_trades_per_day": 0}, "max_trades_per_day", "above 0"),
        ({"max_slippage_pct": Decimal(100)}, "max_slippage_pct", "below 100"),
        ({"max_risk_pct": Decimal(0)}, "max_risk_pct", "above 0"),
    ],
)
def test_nonsense_is_explained_at_its_field(change: dict[str, Any], field: str, words: str) -> None:
    problems = find_problems(GOOD | change, market=Market.USDM)

    assert list(problems) == [field]
    assert words in " ".join(problems[field])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"leverage": 2}, "leverage"),
        ({"margin_type": "ISOLATED"}, "margin_type"),
        ({"on_opposite": "hedge"}, "on_opposite"),
    ],
)
def test_spot_has_no_leverage_margin_or_shorts(change: dict[str, Any], field: str) -> None:
    assert list(find_problems(GOOD | {"leverage": None} | change, market=Market.SPOT)) == [field]


def test_a_breakeven_after_targets_of_the_alert_is_sound() -> None:
    assert find_problems(GOOD | {"breakeven_after": 1}) == {}


def test_fields_that_are_no_numbers_at_all_are_left_to_their_own_check() -> None:
    assert find_problems(GOOD | {"stop_pct": "two", "leverage": "x"}) == {}


@pytest.mark.parametrize(
    "value", [0.1, float("nan"), True, None, "", "1e3", "Infinity", " 1", "1 ", "+1", [], Decimal("NaN")]
)
def test_only_plain_numbers_are_read(value: object) -> None:
    with pytest.raises(ValueError, match=r"number|quotes"):
        read_number(value)


def test_digits_are_kept() -> None:
    assert str(read_number("0.10")) == "0.10"
