"""From an authenticated payload to what it asks for, of which strategy, on which contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from exchange import clock
from ledger.models import Strategy
from signals import sanity, symbols, tickers
from signals.dialects import DIALECTS
from signals.dialects.base import AlertSerializer, Given, check_ignored, opens, read
from signals.intents import Action, Intent
from signals.models import Endpoint
from signals.parsing import without_secrets
from signals.problems import Problem, shown


class Route(StrEnum):
    """The ways in; all but WEBHOOK belong to one dialect, and STUDY only announces."""

    WEBHOOK = "webhook"
    ORDER = "order"
    STUDY = "study"
    BALANCE = "balance"


DIALECT_OF_ROUTE = {
    Route.ORDER: "strategy_alert", Route.STUDY: "strategy_alert", Route.BALANCE: "balance_percentage",
}  # fmt: skip
# Our names of what sanity speaks about, in each dialect.
_SUBJECTS = {
    "stop": ("stop", "stop_loss", "sl", "long_sl", "short_sl"),
    "target": ("targets", "take_profit", "tp", "long_tp", "short_tp"),
    "leverage": ("leverage",),
    "time": ("time",),
    "price": ("price", "entry_price"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """What an alert means. own_id: the alert's own id, "" if it has none. ignored_fields: those without effect."""

    intent: Intent
    strategy: Strategy
    own_id: str = ""
    ignored_fields: tuple[str, ...] = ()


def interpret(
    *, endpoint: Endpoint, payload: dict[str, Any], route: str = Route.WEBHOOK, now: datetime | None = None
) -> Interpretation:
    """Return what a payload asks for at an endpoint; reads rows, asks no venue.

    now: when the alert arrived (default: this moment). Raises Problem with what is wrong and how to mend it.
    """
    payload = without_secrets(payload)
    if route == Route.STUDY:
        _check_route(endpoint, route)
        return _announcement(endpoint, payload)
    _check_route(endpoint, route)
    reading = read(DIALECTS[endpoint.dialect], payload, strict=endpoint.strict)
    alert = reading.alert
    strategy = _strategy(endpoint, alert.validated_data.get("subaccount"))
    intent = _intent(alert, strategy)
    own_id = str(alert.validated_data.get("id") or "")
    if opens(intent):
        _check_entry(alert, reading.doubt, intent, strategy, now or clock.now())
        check_ignored(reading, intent)
    return Interpretation(intent=intent, strategy=strategy, own_id=own_id, ignored_fields=reading.ignored)


def _check_route(endpoint: Endpoint, route: str) -> None:
    wanted = DIALECT_OF_ROUTE.get(Route(route))
    if wanted and endpoint.dialect != wanted:
        raise Problem(
            "WRONG_ROUTE", "", f"this address takes {wanted} alerts, {endpoint.name} speaks {endpoint.dialect}",
            "Post to /webhook with the endpoint's secret instead.",
        )  # fmt: skip


def _strategy(endpoint: Endpoint, label: object) -> Strategy:
    """Return the strategy that a `subaccount` label means; without one, the endpoint's."""
    if label is None or label == "":
        return endpoint.strategy
    if isinstance(label, str) and label.isprintable() and len(label) <= 64:
        route = endpoint.routes.filter(label=label).select_related("strategy__account").first()
        if route is not None:
            return route.strategy
        if label in (endpoint.strategy.name, endpoint.strategy.account.name):
            return endpoint.strategy
    raise Problem(
        "UNKNOWN_SUBACCOUNT", "subaccount", f"no strategy of this endpoint is called {shown(label)}",
        "Add a route with this label to the endpoint, or correct the label.",
    )  # fmt: skip


def _intent(alert: AlertSerializer, strategy: Strategy) -> Intent:
    """Return the alert's intent with the venue's symbol.

    The intent is built twice: what it asks for decides whether the symbol must be open for trading.
    """
    account = strategy.account
    data = alert.validated_data
    field = alert.external_name("symbol")
    draft = alert.to_intent(Given(symbol="", market=account.market))
    if draft.action is Action.INFO:
        symbol = _best_effort_symbol(data["symbol"], strategy)
    else:
        ticker = tickers.read_ticker(data["symbol"], field=field)
        exchange = data.get("exchange")
        if exchange is not None:
            name = exchange if isinstance(exchange, str) else shown(exchange)
            tickers.check_exchange(name, symbols.exchanges_of(account), field="exchange")
        symbol = symbols.resolve(ticker, account=account, opens=opens(draft), field=field)
    return alert.to_intent(Given(symbol=symbol, market=account.market))


def _check_entry(
    alert: AlertSerializer, doubt: Problem | None, intent: Intent, strategy: Strategy, now: datetime
) -> None:
    if doubt is not None:
        raise doubt
    given = alert.initial_data
    names = {
        subject: alert.external_name(name)
        for subject, ours in _SUBJECTS.items()
        for name in ours
        if given.get(name) is not None
    }
    sanity.check_entry(
        intent,
        market=strategy.account.market,
        max_leverage=strategy.max_leverage,
        max_age_s=strategy.max_age_s,
        now=now,
        names=names,
    )


def _announcement(endpoint: Endpoint, payload: dict[str, Any]) -> Interpretation:
    """Return an intent that only tells people; a study alert needs nothing but to be an object."""
    ticker = payload.get("ticker", payload.get("symbol"))
    try:
        strategy = _strategy(endpoint, payload.get("subaccount"))
    except Problem:
        strategy = endpoint.strategy
    said = [payload.get(name) for name in ("action", "message", "type", "price")]
    note = " ".join(str(part) for part in said if part is not None)[:500]
    intent = Intent(action=Action.INFO, symbol=_best_effort_symbol(ticker, strategy), note=note)
    return Interpretation(intent=intent, strategy=strategy)


def _best_effort_symbol(value: object, strategy: Strategy) -> str:
    """Return the symbol if it is one; an announcement trades nothing, so that a ticker of anywhere may stand in it."""
    try:
        ticker = tickers.read_ticker(value)
        return symbols.resolve(ticker, account=strategy.account, opens=False, field="symbol")
    except Problem:
        return ""
