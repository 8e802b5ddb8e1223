"""Rows for tests: each factory makes a consistent whole (a fill with its order, leg, trade and account)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import factory as factory_boy
from factory.django import DjangoModelFactory

from exchange import crypto
from exchange.models import Account, Instrument, Venue
from exchange.types import Direction, Liquidity, OrderStatus, OrderType, PositionSide, Side
from ledger.domain.plan import LegKind
from ledger.models import EquitySnapshot, Fill, Income, Lane, Leg, Notice, Order, OrderEvent, Strategy, Trade
from signals.models import Dialect, Endpoint, EndpointSecret, Signal

_LEG_TYPES = {
    LegKind.ENTRY: OrderType.MARKET,
    LegKind.DCA: OrderType.LIMIT,
    LegKind.SL: OrderType.STOP_MARKET,
    LegKind.TP: OrderType.TAKE_PROFIT_MARKET,
    LegKind.EXIT: OrderType.MARKET,
}

# Its declarations carry no types.
factory: Any = factory_boy

# One fixed moment, so that no test depends on the day it runs.
T0 = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)

SECRET = "correct-horse-battery-staple"

# What differs from the BTCUSDT perpetual below. Numbers chosen for easy sums by hand.
_RULES: dict[str, dict[str, str]] = {
    "BTCUSDT": {"base_asset": "BTC", "tick_size": "0.1", "step_size": "0.001", "min_quantity": "0.001"},
    "ETHUSDT": {"base_asset": "ETH", "tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001"},
    "SOLUSDT": {"base_asset": "SOL", "tick_size": "0.01", "step_size": "0.01", "min_quantity": "0.01"},
    "XRPUSDT": {"base_asset": "XRP", "tick_size": "0.0001", "step_size": "0.1", "min_quantity": "0.1"},
    "DOGEUSDT": {"base_asset": "DOGE", "tick_size": "0.00001", "step_size": "1", "min_quantity": "1"},
}


Row = TypeVar("Row")

if TYPE_CHECKING:

    class Factory(Generic[Row]):
        """Makes rows; what factory_boy does, with the types that it does not declare."""

        def __new__(cls, **values: Any) -> Row: ...  # type: ignore[misc]  # a call makes a row

        @classmethod
        def build(cls, **values: Any) -> Row: ...

        @classmethod
        def create_batch(cls, size: int, **values: Any) -> list[Row]: ...

else:
    Factory = DjangoModelFactory


def after_creation(function: Callable[..., None]) -> Any:
    """Run the function on the new row; an argument of its name is handed to it as `extracted`."""
    return factory.post_generation(function)


class AccountFactory(Factory[Account]):
    """A paper futures account; `venue=Venue.PAPER_SPOT` for spot."""

    class Meta:
        model = Account

    name = factory.Sequence(lambda n: f"account-{n}")
    venue = Venue.PAPER_USDM
    paper_balances = factory.LazyFunction(lambda: {"USDT": "10000"})


class InstrumentFactory(Factory[Instrument]):
    """The instrument of a venue; the one that exists is returned, so that it may be asked for twice."""

    class Meta:
        model = Instrument
        django_get_or_create = ("venue", "symbol")

    venue = Venue.PAPER_USDM
    symbol = "BTCUSDT"
    base_asset = factory.LazyAttribute(lambda o: _rule(o.symbol, "base_asset"))
    quote_asset = "USDT"
    margin_asset = factory.LazyAttribute(lambda o: "" if str(o.venue).endswith("_spot") else o.quote_asset)
    tick_size = factory.LazyAttribute(lambda o: Decimal(_rule(o.symbol, "tick_size")))
    step_size = factory.LazyAttribute(lambda o: Decimal(_rule(o.symbol, "step_size")))
    min_quantity = factory.LazyAttribute(lambda o: Decimal(_rule(o.symbol, "min_quantity")))
    max_quantity = Decimal(100000)
    min_notional = Decimal(5)


class StrategyFactory(Factory[Strategy]):
    class Meta:
        model = Strategy

    name = factory.Sequence(lambda n: f"strategy-{n}")
    account = factory.SubFactory(AccountFactory)
    sizing_method = "quote_amount"
    sizing_amount = Decimal(100)


class EndpointFactory(Factory[Endpoint]):
    """An endpoint with one valid secret: `secret=` the text, else `SECRET` for a test's first endpoint."""

    class Meta:
        model = Endpoint
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"endpoint-{n}")
    strategy = factory.SubFactory(StrategyFactory)
    dialect = Dialect.NATIVE

    @after_creation
    def secret(self: Any, create: bool, extracted: str | None, **kwargs: Any) -> None:
        # Digests are unique: the first endpoint gets the well-known secret, every further one its own.
        if not create:
            return
        text = extracted or (SECRET if not EndpointSecret.objects.exists() else f"{SECRET}-{self.pk}")
        EndpointSecret.objects.create(endpoint=self, digest=crypto.digest(text.encode()))


class LaneFactory(Factory[Lane]):
    """The lane of an account and symbol; the one that exists is returned."""

    class Meta:
        model = Lane
        django_get_or_create = ("account", "symbol")

    account = factory.SubFactory(AccountFactory)
    symbol = "BTCUSDT"


class TradeFactory(Factory[Trade]):
    """A long that awaits its first fill; account, lane, instrument and market follow strategy and symbol."""

    class Meta:
        model = Trade
        skip_postgeneration_save = True

    strategy = factory.SubFactory(StrategyFactory)
    account = factory.SelfAttribute("strategy.account")
    symbol = "BTCUSDT"
    lane = factory.SubFactory(
        LaneFactory, account=factory.SelfAttribute("..account"), symbol=factory.SelfAttribute("..symbol")
    )
    direction = Direction.LONG
    position_side = PositionSide.BOTH
    market = factory.LazyAttribute(lambda o: o.account.market)
    leverage = factory.LazyAttribute(lambda o: None if str(o.account.venue).endswith("_spot") else 10)
    status = Trade.Status.OPENING

    @after_creation
    def instrument(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create:
            InstrumentFactory(venue=self.account.venue, symbol=self.symbol, **kwargs)


class LegFactory(Factory[Leg]):
    """A market entry of 0.01; other kinds by `kind=`."""

    class Meta:
        model = Leg

    trade = factory.SubFactory(TradeFactory)
    kind = LegKind.ENTRY
    index = 1
    order_type = factory.LazyAttribute(lambda o: _LEG_TYPES[LegKind(o.kind)])
    quantity = factory.LazyAttribute(lambda o: Decimal("0.01") if LegKind(o.kind).opens else None)


class OrderFactory(Factory[Order]):
    """An order that rests at the venue; side, role and client id follow its leg."""

    class Meta:
        model = Order

    leg = factory.SubFactory(LegFactory)
    trade = factory.SelfAttribute("leg.trade")
    account = factory.SelfAttribute("leg.trade.account")
    symbol = factory.SelfAttribute("leg.trade.symbol")
    role = factory.SelfAttribute("leg.kind")
    sequence = 1
    client_order_id = factory.LazyAttribute(lambda o: f"tv-{o.trade.public_id}-{o.leg.tag}-{o.sequence}")
    side = factory.LazyAttribute(lambda o: _order_side(o.trade, LegKind(o.role)))
    position_side = factory.SelfAttribute("leg.trade.position_side")
    type = factory.SelfAttribute("leg.order_type")
    quantity = factory.LazyAttribute(lambda o: o.leg.quantity or Decimal("0.01"))
    price = factory.LazyAttribute(lambda o: o.leg.price)
    trigger_price = factory.LazyAttribute(lambda o: o.leg.trigger_price)
    reduce_only = factory.LazyAttribute(
        lambda o: o.trade.market == "USDM" and o.position_side == "BOTH" and not LegKind(o.role).opens
    )
    status = OrderStatus.ACCEPTED


class OrderEventFactory(Factory[OrderEvent]):
    class Meta:
        model = OrderEvent

    order = factory.SubFactory(OrderFactory)
    to_status = OrderStatus.ACCEPTED
    source = "engine"


class FillFactory(Factory[Fill]):
    """A fill of the whole order; the rows above are NOT refolded (that is what `apply_report` is for)."""

    class Meta:
        model = Fill

    order = factory.SubFactory(OrderFactory)
    account = factory.SelfAttribute("order.account")
    symbol = factory.SelfAttribute("order.symbol")
    venue_trade_id = factory.Sequence(lambda n: str(1000 + n))
    side = factory.SelfAttribute("order.side")
    quantity = factory.SelfAttribute("order.quantity")
    price = Decimal(60000)
    fee = Decimal("0.3")
    fee_asset = "USDT"
    liquidity = Liquidity.TAKER
    filled_at = factory.Sequence(lambda n: T0 + timedelta(milliseconds=n))


class IncomeFactory(Factory[Income]):
    class Meta:
        model = Income

    account = factory.SubFactory(AccountFactory)
    kind = "FUNDING"
    venue_income_id = factory.Sequence(lambda n: f"i{n}")
    asset = "USDT"
    amount = Decimal("-0.25")
    symbol = "BTCUSDT"
    occurred_at = T0


class EquitySnapshotFactory(Factory[EquitySnapshot]):
    class Meta:
        model = EquitySnapshot

    account = factory.SubFactory(AccountFactory)
    asset = "USDT"
    free = Decimal(9000)
    total = Decimal(10000)
    at = T0


class NoticeFactory(Factory[Notice]):
    class Meta:
        model = Notice

    level = Notice.Level.INFO
    code = "SOMETHING"
    message = "Something happened."


class SignalFactory(Factory[Signal]):
    """A stored alert that waits for its lane."""

    class Meta:
        model = Signal

    endpoint = factory.SubFactory(EndpointFactory)
    strategy = factory.SelfAttribute("endpoint.strategy")
    dialect = factory.SelfAttribute("endpoint.dialect")
    symbol = "BTCUSDT"
    lane = factory.SubFactory(
        LaneFactory,
        account=factory.SelfAttribute("..strategy.account"),
        symbol=factory.SelfAttribute("..symbol"),
    )
    body = '{"ticker": "BTCUSDT"}'
    status = Signal.Status.RECEIVED
    received_at = T0


def _rule(symbol: str, name: str) -> str:
    default = {"tick_size": "0.01", "step_size": "0.01", "min_quantity": "0.01"}
    return _RULES.get(symbol, {"base_asset": symbol.removesuffix("USDT"), **default})[name]


def _order_side(trade: Trade, kind: LegKind) -> Side:
    direction = Direction(trade.direction)
    return direction.entry_side if kind.opens else direction.exit_side
