"""What all dialects share: names, strictness, and the road from a payload to an Intent."""

from __future__ import annotations

import difflib
import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from rest_framework import serializers

from exchange.types import Direction, Market
from signals.dialects.fields import Moment, Raw
from signals.intents import Action, Intent
from signals.problems import Problem, shown

BUY_SELL = {"buy": Direction.LONG, "sell": Direction.SHORT}
LONG_SHORT = {"long": Direction.LONG, "short": Direction.SHORT}
# Fields of any dialect that size an entry: where unknown they would be ignored, and the entry get another size.
SIZE_FIELDS = frozenset({
    "buy_quote_amount", "buy_quote_pct", "buy_base_amount", "sell_quote_amount", "sell_base_pct", "sell_base_amount",
    "balance_percentage", "quantity_percent", "quote_amount", "base_amount", "balance_fraction", "position_fraction",
    "margin", "risk_fraction",
})  # fmt: skip
# Parts of names under which a stop or a target is sent somewhere, and whole names to compare spellings with.
PROTECTIVE_PARTS = re.compile(r"(?:sl|tp|stop|stops|trail|trailing|target|targets|stoploss|takeprofit)[0-9]{0,2}")
PROTECTIVE = ("stop", "stops", "stoploss", "stopprice", "stoplossprice", "takeprofit", "takeprofits", "takeprofitprice",
              "target", "targets", "targetprice", "longsl", "shortsl", "longtp", "shorttp", "trailingstop",
              "longbreakeven", "shortbreakeven")  # fmt: skip
_BARE = re.compile(r"(?:long|short)?(?:sl|tp)[0-9]{0,2}(?:price|pct|percent|mult|close|level)?")
_PARTS = re.compile(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*(?![a-z])")
NAME_RATIO = 0.84
TIME_NAMES = ("timenow", "timestamp", "time")
DOUBTFUL = ("time", "price")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a dialect must know beside the alert: the venue's symbol and the kind of market."""

    symbol: str
    market: Market


class AlertSerializer(serializers.Serializer[Any]):
    """Base of the dialects: one serializer each, one Intent for all.

    strict: unknown fields are refused unless the endpoint says otherwise. aliases: other names of a field.
    harmless: fields that the dialect's senders add and that mean nothing to us. collected: what `collect` makes,
    and the first field that it is made of.
    """

    strict: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {}
    harmless: ClassVar[frozenset[str]] = frozenset()
    ticker_field: ClassVar[str] = "symbol"
    collected: ClassVar[dict[str, str]] = {}

    symbol = Raw()
    exchange = Raw(required=False)
    subaccount = Raw(required=False)
    time = Moment(required=False)

    names: dict[str, str]

    @classmethod
    def relevant(cls, values: dict[str, Any]) -> set[str]:
        """Return the fields that count for what this alert asks; the others are left unread. Default: all."""
        return set(values)

    @classmethod
    def collect(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Gather fields whose names are numbered into one; the rest stays as it is."""
        return values

    @abstractmethod
    def to_intent(self, given: Given) -> Intent:
        """Return what the validated alert asks for."""

    def external_name(self, name: str) -> str:
        """Return the name that the alert used for one of our fields."""
        return self.names.get(name, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An alert that a dialect could read.

    ignored: its fields without effect. unknown: those of them that the dialect never declared. doubt: what is wrong
    with its time or price, which an entry must answer for and an exit need not.
    """

    alert: AlertSerializer
    ignored: tuple[str, ...]
    unknown: tuple[str, ...]
    doubt: Problem | None


def read(dialect: type[AlertSerializer], payload: dict[str, Any], *, strict: bool | None = None) -> Reading:
    """Validate a payload (without secrets) with a dialect; raises Problem naming the first field that is wrong."""
    values, names, ignored = _canonical(dialect, payload)
    values = dialect.collect(values)
    declared = set(dialect().get_fields())
    unknown = [name for name in values if name not in declared]
    if strict if strict is not None else dialect.strict:
        _refuse_unknown(dialect, [names.get(name, name) for name in unknown])
    relevant = dialect.relevant({name: value for name, value in values.items() if name in declared})
    sent = names | dialect.collected
    ignored += [sent[name] for name in values if name not in relevant and name in sent]
    alert = dialect(data={})
    alert.names = {name: name for name in declared} | _preferred(dialect) | names | dialect.collected
    data = {name: value for name, value in values.items() if name in relevant}
    doubt = _take_doubtful(alert, data)
    alert.initial_data = data
    if not alert.is_valid():
        raise _first_error(alert)
    return Reading(alert=alert, ignored=tuple(sorted(set(ignored))), unknown=tuple(unknown), doubt=doubt)


def _take_doubtful(alert: AlertSerializer, data: dict[str, Any]) -> Problem | None:
    """Take a time or price out of the data that isn't one: an exit must not fail for what it doesn't need."""
    first: Problem | None = None
    for name in DOUBTFUL:
        if name in data and name in alert.fields:
            try:
                alert.fields[name].run_validation(data[name])
            except Problem as problem:
                first = first or problem
                del data[name]
    return first


def _canonical(
    dialect: type[AlertSerializer], payload: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Return the values by our names, the alert's name of each, and the names that another one stood in for."""
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    ignored: list[str] = []
    times = [name for name in TIME_NAMES if payload.get(name) is not None]
    for external, value in payload.items():
        if external in TIME_NAMES:
            # Several times may come along; {{timenow}} is the one that tells the age.
            if times and external != times[0]:
                ignored.append(external)
                continue
            name = "time"
        else:
            name = dialect.aliases.get(external, external)
        if name in values and values[name] is not None and value is not None and values[name] != value:
            raise Problem(
                "CONFLICTING_FIELDS", external[:64], f"{shown(names[name])} and {shown(external)} say different things",
                "Send one of them.",
            )  # fmt: skip
        if values.get(name) is None:
            values[name], names[name] = value, external
    return values, names, ignored


def _preferred(dialect: type[AlertSerializer]) -> dict[str, str]:
    """Return the name by which a field is asked for when the alert lacks it: an alias, if ours can't be sent."""
    found = {name: alias for alias, name in dialect.aliases.items() if " " in alias}
    return {**found, "symbol": dialect.ticker_field}


def _refuse_unknown(dialect: type[AlertSerializer], unknown: list[str]) -> None:
    refused = [name for name in unknown if name not in dialect.harmless]
    sizes = [name for name in refused if name in SIZE_FIELDS]
    if sizes:
        raise Problem("SIZE_CONFLICT", sizes[0], _size_message(sizes[0]), "Send only this dialect's size field.")
    if refused:
        names = ", ".join(shown(name) for name in refused[:5])
        raise Problem(
            "UNKNOWN_FIELD", _ascii(refused[0]), f"unknown field {names}",
            "Remove it, correct its spelling, or switch the endpoint's strict mode off to have it ignored.",
        )  # fmt: skip


def check_ignored(reading: Reading, intent: Intent) -> None:
    """Refuse an entry whose ignored fields may have been its stop, its target or its size.

    In lenient mode unknown fields have no effect; a misspelt stop must still never become "no stop".
    """
    if not opens(intent):
        return
    for name in reading.unknown:
        if name in SIZE_FIELDS:
            raise Problem("SIZE_CONFLICT", name, _size_message(name), "Send only this dialect's size field.")
        if name in reading.alert.harmless or name.startswith("_"):
            continue
        meant = looks_protective(name)
        if meant:
            known = sorted(reading.alert.names[field] for field in reading.alert.names if looks_protective(field))
            raise Problem(
                "MISSPELT_PROTECTION", _ascii(name),
                f"{shown(name)} looks like a stop or a target, but this dialect doesn't know it",
                f"This dialect's fields are: {', '.join(dict.fromkeys(known)) or 'none'}.",
            )  # fmt: skip


def opens(intent: Intent) -> bool:
    """Tell whether the intent may open or enlarge a position."""
    if intent.action is Action.TARGET:
        return intent.direction is not None
    return intent.action in (Action.OPEN, Action.ADD)


def looks_protective(name: str) -> bool:
    """Tell whether a field's name is, or nearly is, one that stops and targets have in some dialect."""
    if any(PROTECTIVE_PARTS.fullmatch(part.lower()) for part in _PARTS.findall(name)):
        return True
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    if any(word in bare for word in ("stoploss", "takeprofit")) or _BARE.fullmatch(bare):
        return True
    return len(bare) > 3 and bool(difflib.get_close_matches(bare[:40], PROTECTIVE, n=1, cutoff=NAME_RATIO))


def _size_message(name: str) -> str:
    return f"{name} is another sizing method: an alert may size its order in one way only"


def _first_error(alert: AlertSerializer) -> Problem:
    field, details = next(iter(alert.errors.items()))
    name = alert.external_name(str(field))
    detail = details[0] if isinstance(details, list) and details else str(details)
    if getattr(detail, "code", "") in ("required", "null"):
        return Problem("MISSING_FIELD", name, f"{name} is missing", f"Send the field {name}.")
    return Problem("BAD_FIELD", name, f"{name}: {detail}", "Correct the field.")


def _ascii(name: str) -> str:
    return name[:64].encode("ascii", "replace").decode()
