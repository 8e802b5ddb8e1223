"""Short ways to say a trade's state in tests."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

from exchange.types import Direction, InstrumentRules, Market, OrderStatus, OrderType, PositionSide
from ledger.domain.plan import LegKind
from ledger.domain.trade import LegView, OrderView, TradeState

D = Decimal
_ids = count(1)

BTC = InstrumentRules(
    symbol="BTCUSDT",
    market=Market.USDM,
    base_asset="BTC",
    quote_asset="USDT",
    margin_asset="USDT",
    tick_size=D("0.1"),
    step_size=D("0.001"),
    min_quantity=D("0.001"),
    min_notional=D("50"),
)
BTC_SPOT = InstrumentRules(
    symbol="BTCUSDT",
    market=Market.SPOT,
    base_asset="BTC",
    quote_asset="USDT",
    margin_asset="",
    tick_size=D("0.01"),
    step_size=D("0.00001"),
    min_quantity=D("0.00001"),
    min_notional=D("5"),
)


def order(kind: LegKind, index: int = 1, **fields: object) -> OrderView:
    """An order at rest unless said otherwise."""
    base: dict[str, object] = {
        "id": next(_ids),
        "kind": kind,
        "index": index,
        "status": OrderStatus.ACCEPTED,
        "type": OrderType.STOP_MARKET if kind is LegKind.SL else OrderType.TAKE_PROFIT_MARKET,
        "quantity": D("0.3"),
    }
    return OrderView(**{**base, **fields})  # type: ignore[arg-type]  # test shorthand


def entry(quantity: str = "0.3", *orders: OrderView, **fields: object) -> LegView:
    base: dict[str, object] = {
        "kind": LegKind.ENTRY,
        "index": 1,
        "order_type": OrderType.MARKET,
        "quantity": D(quantity),
        "orders": orders or (filled(LegKind.ENTRY, quantity),),
    }
    return LegView(**{**base, **fields})  # type: ignore[arg-type]  # test shorthand


def filled(kind: LegKind, quantity: str, index: int = 1, **fields: object) -> OrderView:
    return order(
        kind,
        index,
        **{
            "status": OrderStatus.FILLED,
            "quantity": D(quantity),
            "filled": D(quantity),
            "type": OrderType.MARKET,
            **fields,
        },
    )


def stop(trigger: str | None = "39800", *orders: OrderView, **fields: object) -> LegView:
    base: dict[str, object] = {
        "kind": LegKind.SL,
        "index": 1,
        "order_type": OrderType.STOP_MARKET,
        "trigger_price": D(trigger) if trigger else None,
        "orders": orders,
    }
    return LegView(**{**base, **fields})  # type: ignore[arg-type]  # test shorthand


def target(index: int, trigger: str | None, share: str | None, *orders: OrderView, **fields: object) -> LegView:
    base: dict[str, object] = {
        "kind": LegKind.TP,
        "index": index,
        "order_type": OrderType.TAKE_PROFIT_MARKET,
        "trigger_price": D(trigger) if trigger else None,
        "share": D(share) if share else None,
        "orders": orders,
    }
    return LegView(**{**base, **fields})  # type: ignore[arg-type]  # test shorthand


def state(*legs: LegView, held: str = "0.3", average: str | None = "40000", **fields: object) -> TradeState:
    base: dict[str, object] = {
        "direction": Direction.LONG,
        "position_side": PositionSide.BOTH,
        "market": Market.USDM,
        "rules": BTC,
        "reserves_balance": False,
        "legs": legs,
        "held": D(held),
        "entered": D(held),
        "average_price": D(average) if average else None,
    }
    return TradeState(**{**base, **fields})  # type: ignore[arg-type]  # test shorthand


SPOT: dict[str, Any] = {"market": Market.SPOT, "rules": BTC_SPOT, "reserves_balance": True}
