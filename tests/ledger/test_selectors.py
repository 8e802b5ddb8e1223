"""Reads of the ledger: numbers worked by hand, and a number of queries that doesn't grow."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from exchange.models import Account
from exchange.types import OrderStatus, Quote
from ledger.domain.context import Usage
from ledger.models import Order, Trade
from ledger.selectors import (
    Position,
    get_figures,
    get_stages,
    get_usage,
    list_daily_pnl,
    list_positions,
    list_trades,
    stop_in_force,
)
from ledger.services.reports import apply_income
from tests.factories import (
    T0,
    InstrumentFactory,
    LegFactory,
    OrderFactory,
    SignalFactory,
    StrategyFactory,
    TradeFactory,
)
from tests.ledger.services.reporting import entry, exit_of, fill, hear, report
from tests.ledger.services.test_reports import _funding as funding

D = Decimal
S = OrderStatus
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def quote(mark: str) -> Any:
    def ask(_: Account, symbol: str) -> Quote:
        price = D(mark)
        return Quote(symbol=symbol, bid=price, ask=price, last=price, mark=price, at=T0)

    return ask


def _held(price: str = "100", quantity: str = "1", key: str = "1", **trade: Any) -> Order:
    order = entry(quantity=quantity, **trade)
    return hear(order, report(order, S.FILLED, fill(order, key, quantity, price)))


def _stop(order: Order, trigger: str, status: S = S.ACCEPTED, quantity: str = "1") -> Order:
    leg = LegFactory(trade=order.trade, kind="SL", trigger_price=D(trigger))
    return OrderFactory(leg=leg, quantity=D(quantity), status=status)


def _one(positions: list[Position]) -> Position:
    (position,) = positions
    return position


def test_position_at_the_mark_price_with_its_protection() -> None:
    order = _held(price="60000", quantity="0.5", margin_type="ISOLATED", leverage=10)
    _stop(order, "58000", quantity="0.5")

    position = _one(list_positions(quote_of=quote("60500")))

    assert (position.quantity, position.entry_price, position.mark_price) == (D("0.5"), D(60000), D(60500))
    assert position.unrealized_pnl == D(250)
    assert position.protected
    # 60000 * (1 - 1/10) / (1 - 0.004) = 54216.867...; a long's price goes down to the tick of 0.1.
    assert position.liquidation_price == D("54216.8")


def test_short_position_is_liquidated_above() -> None:
    _held(price="60000", quantity="0.5", direction="SHORT", margin_type="ISOLATED", leverage=10)

    position = _one(list_positions(quote_of=quote("59000")))

    assert position.unrealized_pnl == D(500)
    # 60000 * 1.1 / 1.004 = 65737.051...; up to the tick.
    assert position.liquidation_price == D("65737.1")


@pytest.mark.parametrize(("status", "quantity"), [(S.SUBMITTING, "1"), (S.ACCEPTED, "0.5"), (S.CANCELED, "1")])
def test_a_stop_that_is_not_acknowledged_or_too_small_does_not_protect(status: S, quantity: str) -> None:
    _stop(_held(), "90", status, quantity)

    assert not _one(list_positions(quote_of=quote("100"))).protected


def test_trades_of_two_strategies_are_one_position() -> None:
    one = _held(price="100", quantity="1")
    _held(price="130", quantity="2", key="2", strategy=StrategyFactory(account=one.account))

    position = _one(list_positions(quote_of=quote("125")))

    # 360 paid for 3, worth 375.
    assert (position.quantity, position.entry_price, position.unrealized_pnl) == (D(3), D(120), D(15))
    assert len(position.trades) == 2


def test_without_a_price_the_position_is_shown_without_what_depends_on_it() -> None:
    _held()

    position = _one(list_positions(quote_of=lambda *_: None))

    assert (position.mark_price, position.unrealized_pnl) == (None, None)


def test_ended_and_empty_trades_are_no_positions() -> None:
    TradeFactory()
    closed = _held()
    Trade.objects.filter(pk=closed.trade_id).update(status=Trade.Status.CLOSED)

    assert list_positions(quote_of=quote("1")) == []


def test_positions_of_one_account() -> None:
    mine, _ = _held(), _held()

    assert _one(list_positions(account=mine.account, quote_of=quote("1"))).account == mine.account


def test_reads_take_the_same_queries_for_one_and_for_many(django_assert_num_queries: Any) -> None:
    strategy = StrategyFactory()

    def more(count: int) -> None:
        for number in range(count):
            symbol = f"C{Trade.objects.count()}USDT"
            order = entry(strategy=strategy, symbol=symbol, quantity="1")
            hear(
                order,
                report(order, S.FILLED, fill(order, str(number + 1), "1", "100", fee="0.01", fee_asset="BNB")),
            )
            _stop(order, "90")
            SignalFactory(endpoint__strategy=strategy, trade=order.trade)

    for count in (1, 6):
        more(count)
        with django_assert_num_queries(4):
            positions = list_positions(quote_of=quote("1"))
        assert len(positions) == Trade.objects.count()
        with django_assert_num_queries(5):
            trades = list(list_trades())
        with django_assert_num_queries(2):
            get_figures(trades)
        with django_assert_num_queries(4):
            list_daily_pnl(Trade.objects.all(), since=T0 - DAY)
        with django_assert_num_queries(10):
            get_usage(strategy, T0)


def test_figures_value_fees_and_count_funding() -> None:
    order = entry(quantity="1", strategy__account__venue="paper_spot", reference_price=D(99))
    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100", fee="0.001", fee_asset="BTC")))
    Trade.objects.update(funding=D("-0.4"))
    trade = list_trades().get()

    figures = get_figures([trade])[trade.pk]

    assert (figures.net.fees, figures.net.net, figures.slippage) == (D("0.1"), D("-0.5"), D(1))


def test_figures_without_fills_need_no_fills() -> None:
    trade = TradeFactory()

    assert get_figures([trade])[trade.pk].net.net == D(0)


def test_pnl_is_counted_on_the_day_that_realized_it() -> None:
    """Bought on day 0 (fee 1), half sold on day 1 (+20, fee 2), the rest on day 2 (-30, fee 3, funding -0.5)."""
    order = entry(quantity="2")
    hear(order, report(order, S.FILLED, fill(order, "1", "2", "100", fee="1")))
    out = exit_of(order, "TP", quantity="2")
    first = fill(out, "2", "1", "120", fee="2", at=T0 + DAY)
    second = fill(out, "3", "1", "70", fee="3", at=T0 + 2 * DAY)
    hear(out, report(out, S.FILLED, first, second))
    apply_income(account_id=order.account_id, report=funding("1", "-0.5", at=2 * 24 * 3600))

    days = list_daily_pnl(Trade.objects.all(), since=T0 - DAY)

    assert [(d.day.day, d.realized, d.fees, d.funding, d.net) for d in days] == [
        (2, D(0), D(1), D(0), D(-1)),
        (3, D(20), D(2), D(0), D(18)),
        (4, D(-30), D(3), D("-0.5"), D("-33.5")),
    ]
    assert [d.day.day for d in list_daily_pnl(Trade.objects.all(), since=T0 + DAY)] == [3, 4]


def test_usage_counts_only_the_strategy_and_today() -> None:
    order = _held(price="100", quantity="2")
    strategy = order.trade.strategy
    out = exit_of(order, "SL", quantity="1")
    hear(out, report(out, S.FILLED, fill(out, "2", "1", "70", fee="0.5")))
    _held(key="9", strategy=StrategyFactory(account=order.account))  # another strategy
    Trade.objects.update(created_at=T0)
    abandoned = TradeFactory(strategy=strategy, symbol="ETHUSDT", status=Trade.Status.ABANDONED)
    Trade.objects.filter(pk=abandoned.pk).update(created_at=T0)
    closed = TradeFactory(strategy=strategy, symbol="SOLUSDT", status=Trade.Status.CLOSED)
    Trade.objects.filter(pk=closed.pk).update(created_at=T0 - timedelta(hours=12, seconds=1))

    assert get_usage(strategy, T0) == Usage(open_trades=1, trades_today=1, loss_today=D("30.5"), pending_risk=D(0))
    # The next day starts anew.
    assert get_usage(strategy, T0 + timedelta(hours=12)) == Usage(open_trades=1)


def test_a_day_in_profit_has_no_loss() -> None:
    order = _held(price="100", quantity="2")
    out = exit_of(order, "TP", quantity="1")
    hear(out, report(out, S.FILLED, fill(out, "2", "1", "170")))

    assert get_usage(order.trade.strategy, T0).loss_today == D(0)


def test_pending_risk_is_the_loss_at_the_stops_with_resting_entries_filled() -> None:
    # Held 1 @ 100, DCA 2 @ 90 resting, stop 80: 20 + 20 = 40.
    order = _held(price="100")
    LegFactory(trade=order.trade, kind="SL", trigger_price=D(80))
    LegFactory(trade=order.trade, kind="DCA", quantity=D(2), price=D(90))
    # A short of another strategy on the same account: 2 @ 50, stop 53: 6.
    short = _held("50", "2", "2", direction="SHORT", strategy=StrategyFactory(account=order.account))
    LegFactory(trade=short.trade, kind="SL", trigger_price=D(53))
    # Without a stop there is no loss at the stop.
    _held("10", "1", "3", symbol="ETHUSDT", strategy=StrategyFactory(account=order.account))

    assert get_usage(order.trade.strategy, T0).pending_risk == D(46)


def test_pending_risk_leaves_out_entries_that_are_over() -> None:
    order = _held(price="100")
    LegFactory(trade=order.trade, kind="SL", trigger_price=D(80))
    dca = LegFactory(trade=order.trade, kind="DCA", quantity=D(2), price=D(90))
    OrderFactory(leg=dca, status=S.CANCELED)

    assert get_usage(order.trade.strategy, T0).pending_risk == D(20)


def test_pending_risk_before_the_first_fill_uses_the_price_decided_at() -> None:
    order = entry(quantity="3", reference_price=D(200))
    LegFactory(trade=order.trade, kind="SL", offset_pct=D(-5))

    # 3 * 200 * 5 %
    assert get_usage(order.trade.strategy, T0).pending_risk == D(30)


def test_a_stop_in_profit_risks_nothing() -> None:
    order = _held(price="100")
    LegFactory(trade=order.trade, kind="SL", trigger_price=D(110))

    assert get_usage(order.trade.strategy, T0).pending_risk == D(0)


def test_stop_in_force_follows_the_override() -> None:
    order = _held(price="100")
    LegFactory(trade=order.trade, kind="SL", trigger_price=D(80))
    rules = InstrumentFactory().rules()

    assert stop_in_force(list_trades().get(), rules) == D(80)
    Trade.objects.update(stop_override=D(95))
    assert stop_in_force(list_trades().get(), rules) == D(95)


def test_stages_of_an_entry() -> None:
    order = entry()
    Order.objects.update(submitted_at=T0)
    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))
    Trade.objects.update(protected_at=T0 + timedelta(days=900))

    stages = {stage.stage: stage.at for stage in get_stages(order.trade_id)}

    assert list(stages) == ["sent", "acknowledged", "filled", "protected"]
    assert stages["sent"] == T0
    assert stages["acknowledged"] == Order.objects.get().acknowledged_at


def test_stages_go_only_as_far_as_it_got() -> None:
    order = entry(status=S.INITIALIZED)

    assert get_stages(order.trade_id) == []


def test_stages_of_a_later_signal_are_those_of_its_own_orders() -> None:
    order = _held()
    Order.objects.update(created_at=T0, submitted_at=T0)
    out = exit_of(order, "EXIT", quantity="1", status=S.SUBMITTING)
    Order.objects.filter(pk=out.pk).update(created_at=T0 + DAY, submitted_at=T0 + DAY)

    assert [(s.stage, s.at) for s in get_stages(order.trade_id, since=T0 + DAY)] == [("sent", T0 + DAY)]


def test_stages_of_a_sale_without_entry_are_those_of_its_exit() -> None:
    out = OrderFactory(leg=LegFactory(kind="EXIT", quantity=D(1)), submitted_at=T0)

    assert [stage.stage for stage in get_stages(out.trade_id)] == ["sent"]
