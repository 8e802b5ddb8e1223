"""Liquidation and funding on the paper venue, with numbers worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from exchange.adapters.paper import margin
from exchange.types import IncomeKind, OrderStatus, OrderType, PositionSide, Side
from tests.exchange.adapters.paper.desk import D, PaperDesk

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


# ── liquidation ───────────────────────────────────────────────────────────────────────────────────────────────
def test_an_isolated_long_is_liquidated_at_its_price_and_loses_only_its_margin() -> None:
    desk = PaperDesk(wallet="1000", tick_size=D("0.01"))
    desk.isolated()
    desk.leverage(10)
    desk.buy("10")  # margin 100
    look = desk.look()

    # (1000 - 100) / (10 x 0.996) = 90.361445...
    price = margin.liquidation_price(look, ("BTCUSDT", PositionSide.BOTH))
    assert price is not None
    assert price.quantize(D("0.0001")) == D("90.3614")
    desk.move("90.37")
    assert desk.holding().quantity == 10
    desk.move("90.36")  # loses 96.4; 3.6 of the margin are left for the fee of 1.25 % = 11.295

    assert desk.holding().quantity == 0
    assert desk.fills[-1].client_order_id.startswith("autoclose-")
    assert [(income.kind, income.amount) for income in desk.incomes] == [(IncomeKind.LIQUIDATION_FEE, D("-3.6"))]
    assert desk.wallet() == 900


def test_a_gap_beyond_the_margin_is_made_good() -> None:
    desk = PaperDesk(wallet="1000")
    desk.isolated()
    desk.leverage(10)
    desk.buy("10")

    desk.move("80")  # loses 200 of 100

    assert [(income.kind, income.amount) for income in desk.incomes] == [(IncomeKind.OTHER, D(100))]
    assert desk.wallet() == 900


def test_a_crossed_short_is_liquidated_when_the_whole_wallet_is_exhausted() -> None:
    desk = PaperDesk(wallet="1000")
    desk.leverage(20)
    desk.sell("100")  # value 10000

    # (10000 + 1000) / (100 x 1.004) = 109.5617...
    price = margin.liquidation_price(desk.look(), ("BTCUSDT", PositionSide.BOTH))
    assert price is not None
    assert price.quantize(D("0.0001")) == D("109.5618")
    desk.move("109.5")
    assert desk.holding().quantity == -100
    desk.move("109.6")

    assert desk.holding().quantity == 0
    assert desk.wallet() == 0


def test_a_safe_position_has_no_liquidation_price() -> None:
    desk = PaperDesk(wallet="1000")
    desk.buy("1")

    assert margin.liquidation_price(desk.look(), ("BTCUSDT", PositionSide.BOTH)) is None


def test_liquidation_cancels_resting_orders_of_the_symbol() -> None:
    desk = PaperDesk(wallet="1000")
    desk.isolated()
    desk.leverage(10)
    desk.buy("10")
    resting = desk.submit(Side.BUY, OrderType.LIMIT, "1", price="50")

    desk.move("90")

    assert desk.now(resting).status is OrderStatus.CANCELED


# ── funding ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_longs_pay_and_shorts_receive_a_positive_rate() -> None:
    desk = PaperDesk(hedge=True)
    desk.buy("3", position_side=LONG)
    desk.sell("1", position_side=SHORT)

    desk.fund({"BTCUSDT": D("0.0001")})

    assert [(income.position_side, income.amount) for income in desk.incomes] == [
        (LONG, D("-0.03")),
        (SHORT, D("0.01")),
    ]
    assert desk.wallet() == D("9999.98")


def test_funding_is_charged_at_each_eighth_hour() -> None:
    desk = PaperDesk()  # it is 12:00
    desk.buy("1")
    desk.change_market(funding_rate=D("0.001"))

    desk.move("100", after=timedelta(hours=3, minutes=59))
    assert desk.incomes == []
    desk.move("100", after=timedelta(minutes=1))
    assert [income.amount for income in desk.incomes] == [D("-0.1")]
    desk.move("100", after=timedelta(hours=16))  # a machine that slept owes both

    assert [income.amount for income in desk.incomes] == [D("-0.1")] * 3
    assert desk.state.funding_at == datetime(2026, 3, 3, 16, 0, tzinfo=UTC)
    assert len({income.venue_income_id for income in desk.incomes}) == 3


def test_funding_eats_an_isolated_margin() -> None:
    desk = PaperDesk()
    desk.isolated()
    desk.leverage(10)
    desk.buy("1")

    desk.fund({"BTCUSDT": D("0.01")})

    assert desk.holding().isolated_margin == 9
    assert desk.wallet() == 9999
