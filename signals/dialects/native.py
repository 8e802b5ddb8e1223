"""Our own dialect: says everything that an alert can ask for. Strict.

Which contract: `symbol` (or `ticker`), optionally `exchange`, `subaccount`.

What, by `action`:
- `long`, `short`, `flat`: be there. Idempotent: a repeated `long` while long does nothing, `short` while long closes
  first. Made for {{strategy.market_position}}.
- `buy` / `enter_long`, `sell` / `enter_short`, `entry` with `side`: open a trade (on a spot account `sell` sells).
- `add` (`side` optional): enlarge the open trade.
- `exit`, `close`, `exit_long`, `exit_short`, `close_long`, `close_short` (`side` optional): close, or only `fraction`.
- `breakeven`: move the stop to the average price, or to `price`.
- `check`: order nothing, verify the protection. `announce`: tell people only.

How to enter: `order_type` market or limit, `price` (limit price, otherwise the reference), `second_price` (a second
limit entry), `leverage` (1 to 125), and one size at most: `quote_amount`, `base_amount`, `balance_fraction`, `margin`
(quote, times leverage), `risk_fraction` (of the balance, lost at the stop). A spot sell: `fraction`, `base_amount` or
`quote_amount`.
How to leave: `stop` (price) or `stop_pct`; `take_profit` (price; 0 means none), or `targets`, a list of
`{"price" | "pct" | "r": number, "share": fraction or "rest"}` in order (`r`: multiples of the stop distance), empty for
none. What is not given is the strategy's. Fields that mean nothing for the action are left unread, so that one text can
serve every order of a strategy.

`id`: this alert's own id; a second alert with it does nothing, for ever. `time`: {{timenow}}. `note`: free text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from exchange.types import Direction, Market, OrderType
from ledger.domain.policy import Sizing, SizingMethod
from signals import numerals
from signals.dialects.base import BUY_SELL, LONG_SHORT, AlertSerializer, Given
from signals.dialects.fields import AlertField, Fraction, Leverage, Moment, Number, Percent, Raw, Text, Word
from signals.intents import Action, Intent, TargetSpec
from signals.problems import Problem, shown

MOST_TARGETS = 20
LONG, SHORT = Direction.LONG, Direction.SHORT
ACTIONS: dict[str, tuple[Action, Direction | None]] = {
    "long": (Action.TARGET, LONG),
    "short": (Action.TARGET, SHORT),
    "flat": (Action.TARGET, None),
    "entry": (Action.OPEN, None),
    "enter": (Action.OPEN, None),
    "buy": (Action.OPEN, LONG),
    "sell": (Action.OPEN, SHORT),
    "enter_long": (Action.OPEN, LONG),
    "enter_short": (Action.OPEN, SHORT),
    "add": (Action.ADD, None),
    "exit": (Action.CLOSE, None),
    "close": (Action.CLOSE, None),
    "exit_long": (Action.CLOSE, LONG),
    "exit_short": (Action.CLOSE, SHORT),
    "close_long": (Action.CLOSE, LONG),
    "close_short": (Action.CLOSE, SHORT),
    "breakeven": (Action.BREAKEVEN, None),
    "check": (Action.CHECK, None),
    "announce": (Action.INFO, None),
}
SIZES = {
    "quote_amount": SizingMethod.QUOTE_AMOUNT,
    "base_amount": SizingMethod.BASE_AMOUNT,
    "balance_fraction": SizingMethod.BALANCE_FRACTION,
    "margin": SizingMethod.MARGIN,
    "risk_fraction": SizingMethod.RISK_FRACTION,
}
SELL_SIZES = {
    "fraction": SizingMethod.POSITION_FRACTION,
    "base_amount": SizingMethod.BASE_AMOUNT,
    "quote_amount": SizingMethod.QUOTE_AMOUNT,
}
ALWAYS = {"symbol", "exchange", "subaccount", "action", "id", "time", "note"}
ENTRY = ALWAYS | {
    "side", "order_type", "price", "second_price", "stop", "stop_pct", "take_profit", "targets", "leverage", *SIZES,
}  # fmt: skip
READS: dict[Action, set[str]] = {
    Action.OPEN: ENTRY,
    Action.ADD: ENTRY,
    Action.TARGET: ENTRY - {"side"},
    Action.CLOSE: ALWAYS | {"side", "fraction", "price"},
    Action.BREAKEVEN: ALWAYS | {"side", "price"},
    Action.CHECK: ALWAYS | {"side"},
    Action.INFO: ALWAYS,
}


class OwnId(AlertField):
    """The alert's own id: a text, or a number as its digits."""

    def to_internal_value(self, data: Any) -> str:
        text = format(data, "f") if isinstance(data, Decimal) else data
        if not isinstance(text, str) or not 1 <= len(text) <= 128:
            raise self.problem(
                "BAD_ID", "must be a text of 1 to 128 characters", "Send an id that is unique to this alert."
            )
        return text


class Targets(AlertField):
    """A list of targets; each says where by one of price, pct and r, and how much by share."""

    def to_internal_value(self, data: Any) -> tuple[TargetSpec, ...]:
        if not isinstance(data, list) or len(data) > MOST_TARGETS:
            raise self.problem(
                "BAD_TARGETS",
                f"must be a list of at most {MOST_TARGETS} targets",
                'Send [{"price": 65000, "share": 0.5}].',
            )
        return tuple(self._target(item, f"targets[{number}]") for number, item in enumerate(data, start=1))

    def _target(self, item: Any, name: str) -> TargetSpec:
        if not isinstance(item, dict):
            raise Problem("BAD_TARGETS", name, f"{name} must be an object", 'Send {"price": 65000, "share": 0.5}.')
        unknown = sorted(set(item) - {"price", "pct", "r", "share"})
        if unknown:
            raise Problem(
                "UNKNOWN_FIELD",
                name,
                f"{name} has unknown fields: {shown(unknown[0])}",
                "Use price, pct or r, and share.",
            )
        where = [key for key in ("price", "pct", "r") if item.get(key) is not None]
        if len(where) != 1:
            raise Problem("BAD_TARGETS", name, f"{name} needs exactly one of price, pct and r", "Send one of them.")
        number = _inner(Number(), f"{name}.{where[0]}", item[where[0]])
        share = item.get("share")
        fraction = None if share is None or share == "rest" else _inner(Fraction(), f"{name}.share", share)
        return TargetSpec(**{where[0]: number}, share=fraction)


def _inner(field: Number, name: str, value: Any) -> Decimal:
    field.field_name = name
    number: Decimal = field.run_validation(value)
    return number


class NativeAlert(AlertSerializer):
    """The dialect `native`."""

    strict: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {"ticker": "symbol", "type": "order_type", "stop_loss": "stop"}

    symbol = Raw()
    action = Word({word: word for word in ACTIONS})
    side = Word({**LONG_SHORT, **BUY_SELL}, required=False)
    order_type = Word({"market": OrderType.MARKET, "limit": OrderType.LIMIT}, required=False)
    price = Number(required=False)
    second_price = Number(required=False)
    stop = Number(required=False)
    stop_pct = Percent(required=False)
    take_profit = Number(required=False, zero_absent=True)
    targets = Targets(required=False)
    quote_amount = Number(required=False)
    base_amount = Number(required=False)
    balance_fraction = Fraction(required=False)
    margin = Number(required=False)
    risk_fraction = Fraction(required=False)
    fraction = Fraction(required=False)
    leverage = Leverage(required=False)
    id = OwnId(required=False)
    time = Moment(required=False)
    note = Text(required=False, most=500)

    @classmethod
    def relevant(cls, values: dict[str, Any]) -> set[str]:
        word = values.get("action")
        action, direction = ACTIONS.get(word.strip().lower() if isinstance(word, str) else "", (Action.OPEN, LONG))
        if action is Action.TARGET and direction is None:
            return ALWAYS
        # A sell may turn out to be a spot sale, which has a fraction.
        return READS[action] | ({"fraction"} if word_is_sell(word) else set())

    def to_intent(self, given: Given) -> Intent:
        data = self.validated_data
        action, direction = ACTIONS[data["action"]]
        direction = self._direction(action, direction)
        common: dict[str, Any] = {
            "symbol": given.symbol, "direction": direction, "at": data.get("time"), "note": data.get("note") or "",
        }  # fmt: skip
        if data["action"] == "sell" and given.market is Market.SPOT:
            sizing = self._one_size(SELL_SIZES) or Sizing(method=SizingMethod.POSITION_FRACTION, amount=Decimal(1))
            common["direction"] = LONG
            return Intent(
                action=Action.SELL, order_type=OrderType.MARKET, price=data.get("price"), sizing=sizing, **common
            )
        if action in (Action.OPEN, Action.ADD) or (action is Action.TARGET and direction is not None):
            return self._entry(action, common)
        if action is Action.BREAKEVEN:
            price = data.get("price")
            return Intent(action=action, breakeven_long=price, breakeven_short=price, **common)
        return Intent(action=action, price=data.get("price"), close_fraction=data.get("fraction"), **common)

    def _direction(self, action: Action, said: Direction | None) -> Direction | None:
        side: Direction | None = self.validated_data.get("side")
        if side is not None and said is not None and side is not said:
            raise Problem(
                "CONFLICTING_FIELDS",
                "side",
                f"action {self.validated_data['action']} and side {side} disagree",
                "Drop side.",
            )
        direction = said or side
        if action is Action.OPEN and direction is None:
            raise Problem("MISSING_FIELD", "side", "side is missing: an entry needs long or short", "Send side.")
        return direction

    def _entry(self, action: Action, common: dict[str, Any]) -> Intent:
        data = self.validated_data
        if data.get("fraction") is not None:
            raise Problem("SIZE_CONFLICT", "fraction", "fraction sizes exits and spot sales", "Send balance_fraction.")
        if data.get("stop") is not None and data.get("stop_pct") is not None:
            raise Problem("CONFLICTING_FIELDS", "stop_pct", "stop and stop_pct are both given", "Send one of them.")
        targets, none = self._targets()
        return Intent(
            action=action,
            order_type=data.get("order_type"),
            price=data.get("price"),
            second_price=data.get("second_price"),
            sizing=self._one_size(SIZES),
            leverage=data.get("leverage"),
            stop_price=data.get("stop"),
            stop_pct=data.get("stop_pct"),
            targets=targets,
            no_targets=none,
            **common,
        )

    def _targets(self) -> tuple[tuple[TargetSpec, ...], bool]:
        data = self.validated_data
        listed: tuple[TargetSpec, ...] | None = data.get("targets")
        shorthand = data.get("take_profit")
        if listed is not None and shorthand is not None:
            raise Problem(
                "CONFLICTING_FIELDS", "targets", "take_profit and targets are both given", "Send one of them."
            )
        if listed is not None:
            return listed, not listed
        if shorthand is not None:
            return (TargetSpec(price=shorthand),), False
        zero = numerals.from_value(self.initial_data.get("take_profit")) == 0
        return (), zero

    def _one_size(self, methods: dict[str, SizingMethod]) -> Sizing | None:
        given = [name for name in methods if self.validated_data.get(name) is not None]
        if len(given) > 1:
            raise Problem("SIZE_CONFLICT", given[1], f"{' and '.join(given)} are both given", "Send one size.")
        return Sizing(method=methods[given[0]], amount=self.validated_data[given[0]]) if given else None


def word_is_sell(word: object) -> bool:
    return isinstance(word, str) and word.strip().lower() == "sell"
