"""A paper account in exactly the state that an example begins with, and what reaches the venue from there on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import time_machine
from django.test import Client

from exchange.clients import get_client
from exchange.clock import now
from exchange.models import RULE_FIELDS, Account, Instrument, TickerAlias, Venue
from exchange.paper_prices import set_price
from exchange.paper_rows import PaperOrder
from exchange.types import Market
from ledger.models import Strategy, Trade
from signals.dry_run import dry_run
from signals.models import Endpoint, Signal
from signals.parsing import SECRET_FIELDS
from signals.secrets_store import add_secret
from tests.flows.house import work_until_quiet
from tests.signals.examples import worlds

ALERTS: dict[str, Any] = json.loads((Path(__file__).parent / "alerts.json").read_text())
SECRET = "a-secret-of-enough-length-for-examples"
RULES = {Market.SPOT: worlds.SPOT, Market.USDM: worlds.USDM}
UNLISTED = frozenset({"BTCUSDC"})  # only where an example says so
ALERT_AT = datetime.fromisoformat("2026-06-15T23:31:30Z")  # 8 s after the time that alerts with a time bear


@dataclass(frozen=True, kw_only=True)
class World:
    """What an example is given. prices: of the market, by symbol. label: the subaccount that alerts may name.

    own_account: the label's strategy has an account of its own; without it the endpoint's strategy is meant.
    """

    dialect: str
    prices: Mapping[str, str]
    balances: Mapping[str, str]
    venue: str = Venue.PAPER_USDM
    hedge: bool = False
    strategy: Mapping[str, Any] = field(default_factory=dict)
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    label: str = "Testing"
    own_account: bool = False
    address: str = "/webhook"


class Bench:
    """The world of one example at work. account: the one that the example trades on."""

    def __init__(self, world: World, clock: time_machine.Traveller) -> None:
        self.world = world
        self.clock = clock
        self._list_instruments()
        self.account = self._account(world.label)
        self.strategy = Strategy.objects.create(name="example", account=self.account, **world.strategy)
        self.bystander = self._account("somebody-else") if world.own_account else None
        first = self.strategy
        if self.bystander is not None:
            first = Strategy.objects.create(name="first", account=self.bystander, **world.strategy)
        self.endpoint = Endpoint.objects.create(name="example", strategy=first, dialect=world.dialect, **world.endpoint)
        if self.bystander is not None:
            self.endpoint.routes.create(label=world.label, strategy=self.strategy)
        add_secret(self.endpoint, SECRET)
        for symbol, price in world.prices.items():
            set_price(self.account.market, symbol, Decimal(price))

    def _list_instruments(self) -> None:
        world = self.world
        for symbol, rules in RULES[Venue(world.venue).market].items():
            if symbol not in UNLISTED or symbol in world.listed:
                values = {name: getattr(rules, name) for name in RULE_FIELDS if name != "symbol"}
                Instrument.objects.create(venue=world.venue, symbol=symbol, **values)
        TickerAlias.objects.create(venue=world.venue, ticker="BTCPERP", symbol="BTCUSDT")

    def _account(self, name: str) -> Account:
        return Account.objects.create(
            name=name,
            venue=self.world.venue,
            hedge_mode=self.world.hedge,
            paper_balances=dict(self.world.balances),
            maker_fee=Decimal(0),
            taker_fee=Decimal(0),
            slippage_bps=Decimal(0),
        )

    # ── the alert's side ──────────────────────────────────────────────────────────────────────────────────────
    def post(self, payload: Any, *, address: str | None = None) -> Any:
        """Deliver a payload as TradingView does and return the answer."""
        kind = "application/json" if isinstance(payload, dict) else "text/plain"
        return Client().post(address or self.world.address, body_of(payload), content_type=kind)

    def send(self, payload: Mapping[str, Any]) -> Signal:
        """Deliver an alert that leads up to the example and let everything happen that follows from it."""
        answer = self.post(dict(payload))
        assert answer.status_code == 202, answer.content
        work_until_quiet()
        signal = Signal.objects.get(pk=answer.json()["signal"])
        assert signal.status == "DONE", (signal.reason_code, signal.reason)
        return signal

    def predict(self, payload: Any, *, route: str) -> dict[str, Any]:
        return dry_run(endpoint=self.endpoint, body=body_of(payload), now=now(), route=route)

    # ── the venue's side ──────────────────────────────────────────────────────────────────────────────────────
    def price(self, symbol: str, value: str) -> None:
        """Move the market and let everybody react."""
        set_price(self.account.market, symbol, Decimal(value))
        work_until_quiet()

    def orders(self) -> list[PaperOrder]:
        """Return every order that ever reached the venue, oldest first."""
        return list(PaperOrder.objects.filter(account=self.account).order_by("number"))

    def resting(self) -> list[str]:
        return [told(order) for order in self.orders() if order.open]

    def free(self, asset: str) -> Decimal:
        return next(b.free for b in get_client(self.account).get_balances() if b.asset == asset)

    def trade(self) -> Trade:
        return Trade.objects.filter(account=self.account).latest("id")


def told(order: PaperOrder) -> str:
    return _sentence(
        type_=order.type, side=order.side, quantity=plain(order.quantity), symbol=order.symbol,
        price=plain(order.price), trigger=plain(order.trigger_price), position_side=order.position_side,
        reduce_only=order.reduce_only,
    )  # fmt: skip


def told_row(row: Mapping[str, Any]) -> str:
    """Return a row of a preview in the words of `told`."""
    return _sentence(
        type_=row["type"], side=row["side"], quantity=row["quantity"], symbol=row["symbol"], price=row["price"],
        trigger=row["trigger_price"], position_side=row["position_side"], reduce_only=row["reduce_only"],
    )  # fmt: skip


def _sentence(
    *,
    type_: str,
    side: str,
    quantity: str | None,
    symbol: str,
    price: str | None,
    trigger: str | None,
    position_side: str,
    reduce_only: bool,
) -> str:
    """Return an order in one line that leaves nothing out; one-way mode (BOTH) goes without saying."""
    text = f"{type_} {side} {quantity} {symbol}"
    text += f" @ {price}" if price is not None else ""
    text += f" at {trigger}" if trigger is not None else ""
    text += f" {position_side}" if position_side != "BOTH" else ""
    return f"{text} reduce-only" if reduce_only else text


def plain(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def body_of(payload: Any) -> bytes:
    """Return the bytes of an alert: a payload that is text is the body itself."""
    return payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()


def alert(name: str) -> Any:
    """Return the example's payload with a secret that is right where it has one that should be."""
    payload = ALERTS[name]
    if not isinstance(payload, dict):
        return payload
    return {key: SECRET if key in SECRET_FIELDS and value == "<secret>" else value for key, value in payload.items()}
