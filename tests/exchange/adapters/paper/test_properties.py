"""What holds for any sequence of orders and prices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.adapters.paper import codec
from exchange.adapters.paper.client import exact
from exchange.errors import OrderRejected
from exchange.types import IncomeReport, Market, OrderStatus, OrderType, PositionSide, Side
from tests.exchange.adapters.paper.desk import D, PaperDesk

Action = Callable[[PaperDesk], object]

quantities = st.integers(1, 40_000).map(lambda steps: str(D(steps) / 1000))
prices = st.integers(700, 1300).map(lambda ticks: str(D(ticks) / 10))
sides = st.sampled_from(list(Side))
rates = st.integers(-300, 300).map(lambda points: D(points) / 100_000)


def order(kind: OrderType, side: Side, quantity: str, price: str, reduce_only: bool) -> Action:
    values: dict[str, Any] = {"reduce_only": reduce_only}
    if kind is OrderType.LIMIT:
        values["price"] = price
    elif kind is OrderType.TRAILING_STOP_MARKET:
        values["callback_pct"] = "3"
    elif kind.conditional:
        values["trigger_price"] = price
    return lambda desk: desk.submit(side, kind, quantity, **values)


orders = st.builds(order, st.sampled_from(list(OrderType)), sides, quantities, prices, st.booleans())
spot_orders = st.builds(order, st.sampled_from(list(OrderType)), sides, quantities, prices, st.just(value=False))
closing = st.builds(
    order, st.sampled_from(list(OrderType)), st.just(Side.SELL), quantities, prices, st.just(value=True)
)
moves = prices.map(lambda price: lambda desk: desk.move(price))
funding = rates.map(lambda rate: lambda desk: desk.fund({"BTCUSDT": rate}))
depths = st.sampled_from(["0", "0.5", "7"]).map(
    lambda depth: lambda desk: desk.change_market(max_fill_quantity=D(depth))
)


def play(desk: PaperDesk, actions: list[Action]) -> None:
    for action in actions:
        with suppress(OrderRejected):
            action(desk)


def futures(**more: Any) -> PaperDesk:
    return PaperDesk(fees=("0.0002", "0.00045"), slippage_bps="3", wallet="5000", **more)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(orders, moves, funding, depths), max_size=25), st.booleans())
def test_the_wallet_is_what_fills_and_incomes_made_of_it(actions: list[Action], isolated: bool) -> None:
    desk = futures()
    if isolated:
        desk.isolated()

    play(desk, actions)

    with exact():
        realized = sum((fill.realized_pnl or D(0) for fill in desk.fills), D(0))
        fees = sum((fill.fee for fill in desk.fills), D(0))
        incomes = sum((income.amount for income in desk.incomes), D(0))
        assert desk.wallet() == 5000 + realized - fees + incomes
        assert desk.holding().quantity == sum((fill.side.sign * fill.quantity for fill in desk.fills), D(0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(spot_orders, moves, depths), max_size=25))
def test_spot_balances_are_the_sum_of_their_fills_and_never_negative(actions: list[Action]) -> None:
    desk = PaperDesk(
        Market.SPOT, fees=("0.001", "0.001"), slippage_bps="3", wallets={"USDT": "2000", "BTC": "20"}
    )  # fmt: skip

    play(desk, actions)

    base, quote = D(20), D(2000)
    with exact():
        for fill in desk.fills:
            base += fill.side.sign * fill.quantity - (fill.fee if fill.fee_asset == "BTC" else 0)
            quote -= fill.side.sign * fill.quantity * fill.price + (fill.fee if fill.fee_asset == "USDT" else 0)
    assert (desk.wallet("BTC"), desk.wallet("USDT")) == (base, quote)
    assert base >= 0
    assert quote >= 0


@settings(max_examples=60, deadline=None)
@given(quantities, st.lists(st.one_of(closing, moves, depths), max_size=20))
def test_orders_that_reduce_never_flip_a_position(quantity: str, actions: list[Action]) -> None:
    desk = PaperDesk(wallet="10000000", min_notional=D(0))
    desk.buy(quantity)
    before = desk.holding().quantity

    for action in actions:
        play(desk, [action])
        held = desk.holding().quantity
        assert 0 <= held <= before
        before = held


@settings(max_examples=60, deadline=None)
@given(st.lists(spot_orders, max_size=15))
def test_hedge_positions_stay_on_their_side(actions: list[Action]) -> None:
    desk = futures(hedge=True)
    for number, action in enumerate(actions):
        position_side = (PositionSide.LONG, PositionSide.SHORT)[number % 2]
        submit = desk.submit
        desk.submit = (  # type: ignore[method-assign]  # the same actions, for an account in hedge mode
            lambda *args, submit=submit, side=position_side, **more: submit(*args, **{**more, "position_side": side})
        )
        play(desk, [action])
        desk.submit = submit  # type: ignore[method-assign]

    assert desk.holding(side=PositionSide.LONG).quantity >= 0
    assert desk.holding(side=PositionSide.SHORT).quantity <= 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(orders, moves, funding, depths), max_size=20))
def test_the_same_actions_lead_to_the_same_state(actions: list[Action]) -> None:
    first, second = futures(), futures()

    play(first, actions)
    play(second, actions)

    assert first.state == second.state
    assert first.fills == second.fills


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(orders, moves, funding, depths), max_size=20))
def test_reports_tell_the_story_in_order_and_survive_json(actions: list[Action]) -> None:
    desk = futures()

    play(desk, actions)

    filled: dict[str, Decimal] = {}
    for report in desk.reports:
        assert codec.load_order(codec.dump(report)) == report
        filled[report.venue_order_id] = filled.get(report.venue_order_id, D(0)) + sum(
            (fill.quantity for fill in report.fills), D(0)
        )
        assert report.filled_quantity == filled[report.venue_order_id]
        assert (report.status is OrderStatus.FILLED) is (report.filled_quantity == _wanted(report))
    for income in desk.incomes:
        assert isinstance(income, IncomeReport)
        assert codec.load_income(codec.dump(income)) == income


def _wanted(report: Any) -> Decimal:
    return D(report.request.quantity)
