"""The table of order states, every pair of it, against an expectation written by hand."""

from __future__ import annotations

from itertools import product

import pytest

from exchange.types import OrderStatus
from ledger.domain.order_state import AT_VENUE, ENDED, LIVE, NEXT, InvalidTransition, advance

# One row per state: the states that may follow it. A new state or arrow has to be written here a second time.
ALLOWED = {
    "INITIALIZED": {"SUBMITTING", "DENIED"},
    "DENIED": set(),
    "SUBMITTING": {
        "INITIALIZED", "UNKNOWN", "ACCEPTED", "TRIGGERED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED",
        "REJECTED",
    },
    "UNKNOWN": {
        "INITIALIZED", "ACCEPTED", "TRIGGERED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED",
    },
    "ACCEPTED": {"TRIGGERED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"},
    "TRIGGERED": {"PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"},
    "PARTIALLY_FILLED": {"FILLED", "CANCELED", "EXPIRED"},
    "FILLED": set(),
    "CANCELED": {"FILLED"},
    "EXPIRED": {"FILLED"},
    "REJECTED": set(),
}  # fmt: skip


def test_the_expectation_names_every_state() -> None:
    assert set(ALLOWED) == {str(status) for status in OrderStatus}
    assert set(NEXT) == set(OrderStatus)


@pytest.mark.parametrize(("current", "new"), list(product(OrderStatus, OrderStatus)))
def test_every_pair(current: OrderStatus, new: OrderStatus) -> None:
    if new == current or new in ALLOWED[current]:
        assert advance(current, new) is new
    else:
        with pytest.raises(InvalidTransition, match=f"{current} -> {new}"):
            advance(current, new)


def test_live_and_ended_share_nothing_and_leave_only_what_was_never_sent() -> None:
    assert not LIVE & ENDED
    assert set(OrderStatus) - LIVE - ENDED == {OrderStatus.INITIALIZED}
    assert AT_VENUE < LIVE


def test_an_ended_order_comes_back_only_as_filled() -> None:
    for status in ENDED:
        assert NEXT[status] <= {OrderStatus.FILLED}
