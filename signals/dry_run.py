"""What an alert would do now: the same steps as the real thing, without a row being written or an order sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from exchange.errors import ExchangeError
from exchange.registry import UnknownVenue
from ledger.context import build_context
from ledger.domain.plan import Outcome
from ledger.domain.policy import Mode
from signals import codec, outcomes, parsing
from signals.dialects.base import opens
from signals.intents import Action
from signals.interpret import Interpretation, Route, interpret
from signals.models import Endpoint
from signals.planner import plan
from signals.preview import preview
from signals.problems import Problem

INVALID = "INVALID"


def dry_run(*, endpoint: Endpoint, body: bytes, now: datetime, route: str = Route.WEBHOOK) -> dict[str, Any]:
    """Return what `Signal.plan` would hold, with the intent, ignored fields and strategy beside it.

    A secret in the body is neither needed nor checked: whoever may ask for a dry run has been authenticated.
    An alert that can't be understood has the outcome INVALID, and `field` names where. route: a `Route`.
    """
    try:
        payload = parsing.without_secrets(parsing.parse(body))
        found = interpret(endpoint=endpoint, payload=payload, route=route, now=now)
    except Problem as problem:
        return _answer(outcome=INVALID, field=problem.field, **_told(problem.code, problem.message, problem.remedy))
    beside = {
        "intent": codec.dump(found.intent),
        "ignored_fields": list(found.ignored_fields),
        "strategy": found.strategy.name,
    }
    if found.intent.action is Action.INFO:
        # Trades nothing, so its symbol need not be one of the venue.
        return _answer(outcome=Outcome.NOTHING, **_told("ANNOUNCED", "for information only", ""), **beside)
    try:
        context = build_context(strategy=found.strategy, symbol=found.intent.symbol, received_at=now, now=now)
    except UnknownVenue as exc:
        return _answer(outcome=Outcome.REFUSE, **_told("UNKNOWN_VENUE", str(exc), ""), **beside)
    except ExchangeError as exc:
        message = f"{found.strategy.account} could not be asked for price and funds: {exc}"
        told = _told("VENUE_UNREACHABLE", message, "Try again; for a paper symbol, wait until it has a price.")
        return _answer(outcome=Outcome.REFUSE, **told, **beside)
    decision = plan(found.intent, context)
    answer = _answer(**outcomes.record(decision), orders=preview(decision, context), **beside)
    answer["notes"] = [*answer["notes"], *_notes(endpoint, found, decision.outcome)]
    return answer


def _told(code: str, reason: str, remedy: str) -> dict[str, str]:
    return {"code": code, "reason": reason, "remedy": remedy}


def _answer(**given: Any) -> dict[str, Any]:
    """Return the answer with every key that a client can count on."""
    empty: dict[str, Any] = {
        "outcome": INVALID, "code": "", "field": "", "reason": "", "remedy": "", "reference_price": None,
        "leverage": None, "trades": [], "orders": [], "notes": [], "intent": None, "ignored_fields": [], "strategy": "",
    }  # fmt: skip
    answer = {**empty, **given}
    answer["outcome"] = str(answer["outcome"])
    return answer


def _notes(endpoint: Endpoint, found: Interpretation, outcome: Outcome) -> list[str]:
    """Return what would keep these orders from being sent although the plan is good."""
    notes = []
    if not endpoint.enabled:
        notes.append(f"the endpoint {endpoint} is disabled: the alert itself would be refused")
    if outcome is not Outcome.REFUSE and found.strategy.mode == Mode.APPROVE and opens(found.intent):
        notes.append("the strategy asks a person first: nothing is sent before an approval")
    if outcome is Outcome.CLOSE_FIRST:
        notes.append("these trades are closed first; what follows is decided with the funds that this frees")
    return notes
