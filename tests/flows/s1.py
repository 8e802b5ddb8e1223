"""What the tests of costly failures share: a house, its roles, time, and other hands at the venue."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import time_machine

from exchange.clients import get_client
from exchange.paper_rows import PaperOrder
from exchange.types import OrderRequest, OrderType, Side
from tests.flows.house import House, wake_all, work_until_quiet

D = Decimal


class Died(BaseException):
    """The process is gone."""


def new_house(**fields: Any) -> House:
    return House(
        strategy_fields={
            "sizing_method": "balance_fraction",
            "sizing_amount": D("0.1"),
            "leverage": 5,
            "take_profits": [{"pct": "1", "share": "0.5"}, {"pct": "2"}],
            "stop_pct": D("1"),
            **fields,
        }
    )


def role(word: str) -> Callable[[tuple[Any, ...]], bool]:
    return lambda arguments: f"-{word}" in arguments[0].client_order_id


def pass_time(clock: time_machine.Traveller, *pauses: float) -> None:
    for pause in pauses:
        clock.shift(pause)
        wake_all()
        work_until_quiet()


def by_hand(house: House, side: Side, quantity: str) -> None:
    get_client(house.account).submit_order(
        OrderRequest(
            client_order_id=f"by-hand-{PaperOrder.objects.count()}",
            symbol="BTCUSDT",
            side=side,
            type=OrderType.MARKET,
            quantity=D(quantity),
        )
    )
