"""A person's word on a signal: approve, reject, or run it once more."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from exchange.clock import now
from ledger import lanes
from signals.models import Signal
from signals.relay import hint_after_commit

APPROVAL_LIFE = timedelta(minutes=10)


class NotPossible(Exception):
    """The signal is not in a state in which this can be done; the message says which it is in."""


def approve(signal: Signal, *, by: str) -> None:
    """Let a waiting signal act: the first decision wins. Raises NotPossible when it was decided or has expired."""
    expire_approvals()
    moment = now()
    with transaction.atomic():
        waiting = Signal.objects.filter(pk=signal.pk, status=Signal.Status.AWAITING_APPROVAL)
        if not waiting.update(status=Signal.Status.RECEIVED, approved_at=moment, decided_by=by[:150]):
            raise NotPossible(_state(signal))
        lane = lanes.touch(account_id=signal.strategy.account_id, symbol=signal.symbol, at=moment)
        Signal.objects.filter(pk=signal.pk).update(lane=lane)
        hint_after_commit(lane.pk)


def reject(signal: Signal, *, by: str) -> None:
    """End a waiting signal without a trade. Raises NotPossible when it was decided or has expired."""
    waiting = Signal.objects.filter(pk=signal.pk, status=Signal.Status.AWAITING_APPROVAL)
    changed = waiting.update(
        status=Signal.Status.REJECTED_BY_PERSON,
        reason_code="REJECTED_BY_PERSON",
        reason=f"rejected by {by}"[:500],
        decided_by=by[:150],
        done_at=now(),
    )
    if not changed:
        raise NotPossible(_state(signal))


def replay(signal: Signal, *, by: str) -> Signal:
    """Send an ended signal's intent through once more as a new signal, as if it had arrived now.

    A deliberate second trade: it passes every limit again, but not the duplicate rule. Raises NotPossible for
    signals that have not ended or never had an intent.
    """
    ended = {
        Signal.Status.DONE,
        Signal.Status.REFUSED,
        Signal.Status.EXPIRED,
        Signal.Status.FAILED,
        Signal.Status.REJECTED_BY_PERSON,
    }
    signal.refresh_from_db()
    if signal.status not in ended or not signal.intent:
        raise NotPossible(_state(signal))
    moment = now()
    with transaction.atomic():
        lane = lanes.touch(account_id=signal.strategy.account_id, symbol=signal.symbol, at=moment)
        copy = Signal.objects.create(
            endpoint=signal.endpoint,
            strategy=signal.strategy,
            lane=lane,
            dialect=signal.dialect,
            symbol=signal.symbol,
            body=signal.body,
            intent=signal.intent,
            received_at=moment,
            approved_at=moment,
            decided_by=f"replay of {signal.pk} by {by}"[:150],
        )
        hint_after_commit(lane.pk)
    return copy


def expire_approvals() -> int:
    """End the signals that waited for a person longer than an approval lives; return how many."""
    return Signal.objects.filter(status=Signal.Status.AWAITING_APPROVAL, received_at__lt=now() - APPROVAL_LIFE).update(
        status=Signal.Status.EXPIRED,
        reason_code="APPROVAL_EXPIRED",
        reason=f"nobody decided within {APPROVAL_LIFE.total_seconds() / 60:.0f} minutes",
        done_at=now(),
    )


def _state(signal: Signal) -> str:
    signal.refresh_from_db(fields=["status"])
    return f"signal {signal.pk} is {signal.status}"
