"""Spot on the paper venue, with numbers worked by hand."""

from __future__ import annotations

import pytest

from exchange.adapters.paper import margin
from exchange.errors import OrderRejected
from exchange.types import Market, OrderRequest, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from tests.exchange.adapters.paper.desk import D, PaperDesk
from tests.exchange.adapters.paper.test_futures import refusal


def spot(**more: object) -> PaperDesk:
    values = {"fees": ("0.001", "0.001"), "wallets": {"USDT": "1000", "BTC": "2"}, "maintenance_rate": D(0)}
    return PaperDesk(Market.SPOT, **{**values, **more})  # type: ignore[arg-type]  # the caller names fields


def pair(
    target: str = "110", stop: str = "90", quantity: str = "2", side: Side = Side.SELL
) -> tuple[OrderRequest, ...]:
    common = {"symbol": "BTCUSDT", "side": side, "quantity": D(quantity)}
    return (
        OrderRequest(client_order_id="tv-t", type=OrderType.LIMIT, price=D(target), **common),  # type: ignore[arg-type]
        OrderRequest(
            client_order_id="tv-s",
            type=OrderType.STOP_MARKET,
            trigger_price=D(stop),
            **common,  # type: ignore[arg-type]
        ),
    )


def free(desk: PaperDesk, asset: str) -> object:
    return margin.spot_free(desk.look(), asset)


def test_a_buy_pays_its_fee_in_what_it_buys() -> None:
    desk = spot()

    desk.buy("3")  # 300 USDT, fee 0.003 BTC

    assert desk.state.wallets == {"USDT": D(700), "BTC": D("4.997")}
    assert (desk.fills[0].fee, desk.fills[0].fee_asset, desk.fills[0].realized_pnl) == (D("0.003"), "BTC", None)


def test_a_sell_pays_its_fee_in_what_it_gets() -> None:
    desk = spot()

    desk.sell("2")  # 200 USDT, fee 0.2

    assert desk.state.wallets == {"USDT": D("1199.8"), "BTC": D(0)}
    assert (desk.fills[0].fee, desk.fills[0].fee_asset) == (D("0.2"), "USDT")


def test_fees_round_up_to_eight_places_on_both_sides() -> None:
    desk = spot(fees=("0", "0.000333333"), price="100.1")

    desk.buy("0.123")  # 0.123 x 0.000333333 = 0.000040999959
    desk.sell("0.123")  # 12.3123 x 0.000333333 = 0.0041040958959

    assert [fill.fee for fill in desk.fills] == [D("0.00004100"), D("0.00410410")]


def test_the_bought_quantity_cannot_be_sold_whole_because_of_its_fee() -> None:
    desk = spot(wallets={"USDT": "1000"})
    desk.buy("3")

    assert refusal(desk.sell, "3").code == "-2010"
    desk.sell("2.997")
    assert desk.wallet("BTC") == 0


def test_resting_orders_lock_what_they_would_spend() -> None:
    desk = spot()

    desk.submit(Side.SELL, OrderType.LIMIT, "1.5", price="110")
    desk.submit(Side.BUY, OrderType.LIMIT, "4", price="90")

    assert free(desk, "BTC") == D("0.5")
    assert free(desk, "USDT") == 640
    assert refusal(desk.sell, "0.6").code == "-2010"
    assert refusal(desk.buy, "6.5").code == "-2010"


def test_a_waiting_stop_locks_too_and_a_cancel_frees_it() -> None:
    desk = spot()
    stop = desk.submit(Side.SELL, OrderType.STOP_MARKET, "2", trigger_price="90")

    assert free(desk, "BTC") == 0
    assert refusal(desk.sell, "1").code == "-2010"
    desk.cancel(stop)
    assert desk.sell("2").status is OrderStatus.FILLED


def test_reduce_only_and_position_sides_are_unknown_on_spot() -> None:
    assert refusal(spot().sell, "1", reduce_only=True).code == "-1104"
    assert refusal(spot().sell, "1", position_side=PositionSide.LONG).code == "-1104"


def test_spot_stops_watch_the_last_price_whatever_they_were_told() -> None:
    desk = spot()
    stop = desk.submit(Side.SELL, OrderType.STOP_MARKET, "2", trigger_price="90")

    desk.move("91", mark="80")
    assert desk.now(stop).status is OrderStatus.ACCEPTED
    desk.move("90", mark="100")

    assert desk.now(stop).status is OrderStatus.FILLED


# ── one cancels the other ─────────────────────────────────────────────────────────────────────────────────────
def test_a_pair_locks_its_quantity_once() -> None:
    desk = spot()

    desk.oco(*pair())

    assert free(desk, "BTC") == 0
    assert len(desk.state.orders) == 2


@pytest.mark.parametrize(
    ("price", "target", "stop"),
    [("110", OrderStatus.FILLED, OrderStatus.EXPIRED), ("90", OrderStatus.EXPIRED, OrderStatus.FILLED)],
)
def test_one_of_a_pair_ends_the_other(price: str, target: OrderStatus, stop: OrderStatus) -> None:
    desk = spot()
    first, second = desk.oco(*pair()).answer

    desk.move(price)

    assert (desk.ended[first].status, desk.ended[second].status) == (target, stop)
    assert desk.wallet("BTC") == 0
    assert desk.state.orders == ()


def test_the_first_part_of_the_target_already_ends_the_stop() -> None:
    desk = spot()
    first, second = desk.oco(*pair()).answer
    desk.change_market(max_fill_quantity=D("0.5"))

    desk.move("110")

    assert (desk.ended[first].status, desk.ended[first].filled) == (OrderStatus.PARTIALLY_FILLED, D("0.5"))
    assert desk.ended[second].status is OrderStatus.EXPIRED


def test_cancelling_one_cancels_both() -> None:
    desk = spot()
    first, second = desk.oco(*pair()).answer

    desk.cancel(desk.ended[second])

    assert {desk.ended[first].status, desk.ended[second].status} == {OrderStatus.CANCELED}
    assert free(desk, "BTC") == 2


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        (pair(target="99"), "-2010"),  # below the market
        (pair(stop="101"), "-2010"),  # above it
        (pair(quantity="2.001"), "-2010"),  # more than is there
        ((pair()[0], pair(quantity="1")[1]), "-1014"),
        ((pair()[1], pair()[0]), "-1014"),
        ((pair()[0], pair()[0]), "-1014"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_whole(orders: tuple[OrderRequest, OrderRequest], code: str) -> None:
    desk = spot()

    assert refusal(desk.oco, *orders).code == code
    assert desk.state.orders == ()


def test_a_buying_pair_mirrors_it() -> None:
    desk = spot()
    first, second = desk.oco(*pair(target="90", stop="110", side=Side.BUY, quantity="4")).answer
    assert free(desk, "USDT") == 560  # 4 x 110

    desk.move("110")

    assert (desk.ended[first].status, desk.ended[second].status) == (OrderStatus.EXPIRED, OrderStatus.FILLED)


def test_futures_know_no_pairs() -> None:
    with pytest.raises(OrderRejected, match="not supported"):
        PaperDesk().oco(*pair())


# ── the rest ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_thin_book_lets_fok_expire_on_spot() -> None:
    desk = spot()
    desk.change_market(max_fill_quantity=D("0.4"))

    order = desk.submit(Side.SELL, OrderType.LIMIT, "1", price="100", time_in_force=TimeInForce.FOK)

    assert (order.status, order.filled) == (OrderStatus.EXPIRED, D(0))


def test_the_sixth_stop_of_a_symbol_is_refused() -> None:
    desk = spot()
    for _ in range(5):
        desk.submit(Side.SELL, OrderType.STOP_MARKET, "0.1", trigger_price="90")

    assert refusal(desk.submit, Side.SELL, OrderType.STOP_MARKET, "0.1", trigger_price="90").code == "-1013"


def test_a_symbol_that_is_not_trading_is_closed() -> None:
    assert refusal(spot(trading=False).sell, "1").code == "-2010"


def test_a_buy_stop_without_funds_at_the_trigger_is_rejected() -> None:
    desk = spot(wallets={"USDT": "1100"})
    stop = desk.submit(Side.BUY, OrderType.STOP_MARKET, "10", trigger_price="110")

    desk.move("120")

    assert desk.now(stop).status is OrderStatus.REJECTED
    assert desk.wallet() == 1100
