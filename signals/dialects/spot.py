"""Spot alerts with six amounts: one text serves both directions, the acting side's one amount counts.

`action` buy or sell; `symbol`; of `buy_quote_amount` (spend this much quote), `buy_base_amount` (buy this much base)
and `buy_quote_pct` (spend this fraction of the free quote) exactly one for a buy; of `sell_base_pct` (sell this
fraction of the holding), `sell_base_amount` and `sell_quote_amount` (sell enough to receive it) exactly one for a sell.
The other side's fields are left unread; null counts as absent, an empty text does not. `type` may only say SPOT;
`leverage` is accepted and means nothing. Optional: `price` (for the slippage limit), `time`. Strict.
"""

from __future__ import annotations

from typing import Any, ClassVar

from exchange.types import Direction, Market, OrderType
from ledger.domain.policy import Sizing, SizingMethod
from signals.dialects.base import AlertSerializer, Given
from signals.dialects.fields import Fraction, Moment, Number, Raw, Word
from signals.intents import Action, Intent
from signals.problems import Problem

AMOUNTS = {
    "buy": {
        "buy_quote_amount": SizingMethod.QUOTE_AMOUNT,
        "buy_base_amount": SizingMethod.BASE_AMOUNT,
        "buy_quote_pct": SizingMethod.BALANCE_FRACTION,
    },
    "sell": {
        "sell_quote_amount": SizingMethod.QUOTE_AMOUNT,
        "sell_base_amount": SizingMethod.BASE_AMOUNT,
        "sell_base_pct": SizingMethod.POSITION_FRACTION,
    },
}
OTHER = {"buy": "sell", "sell": "buy"}


class SpotAlert(AlertSerializer):
    """The dialect `spot`."""

    strict: ClassVar[bool] = True

    action = Word({"buy": "buy", "sell": "sell"})
    symbol = Raw()
    type = Word({"spot": "SPOT"}, required=False)
    buy_quote_amount = Number(required=False)
    buy_base_amount = Number(required=False)
    buy_quote_pct = Fraction(required=False)
    sell_quote_amount = Number(required=False)
    sell_base_amount = Number(required=False)
    sell_base_pct = Fraction(required=False)
    leverage = Raw(required=False)
    price = Number(required=False)
    time = Moment(required=False)

    @classmethod
    def relevant(cls, values: dict[str, Any]) -> set[str]:
        action = values.get("action")
        other = OTHER.get(action.strip().lower()) if isinstance(action, str) else None
        dropped = {"leverage", *(AMOUNTS[other] if other else ())}
        return set(values) - dropped

    def to_intent(self, given: Given) -> Intent:
        data = self.validated_data
        if given.market is not Market.SPOT:
            raise Problem(
                "NOT_A_SPOT_ACCOUNT", "action", "these amounts are for spot, but the strategy's account trades futures",
                "Send the alert to a strategy on a spot account, or use another dialect.",
            )  # fmt: skip
        side = data["action"]
        buys = side == "buy"
        return Intent(
            action=Action.OPEN if buys else Action.SELL,
            symbol=given.symbol,
            direction=Direction.LONG,
            order_type=OrderType.MARKET,
            price=data.get("price"),
            sizing=self._sizing(side),
            at=data.get("time"),
        )

    def _sizing(self, side: str) -> Sizing:
        methods = AMOUNTS[side]
        given = [name for name in methods if self.validated_data.get(name) is not None]
        names = ", ".join(methods)
        if not given:
            raise Problem(
                "SIZE_MISSING", next(iter(methods)), f"a {side} needs one of {names}", f"Send one of {names}."
            )
        if len(given) > 1:
            raise Problem(
                "SIZE_CONFLICT",
                given[1],
                f"only one of {names} may be given, not {' and '.join(given)}",
                "Send one of them.",
            )
        return Sizing(method=methods[given[0]], amount=self.validated_data[given[0]])
