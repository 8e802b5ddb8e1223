"""Strategy alerts whose `message` decides: entry, exit, anything ending in "breakeven", else announced only.

`ticker`, `action` (buy is long, sell is short; it counts for entries only), `price` (the limit price of a limit entry,
otherwise the reference), `type` market (default) or limit, `exchange`, `time`, and for an entry the acting side's pair
`long SL` / `long TP` or `short SL` / `short TP`; the other pair is left unread. A TP of 0 or null means "no target".
`tp Close` (percent of the position) with `tp1 Mult`, `tp2 Mult`, … (multiples of the stop distance, counted until the
first missing number) add partial targets before the TP, which takes the rest. `long Breakeven` / `short Breakeven` are
the stops that a breakeven message moves to. `subaccount` names the strategy. `chart_url` is stored, never fetched.
Unknown fields are ignored, unless they look like a misspelt stop or target. An entry that carries any stop field must
carry its own side's: half a template must not become a position without a stop.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar

from exchange.types import Direction, OrderType
from signals.dialects.base import BUY_SELL, AlertSerializer, Given
from signals.dialects.fields import Moment, Number, Percent, Raw, Text, Word
from signals.intents import Action, Intent, TargetSpec
from signals.problems import Problem

MOST_TARGETS = 20
_MULT = re.compile(r"tp([1-9][0-9]?) Mult", re.ASCII)
_LEVELS = {
    "long SL": "long_sl", "long TP": "long_tp", "short SL": "short_sl", "short TP": "short_tp",
    "long Breakeven": "long_breakeven", "short Breakeven": "short_breakeven", "tp Close": "tp_close",
}  # fmt: skip
ALWAYS = {"symbol", "message", "exchange", "subaccount", "time", "price"}


def meaning(message: object) -> Action:
    """Return what a message asks for."""
    word = message.strip().lower() if isinstance(message, str) else ""
    if word == "entry":
        return Action.OPEN
    if word == "exit":
        return Action.CLOSE
    return Action.BREAKEVEN if word.endswith("breakeven") else Action.INFO


class Multiples(Raw):
    """The multiples of `tp1 Mult`, `tp2 Mult`, … in order, until the first that is missing."""

    def to_internal_value(self, data: Any) -> list[Decimal]:
        found: list[Decimal] = []
        while (number := len(found) + 1) in data and data[number] is not None:
            field = Number()
            field.field_name = f"tp{number} Mult"
            found.append(field.run_validation(data[number]))
        return found


class StrategyAlert(AlertSerializer):
    """The dialect `strategy_alert`."""

    strict: ClassVar[bool] = False
    aliases: ClassVar[dict[str, str]] = {"ticker": "symbol", **_LEVELS}
    harmless: ClassVar[frozenset[str]] = frozenset({"chart_url"})
    ticker_field: ClassVar[str] = "ticker"
    collected: ClassVar[dict[str, str]] = {"multiples": "tp1 Mult"}

    symbol = Raw()
    message = Text(most=200)
    # Only an entry has a direction: an exit's "sell" is the order that closes a long.
    action = Word(BUY_SELL, required=False)
    type = Word({"market": OrderType.MARKET, "limit": OrderType.LIMIT}, required=False)
    price = Number(required=False)
    long_sl = Number(required=False)
    long_tp = Number(required=False, zero_absent=True)
    short_sl = Number(required=False)
    short_tp = Number(required=False, zero_absent=True)
    long_breakeven = Number(required=False, zero_absent=True)
    short_breakeven = Number(required=False, zero_absent=True)
    tp_close = Percent(required=False, zero_absent=True)
    multiples = Multiples(required=False)
    chart_url = Raw(required=False)
    time = Moment(required=False)

    @classmethod
    def collect(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "long_sl" in values or "short_sl" in values:
            values = {"long_sl": None, "short_sl": None, **values}
        numbered = {int(match.group(1)): name for name in values if (match := _MULT.fullmatch(name))}
        if not numbered:
            return values
        rest = {name: value for name, value in values.items() if name not in numbered.values()}
        return {**rest, "multiples": {number: values[name] for number, name in numbered.items()}}

    @classmethod
    def relevant(cls, values: dict[str, Any]) -> set[str]:
        action = meaning(values.get("message"))
        if action is Action.OPEN:
            word = values.get("action")
            direction = BUY_SELL.get(word.strip().lower()) if isinstance(word, str) else None
            pair = {f"{side}_{level}" for side in _sides(direction) for level in ("sl", "tp")}
            return ALWAYS | {"action", "type", "tp_close", "multiples"} | pair
        if action is Action.BREAKEVEN:
            return ALWAYS | {"long_breakeven", "short_breakeven"}
        return ALWAYS if action is Action.CLOSE else {"symbol", "message", "subaccount"}

    def to_intent(self, given: Given) -> Intent:
        data = self.validated_data
        action = meaning(data["message"])
        common: dict[str, Any] = {
            "action": action, "symbol": given.symbol, "price": data.get("price"), "at": data.get("time"),
            "note": data["message"],
        }  # fmt: skip
        if action is not Action.OPEN:
            return Intent(
                breakeven_long=data.get("long_breakeven"), breakeven_short=data.get("short_breakeven"), **common
            )
        direction: Direction | None = data.get("action")
        if direction is None:
            raise Problem(
                "MISSING_FIELD", "action", "action is missing: an entry needs buy or sell", "Send the field action."
            )
        targets = self._targets(direction)
        return Intent(
            direction=direction,
            order_type=data.get("type") or OrderType.MARKET,
            stop_price=self._stop(direction),
            targets=targets,
            no_targets=not targets and f"{direction.lower()}_tp" in data,
            **common,
        )

    def _stop(self, direction: Direction) -> Decimal | None:
        name = f"{direction.lower()}_sl"
        stop: Decimal | None = self.validated_data.get(name)
        if stop is None and name in self.validated_data:
            field = f"{direction.lower()} SL"
            raise Problem(
                "STOP_MISSING",
                field,
                f"the alert has stop fields, but no {field} for this entry",
                f"Send {field} as a price.",
            )
        return stop

    def _targets(self, direction: Direction) -> tuple[TargetSpec, ...]:
        data = self.validated_data
        multiples, close = data.get("multiples") or [], data.get("tp_close")
        price: Decimal | None = data.get(f"{direction.lower()}_tp")
        if multiples and close is None:
            raise Problem(
                "MISSING_FIELD",
                "tp Close",
                "tp1 Mult needs tp Close, the percent closed at each target",
                "Send tp Close.",
            )
        share = close / 100 if close is not None else Decimal(0)
        taken = share * len(multiples)
        if taken > 1:
            raise Problem(
                "SHARES_ABOVE_ONE", "tp Close", f"{len(multiples)} targets of {close} % exceed the position",
                "Lower tp Close, or send fewer tpN Mult.",
            )  # fmt: skip
        targets = [TargetSpec(r=multiple, share=share) for multiple in multiples]
        if price is not None and taken < 1:
            targets.append(TargetSpec(price=price))
        return tuple(targets)


def _sides(direction: Direction | None) -> tuple[str, ...]:
    return (direction.lower(),) if direction else ("long", "short")
