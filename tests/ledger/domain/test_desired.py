from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.types import Direction, OrderStatus, OrderType, PositionSide, Side
from ledger.domain.desired import Desired, coverage, desired_orders, held_sellable, stop_price
from ledger.domain.plan import LegKind
from ledger.domain.trade import WOULD_TRIGGER, LegView
from tests.ledger.domain.builders import BTC, SPOT, D, entry, filled, order, state, stop, target

EXIT_ALL = LegView(kind=LegKind.EXIT, index=1, order_type=OrderType.MARKET)


def rows(wanted: tuple[Desired, ...]) -> list[tuple[str, int, str, str, str | None]]:
    return [
        (want.kind, want.index, want.type, str(want.quantity), str(want.trigger_price or want.price or "") or None)
        for want in wanted
    ]


def test_before_any_fill_only_the_entries_are_wanted() -> None:
    legs = (
        entry("0.004", order_type=OrderType.LIMIT, price=D("50000"), orders=()),
        LegView(kind=LegKind.DCA, index=1, order_type=OrderType.LIMIT, quantity=D("0.004"), price=D("49000")),
        stop("48000"),
        target(1, "52000", None),
    )

    wanted = desired_orders(state(*legs, held="0", average=None))

    assert rows(wanted) == [
        ("ENTRY", 1, "LIMIT", "0.004", "50000"),
        ("DCA", 1, "LIMIT", "0.004", "49000"),
    ]


def test_protection_follows_the_filled_size_while_the_second_entry_rests() -> None:
    rest = order(LegKind.DCA, type=OrderType.LIMIT, quantity=D("0.004"), price=D("49000"))
    dca = LegView(
        kind=LegKind.DCA, index=1, order_type=OrderType.LIMIT, quantity=D("0.004"), price=D("49000"), orders=(rest,)
    )

    wanted = desired_orders(state(entry("0.004"), dca, stop("48000"), target(1, "52000", None), held="0.004"))

    assert rows(wanted) == [
        ("DCA", 1, "LIMIT", "0.004", "49000"),
        ("SL", 1, "STOP_MARKET", "0.004", "48000.0"),
        ("TP", 1, "TAKE_PROFIT_MARKET", "0.004", "52000.0"),
    ]


def test_three_fifths_of_the_shares_and_the_rest() -> None:
    """2.5 BTC, 20 % at each of three targets, 40 % left for the last: 0.5, 0.5, 0.5, 1.0."""
    legs = (
        entry("2.5"),
        stop("39800"),
        target(1, "40120", "0.2"),
        target(2, "40200", "0.2"),
        target(3, "40300", "0.2"),
        target(4, "41000", None),
    )

    wanted = desired_orders(state(*legs, held="2.5"))

    assert [(w.index, str(w.quantity)) for w in wanted if w.kind is LegKind.TP] == [
        (1, "0.500"),
        (2, "0.500"),
        (3, "0.500"),
        (4, "1.000"),
    ]
    assert next(w for w in wanted if w.kind is LegKind.SL).quantity == D("2.5")


def test_after_the_first_target_the_stop_shrinks_and_moves_to_breakeven() -> None:
    """0.3 bought at 40000; 0.1 sold at the first target: stop for 0.2 at 40000 x 1.002 = 40080."""
    legs = (
        entry("0.3"),
        stop("39800"),
        target(1, "40120", "0.333", filled(LegKind.TP, "0.1")),
        target(2, "41000", None),
    )

    wanted = desired_orders(
        state(*legs, held="0.2", entered=D("0.3"), breakeven_after=1, breakeven_offset_pct=D("0.2"))
    )

    assert rows(wanted) == [
        ("SL", 1, "STOP_MARKET", "0.200", "40080.0"),
        ("TP", 2, "TAKE_PROFIT_MARKET", "0.200", "41000.0"),
    ]


def test_breakeven_never_loosens_a_tighter_stop() -> None:
    legs = (entry("0.3"), stop("39800"), target(1, "40120", "0.5", filled(LegKind.TP, "0.1")))

    wanted = state(*legs, held="0.2", entered=D("0.3"), breakeven_after=1, stop_override=D("40100"))

    assert stop_price(wanted) == D("40100")


def test_a_short_mirrors_a_long() -> None:
    legs = (entry("0.071"), stop("37200"), target(1, "35000", None))

    wanted = desired_orders(
        state(*legs, held="0.071", average="35800", direction=Direction.SHORT, position_side=PositionSide.SHORT)
    )

    assert rows(wanted) == [
        ("SL", 1, "STOP_MARKET", "0.071", "37200.0"),
        ("TP", 1, "TAKE_PROFIT_MARKET", "0.071", "35000.0"),
    ]
    assert {want.side for want in wanted} == {Side.BUY}
    # In hedge mode the position side says it all; reduce-only would be refused.
    assert {(want.position_side, want.reduce_only) for want in wanted} == {(PositionSide.SHORT, False)}


def test_one_way_exits_are_reduce_only() -> None:
    wanted = desired_orders(state(entry("0.3"), stop("39800"), target(1, "41000", None)))

    assert all(want.reduce_only for want in wanted)


def test_percent_levels_follow_the_average_price() -> None:
    """Average 48000 after a DCA fill: stop -1 % = 47520, target +2 % = 48960."""
    legs = (
        entry("0.3"),
        stop(None, offset_pct=D("-1")),
        target(1, None, None, offset_pct=D("2")),
    )

    wanted = desired_orders(state(*legs, average="48000"))

    assert [str(want.trigger_price) for want in wanted] == ["47520.0", "48960.0"]


def test_a_stop_rounds_away_from_the_market_and_a_target_towards_the_entry() -> None:
    legs = (entry("0.3"), stop(None, offset_pct=D("-1.00013")), target(1, None, None, offset_pct=D("1.00013")))

    long = desired_orders(state(*legs, average="40000.04"))
    short_legs = (entry("0.3"), stop(None, offset_pct=D("1.00013")), target(1, None, None, offset_pct=D("-1.00013")))
    short = desired_orders(state(*short_legs, average="40000.04", direction=Direction.SHORT))

    # 40000.04 x 0.9899987 = 39599.9876 and x 1.0100013 = 40400.0924
    assert [str(w.trigger_price) for w in long] == ["39599.9", "40400.0"]
    assert [str(w.trigger_price) for w in short] == ["40400.1", "39600.0"]


def test_too_small_a_share_goes_to_the_next_target() -> None:
    """0.004 at 20/30/50 %: 0.0008 is below the step; 0.0008 + 0.0012 = 0.002, and 0.002 is left."""
    legs = (
        entry("0.004"),
        target(1, "50500", "0.2"),
        target(2, "51000", "0.3"),
        target(3, "52000", None),
    )

    wanted = desired_orders(state(*legs, held="0.004", average="50000"))

    assert [(w.index, str(w.quantity)) for w in wanted] == [(2, "0.002"), (3, "0.002")]


def test_a_refused_target_that_was_already_passed_is_taken_at_market() -> None:
    late = order(LegKind.TP, status=OrderStatus.REJECTED, reason_code=WOULD_TRIGGER)

    wanted = desired_orders(state(entry("0.3"), stop("39800"), target(1, "40120", None, late)))

    assert rows(wanted)[1] == ("TP", 1, "MARKET", "0.300", None)


def test_a_target_refused_for_another_reason_leaves_its_share_to_the_next() -> None:
    refused = order(LegKind.TP, status=OrderStatus.REJECTED, reason_code="-4045")

    wanted = desired_orders(state(entry("0.3"), target(1, "40120", "0.5", refused), target(2, "41000", None)))

    assert [(w.index, str(w.quantity)) for w in wanted] == [(2, "0.300")]


def test_an_exit_keeps_the_live_stop_until_the_position_is_flat() -> None:
    protecting = order(LegKind.SL, trigger_price=D("39800.0"))

    wanted = desired_orders(
        state(entry("0.3"), stop("39800", protecting), target(1, "41000", None), EXIT_ALL, closing=True)
    )

    assert [(w.kind, str(w.quantity)) for w in wanted] == [("SL", "0.3"), ("EXIT", "0.300")]


def test_a_position_larger_than_one_order_may_be_is_closed_in_parts() -> None:
    """2.5 BTC where a market order takes at most 1: first 1, then, with 0.5 left, 0.5."""
    rules = replace(BTC, market_max_quantity=D("1"))

    first = desired_orders(state(entry("2.5"), EXIT_ALL, held="2.5", closing=True, rules=rules))
    last = desired_orders(state(entry("2.5"), EXIT_ALL, held="0.5", entered=D("2.5"), closing=True, rules=rules))

    assert [str(w.quantity) for w in (*first, *last)] == ["1", "0.500"]


def test_a_refused_stop_is_not_asked_for_again_while_closing() -> None:
    refused = order(LegKind.SL, status=OrderStatus.REJECTED)

    wanted = desired_orders(state(entry("0.3"), stop("39800", refused), EXIT_ALL, closing=True))

    assert [w.kind for w in wanted] == ["EXIT"]


def test_nothing_is_wanted_once_the_position_is_flat_again() -> None:
    """The stop has filled while a DCA order rests: it must not open a new position."""
    rest = order(LegKind.DCA, type=OrderType.LIMIT, quantity=D("0.004"), price=D("49000"))
    dca = LegView(
        kind=LegKind.DCA, index=1, order_type=OrderType.LIMIT, quantity=D("0.004"), price=D("49000"), orders=(rest,)
    )
    hit = filled(LegKind.SL, "0.3")

    wanted = desired_orders(state(entry("0.3"), dca, stop("48000", hit), held="0", entered=D("0.3")))

    assert wanted == ()


def test_a_late_fill_after_the_stop_is_protected_again() -> None:
    hit = filled(LegKind.SL, "0.3")

    wanted = desired_orders(state(entry("0.3"), stop("48000", hit), held="0.004", entered=D("0.304")))

    assert rows(wanted) == [("SL", 1, "STOP_MARKET", "0.004", "48000.0")]


def test_canceled_entries_are_not_sent_again() -> None:
    gone = order(LegKind.ENTRY, type=OrderType.LIMIT, status=OrderStatus.CANCELED)

    assert desired_orders(state(entry("0.3", gone), stop("1"), held="0", average=None)) == ()


def test_spot_pairs_each_target_with_its_own_stop() -> None:
    legs = (
        entry("0.3"),
        stop("39800"),
        target(1, "40500", "0.4", order_type=OrderType.LIMIT),
        target(2, "41000", None, order_type=OrderType.LIMIT),
    )

    wanted = desired_orders(state(*legs, **SPOT))

    assert [(w.kind, w.index, w.type, str(w.quantity), w.oco_group) for w in wanted] == [
        ("SL", 2, "STOP_MARKET", "0.12000", "1"),
        ("TP", 1, "LIMIT", "0.12000", "1"),
        ("SL", 3, "STOP_MARKET", "0.18000", "2"),
        ("TP", 2, "LIMIT", "0.18000", "2"),
    ]
    assert not any(w.reduce_only for w in wanted)


def test_spot_exit_frees_the_balance_first() -> None:
    protecting = order(LegKind.SL, trigger_price=D("39800"))

    wanted = desired_orders(state(entry("0.3"), stop("39800", protecting), EXIT_ALL, closing=True, **SPOT))

    assert [w.kind for w in wanted] == ["EXIT"]


def test_spot_dust_counts_as_nothing() -> None:
    """0.0001 BTC at 40000 is 4 USDT, below the minimum of 5: the venue would refuse to sell it."""
    assert held_sellable(state(entry("0.3"), held="0.0001", **SPOT)) == 0


def test_spot_commission_leaves_less_to_sell() -> None:
    assert held_sellable(state(entry("0.3"), held="0.2997003", **SPOT)) == D("0.29970")


def test_coverage_counts_only_what_the_venue_acknowledged() -> None:
    sending = order(LegKind.SL, status=OrderStatus.SUBMITTING, quantity=D("0.3"))
    old = order(LegKind.SL, quantity=D("0.2"), superseded=True)

    assert coverage(state(entry("0.3"), stop("39800", sending))) == 0
    assert coverage(state(entry("0.3"), stop("39800", old, sending))) == D("0.2")


quantities = st.integers(1, 5000).map(lambda n: Decimal(n) / 1000)
shares = st.lists(st.integers(1, 60).map(lambda n: Decimal(n) / 100), min_size=0, max_size=5)


@given(held=quantities, parts=shares, with_rest=st.booleans(), done=st.integers(0, 3))
def test_targets_never_exceed_the_position_and_keep_to_the_grid(
    held: Decimal, parts: list[Decimal], with_rest: bool, done: int
) -> None:
    legs = [
        target(n, str(50100 + 100 * n), str(part), *((filled(LegKind.TP, "0.010", n),) if n <= done else ()))
        for n, part in enumerate(parts, 1)
    ]
    if with_rest:
        legs.append(target(len(parts) + 1, "60000", None))

    wanted = desired_orders(state(entry("1"), stop("49000"), *legs, held=str(held), average="50000", entered=held + 1))

    targets = [want for want in wanted if want.kind is LegKind.TP]
    stops = [want for want in wanted if want.kind is LegKind.SL]
    assert sum(want.quantity for want in targets) <= held
    assert all(want.quantity > 0 and want.quantity % D("0.001") == 0 for want in targets)
    assert [want.quantity for want in stops] == [held]
    if with_rest:
        assert sum(want.quantity for want in targets) == held


@pytest.mark.parametrize("status", list(OrderStatus))
def test_an_entry_is_wanted_again_in_no_state_of_its_order(status: OrderStatus) -> None:
    sent = order(LegKind.ENTRY, status=status, type=OrderType.LIMIT)

    wanted = desired_orders(state(entry("0.3", sent), held="0", average=None))

    ended = status in {"DENIED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"}
    assert bool(wanted) is not ended
