"""Futures on the paper venue, with numbers worked by hand."""

from __future__ import annotations

import pytest

from exchange.adapters.paper import margin
from exchange.errors import OrderRejected
from exchange.types import Liquidity, OrderStatus, OrderType, PositionSide, Side, TimeInForce, WorkingType
from tests.exchange.adapters.paper.desk import D, PaperDesk

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def refusal(call: object, *args: object, **more: object) -> OrderRejected:
    with pytest.raises(OrderRejected) as caught:
        call(*args, **more)  # type: ignore[operator]  # a bound method
    return caught.value


# ── prices and fees ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("side", "price"),
    # 100 and 15 bps: 100.15 and 99.85, to the tick of 0.1 against the taker.
    [(Side.BUY, "100.2"), (Side.SELL, "99.8")],
)
def test_slippage_goes_against_the_taker(side: Side, price: str) -> None:
    desk = PaperDesk(slippage_bps="15")

    desk.submit(side, OrderType.MARKET, "1")

    assert desk.fills[0].price == D(price)
    assert desk.fills[0].liquidity is Liquidity.TAKER


def test_a_taker_never_pays_more_than_its_limit() -> None:
    desk = PaperDesk(slippage_bps="1000")

    desk.submit(Side.BUY, OrderType.LIMIT, "1", price="101")

    assert desk.fills[0].price == D(101)


def test_makers_and_takers_pay_their_own_fee() -> None:
    desk = PaperDesk(fees=("0.0002", "0.0005"))

    desk.buy("2")  # 200 x 0.0005 = 0.1
    desk.submit(Side.SELL, OrderType.LIMIT, "2", price="110")
    desk.move("110")  # 220 x 0.0002 = 0.044

    assert [fill.fee for fill in desk.fills] == [D("0.1"), D("0.044")]
    assert desk.fills[1].liquidity is Liquidity.MAKER
    assert desk.fills[1].realized_pnl == D(20)
    assert desk.wallet() == D(10000) + 20 - D("0.144")


def test_a_fee_rounds_up_to_eight_places() -> None:
    desk = PaperDesk(fees=("0", "0.000333333"), price="100.1")

    desk.buy("0.123")  # 12.3123 x 0.000333333 = 0.0041040958959

    assert desk.fills[0].fee == D("0.00410410")


def test_the_entry_price_is_the_average_and_part_closes_take_their_part() -> None:
    desk = PaperDesk()

    desk.buy("1")  # at 100
    desk.move("110")
    desk.buy("3")  # at 110: cost 430, average 107.5
    assert desk.holding().entry_price == D("107.5")
    desk.move("120")
    desk.sell("1", reduce_only=True)  # 120 - 107.5

    assert desk.fills[-1].realized_pnl == D("12.5")
    assert desk.holding().entry_price == D("107.5")
    desk.sell("3", reduce_only=True)
    assert desk.wallet() == D(10000) + 480 - 430


def test_a_round_trip_leaves_no_rounding_behind() -> None:
    desk = PaperDesk(price="0.00000761", tick_size=D("0.00000001"), min_notional=D(0))
    desk.buy("0.007")  # costs 0.00000005327
    desk.sell("0.003", reduce_only=True)
    desk.move("0.00000762")

    desk.sell("0.004", reduce_only=True)

    assert desk.wallet() == 10000 + D("0.004") * D("0.00000001")
    assert desk.state.holdings == {}


def test_a_market_order_larger_than_the_position_flips_unless_it_reduces() -> None:
    desk = PaperDesk()
    desk.buy("1")

    desk.sell("3")

    assert desk.holding().quantity == D(-2)
    assert desk.holding().cost == D(200)


# ── time in force ─────────────────────────────────────────────────────────────────────────────────────────────
def test_ioc_takes_what_there_is_and_expires() -> None:
    desk = PaperDesk()
    desk.change_market(max_fill_quantity=D("0.4"))

    order = desk.submit(Side.BUY, OrderType.LIMIT, "1", price="100", time_in_force=TimeInForce.IOC)

    assert (order.status, order.filled) == (OrderStatus.EXPIRED, D("0.4"))


def test_ioc_away_from_the_market_expires_unfilled() -> None:
    order = PaperDesk().submit(Side.BUY, OrderType.LIMIT, "1", price="99", time_in_force=TimeInForce.IOC)

    assert (order.status, order.filled) == (OrderStatus.EXPIRED, D(0))


def test_fok_is_all_or_nothing() -> None:
    desk = PaperDesk()
    desk.change_market(max_fill_quantity=D("0.4"))

    error = refusal(desk.submit, Side.BUY, OrderType.LIMIT, "1", price="100", time_in_force=TimeInForce.FOK)

    assert error.code == "-5021"
    assert desk.fills == []


def test_the_rest_of_a_market_order_waits_for_liquidity_or_expires() -> None:
    desk = PaperDesk()
    desk.change_market(max_fill_quantity=D("0.4"))
    waiting = desk.buy("1")
    desk.move("101")
    desk.move("102")

    assert (waiting.status, waiting.filled) == (OrderStatus.PARTIALLY_FILLED, D("0.4"))
    assert (desk.now(waiting).status, desk.now(waiting).filled) == (OrderStatus.FILLED, D(1))
    assert [fill.quantity for fill in desk.fills] == [D("0.4"), D("0.4"), D("0.2")]
    desk.change_market(max_fill_quantity=D("0.4"), rest_expires=True)
    thin = desk.buy("1")
    assert (thin.status, thin.filled) == (OrderStatus.EXPIRED, D("0.4"))


# ── reducing ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    desk = PaperDesk()
    desk.buy("1")

    order = desk.submit(Side.SELL, OrderType.LIMIT, "5", price="110", reduce_only=True)

    assert order.request.quantity == 1


def test_a_resting_full_size_target_blocks_a_second_reduce_only_order() -> None:
    desk = PaperDesk()
    desk.buy("1")
    desk.submit(Side.SELL, OrderType.LIMIT, "1", price="110", reduce_only=True)

    error = refusal(desk.sell, "1", reduce_only=True)

    assert (error.code, error.nothing_to_reduce) == ("-4118", False)


def test_reduce_only_on_the_side_of_the_position_is_refused() -> None:
    desk = PaperDesk()
    desk.buy("1")

    assert refusal(desk.buy, "1", reduce_only=True).nothing_to_reduce


def test_a_resting_target_expires_when_its_position_is_gone() -> None:
    desk = PaperDesk()
    desk.buy("1")
    target = desk.submit(Side.SELL, OrderType.LIMIT, "1", price="110", reduce_only=True)
    stop = desk.submit(Side.SELL, OrderType.STOP_MARKET, "1", trigger_price="95", reduce_only=True)

    desk.move("94")
    assert desk.now(stop).status is OrderStatus.FILLED
    assert desk.now(target).status is OrderStatus.ACCEPTED  # an orphan, as at Binance: somebody must cancel it
    desk.move("111")

    assert desk.now(target).status is OrderStatus.EXPIRED
    assert desk.holding().quantity == 0


def test_a_reduce_only_stop_with_nothing_left_is_rejected_when_it_triggers() -> None:
    desk = PaperDesk()
    stop = desk.submit(Side.SELL, OrderType.STOP_MARKET, "1", trigger_price="95", reduce_only=True)

    desk.move("95")

    assert (desk.now(stop).status, desk.now(stop).reason) == (OrderStatus.REJECTED, "ReduceOnly Order is rejected.")


def test_a_plain_stop_while_flat_opens_a_position() -> None:
    desk = PaperDesk()
    desk.submit(Side.SELL, OrderType.STOP_MARKET, "1", trigger_price="95")

    desk.move("95")

    assert desk.holding().quantity == -1


def test_hedge_sides_are_apart_and_never_flip() -> None:
    desk = PaperDesk(hedge=True)
    desk.buy("1", position_side=LONG)
    desk.sell("2", position_side=SHORT)

    order = desk.sell("5", position_side=LONG)

    assert order.filled == 1
    assert desk.holding(side=LONG).quantity == 0
    assert desk.holding(side=SHORT).quantity == -2
    assert refusal(desk.sell, "1", position_side=LONG).code == "-2022"
    assert refusal(desk.buy, "1", position_side=SHORT, reduce_only=True).code == "-1106"


# ── conditional orders ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("side", "kind", "trigger", "misses", "hits"),
    [
        (Side.SELL, OrderType.STOP_MARKET, "95", "95.1", "95"),
        (Side.BUY, OrderType.STOP_MARKET, "105", "104.9", "105"),
        (Side.SELL, OrderType.TAKE_PROFIT_MARKET, "105", "104.9", "105"),
        (Side.BUY, OrderType.TAKE_PROFIT_MARKET, "95", "95.1", "95"),
    ],
)
def test_triggers_act_at_their_price_and_not_before(
    side: Side, kind: OrderType, trigger: str, misses: str, hits: str
) -> None:
    desk = PaperDesk()
    order = desk.submit(side, kind, "1", trigger_price=trigger)

    desk.move(misses)
    assert desk.now(order).status is OrderStatus.ACCEPTED
    desk.move(hits)

    assert desk.now(order).status is OrderStatus.FILLED
    told = [report.status for report in desk.reports if report.venue_order_id == str(order.number)]
    assert told == [OrderStatus.ACCEPTED, OrderStatus.TRIGGERED, OrderStatus.FILLED]


def test_a_stop_on_the_mark_price_ignores_the_last_price() -> None:
    desk = PaperDesk()
    order = desk.submit(Side.SELL, OrderType.STOP_MARKET, "1", trigger_price="95", working_type=WorkingType.MARK)

    desk.move("90", mark="95.1")
    assert desk.now(order).status is OrderStatus.ACCEPTED
    desk.move("91", mark="95")

    assert desk.fills[0].price == D(91)


def test_a_trailing_stop_follows_up_and_sells_on_the_way_back() -> None:
    desk = PaperDesk()
    desk.buy("1")
    order = desk.submit(Side.SELL, OrderType.TRAILING_STOP_MARKET, "1", callback_pct="5", reduce_only=True)

    for price in ("110", "120", "115", "114.1"):  # 120 less 5 % is 114
        desk.move(price)
        assert desk.now(order).status is OrderStatus.ACCEPTED
    desk.move("114")

    assert desk.now(order).status is OrderStatus.FILLED
    assert desk.fills[-1].realized_pnl == 14


def test_a_trailing_stop_sleeps_until_its_activation_price() -> None:
    desk = PaperDesk()
    order = desk.submit(Side.BUY, OrderType.TRAILING_STOP_MARKET, "1", callback_pct="10", trigger_price="90")

    desk.move("80.1")
    desk.move("100")  # active since 80.1: 88.11 is passed
    assert desk.now(order).status is OrderStatus.FILLED
    assert refusal(
        desk.submit, Side.BUY, OrderType.TRAILING_STOP_MARKET, "1", callback_pct="10", trigger_price="101"
    ).code == "-4135"  # fmt: skip


def test_conditional_orders_bind_no_margin() -> None:
    desk = PaperDesk(wallet="10")
    for _ in range(3):
        desk.submit(Side.BUY, OrderType.STOP_MARKET, "100", trigger_price="105")

    assert margin.available(desk.look(), "USDT") == 10


def test_a_triggered_order_without_margin_is_rejected() -> None:
    desk = PaperDesk(wallet="10")
    order = desk.submit(Side.BUY, OrderType.STOP_MARKET, "100", trigger_price="105")

    desk.move("105")  # 10500 / 20 = 525

    assert (desk.now(order).status, desk.now(order).reason) == (OrderStatus.REJECTED, "Margin is insufficient.")


def test_the_two_hundred_and_first_conditional_order_is_refused() -> None:
    desk = PaperDesk(symbols=("BTCUSDT", "ETHUSDT"))
    for number in range(200):
        desk.submit(
            Side.BUY, OrderType.STOP_MARKET, "1", trigger_price="105", symbol_=("BTCUSDT", "ETHUSDT")[number % 2]
        )

    assert refusal(desk.submit, Side.BUY, OrderType.STOP_MARKET, "1", trigger_price="105").code == "-4045"
    desk.buy("1")  # plain orders are not counted


# ── margin ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_position_binds_its_value_by_the_leverage() -> None:
    desk = PaperDesk(wallet="1000")
    desk.leverage(10)

    desk.buy("50")  # 5000 / 10 = 500

    assert margin.available(desk.look(), "USDT") == 500
    desk.move("101")  # profit 50, margin 505
    assert margin.available(desk.look(), "USDT") == 545


def test_resting_orders_bind_margin_only_as_far_as_they_add() -> None:
    desk = PaperDesk(wallet="1000")
    desk.leverage(10)
    desk.buy("50")

    desk.submit(Side.SELL, OrderType.LIMIT, "50", price="110")  # would only close
    assert margin.available(desk.look(), "USDT") == 500
    desk.submit(Side.BUY, OrderType.LIMIT, "10", price="90")  # 900 / 10
    assert margin.available(desk.look(), "USDT") == 410


def test_an_order_beyond_the_margin_is_refused_and_leaves_no_trace() -> None:
    desk = PaperDesk(wallet="1000")
    desk.leverage(10)

    # 99.6 x 100.05 / 10 = 996.498 and 4.98 lost at once: 1001.478
    assert refusal(desk.buy, "99.6").code == "-2019"
    assert desk.state.orders == ()
    desk.buy("99.4")  # 994.497 + 4.97 = 999.467


def test_a_short_account_may_still_close() -> None:
    desk = PaperDesk(wallet="1000")
    desk.leverage(10)
    desk.buy("95")
    desk.move("91")  # loss 855: nothing available

    assert margin.available(desk.look(), "USDT") < 0
    assert desk.sell("95").status is OrderStatus.FILLED


@pytest.mark.parametrize(("leverage", "code"), [(0, "-4028"), (126, "-4028")])
def test_leverage_out_of_range_is_refused(leverage: int, code: str) -> None:
    assert refusal(PaperDesk().leverage, leverage).code == code


def test_settings_are_guarded_while_something_is_open() -> None:
    desk = PaperDesk()
    desk.submit(Side.BUY, OrderType.LIMIT, "1", price="90")
    assert refusal(desk.isolated).code == "-4047"

    other = PaperDesk()
    other.buy("1")
    assert refusal(other.isolated).code == "-4048"

    third = PaperDesk()
    third.isolated()
    third.buy("1")
    third.isolated()  # already so
    assert refusal(third.leverage, 10).code == "-4161"
    third.leverage(30)

    poor = PaperDesk(wallet="1000")
    poor.buy("100")  # 10000 at 20x binds 500
    assert refusal(poor.leverage, 5).code == "-2028"


def test_ids_and_numbers_that_cannot_be_are_refused() -> None:
    desk = PaperDesk()

    assert refusal(desk.buy, "1", identity="x" * 37).code == "-4015"
    assert refusal(desk.buy, "NaN").code == "-1100"
    assert refusal(desk.buy, "Infinity").code == "-1100"
    assert refusal(desk.buy, "1", price="100").code == "-1106"
    assert refusal(desk.submit, Side.BUY, OrderType.LIMIT, "1").code == "-1102"
    assert refusal(desk.buy, "1E+40").code in ("-4005", "-1111")
    assert refusal(desk.submit, Side.SELL, OrderType.TRAILING_STOP_MARKET, "1", callback_pct="21").code == "-1130"
    assert desk.buy("1E+1").request.quantity.as_tuple().exponent == 0
