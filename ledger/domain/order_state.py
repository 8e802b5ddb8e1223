"""The one table of order states: every change of an order's status passes `advance`."""

from __future__ import annotations

from exchange.types import OrderStatus as S

LIVE = frozenset({S.SUBMITTING, S.UNKNOWN, S.ACCEPTED, S.TRIGGERED, S.PARTIALLY_FILLED})
AT_VENUE = frozenset({S.ACCEPTED, S.TRIGGERED, S.PARTIALLY_FILLED})
ENDED = frozenset({S.DENIED, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED})

_VENUE_ANSWERS = frozenset({S.ACCEPTED, S.TRIGGERED, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED})

NEXT: dict[S, frozenset[S]] = {
    S.INITIALIZED: frozenset({S.SUBMITTING, S.DENIED}),
    # Back to INITIALIZED only when the venue certainly did not take the order (throttled before matching).
    S.SUBMITTING: _VENUE_ANSWERS | {S.UNKNOWN, S.INITIALIZED},
    # Back to INITIALIZED only when the venue certainly never saw the order; EXPIRED if it is then too late to send.
    S.UNKNOWN: _VENUE_ANSWERS | {S.INITIALIZED},
    S.ACCEPTED: _VENUE_ANSWERS - {S.ACCEPTED},
    S.TRIGGERED: frozenset({S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED}),
    S.PARTIALLY_FILLED: frozenset({S.FILLED, S.CANCELED, S.EXPIRED}),
    # The last fill may race a cancel or an expiry and be told later: money moved, so the fill wins.
    # A partial one leaves the order ended; its fill is booked all the same.
    S.CANCELED: frozenset({S.FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    S.REJECTED: frozenset(),
    S.FILLED: frozenset(),
    S.DENIED: frozenset(),
}


class InvalidTransition(Exception):
    """A report that would move an order backwards: stale, to be noted and dropped; its fills still count."""


def advance(current: S, new: S) -> S:
    """Return the status after `new` was reported; raises InvalidTransition if the table does not allow it."""
    if new == current or new in NEXT[current]:
        return new
    raise InvalidTransition(f"{current} -> {new}")
