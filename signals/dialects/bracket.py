"""A market entry with its stop and target, all three or nothing.

`symbol`, `action` LONG or SHORT (buy and sell are taken as their other names, in any case), `tp` and `sl` as prices,
both required. The size is the strategy's (usually a fraction of the free balance, times leverage). Optional: `price`
(the alert's price: both levels are checked against it), `time`. There is no exit in this dialect: the bracket is the
exit. Strict.
"""

from __future__ import annotations

from typing import ClassVar

from exchange.types import Direction, OrderType
from signals.dialects.base import BUY_SELL, AlertSerializer, Given
from signals.dialects.fields import Moment, Number, Raw, Word
from signals.intents import Action, Intent, TargetSpec


class BracketAlert(AlertSerializer):
    """The dialect `bracket`."""

    strict: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {"ticker": "symbol"}

    symbol = Raw()
    action = Word({**{side.value: side for side in Direction}, **BUY_SELL})
    tp = Number()
    sl = Number()
    price = Number(required=False)
    time = Moment(required=False)

    def to_intent(self, given: Given) -> Intent:
        data = self.validated_data
        return Intent(
            action=Action.OPEN,
            symbol=given.symbol,
            direction=data["action"],
            order_type=OrderType.MARKET,
            price=data.get("price"),
            stop_price=data["sl"],
            targets=(TargetSpec(price=data["tp"]),),
            at=data.get("time"),
        )
