"""A whole house in one test process: endpoint, strategy, paper account, and a worker that runs until all is quiet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.test import Client

from exchange.clock import now
from exchange.models import Account, Instrument, Venue
from exchange.paper_prices import set_price
from exchange.services import refresh_instruments
from exchange.streams import StreamSupervisor
from exchange.types import OrderStatus
from ledger import lanes
from ledger.domain.order_state import LIVE
from ledger.models import Lane, Order, Strategy, Trade
from ledger.services.reports import apply_income, apply_report
from signals.models import Dialect, Endpoint, Signal
from signals.secrets_store import add_secret
from signals.worker import work_lane

SECRET = "flow-test-secret-of-enough-length"


_deaf = False


@contextmanager
def deaf() -> Iterator[None]:
    """Cut the stream: what the venue tells is heard only afterwards, so that recovery has to ask."""
    global _deaf
    _deaf = True
    try:
        yield
    finally:
        _deaf = False


def hear() -> int:
    """Hand what the paper venue has to tell to the ledger, as the stream process does; return how much it was."""
    if _deaf:
        return 0
    return StreamSupervisor(
        on_report=lambda account_id, report: apply_report(account_id=account_id, report=report, source="stream"),
        on_income=lambda account_id, report: apply_income(account_id=account_id, report=report),
    ).deliver()


def work_until_quiet(rounds: int = 60) -> None:
    """Do what stream and workers do until no lane is due and the venue has nothing to tell."""
    for _ in range(rounds):
        heard = hear()
        due = lanes.list_due(now=now())
        for lane_id in due:
            work_lane(lane_id)
        if not heard and not due:
            return
    raise AssertionError(f"not quiet after {rounds} rounds: {list(Lane.objects.values())}")


def wake_all() -> None:
    """Let the time pass that lanes wait for: all that sleep are due now."""
    Lane.objects.filter(wake_at__isnull=False).update(wake_at=now() - timedelta(milliseconds=1))


@dataclass
class House:
    """One account, strategy and endpoint, and short ways to use them."""

    dialect: str = Dialect.NATIVE
    venue: str = Venue.PAPER_USDM
    balances: dict[str, str] = field(default_factory=lambda: {"USDT": "10000"})
    prices: dict[str, str] = field(default_factory=lambda: {"BTCUSDT": "50000"})
    account_fields: dict[str, Any] = field(default_factory=dict)
    strategy_fields: dict[str, Any] = field(default_factory=dict)
    name: str = "flow"

    def __post_init__(self) -> None:
        self.account = Account.objects.create(
            name=f"{self.name}-account",
            venue=self.venue,
            paper_balances=self.balances,
            **{"maker_fee": Decimal(0), "taker_fee": Decimal(0), "slippage_bps": Decimal(0), **self.account_fields},
        )
        refresh_instruments(self.account)
        for symbol, price in self.prices.items():
            set_price(self.account.market, symbol, Decimal(price))
        self.strategy = Strategy.objects.create(name=self.name, account=self.account, **self.strategy_fields)
        self.endpoint = Endpoint.objects.create(name=self.name, strategy=self.strategy, dialect=self.dialect)
        self.secret = f"{SECRET}-{self.name}"
        add_secret(self.endpoint, self.secret)

    def post(self, **alert: Any) -> Any:
        """Deliver an alert to the endpoint's own address and return the answer."""
        return Client().post(f"/webhook/{self.secret}", json.dumps(alert), content_type="text/plain")

    def send(self, **alert: Any) -> Signal:
        """Deliver an alert, work until all is quiet, and return its signal."""
        answer = self.post(**alert)
        body = answer.json()
        assert "signal" in body, body
        work_until_quiet()
        return Signal.objects.get(pk=body["signal"])

    def price(self, value: str, symbol: str = "BTCUSDT") -> None:
        """Move the market and let everybody react."""
        set_price(self.account.market, symbol, Decimal(value))
        work_until_quiet()

    def trade(self) -> Trade:
        return Trade.objects.filter(account=self.account).latest("id")

    def live(self, *roles: str) -> list[tuple[str, str, str, str | None]]:
        """Return the live orders as (role, side, quantity, price or trigger), in the order of their making."""
        found = Order.objects.filter(account=self.account, status__in=[str(s) for s in LIVE]).order_by("id")
        return [_row(order) for order in found if not roles or order.role in roles]

    def sent(self, *roles: str) -> list[tuple[str, str, str, str | None]]:
        """Return all orders that ever reached the venue."""
        never = [OrderStatus.INITIALIZED, OrderStatus.DENIED]
        found = Order.objects.filter(account=self.account).exclude(status__in=never).order_by("id")
        return [_row(order) for order in found if not roles or order.role in roles]

    def rules(self, symbol: str, **values: Any) -> None:
        """Give an instrument other rules than the shipped ones."""
        Instrument.objects.filter(venue=self.venue, symbol=symbol).update(**values)


def _row(order: Order) -> tuple[str, str, str, str | None]:
    level = order.price if order.price is not None else order.trigger_price
    return (order.role, order.side, format(order.quantity, "f"), None if level is None else format(level, "f"))
