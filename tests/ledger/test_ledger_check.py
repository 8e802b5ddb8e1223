"""`ledger_check` finds what differs, says what to do, and never takes silence for agreement."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest
from django.core.management import CommandError, call_command

from exchange import clients
from exchange.errors import QueryFailed
from exchange.models import Account, Venue
from exchange.port import ExchangeClient
from exchange.types import (
    Balance,
    FillReport,
    IncomeKind,
    IncomeReport,
    MarginType,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    VenuePosition,
)
from ledger.models import Fill, Income, Order, Trade
from ledger.services.checks import check_account
from ledger.services.reports import apply_income, apply_report
from tests.factories import T0, AccountFactory, InstrumentFactory, OrderFactory, StrategyFactory
from tests.ledger.services.reporting import entry, exit_of, fill, hear, report

D = Decimal
S = OrderStatus

pytestmark = pytest.mark.django_db


@dataclass
class FakeVenue:
    """The reads of a venue, and which of them fail."""

    positions: tuple[VenuePosition, ...] = ()
    balances: tuple[Balance, ...] = ()
    orders: tuple[OrderReport, ...] = ()
    fills: tuple[FillReport, ...] = ()
    incomes: tuple[IncomeReport, ...] = ()
    failing: set[str] = field(default_factory=set)

    def _answer(self, name: str) -> None:
        if name in self.failing:
            raise QueryFailed(f"{name}: timed out")

    def get_positions(self, symbol: str | None = None) -> tuple[VenuePosition, ...]:
        self._answer("positions")
        return self.positions

    def get_balances(self) -> tuple[Balance, ...]:
        self._answer("balances")
        return self.balances

    def list_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
        self._answer("open orders")
        return self.orders

    def list_fills(self, symbol: str, since: datetime) -> tuple[FillReport, ...]:
        self._answer("fills")
        return tuple(one for one in self.fills if one.symbol == symbol and one.filled_at >= since)

    def list_incomes(self, since: datetime) -> tuple[IncomeReport, ...]:
        self._answer("incomes")
        return self.incomes


def position(quantity: str, side: PositionSide = PositionSide.BOTH) -> VenuePosition:
    return VenuePosition(
        symbol="BTCUSDT",
        position_side=side,
        quantity=D(quantity),
        entry_price=D(100),
        mark_price=D(100),
        unrealized_pnl=D(0),
        leverage=10,
        margin_type=MarginType.ISOLATED,
        margin=D(1),
        liquidation_price=None,
    )


def usdt(total: str) -> Balance:
    return Balance(asset="USDT", free=D(0), total=D(total))


def held() -> tuple[Order, FakeVenue]:
    """A long of 2 @ 100 with fee 0.08 and a resting stop, and a venue that agrees in everything."""
    order = entry(quantity="2")
    bought = fill(order, "1", "2", "100", fee="0.08", realized="0")
    order = hear(order, report(order, S.FILLED, bought))
    Trade.objects.update(created_at=T0)
    stop = exit_of(order, "SL", quantity="2")
    funding = IncomeReport(
        venue_income_id="1",
        kind=IncomeKind.FUNDING,
        asset="USDT",
        amount=D("-0.02"),
        symbol="BTCUSDT",
        occurred_at=T0 + timedelta(seconds=9),
    )
    apply_income(account_id=order.account_id, report=funding)
    return order, FakeVenue(
        positions=(position("2"),),
        balances=(usdt("9999.90"),),
        orders=(report(stop, S.ACCEPTED),),
        fills=(bought,),
        incomes=(funding,),
    )


def differences(account: Account, venue: FakeVenue) -> list[str]:
    with clients.override(account.name, cast("ExchangeClient", venue)):
        return [difference.line() for difference in check_account(account)]


def one_difference(account: Account, venue: FakeVenue) -> str:
    (line,) = differences(account, venue)
    return line


def test_agreement_is_silence() -> None:
    order, venue = held()

    assert differences(order.account, venue) == []


def test_stored_figures_are_proved_by_the_fills() -> None:
    order, venue = held()
    Trade.objects.update(quantity=D("1.9"), fees={"USDT": "0.07"}, funding=D(0))
    Order.objects.filter(pk=order.pk).update(filled_quantity=D("1.9"))

    lines = differences(order.account, venue)

    name = order.account.name
    assert f"{name} BTCUSDT: quantity of trade {order.trade.public_id}: ledger 1.9, its fills 2." in lines[0]
    assert "ledger 0.07 USDT, its fills 0.08 USDT" in lines[1]
    assert "funding" in lines[2]
    assert f"filled quantity of order {order.client_order_id}: ledger 1.9, its fills 2." in lines[3]
    assert "position: ledger 1.9, venue 2." in lines[4]


@pytest.mark.parametrize(
    ("positions", "told"),
    [
        ((), "position: ledger 2, venue 0."),
        ((position("1.5"),), "position: ledger 2, venue 1.5."),
        ((position("-2"),), "position: ledger 2, venue -2."),
    ],
)
def test_position_that_differs(positions: tuple[VenuePosition, ...], told: str) -> None:
    order, venue = held()
    venue.positions = positions

    assert told in one_difference(order.account, venue)


def test_position_of_the_other_side_is_shown_apart() -> None:
    order, venue = held()
    venue.positions = (position("2"), position("-3", PositionSide.SHORT))

    assert "position SHORT: ledger 0, venue -3." in one_difference(order.account, venue)


def test_orders_of_ours_that_rest_for_nothing() -> None:
    order, venue = held()
    ended = exit_of(order, "TP", quantity="1", status=S.CANCELED)
    unknown = replace(venue.orders[0], client_order_id="tv-ffffffffffff-sl-1")
    foreign = replace(venue.orders[0], client_order_id="web_1")
    venue.orders = (*venue.orders, report(ended, S.ACCEPTED), unknown, foreign)

    lines = differences(order.account, venue)

    assert len(lines) == 2
    assert f"order {ended.client_order_id}: ledger CANCELED, venue ACCEPTED." in "".join(lines)
    assert "order tv-ffffffffffff-sl-1: ledger unknown, open at the venue. Cancel it" in "".join(lines)


def test_order_that_rests_for_a_closed_trade_is_an_orphan() -> None:
    order, venue = held()
    Trade.objects.update(status=Trade.Status.CLOSED)

    assert "its trade is CLOSED" in one_difference(order.account, venue)


def test_order_that_should_rest_but_does_not() -> None:
    order, venue = held()
    venue.orders = ()

    assert "-sl-1: ledger ACCEPTED, not open at the venue." in one_difference(order.account, venue)


def test_order_that_ends_while_the_venue_is_asked_is_no_difference() -> None:
    order, venue = held()

    class Ends(FakeVenue):
        def list_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
            Order.objects.filter(role="SL").update(status=S.CANCELED)
            return ()

    ends = Ends(**{name: getattr(venue, name) for name in venue.__dataclass_fields__})

    assert differences(order.account, ends) == []


def test_fill_that_was_not_heard() -> None:
    order, venue = held()
    missed = replace(venue.fills[0], venue_trade_id="2")
    by_hand = replace(venue.fills[0], venue_trade_id="3", client_order_id="web_1")
    nameless = replace(venue.fills[0], venue_trade_id="4", client_order_id="")
    venue.fills = (*venue.fills, missed, by_hand, nameless)

    lines = differences(order.account, venue)

    assert [line.split(": ")[1].split(" of ")[0] for line in lines] == ["fill 2", "fill 4"]
    assert "ledger missing, venue BUY 2 @ 100 fee 0.08 USDT." in lines[0]


def test_fill_that_the_venue_does_not_know_or_tells_differently() -> None:
    order, venue = held()
    told = venue.fills[0]
    venue.fills = ()
    assert "ledger BUY 2 @ 100 fee 0.08 USDT, not at the venue." in one_difference(order.account, venue)

    venue.fills = (replace(told, fee=D("0.09")),)
    assert "venue BUY 2 @ 100 fee 0.09 USDT." in one_difference(order.account, venue)


def test_funding_that_was_not_heard() -> None:
    order, venue = held()
    venue.incomes = (*venue.incomes, replace(venue.incomes[0], venue_income_id="2"))

    assert "funding 2: ledger missing, venue -0.02 USDT." in one_difference(order.account, venue)


def test_paper_balance_is_conserved_to_the_last_digit() -> None:
    order, venue = held()
    venue.balances = (usdt("9999.90000001"),)

    assert "balance of USDT: ledger 9999.9, venue 9999.90000001." in one_difference(order.account, venue)


def test_spot_paper_balances_count_both_assets_and_the_commission() -> None:
    order = entry(quantity="5.85", strategy__account__venue=Venue.PAPER_SPOT)
    bought = fill(order, "1", "5.85", "100", fee="0.00585", fee_asset="BTC")
    hear(order, report(order, S.FILLED, bought))
    Trade.objects.update(created_at=T0)
    # 10000 - 585; 5.85 - 0.00585
    venue = FakeVenue(balances=(Balance(asset="BTC", free=D(0), total=D("5.84415")), usdt("9415")), fills=(bought,))

    assert differences(order.account, venue) == []
    venue.balances = venue.balances[1:]
    assert "balance of BTC: ledger 5.84415, venue 0." in one_difference(order.account, venue)


@pytest.mark.parametrize(("total", "count"), [("3", 0), ("2", 0), ("1.99999999", 1)])
def test_live_spot_must_hold_at_least_what_its_trades_hold(total: str, count: int) -> None:
    order = entry(quantity="2", strategy__account__venue=Venue.BINANCE_SPOT)
    bought = fill(order, "1", "2", "100")
    hear(order, report(order, S.FILLED, bought))
    Trade.objects.update(created_at=T0)
    venue = FakeVenue(balances=(Balance(asset="BTC", free=D(0), total=D(total)),), fills=(bought,))

    lines = differences(order.account, venue)

    assert len(lines) == count
    assert all("at least 2" in line for line in lines)


def test_realized_pnl_is_compared_with_the_venue_s_once_flat() -> None:
    order, venue = held()
    stop = Order.objects.get(role="SL")
    sold = fill(stop, "2", "2", "90", realized="-20.01")
    hear(stop, report(stop, S.FILLED, sold))
    venue = FakeVenue(balances=(usdt("9979.89"),), fills=(*venue.fills, sold), incomes=venue.incomes)

    assert "realized PnL: ledger -20, venue -20.01." in one_difference(order.account, venue)


@pytest.mark.parametrize("name", ["positions", "balances", "open orders", "fills", "incomes"])
def test_a_failed_query_is_told_and_the_rest_goes_on(name: str) -> None:
    order, venue = held()
    venue.failing = {name}

    line = one_difference(order.account, venue)

    assert f"{name}: ledger not compared, the query failed ({name}: timed out)." in line


def test_a_venue_without_an_adapter_is_told() -> None:
    account = AccountFactory()
    Account.objects.update(venue="ccxt:nowhere")
    account.refresh_from_db()

    (difference,) = check_account(account)

    assert "not compared" in difference.line()


def _command(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("ledger_check", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_command_says_that_all_agrees_and_shows_progress_apart() -> None:
    order, venue = held()

    with clients.override(order.account.name, cast("ExchangeClient", venue)):
        out, err = _command()

    assert out == f"{order.account}: agrees with the venue\n"
    assert "1 of 1 trades" in err


def test_command_fails_when_anything_differs() -> None:
    order, venue = held()
    venue.positions = ()
    other = AccountFactory(name="aaa")

    agreeing = FakeVenue(balances=(usdt("10000"),))
    with (
        clients.override(order.account.name, cast("ExchangeClient", venue)),
        clients.override(other.name, cast("ExchangeClient", agreeing)),
    ):
        with pytest.raises(CommandError, match="1 difference found"):
            _command()
        out, _ = _command("--account", "aaa")

    assert out == "aaa: agrees with the venue\n"


def test_command_names_the_accounts_when_it_doesn_t_know_one() -> None:
    AccountFactory(name="main")

    with pytest.raises(CommandError, match="There are: main"):
        _command("--account", "mian")


def test_the_check_changes_nothing() -> None:
    order, venue = held()
    Trade.objects.update(quantity=D(7))
    before = [list(model.objects.order_by("pk").values()) for model in (Trade, Order, Fill, Income)]

    differences(order.account, FakeVenue(failing=set(), positions=venue.positions))

    assert [list(model.objects.order_by("pk").values()) for model in (Trade, Order, Fill, Income)] == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("venue", [Venue.PAPER_USDM, Venue.PAPER_SPOT])
def test_the_paper_venue_and_the_ledger_agree_after_a_round_trip(venue: Venue) -> None:
    """Bought in two orders at the walk's prices and sold in three uneven parts; checked after every step."""
    account = AccountFactory(venue=venue)
    InstrumentFactory(venue=venue)
    first = entry(quantity="0.003", strategy=StrategyFactory(account=account), status=S.SUBMITTING)
    client = clients.get_client(account)
    second = exit_of(first, "DCA", quantity="0.004", status=S.SUBMITTING)

    def trade(order: Order, quantity: str) -> None:
        request = OrderRequest(
            client_order_id=order.client_order_id,
            symbol="BTCUSDT",
            side=Side(order.side),
            type=OrderType.MARKET,
            quantity=D(quantity),
        )
        said = client.submit_order(request)
        apply_report(account_id=account.pk, report=said, source="answer")
        assert [difference.line() for difference in check_account(account)] == []

    trade(first, "0.003")
    trade(second, "0.004")
    for index, quantity in enumerate(("0.001", "0.002", "0.003"), start=1):
        leg = first.trade.legs.create(kind="EXIT", index=index, order_type="MARKET", quantity=D(quantity))
        trade(OrderFactory(leg=leg, quantity=D(quantity), status=S.SUBMITTING), quantity)

    kept = Trade.objects.get()
    assert D(0) < kept.quantity <= D("0.001")
