"""Entry and exit events with a second entry.

`event` ENTRY or EXIT, `symbol`, `signal_side` LONG or SHORT (an EXIT without it closes whatever is held). An ENTRY has
`order_subtype` primary_entry (default), second_entry (an add at the second price, else the entry price) or dca_fill (a
notice that the venue's own fill makes needless: protection is checked, nothing ordered), `entry_price` (the limit),
`second_entry_price`, `stop_loss` and `take_profit`; null, "null", "NaN", "na" and "" count as absent in the last
three. `timestamp` tells the age. The many informational fields of this dialect's Pine scripts, and every field that
begins with an underscore, have no effect.
"""

from __future__ import annotations

from typing import Any, ClassVar

from exchange.types import Direction, OrderType
from signals.dialects.base import AlertSerializer, Given
from signals.dialects.fields import Moment, Number, Raw, Word
from signals.intents import Action, Intent, TargetSpec
from signals.problems import Problem

SUBTYPES = {"primary_entry": Action.OPEN, "second_entry": Action.ADD, "dca_fill": Action.CHECK}


class EntryExitAlert(AlertSerializer):
    """The dialect `entry_exit`."""

    strict: ClassVar[bool] = False
    aliases: ClassVar[dict[str, str]] = {"ticker": "symbol"}
    harmless: ClassVar[frozenset[str]] = frozenset({
        "payload_version", "timeframe", "average_entry_price", "second_entry_filled", "reduce_only", "order_type",
        "bar_index", "account_size", "risk_per_trade", "leverage", "position_size_usd", "margin_used",
        "contract_quantity", "dca_level_type", "indicator", "indicators", "quality_score", "exit_reason",
    })  # fmt: skip

    event = Word({"ENTRY": "ENTRY", "EXIT": "EXIT"})
    symbol = Raw()
    order_subtype = Raw(required=False)
    signal_side = Word({side.value: side for side in Direction}, required=False)
    entry_price = Number(required=False, words_absent=True)
    second_entry_price = Number(required=False, words_absent=True)
    stop_loss = Number(required=False, words_absent=True)
    take_profit = Number(required=False, words_absent=True, zero_absent=True)
    exit_price = Raw(required=False)
    time = Moment(required=False)

    @classmethod
    def relevant(cls, values: dict[str, Any]) -> set[str]:
        always = {"event", "symbol", "signal_side", "exchange", "subaccount", "time"}
        event = values.get("event")
        if isinstance(event, str) and event.strip().lower() == "exit":
            return always
        return always | {"order_subtype", "entry_price", "second_entry_price", "stop_loss", "take_profit"}

    def to_intent(self, given: Given) -> Intent:
        data = self.validated_data
        side, at = data.get("signal_side"), data.get("time")
        if data["event"] == "EXIT":
            return Intent(action=Action.CLOSE, symbol=given.symbol, direction=side, at=at, note="EXIT")
        if side is None:
            raise Problem("MISSING_FIELD", "signal_side", "signal_side is missing", "Send LONG or SHORT.")
        action, subtype = self._subtype()
        if action is Action.CHECK:
            return Intent(action=action, symbol=given.symbol, direction=side, at=at, note=subtype)
        price, second = data.get("entry_price"), data.get("second_entry_price")
        if price is None:
            raise Problem(
                "MISSING_FIELD", "entry_price", "entry_price is missing", "Send the limit price of the entry."
            )
        if action is Action.ADD:
            price, second = second or price, None
        target = data.get("take_profit")
        return Intent(
            action=action,
            symbol=given.symbol,
            direction=side,
            order_type=OrderType.LIMIT,
            price=price,
            second_price=second,
            stop_price=data.get("stop_loss"),
            targets=(TargetSpec(price=target),) if target is not None else (),
            at=at,
            note=subtype,
        )

    def _subtype(self) -> tuple[Action, str]:
        value = self.validated_data.get("order_subtype")
        word = "primary_entry" if value is None else value.strip().lower() if isinstance(value, str) else ""
        if word not in SUBTYPES:
            names = ", ".join(SUBTYPES)
            raise Problem(
                "UNKNOWN_ORDER_SUBTYPE",
                "order_subtype",
                f"order_subtype of an ENTRY must be one of {names}",
                f"Send {names}.",
            )
        return SUBTYPES[word], word
