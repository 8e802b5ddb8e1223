"""Work a lane: its trades first, then its signals, in the order of their arrival.

Only an exit may pass an entry that cannot proceed: exits never wait for entries.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction

from exchange.clients import get_client
from exchange.clock import now
from exchange.errors import ExchangeError
from exchange.models import Account
from exchange.port import ExchangeClient
from ledger import lanes, manager
from ledger.context import VenueFacts, ask_venue, context_from, facts_from_rows
from ledger.domain.context import Context
from ledger.domain.plan import Decision, Outcome
from ledger.models import Lane, Notice
from ledger.services.notices import notify
from signals import codec, outcomes
from signals.intents import Action, Intent
from signals.models import Signal
from signals.planner import plan
from signals.preview import preview

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
ALARM_AT_FAILURE = 3
# The store itself fails: nothing can be written about it; the lane stays due. What it refuses is a fault of ours.
STORE_FAILS = (OperationalError, InterfaceError)
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
            except STORE_FAILS:
                raise
            except Lane.DoesNotExist:
                log.warning("no_such_lane", lane=lane_id)
                return
            except Exception as exc:
                log.exception("lane_failed", lane=lane_id)
                if lanes.back_off(lane_id, now=now()) == ALARM_AT_FAILURE:
                    _tell_of_failure(lane_id, exc)
                return
        if not lanes.is_due(lane_id, now=now()):
            return


def _tell_of_failure(lane_id: int, exc: Exception) -> None:
    lane = Lane.objects.select_related("account").get(pk=lane_id)
    notify(
        level=Notice.Level.ALARM,
        code="LANE_FAILING",
        message=f"{lane} fails again and again ({type(exc).__name__}): its trades are not managed. See the log.",
        account=lane.account,
    )


def _drain(lane_id: int, held: lanes.Held) -> None:
    while True:
        lane = Lane.objects.select_related("account").get(pk=lane_id)
        wake = manager.manage_lane(lane, certain=held.certain)
        outcomes.finish_planned(lane, now=now())
        signal = _next_signal(lane)
        if signal is not None:
            wait_until = _execute(signal, lane)
            if wait_until is None or _exit_overtakes(signal, lane):
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


def _exit_overtakes(waiting: Signal, lane: Lane) -> bool:
    """Carry out the first exit that waits behind an entry which can't proceed; True if there was one to end.

    The entry's own exit calls it off, as both in turn would end flat; an exit of something else just goes first.
    """
    if not _opens(waiting):
        return False
    behind = Signal.objects.filter(lane=lane, status=Signal.Status.RECEIVED, pk__gt=waiting.pk)
    for later in behind.select_related("strategy__account", "endpoint").order_by("id"):
        if not _only_closes(later):
            continue
        ours = (later.intent or {}).get("direction") in (None, (waiting.intent or {}).get("direction"))
        if later.strategy_id == waiting.strategy_id and ours:
            outcomes.call_off(waiting, by=later)
        return _execute(later, lane) is None
    return False


def _opens(signal: Signal) -> bool:
    intent = signal.intent or {}
    return intent.get("action") in (Action.OPEN, Action.ADD) or (
        intent.get("action") == Action.TARGET and intent.get("direction") is not None
    )


def _only_closes(signal: Signal) -> bool:
    """Whether the signal asks to end whole trades and nothing else."""
    intent = signal.intent or {}
    if intent.get("action") == Action.TARGET:
        return intent.get("direction") is None
    return intent.get("action") == Action.CLOSE and intent.get("close_fraction") in (None, "1")


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
    except STORE_FAILS:
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
    facts = _ask_venue(client, signal, lane)
    with transaction.atomic(durable=True):
        # The account's lock: two lanes must not plan with the same funds at the same time.
        # no_key, or it would wait for whoever books a fill of this account, and they for the trade that we change.
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
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


def _ask_venue(client: ExchangeClient, signal: Signal, lane: Lane) -> VenueFacts:
    """Return prices and funds; an exit of whole trades doesn't depend on them, so it doesn't wait for them."""
    try:
        return ask_venue(client, lane.symbol)
    except ExchangeError as exc:
        if not _only_closes(signal):
            raise
        log.warning("exit_without_prices", signal=signal.pk, error=str(exc))
        return facts_from_rows(lane)


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
