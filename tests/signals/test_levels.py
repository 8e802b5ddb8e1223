"""Stops and targets: where they come from, on which side and grid they are, and how the position is shared out."""

from __future__ import annotations

import pytest

from exchange.types import Direction, OrderType
from ledger.domain.policy import StopPolicy, StrategyPolicy, TargetPolicy
from signals.intents import Action, Intent, TargetSpec
from signals.levels import (
    Ground,
    Stop,
    Target,
    check_stop,
    check_targets,
    find_stop,
    find_targets,
    merge_small,
    target_quantities,
)
from signals.refusals import Refusal
from tests.signals.examples.worlds import LONG, SHORT, SPOT, USDM, D

BTC = USDM["BTCUSDT"]
FIXED = Stop(order_type=OrderType.STOP_MARKET, price=D("39800.0"))


def ground(direction: Direction = LONG, entry: str = "40000", basis: str | None = None) -> Ground:
    return Ground(rules=BTC, direction=direction, entry=D(entry), basis=D(basis or entry))


def intent(**fields: object) -> Intent:
    return Intent(action=Action.OPEN, symbol="BTCUSDT", **fields)  # type: ignore[arg-type]


def targets_of(
    policy: tuple[TargetPolicy, ...], stop: Stop | None = FIXED, **fields: object
) -> list[tuple[str, object]]:
    found, _ = find_targets(intent(**fields), StrategyPolicy(name="x", targets=policy), ground(), stop)
    return [(str(target.price), None if target.share is None else str(target.share)) for target in found]


@pytest.mark.parametrize(("direction", "expected"), [(LONG, "39799.9"), (SHORT, "39800.0")])
def test_a_stop_is_rounded_away_from_the_market(direction: Direction, expected: str) -> None:
    stop, _ = find_stop(intent(stop_price=D("39799.95")), StopPolicy(), ground(direction))

    assert stop == Stop(order_type=OrderType.STOP_MARKET, price=D(expected))


@pytest.mark.parametrize(("direction", "price", "offset"), [(LONG, "39600.0", "-1"), (SHORT, "40400.0", "1")])
def test_a_percent_stop_follows_the_average(direction: Direction, price: str, offset: str) -> None:
    stop, _ = find_stop(intent(), StopPolicy(pct=D(1)), ground(direction))

    assert stop == Stop(order_type=OrderType.STOP_MARKET, price=D(price), offset_pct=D(offset))


def test_the_alerts_stop_goes_before_the_strategys() -> None:
    stop, notes = find_stop(intent(stop_price=D(39000)), StopPolicy(pct=D(1)), ground())

    assert stop == Stop(order_type=OrderType.STOP_MARKET, price=D("39000.0"))
    assert not notes


def test_a_strategy_that_sets_its_own_stop_says_that_the_alerts_is_not_used() -> None:
    stop, notes = find_stop(intent(stop_price=D(39000)), StopPolicy(from_alert=False, pct=D(1)), ground())

    assert stop
    assert stop.price == D("39600.0")
    assert "not used" in notes[0]


def test_a_stop_is_never_dropped_when_the_strategy_has_none() -> None:
    stop, _ = find_stop(intent(stop_pct=D(2)), StopPolicy(from_alert=False), ground())

    assert stop
    assert stop.price == D("39200.0")


def test_a_trailing_stop_only_without_a_fixed_one() -> None:
    trailing, _ = find_stop(intent(), StopPolicy(trail_pct=D("1.5")), ground())
    fixed, _ = find_stop(intent(stop_price=D(39000)), StopPolicy(trail_pct=D("1.5")), ground())

    assert trailing == Stop(order_type=OrderType.TRAILING_STOP_MARKET, price=D("39400.0"), offset_pct=D("-1.5"))
    assert fixed
    assert fixed.order_type is OrderType.STOP_MARKET


def test_a_required_stop_that_nobody_gives_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        find_stop(intent(), StopPolicy(required=True), ground())
    assert caught.value.code == "STOP_REQUIRED"
    assert find_stop(intent(), StopPolicy(), ground()) == (None, ())


@pytest.mark.parametrize(
    ("direction", "stop", "price"),
    [(LONG, "40000", "40000"), (LONG, "40000.1", "40000"), (SHORT, "40000", "40000"), (SHORT, "39999.9", "40000")],
)
def test_a_stop_at_or_beyond_a_price_is_refused(direction: Direction, stop: str, price: str) -> None:
    level = Stop(order_type=OrderType.STOP_MARKET, price=D(stop))
    with pytest.raises(Refusal) as caught:
        check_stop(level, direction, [("entry price", D(price))])
    assert caught.value.code == "STOP_WRONG_SIDE"


def test_a_long_stop_must_be_below_every_price() -> None:
    check_stop(FIXED, LONG, [("entry price", D(40000)), ("entry price", D("39800.1"))])
    with pytest.raises(Refusal, match="entry price 39700"):
        check_stop(FIXED, LONG, [("entry price", D(40000)), ("entry price", D(39700))])


def test_a_stop_of_more_than_all_is_refused() -> None:
    stop, _ = find_stop(intent(stop_pct=D(100)), StopPolicy(), ground())
    assert stop
    with pytest.raises(Refusal, match="not a positive price"):
        check_stop(stop, LONG, [("entry price", D(40000))])


def test_multiples_of_the_stop_distance() -> None:
    specs = tuple(TargetSpec(r=D(r), share=D("0.2")) for r in ("0.6", "1.0", "1.5"))

    assert targets_of((), targets=specs) == [("40120.0", "0.2"), ("40200.0", "0.2"), ("40300.0", "0.2")]


def test_multiples_are_measured_from_the_alerts_price() -> None:
    found, _ = find_targets(
        intent(targets=(TargetSpec(r=D(1)),)), StrategyPolicy(name="x"), ground(entry="40050", basis="40000"), FIXED
    )

    assert found == (Target(price=D("40200.0")),)


def test_a_multiple_without_a_stop_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        targets_of((), stop=None, targets=(TargetSpec(r=D(1)),))
    assert caught.value.code == "TARGET_NEEDS_STOP"


@pytest.mark.parametrize(("direction", "price", "offset"), [(LONG, "40800.0", "2"), (SHORT, "39200.0", "-2")])
def test_a_percent_target_follows_the_average(direction: Direction, price: str, offset: str) -> None:
    policy = StrategyPolicy(name="x", targets=(TargetPolicy(pct=D(2)),))
    found, _ = find_targets(intent(), policy, ground(direction), None)

    assert found == (Target(price=D(price), offset_pct=D(offset)),)


LADDER = (
    TargetPolicy(r=D("0.75"), share=D("0.15")), TargetPolicy(r=D("1.5"), share=D("0.15")),
    TargetPolicy(from_alert=True),
)  # fmt: skip


def test_a_ladder_of_the_strategy_takes_the_alerts_price_where_it_says_so() -> None:
    assert targets_of(LADDER, targets=(TargetSpec(price=D(41000)),)) == [
        ("40150.0", "0.15"), ("40300.0", "0.15"), ("41000.0", None),
    ]  # fmt: skip


def test_a_ladder_without_the_alerts_price_leaves_that_target_out_and_says_so() -> None:
    found, notes = find_targets(intent(), StrategyPolicy(name="x", targets=LADDER), ground(), FIXED)

    assert [str(target.price) for target in found] == ["40150.0", "40300.0"]
    assert "1 of the strategy's targets left out" in notes[0]


def test_an_alert_with_a_ladder_of_its_own_replaces_the_strategys() -> None:
    own = (TargetSpec(price=D(41000), share=D("0.5")), TargetSpec(price=D(42000)))

    assert targets_of(LADDER, targets=own) == [("41000.0", "0.5"), ("42000.0", None)]


def test_an_alert_that_says_none_has_none() -> None:
    assert targets_of(LADDER, no_targets=True, targets=(TargetSpec(price=D(41000)),)) == []


def test_open_shares_split_the_rest() -> None:
    specs = (TargetSpec(price=D(41000), share=D("0.4")), TargetSpec(price=D(42000)), TargetSpec(price=D(43000)))

    assert [share for _, share in targets_of((), targets=specs)] == ["0.4", "0.3000", None]


@pytest.mark.parametrize("shares", [("0.6", "0.5"), ("1", None), ("0", "0.5"), ("-0.1", None)])
def test_shares_that_do_not_fit_are_refused(shares: tuple[str | None, ...]) -> None:
    specs = tuple(TargetSpec(price=D(41000), share=D(share) if share else None) for share in shares)
    with pytest.raises(Refusal) as caught:
        targets_of((), targets=specs)
    assert caught.value.code == "TARGET_SHARES"


def test_an_empty_target_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        targets_of((), targets=(TargetSpec(share=D("0.5")),))
    assert caught.value.code == "TARGET_EMPTY"


@pytest.mark.parametrize(("direction", "price"), [(LONG, "40000"), (LONG, "39000"), (SHORT, "40000"), (SHORT, "41000")])
def test_a_target_at_or_behind_an_entry_is_refused(direction: Direction, price: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_targets([Target(price=D(price))], direction, [D(40000)])
    assert caught.value.code == "TARGET_WRONG_SIDE"


@pytest.mark.parametrize(
    ("position", "shares", "expected"),
    [
        ("2.5", ("0.2", "0.2", "0.2", None), ("0.500", "0.500", "0.500", "1.000")),
        ("0.007", ("0.5", None), ("0.003", "0.004")),
        ("0.007", ("0.5", "0.5"), ("0.003", "0.003")),
        ("0.007", (None,), ("0.007",)),
        ("0.007", (), ()),
    ],
)
def test_quantities_of_targets(position: str, shares: tuple[str | None, ...], expected: tuple[str, ...]) -> None:
    given = [D(share) if share else None for share in shares]

    assert tuple(map(str, target_quantities(D(position), given, BTC, OrderType.TAKE_PROFIT_MARKET))) == expected


def test_a_target_that_is_too_small_goes_to_the_next_one() -> None:
    targets = (
        Target(price=D(41000), share=D("0.1")), Target(price=D(42000), share=D("0.4")), Target(price=D(43000)),
    )  # fmt: skip
    merged, notes = merge_small(targets, D("0.004"), BTC)

    # 0.0004 is nothing, 0.5 x 0.004 = 0.002 and the rest 0.002
    assert merged == (Target(price=D(42000), share=D("0.5")), Target(price=D(43000)))
    assert len(notes) == 1
    assert "41000" in notes[0]


def test_a_last_target_that_is_too_small_goes_to_the_one_before() -> None:
    targets = (Target(price=D(41000), share=D("0.9")), Target(price=D(42000), share=D("0.1")))

    assert merge_small(targets, D("0.004"), BTC)[0] == (Target(price=D(41000), share=D("1.0")),)


def test_all_targets_of_a_tiny_position_end_in_one() -> None:
    small = (Target(price=D(41000), share=D("0.3")), Target(price=D(42000), share=D("0.3")))
    targets = (*small, Target(price=D(43000)))

    assert merge_small(targets, D("0.001"), BTC)[0] == (Target(price=D(43000)),)


def test_an_only_target_that_is_too_small_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        merge_small((Target(price=D(41000), share=D("0.1")),), D("0.004"), BTC)
    assert caught.value.code == "TARGET_TOO_SMALL"


def test_on_spot_a_target_must_be_worth_the_minimum() -> None:
    targets = (Target(price=D(60000), share=D("0.25")), Target(price=D(61000)))

    # 0.00005 x 60000 = 3.00 < 5
    assert merge_small(targets, D("0.0002"), SPOT["BTCUSDT"])[0] == (Target(price=D(61000)),)
