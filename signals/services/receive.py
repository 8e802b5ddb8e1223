"""Take in an alert: know its sender, understand it, store it once, and let its lane know. No venue is called here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction

from ledger import lanes
from ledger.domain.policy import Mode
from ledger.models import Notice
from ledger.services.notices import notify
from signals import codec, parsing, scrubbing, secrets_store
from signals.dialects.base import opens
from signals.intents import Action
from signals.interpret import Interpretation, Route, interpret
from signals.models import Delivery, Endpoint, EndpointSecret, Signal
from signals.problems import Problem
from signals.relay import hint_after_commit
from signals.services.patience import limit_lock_waits, with_patience

log = structlog.get_logger(__name__)
S = Signal.Status


class Verdict(StrEnum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request's alert as it came in. path_secret, endpoint: what the address named, None if it didn't."""

    body: bytes
    received_at: datetime
    route: Route = Route.WEBHOOK
    path_secret: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to a delivery. signal: the row's id, of a duplicate the first one's, None if none was stored."""

    verdict: Verdict
    signal: int | None = None
    status: str = ""
    reason_code: str = ""
    reason: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A sender whose secret was right, and all the secrets that must not be stored."""

    endpoint: Endpoint
    secret: EndpointSecret
    hidden: tuple[str, ...]


def receive_alert(arrival: Arrival) -> Receipt:
    """Store an alert whose sender is known and return what to answer.

    One Signal row for each delivery of a known sender, none for strangers. Safe to repeat: the second run of a
    delivery that was committed finds itself as a duplicate. Raises StoreUnavailable if nothing could be stored in time.
    """
    try:
        payload: dict[str, Any] | None = parsing.parse(arrival.body, limit=settings.INTAKE_MAX_BODY_BYTES)
        problem = None
    except Problem as found:
        payload, problem = None, found
    return with_patience(partial(_receive, arrival, payload, problem))


def _receive(arrival: Arrival, payload: dict[str, Any] | None, problem: Problem | None) -> Receipt:
    known = _authenticate(arrival, payload)
    if known is None:
        if problem is not None and arrival.path_secret is None:
            return Receipt(verdict=Verdict.INVALID, problem=problem)
        return Receipt(verdict=Verdict.STRANGER)
    body = scrubbing.scrub_text(arrival.body.decode("utf-8", "replace"), known.hidden)
    if payload is None:
        return _store_invalid(arrival, known, body, _scrubbed(problem, known) if problem else Problem("NOT_JSON"))
    payload = scrubbing.scrub_value(parsing.without_secrets(payload), known.hidden)
    fingerprint = parsing.fingerprint(payload, scope="study" if arrival.route is Route.STUDY else "")
    try:
        meaning = _interpret(arrival, known, payload)
    except Problem as found:
        return _store_invalid(arrival, known, body, found, fingerprint)
    return _store(arrival, known, body, fingerprint, meaning)


def _authenticate(arrival: Arrival, payload: dict[str, Any] | None) -> _Known | None:
    """Return who sent the alert, None for strangers, with the same work for every kind of stranger."""
    said, fits = _said(arrival, payload)
    candidates = ([] if arrival.path_secret is None else [arrival.path_secret]) + said
    rows = secrets_store.find([text.encode("utf-8", "replace") for text in candidates], now=arrival.received_at)
    valid = [row for row in rows if row is not None]
    if payload is None and arrival.path_secret is None:
        # A body that can't be parsed trades nothing: one right secret is enough to keep it for its owner.
        fits = bool(valid)
    else:
        fits = fits and bool(rows) and len(valid) == len(rows) and len({row.endpoint_id for row in valid}) == 1
    if not fits or (arrival.endpoint is not None and valid[0].endpoint.name != arrival.endpoint):
        return None
    return _Known(endpoint=valid[0].endpoint, secret=valid[0], hidden=tuple(candidates))


def _said(arrival: Arrival, payload: dict[str, Any] | None) -> tuple[list[str], bool]:
    """Return the secrets that the body gives, and whether they agree and are texts."""
    if payload is None:
        return ([], True) if arrival.path_secret is not None else (scrubbing.secrets_in_bytes(arrival.body), True)
    values = [payload[name] for name in parsing.SECRET_FIELDS if name in payload]
    texts = list(dict.fromkeys(value for value in values if isinstance(value, str)))
    return texts, len(texts) <= 1 and all(isinstance(value, str) for value in values)


def _interpret(arrival: Arrival, known: _Known, payload: dict[str, Any]) -> Interpretation:
    try:
        return interpret(endpoint=known.endpoint, payload=payload, route=arrival.route, now=arrival.received_at)
    except (Problem, DatabaseError, InterfaceError):
        raise
    except Exception:
        # A fault of ours must not become a 500, which TradingView would repeat: it is stored, explained and logged.
        log.exception("interpretation_failed", endpoint=known.endpoint.name)
        raise Problem(
            "INTERNAL_ERROR", "", "the alert could not be interpreted: a fault of ours", "See the log, and report it."
        ) from None


def _scrubbed(problem: Problem, known: _Known) -> Problem:
    """Return a problem of a body that was judged before its secret was known."""
    clean = partial(scrubbing.scrub_text, secrets=known.hidden)
    return Problem(problem.code, clean(problem.field), clean(problem.message), problem.remedy)


def _store_invalid(arrival: Arrival, known: _Known, body: str, problem: Problem, fingerprint: str = "") -> Receipt:
    with transaction.atomic():
        limit_lock_waits()
        signal = _create(
            arrival,
            known,
            body,
            status=S.EXPIRED if problem.expired else S.INVALID,
            fingerprint=fingerprint,
            done_at=arrival.received_at,
            reason_code=problem.code,
            reason=problem.message,
            remedy=problem.remedy,
        )
        _announce(signal, f"signal {signal.pk} of {known.endpoint.name} refused: {problem.message}")
        secrets_store.mark_used(known.secret, now=arrival.received_at)
    return Receipt(verdict=Verdict.INVALID, signal=signal.pk, status=signal.status, problem=problem)


def _store(arrival: Arrival, known: _Known, body: str, fingerprint: str, meaning: Interpretation) -> Receipt:
    endpoint = known.endpoint
    facts = {
        "strategy": meaning.strategy,
        "symbol": meaning.intent.symbol,
        "intent": codec.dump(meaning.intent),
        "ignored_fields": [name[:128] for name in meaning.ignored_fields],
        "alert_at": meaning.intent.at,
        "own_id": meaning.own_id,
        "fingerprint": fingerprint,
    }
    with transaction.atomic():
        limit_lock_waits()
        if not endpoint.enabled:
            signal = _refuse_disabled(arrival, known, body, facts)
        else:
            delivery, first = _claim(arrival, endpoint, fingerprint=fingerprint, meaning=meaning)
            if first is not None:
                return _store_duplicate(arrival, known, body, facts, first)
            signal = _store_new(arrival, known, body, facts, meaning)
            if delivery is not None:
                Delivery.objects.filter(pk=delivery.pk).update(signal=signal)
        secrets_store.mark_used(known.secret, now=arrival.received_at)
    return Receipt(
        verdict=Verdict.ACCEPTED,
        signal=signal.pk,
        status=signal.status,
        reason_code=signal.reason_code,
        reason=signal.reason,
    )


def _claim(
    arrival: Arrival, endpoint: Endpoint, *, fingerprint: str, meaning: Interpretation
) -> tuple[Delivery | None, Delivery | None]:
    """Take the delivery's key: return (ours, None), or (None, the one that took it first).

    The window of a content is counted from its first delivery, not from the last and not by the clock's minutes, so
    that resends can't fall on two sides of an edge. The unique constraint and a compare-and-set decide between twins.
    An exit that FAILED may be sent again at once: it can only shrink a position, and must not be held back.
    """
    own_id = meaning.own_id
    window = endpoint.duplicate_window_s
    window = settings.INTAKE_DUPLICATE_WINDOW_S if window is None else window
    if not own_id and window == 0:
        return None, None
    key = f"id:{own_id}" if own_id else f"fp:{fingerprint}"
    try:
        with transaction.atomic():
            return Delivery.objects.create(endpoint=endpoint, key=key, first_at=arrival.received_at), None
    except IntegrityError:
        taken = Delivery.objects.select_related("signal").get(endpoint=endpoint, key=key)
    failed = taken.signal is not None and taken.signal.status == S.FAILED and not opens(meaning.intent)
    # A clock that was set back makes the age negative: still the same delivery.
    recent = bool(own_id) or arrival.received_at - taken.first_at < timedelta(seconds=window)
    if recent and not failed:
        return None, taken
    again = Delivery.objects.filter(pk=taken.pk, first_at=taken.first_at)
    if again.update(first_at=arrival.received_at):
        return taken, None
    return None, Delivery.objects.get(pk=taken.pk)


def _store_duplicate(arrival: Arrival, known: _Known, body: str, facts: dict[str, Any], first: Delivery) -> Receipt:
    """Store that the alert was delivered again; this row acts on nothing."""
    gap = (arrival.received_at - first.first_at).total_seconds()
    what = "the same id as" if facts["own_id"] else "the same content as"
    signal = _create(
        arrival,
        known,
        body,
        status=S.DUPLICATE,
        duplicate_of_id=first.signal_id,
        done_at=arrival.received_at,
        reason_code="DUPLICATE",
        reason=f"{what} signal {first.signal_id}, {gap:.1f} s after it",
        **facts,
    )
    return Receipt(verdict=Verdict.DUPLICATE, signal=first.signal_id or signal.pk, status=signal.status)


def _refuse_disabled(arrival: Arrival, known: _Known, body: str, facts: dict[str, Any]) -> Signal:
    signal = _create(
        arrival,
        known,
        body,
        status=S.REFUSED,
        done_at=arrival.received_at,
        reason_code="ENDPOINT_DISABLED",
        reason=f"the endpoint {known.endpoint.name} is switched off",
        remedy="Enable the endpoint, then replay the signal if it is still wanted.",
        **facts,
    )
    _announce(signal, f"signal {signal.pk} refused: {signal.reason}")
    return signal


def _store_new(arrival: Arrival, known: _Known, body: str, facts: dict[str, Any], meaning: Interpretation) -> Signal:
    intent, strategy = meaning.intent, meaning.strategy
    if intent.action is Action.INFO:
        signal = _create(
            arrival,
            known,
            body,
            status=S.DONE,
            done_at=arrival.received_at,
            reason_code="ANNOUNCED",
            reason="announced only: no order was asked for",
            **facts,
        )
        _announce(signal, f"{strategy.name}: {intent.symbol or 'alert'} {intent.note}".strip())
        return signal
    if strategy.mode == Mode.APPROVE and opens(intent):
        # What shrinks a position never waits for a person.
        signal = _create(arrival, known, body, status=S.AWAITING_APPROVAL, **facts)
        notify(
            level=Notice.Level.WARNING,
            code="APPROVAL_WANTED",
            message=f"signal {signal.pk} of {strategy.name} waits for approval: {intent.action} {intent.symbol}",
            account=strategy.account,
        )
        return signal
    # The lane before the signal: its row lock keeps the order of ids and of commits the same within a lane.
    lane = lanes.touch(account_id=strategy.account_id, symbol=intent.symbol, at=arrival.received_at)
    signal = _create(arrival, known, body, status=S.RECEIVED, lane=lane, **facts)
    hint_after_commit(lane.pk)
    return signal


def _create(arrival: Arrival, known: _Known, body: str, **values: Any) -> Signal:
    for name, most in (("reason_code", 48), ("reason", 500), ("remedy", 500)):
        values[name] = _clean(str(values.get(name, "")), known.hidden)[:most]
    return Signal.objects.create(
        endpoint=known.endpoint,
        dialect=known.endpoint.dialect,
        body=body,
        received_at=arrival.received_at,
        **{"strategy": known.endpoint.strategy, **values},
    )


def _clean(text: str, hidden: Collection[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, scrubbing.HIDDEN) if secret else text
    return text.replace("\x00", "�")


def _announce(signal: Signal, message: str) -> None:
    notify(level=Notice.Level.INFO, code=signal.reason_code, message=message[:500], account=signal.strategy.account)
