"""Entries sized as a fraction of the free balance, times leverage.

`symbol`, `action` buy or long, sell or short, close (or exit). `balance_percentage` (`quantity_percent`): a fraction
above 0 and at most 1 (0.25 is 25 percent; 25 is refused); without it the strategy's sizing applies. `leverage`: 1 to
125, without it the strategy's. `entry` (or `price`) is a reference, never a limit price. `sl` / `stop_loss` and `tp` /
`take_profit` are prices, `sl_percent` and `tp_percent` percents of the entry; without them the strategy's exits apply.
`time` tells the age. A close leaves everything but the symbol unread. On a spot account a sell reduces the holding, by
that fraction of it. The old field `quantity` is refused: its senders mean coins, this dialect once read a share of the
balance. Other unknown fields are ignored, unless they look like a misspelt stop or target.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from exchange.types import Direction, Market, OrderType
from ledger.domain.policy import Sizing, SizingMethod
from signals.dialects.base import AlertSerializer, Given
from signals.dialects.fields import Fraction, Leverage, Moment, Number, Percent, Raw, Word
from signals.intents import Action, Intent, TargetSpec
from signals.problems import Problem

ACTIONS: dict[str, Direction | None] = {
    "buy": Direction.LONG, "sell": Direction.SHORT, "long": Direction.LONG, "short": Direction.SHORT,
    "close": None, "exit": None,
}  # fmt: skip
CLOSING = ("close", "exit")


class BalancePercentageAlert(AlertSerializer):
    """The dialect `balance_percentage`."""

    strict: ClassVar[bool] = False
    aliases: ClassVar[dict[str, str]] = {
        "ticker": "symbol", "quantity_percent": "balance_percentage", "entry": "price", "sl": "stop_loss",
        "tp": "take_profit",
    }  # fmt: skip

    symbol = Raw()
    action = Word({word: word for word in ACTIONS})
    balance_percentage = Fraction(required=False)
    quantity = Raw(required=False)
    leverage = Leverage(required=False)
    price = Number(required=False, zero_absent=True)
    stop_loss = Number(required=False)
    take_profit = Number(required=False, zero_absent=True)
    sl_percent = Percent(required=False)
    tp_percent = Percent(required=False, most=None)
    time = Moment(required=False)

    @classmethod
    def relevant(cls, values: dict[str, Any]) -> set[str]:
        action = values.get("action")
        if isinstance(action, str) and action.strip().lower() in CLOSING:
            return {"symbol", "action", "exchange", "subaccount", "time", "price"}
        return set(values)

    def to_intent(self, given: Given) -> Intent:
        data = self.validated_data
        common: dict[str, Any] = {"symbol": given.symbol, "price": data.get("price"), "at": data.get("time")}
        direction = ACTIONS[data["action"]]
        if direction is None:
            return Intent(action=Action.CLOSE, **common)
        if data.get("quantity") is not None:
            raise Problem(
                "QUANTITY_AMBIGUOUS",
                "quantity",
                "quantity is no field of this dialect: is it coins, or a share of the balance?",
                "Send balance_percentage (0.25 is 25 % of the free balance), or base_amount in the native dialect.",
            )
        share: Decimal | None = data.get("balance_percentage")
        if given.market is Market.SPOT and direction is Direction.SHORT:
            sizing = Sizing(method=SizingMethod.POSITION_FRACTION, amount=share if share is not None else Decimal(1))
            return Intent(
                action=Action.SELL, direction=Direction.LONG, order_type=OrderType.MARKET, sizing=sizing, **common
            )
        return Intent(
            action=Action.OPEN,
            direction=direction,
            order_type=OrderType.MARKET,
            sizing=None if share is None else Sizing(method=SizingMethod.BALANCE_FRACTION, amount=share),
            leverage=data.get("leverage"),
            stop_price=data.get("stop_loss"),
            stop_pct=self._percent("sl_percent", "stop_loss"),
            targets=self._targets(),
            **common,
        )

    def _percent(self, name: str, other: str) -> Decimal | None:
        percent: Decimal | None = self.validated_data.get(name)
        if percent is not None and self.validated_data.get(other) is not None:
            raise Problem(
                "CONFLICTING_FIELDS",
                name,
                f"{name} and {self.external_name(other)} are both given",
                "Send one of them.",
            )
        return percent

    def _targets(self) -> tuple[TargetSpec, ...]:
        percent = self._percent("tp_percent", "take_profit")
        if percent is not None:
            return (TargetSpec(pct=percent),)
        price = self.validated_data.get("take_profit")
        return (TargetSpec(price=price),) if price is not None else ()
