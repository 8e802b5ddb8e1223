"""Work a lane: its trades first, then its signals, strictly in the order of their arrival."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, InterfaceError, transaction

from exchange.clients import get_client
from exchange.clock import now
from exchange.errors import ExchangeError
from exchange.models import Account
from ledger import lanes, manager
from ledger.context import VenueFacts, ask_venue, context_from
from ledger.domain.context import Context
from ledger.domain.plan import Decision, Outcome
from ledger.models import Lane
from signals import codec, outcomes
from signals.intents import Action, Intent
from signals.models import Signal
from signals.planner import plan
from signals.preview import preview

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
WAIT_FOR_CLOSE = timedelta(seconds=2)


def work_lane(lane_id: int) -> None:
    """Work the lane until it has nothing to do now; returns at once if somebody else has it.

    After letting go it looks again: an event that came while the lane was held found it taken and left.
    """
    while True:
        with lanes.hold(lane_id) as held:
            if held is None:
                return
            try:
                _drain(lane_id, held)
            except (DatabaseError, InterfaceError):
                # The store itself fails: nothing can be written about it; the lane stays due.
                raise
            except Exception:
                lanes.back_off(lane_id, now=now())
                log.exception("lane_failed", lane=lane_id)
                return
        if not lanes.is_due(lane_id, now=now()):
            return


def _drain(lane_id: int, held: lanes.Held) -> None:
    while True:
        lane = Lane.objects.select_related("account").get(pk=lane_id)
        wake = manager.manage_lane(lane, certain=held.certain)
        outcomes.finish_planned(lane, now=now())
        signal = _next_signal(lane)
        if signal is not None:
            wait_until = _execute(signal, lane)
            if wait_until is None:
                continue
            # A close that must come first may be done already: let the trades move before waiting.
            wake = manager.manage_lane(lane, certain=held.certain)
            if _unblocked(signal):
                continue
            wake = min(wake, wait_until) if wake else wait_until
        if lanes.rest(lane_id, seen=lane.bumps, wake_at=wake):
            return


def _next_signal(lane: Lane) -> Signal | None:
    return (
        Signal.objects.filter(lane=lane, status=Signal.Status.RECEIVED)
        .select_related("strategy__account", "endpoint")
        .order_by("id")
        .first()
    )


def _unblocked(signal: Signal) -> bool:
    """Whether the trades that a signal waited for have ended."""
    waits_for = (signal.plan or {}).get("waits_for", [])
    return bool(waits_for) and not signal.lane.trades.filter(pk__in=waits_for, status__in=outcomes.LIVE).exists()  # type: ignore[union-attr]  # a signal in work has a lane


def _execute(signal: Signal, lane: Lane) -> datetime | None:
    """Decide on one signal and write the decision; return when to look again if it has to wait, else None."""
    if signal.started_at is None:
        signal.started_at = now()
        Signal.objects.filter(pk=signal.pk).update(started_at=signal.started_at)
    try:
        return _decide(signal, lane)
    except (DatabaseError, InterfaceError):
        raise
    except ExchangeError as exc:
        return _venue_failed(signal, exc)
    except Exception as exc:
        signal.attempts += 1
        Signal.objects.filter(pk=signal.pk).update(attempts=signal.attempts)
        log.exception("signal_failed", signal=signal.pk, attempt=signal.attempts)
        if signal.attempts < MAX_ATTEMPTS:
            return now() + lanes.BACK_OFF[min(signal.attempts, len(lanes.BACK_OFF)) - 1]
        outcomes.fail(signal, code="INTERNAL_ERROR", reason=f"{type(exc).__name__} while deciding; see the log")
        return None


def _decide(signal: Signal, lane: Lane) -> datetime | None:
    intent = codec.load(Intent, signal.intent)
    received_at = signal.received_at
    if signal.approved_at is not None:
        # A person said yes just now: the alert counts from then.
        intent, received_at = replace(intent, at=None), signal.approved_at
    account = signal.strategy.account
    client = get_client(account)
    outcomes.nudge_paper_price(account, intent)
    facts = ask_venue(client, intent.symbol)
    with transaction.atomic(durable=True):
        # The account's lock: two lanes must not plan with the same funds at the same time.
        Account.objects.select_for_update().get(pk=account.pk)
        context = context_from(
            strategy=signal.strategy,
            symbol=intent.symbol,
            facts=facts,
            client=client,
            received_at=received_at,
            now=now(),
        )
        decision = plan(intent, context)
        return _carry_out(signal, lane, decision, context, facts)


def _carry_out(signal: Signal, lane: Lane, decision: Decision, context: Context, facts: VenueFacts) -> datetime | None:
    record = {
        **outcomes.record(decision),
        "orders": preview(decision, context),
        "waits_for": list(decision.trades) if decision.outcome is Outcome.CLOSE_FIRST else [],
    }
    outcomes.apply(signal, lane, decision, mode=facts.mode, record=record, now=context.now)
    return context.now + WAIT_FOR_CLOSE if decision.outcome is Outcome.CLOSE_FIRST else None


def _venue_failed(signal: Signal, exc: ExchangeError) -> datetime | None:
    """Without prices and funds nothing is decided: entries wait until they are too old, exits for ever."""
    log.warning("venue_query_failed", signal=signal.pk, error=str(exc))
    age = now() - (signal.approved_at or signal.received_at)
    opens = (signal.intent or {}).get("action") in (Action.OPEN, Action.ADD)
    if opens and age > timedelta(seconds=signal.strategy.max_age_s):
        outcomes.fail(
            signal,
            code="VENUE_UNREACHABLE",
            reason=f"{signal.strategy.account} could not be asked for {age.total_seconds():.0f} s: {exc}",
        )
        return None
    return now() + timedelta(seconds=1)
