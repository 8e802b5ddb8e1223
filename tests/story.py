"""One alert with everything that it led to, for tests of pages and routes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from exchange.types import OrderStatus
from ledger.domain.plan import LegKind
from ledger.models import Leg, Order, Trade
from signals.models import Endpoint, Signal
from tests.factories import (
    T0,
    AccountFactory,
    EndpointFactory,
    FillFactory,
    LegFactory,
    NoticeFactory,
    OrderEventFactory,
    OrderFactory,
    SignalFactory,
    StrategyFactory,
    TradeFactory,
)

API_KEY = "key-id-of-the-account-0123456789"
API_SECRET = "canary-secret-of-the-account"
HOSTILE = "<img src=x onerror=y()>"  # fits the shortest column of text that an alert reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The rows of one alert."""

    endpoint: Endpoint
    signal: Signal
    trade: Trade
    entry: Order
    stop: Order


def tell(*, symbol: str = "BTCUSDT", name: str = "story", body: str | None = None) -> Story:
    """Make an entry of 0.02 at 60 000 that is protected by a stop at 59 000 and has one target."""
    account = AccountFactory(name=f"{name}-account", api_key=API_KEY, api_secret=API_SECRET)
    strategy = StrategyFactory(name=f"{name}-strategy", account=account)
    endpoint = EndpointFactory(name=f"{name}-endpoint", strategy=strategy)
    trade = TradeFactory(
        strategy=strategy,
        symbol=symbol,
        status=Trade.Status.OPEN,
        quantity=Decimal("0.020"),
        entered_quantity=Decimal("0.020"),
        entry_price=Decimal("60000.10"),
        reference_price=Decimal("60000.00"),
        fees={"USDT": "0.600001"},
        opened_at=T0 + timedelta(milliseconds=80),
        protected_at=T0 + timedelta(milliseconds=120),
    )
    entry = _order(trade, LegKind.ENTRY, OrderStatus.FILLED, quantity=Decimal("0.020"), filled=Decimal("0.020"))
    FillFactory(order=entry, quantity=Decimal("0.020"), price=Decimal("60000.10"), fee=Decimal("0.600001"))
    stop = _order(trade, LegKind.SL, OrderStatus.ACCEPTED, quantity=Decimal("0.020"), trigger=Decimal("59000.0"))
    _order(trade, LegKind.TP, OrderStatus.ACCEPTED, quantity=Decimal("0.020"), trigger=Decimal("62000.0"))
    OrderEventFactory(order=entry, from_status="SUBMITTING", to_status="FILLED", source="answer")
    NoticeFactory(code="PROTECTED", message="The stop is at the venue.", trade=trade, account=account)
    signal = SignalFactory(
        endpoint=endpoint,
        symbol=symbol,
        status=Signal.Status.DONE,
        reason_code="OPENED",
        reason="Opened LONG 0.020 BTC.",
        trade=trade,
        body='{"action": "open", "size": 0.100, "note": "plain"}' if body is None else body,
        intent={
            "action": "OPEN", "symbol": symbol, "direction": "LONG", "sizing": {"method": "margin", "amount": "10"},
        },
        plan={
            "outcome": "OPEN",
            "code": "OPENED",
            "reason": "Opened LONG 0.020 BTC.",
            "remedy": "",
            "reference_price": "60000.00",
            "leverage": 10,
            "orders": [
                {
                    "leg": "entry", "role": "ENTRY", "symbol": symbol, "side": "BUY", "position_side": "BOTH",
                    "type": "MARKET", "quantity": "0.020", "price": None, "trigger_price": None, "reduce_only": False,
                },
            ],
            "notes": ["Rounded down to the step 0.001."],
        },
        started_at=T0 + timedelta(milliseconds=20),
        planned_at=T0 + timedelta(milliseconds=30),
        done_at=T0 + timedelta(milliseconds=130),
    )  # fmt: skip
    return Story(endpoint=endpoint, signal=signal, trade=trade, entry=entry, stop=stop)


def _order(
    trade: Trade,
    kind: LegKind,
    status: OrderStatus,
    *,
    quantity: Decimal,
    filled: Decimal = Decimal(0),
    trigger: Decimal | None = None,
) -> Order:
    leg: Leg = LegFactory(trade=trade, kind=kind, trigger_price=trigger)
    return OrderFactory(
        leg=leg,
        status=status,
        quantity=quantity,
        filled_quantity=filled,
        average_price=Decimal("60000.10") if filled else None,
        trigger_price=trigger,
        submitted_at=T0 + timedelta(milliseconds=40),
        acknowledged_at=T0 + timedelta(milliseconds=70),
    )
