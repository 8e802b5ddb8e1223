from __future__ import annotations

from dataclasses import replace

import pytest

from exchange.types import OrderStatus, OrderType
from ledger.domain.desired import desired_orders
from ledger.domain.diff import Actions, diff
from ledger.domain.plan import LegKind
from ledger.domain.trade import LegView, OrderView, TradeState
from tests.ledger.domain.builders import SPOT, D, entry, order, state, stop, target


def act(trade: TradeState) -> Actions:
    return diff(trade, desired_orders(trade))


def keys(actions: Actions) -> tuple[list[str], list[list[str]]]:
    return (
        [f"{view.kind}{view.index}" for view in actions.cancel],
        [[f"{want.kind}{want.index}" for want in group] for group in actions.place],
    )


def test_an_open_position_gets_its_stop_first_then_its_target() -> None:
    assert keys(act(state(entry("0.3"), stop("39800"), target(1, "41000", None)))) == ([], [["SL1"], ["TP1"]])


def test_nothing_is_done_when_all_is_as_wanted() -> None:
    sl = order(LegKind.SL, trigger_price=D("39800.0"))
    tp = order(LegKind.TP, trigger_price=D("41000.0"))

    assert not act(state(entry("0.3"), stop("39800", sl), target(1, "41000", None, tp)))


def test_a_stop_is_replaced_new_first_then_old() -> None:
    old = order(LegKind.SL, trigger_price=D("39800.0"))
    trade = state(entry("0.3"), stop("39800", old), stop_override=D("40100"))

    assert keys(act(trade)) == ([], [["SL1"]])

    sending = order(LegKind.SL, trigger_price=D("40100.0"), status=OrderStatus.SUBMITTING)
    replaced = replace(trade, legs=(entry("0.3"), stop("39800", replace(old, superseded=True), sending)))
    assert not act(replaced)

    live = replace(sending, status=OrderStatus.ACCEPTED)
    replaced = replace(trade, legs=(entry("0.3"), stop("39800", replace(old, superseded=True), live)))
    assert keys(act(replaced)) == (["SL1"], [])
    assert act(replaced).cancel[0].id == old.id


def test_a_refused_replacement_leaves_the_old_stop_in_force() -> None:
    old = order(LegKind.SL, trigger_price=D("39800.0"), superseded=True)
    refused = order(LegKind.SL, trigger_price=D("40100.0"), status=OrderStatus.REJECTED)

    actions = act(state(entry("0.3"), stop("39800", old, refused), stop_override=D("40100")))

    assert old.id not in {view.id for view in actions.cancel}


def test_a_target_is_cancelled_before_it_is_placed_anew() -> None:
    tp = order(LegKind.TP, trigger_price=D("41000.0"), quantity=D("0.2"))

    assert keys(act(state(entry("0.3"), target(1, "41000", None, tp)))) == (["TP1"], [])


@pytest.mark.parametrize("status", [OrderStatus.SUBMITTING, OrderStatus.UNKNOWN, OrderStatus.TRIGGERED])
def test_an_order_in_flight_is_left_alone(status: OrderStatus) -> None:
    sl = order(LegKind.SL, trigger_price=D("1.0"), quantity=D("0.1"), status=status)

    assert not act(state(entry("0.3"), stop("39800", sl)))


def test_orphans_are_cancelled_when_the_position_is_gone() -> None:
    sl = order(LegKind.SL, trigger_price=D("39800.0"))
    done = order(LegKind.TP, status=OrderStatus.FILLED, filled=D("0.3"))

    actions = act(state(entry("0.3"), stop("39800", sl), target(1, "41000", None, done), held="0", entered=D("0.3")))

    assert keys(actions) == (["SL1"], [])


def test_an_unsent_order_that_is_no_longer_wanted_is_dropped() -> None:
    waiting = order(LegKind.ENTRY, type=OrderType.LIMIT, status=OrderStatus.INITIALIZED)

    assert keys(act(state(entry("0.3", waiting), held="0", average=None, entries_canceled=True))) == (["ENTRY1"], [])


def test_spot_frees_what_is_locked_before_it_sells() -> None:
    sl = order(LegKind.SL, trigger_price=D("39800"))
    exit_all = LegView(kind=LegKind.EXIT, index=1, order_type=OrderType.MARKET)

    assert keys(act(state(entry("0.3"), stop("39800", sl), exit_all, closing=True, **SPOT))) == (["SL1"], [])
    gone = replace(sl, status=OrderStatus.CANCELED)
    assert keys(act(state(entry("0.3"), stop("39800", gone), exit_all, closing=True, **SPOT))) == ([], [["EXIT1"]])


def spot_pair(quantity: str) -> tuple[OrderView, OrderView]:
    sl = order(LegKind.SL, 2, trigger_price=D("39800.00"), quantity=D(quantity), oco_group="x")
    tp = order(LegKind.TP, 1, price=D("41000.00"), quantity=D(quantity), type=OrderType.LIMIT, oco_group="x")
    return sl, tp


def test_spot_places_target_and_stop_as_one_pair() -> None:
    legs = (entry("0.3"), stop("39800"), target(1, "41000", None, order_type=OrderType.LIMIT))

    assert keys(act(state(*legs, **SPOT))) == ([], [["SL2", "TP1"]])


def test_spot_replaces_a_pair_whole_when_one_half_changes() -> None:
    sl, tp = spot_pair("0.3")
    legs = (
        entry("0.3"),
        stop("39800"),
        LegView(kind=LegKind.SL, index=2, order_type=OrderType.STOP_MARKET, orders=(sl,)),
        target(1, "41000", None, tp, order_type=OrderType.LIMIT),
    )

    assert not act(state(*legs, **SPOT))
    moved = act(state(*legs, stop_override=D("40100"), **SPOT))
    assert sorted(keys(moved)[0]) == ["SL2", "TP1"]
    assert keys(moved)[1] == []


def test_a_second_diff_after_the_first_was_carried_out_finds_nothing() -> None:
    trade = state(entry("0.3"), stop("39800"), target(1, "41000", None))
    placed = {
        (want.kind, want.index): order(
            want.kind, want.index, type=want.type, quantity=want.quantity, trigger_price=want.trigger_price
        )
        for group in act(trade).place
        for want in group
    }
    legs = tuple(
        replace(leg, orders=(placed[leg.kind, leg.index],)) if (leg.kind, leg.index) in placed else leg
        for leg in trade.legs
    )

    assert not act(replace(trade, legs=legs))
