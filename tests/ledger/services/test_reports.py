"""The one door for venue facts: late, doubled, out of order, partial, wrong."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.db import connection

from exchange.types import IncomeKind, IncomeReport, OrderStatus, PositionSide
from ledger.models import Fill, Income, Lane, Notice, Order, OrderEvent, Trade
from ledger.services.reports import apply_income, apply_report
from tests.factories import T0, AccountFactory, OrderFactory, TradeFactory
from tests.ledger.services.reporting import entry, exit_of, fill, hear, report

D = Decimal
S = OrderStatus

pytestmark = pytest.mark.django_db


def _trade(order: Order) -> Trade:
    return Trade.objects.get(pk=order.trade_id)


def _bumps(order: Order) -> int:
    return Lane.objects.get(account=order.account, symbol=order.symbol).bumps


def test_acknowledgement_is_booked_with_its_moment() -> None:
    order = entry()

    heard = hear(order, report(order, S.ACCEPTED), source="answer")

    assert (heard.status, heard.venue_order_id) == (S.ACCEPTED, "77")
    assert heard.acknowledged_at is not None
    event = heard.events.get()
    assert (event.from_status, event.to_status, event.source) == (S.SUBMITTING, S.ACCEPTED, "answer")
    assert _trade(heard).status == Trade.Status.OPENING


def test_the_first_acknowledgement_counts() -> None:
    order = entry()
    first = hear(order, report(order, S.ACCEPTED)).acknowledged_at

    assert hear(order, report(order, S.TRIGGERED)).acknowledged_at == first


def test_fill_opens_the_trade_and_wakes_the_lane() -> None:
    order = entry(quantity="0.5")
    before = _bumps(order)

    heard = hear(order, report(order, S.FILLED, fill(order, "1", "0.5", "60000", fee="15")))

    trade = _trade(order)
    assert (heard.status, heard.filled_quantity, heard.average_price) == (S.FILLED, D("0.5"), D(60000))
    assert (trade.status, trade.quantity, trade.entry_price) == (Trade.Status.OPEN, D("0.5"), D(60000))
    assert trade.fees == {"USDT": "15"}
    assert trade.opened_at == T0 + timedelta(seconds=1)
    assert _bumps(order) == before + 1
    assert Lane.objects.get(pk=trade.lane_id).wake_at is not None


def test_saying_it_again_changes_nothing() -> None:
    order = entry()
    said = report(order, S.FILLED, fill(order, "1", "1", "100"))
    hear(order, said)
    state = (_bumps(order), OrderEvent.objects.count(), Fill.objects.count())

    for _ in range(3):
        hear(order, said)

    assert (_bumps(order), OrderEvent.objects.count(), Fill.objects.count()) == state


def test_every_order_of_hearing_ends_the_same() -> None:
    """ACCEPTED, two parts and the whole, in all 24 orders, each twice."""
    ends = set()
    for turn in permutations(range(4)):
        order = entry()
        parts = (fill(order, "1", "0.4", "100"), fill(order, "2", "0.6", "110"))
        said = (
            report(order, S.ACCEPTED),
            report(order, S.PARTIALLY_FILLED, parts[0]),
            report(order, S.FILLED, parts[1], filled="1"),
            report(order, S.FILLED, *parts),
        )
        for index in (*turn, *turn):
            heard = hear(order, said[index])
        trade = _trade(order)
        ends.add((heard.status, heard.filled_quantity, heard.average_price, trade.quantity, trade.entry_price))

    assert ends == {(S.FILLED, D(1), D(106), D(1), D(106))}


def test_a_stale_report_is_noted_once_and_dropped() -> None:
    order = entry()
    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))

    heard = hear(order, report(order, S.CANCELED, filled="1"))
    hear(order, report(order, S.CANCELED, filled="1"))

    assert heard.status == S.FILLED
    notes = [event.note for event in heard.events.all()]
    assert notes.count("stale report CANCELED dropped") == 1


def test_fills_of_a_stale_report_still_count() -> None:
    order = entry()
    hear(order, report(order, S.CANCELED))

    heard = hear(order, report(order, S.PARTIALLY_FILLED, fill(order, "1", "0.3", "100")))

    assert (heard.status, heard.filled_quantity) == (S.CANCELED, D("0.3"))
    assert _trade(order).quantity == D("0.3")


def test_the_last_fill_wins_over_a_cancel() -> None:
    order = entry()
    hear(order, report(order, S.CANCELED))

    assert hear(order, report(order, S.FILLED, fill(order, "1", "1", "100"))).status == S.FILLED


@pytest.mark.parametrize(
    ("said", "quantity", "expected"),
    [
        (S.ACCEPTED, "0.4", S.PARTIALLY_FILLED),
        (S.ACCEPTED, "1", S.FILLED),
        (S.PARTIALLY_FILLED, "1", S.FILLED),
        (S.UNKNOWN, "0.4", S.PARTIALLY_FILLED),
        (S.CANCELED, "0.4", S.CANCELED),
        (S.EXPIRED, "1", S.FILLED),
    ],
)
def test_fills_say_more_than_a_lagging_report(said: S, quantity: str, expected: S) -> None:
    order = entry()

    assert hear(order, report(order, said, fill(order, "1", quantity, "100"))).status == expected


@pytest.mark.parametrize("said", [S.FILLED, S.CANCELED, S.PARTIALLY_FILLED])
def test_an_order_has_not_ended_while_fills_are_unheard(said: S) -> None:
    """Else a filled entry would look like one that never filled, and nobody would protect it."""
    order = entry()

    heard = hear(order, report(order, said, filled="0.5"))
    assert (heard.status, heard.filled_quantity) == (S.ACCEPTED, D(0))
    assert heard.ask_at is not None
    assert heard.acknowledged_at is not None

    heard = hear(order, report(order, S.CANCELED, fill(order, "1", "0.5", "100")))
    assert (heard.status, heard.filled_quantity, heard.ask_at) == (S.CANCELED, D("0.5"), None)


def test_rejection_is_booked_with_its_reason() -> None:
    order = entry(status=S.UNKNOWN)

    heard = hear(order, report(order, S.REJECTED, reason="margin is insufficient"))

    assert (heard.status, heard.reason) == (S.REJECTED, "margin is insufficient")
    assert heard.reason_code == "REJECTED_BY_VENUE"
    assert heard.acknowledged_at is None


def test_unknown_is_taken_only_from_an_order_in_flight() -> None:
    flying, resting = entry(), entry(status=S.ACCEPTED)

    assert hear(flying, report(flying, S.UNKNOWN)).status == S.UNKNOWN
    assert hear(resting, report(resting, S.UNKNOWN)).status == S.ACCEPTED


@pytest.mark.parametrize("said", [S.INITIALIZED, S.SUBMITTING, S.DENIED])
def test_our_own_words_move_nothing(said: S) -> None:
    """INITIALIZED from a report would have the order sent a second time."""
    order = entry()

    assert hear(order, report(order, said)).status == S.SUBMITTING


def test_an_order_that_we_took_for_unsent_is_adopted() -> None:
    order = entry(status=S.INITIALIZED)

    heard = hear(order, report(order, S.ACCEPTED))

    assert heard.status == S.ACCEPTED
    assert [(e.from_status, e.to_status) for e in heard.events.all()] == [
        (S.INITIALIZED, S.SUBMITTING),
        (S.SUBMITTING, S.ACCEPTED),
    ]


@pytest.mark.parametrize("dead", [S.DENIED, S.REJECTED])
def test_an_order_that_should_not_exist_raises_an_alarm_once(dead: S) -> None:
    order = entry(status=dead)

    hear(order, report(order, S.ACCEPTED))
    heard = hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))
    hear(order, report(order, S.ACCEPTED))

    assert heard.status == dead
    assert _trade(order).quantity == D(1)
    assert Notice.objects.filter(level="ALARM", code="ORDER_EXISTS_AFTER_ALL").count() == 1


def test_ladder_with_two_targets_as_the_venue_tells_it() -> None:
    # 1 @ 100, DCA 3 @ 80 (average 85), target 1: 2 @ 95 (+20), target 2: 2 @ 110 (+50).
    order = entry()
    adds = exit_of(order, "DCA", quantity="3")
    tp1 = exit_of(order, "TP", quantity="2")
    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100", fee="0.05")))
    hear(adds, report(adds, S.FILLED, fill(adds, "2", "3", "80", fee="0.12")))
    hear(tp1, report(tp1, S.FILLED, fill(tp1, "3", "2", "95", fee="0.095")))

    trade = _trade(order)
    assert (trade.quantity, trade.entered_quantity, trade.entry_price) == (D(2), D(4), D(85))
    assert trade.realized_pnl == D(20)

    stop = exit_of(order, "SL", quantity="2")
    hear(stop, report(stop, S.FILLED, fill(stop, "4", "2", "110", fee="0.11")))

    trade = _trade(order)
    assert (trade.quantity, trade.realized_pnl, trade.fees) == (D(0), D(70), {"USDT": "0.375"})
    assert trade.status == Trade.Status.OPEN  # its end is the engine's to write


def test_short_trade_earns_when_it_buys_back_lower() -> None:
    order = entry(direction="SHORT", quantity="2")
    out = exit_of(order, "TP", quantity="2")
    hear(order, report(order, S.FILLED, fill(order, "1", "2", "50")))
    hear(out, report(out, S.FILLED, fill(out, "2", "2", "45")))

    assert (_trade(order).quantity, _trade(order).realized_pnl) == (D(0), D(10))


def test_spot_commission_in_the_base_comes_out_of_the_position() -> None:
    order = entry(quantity="5.85", strategy__account__venue="paper_spot")

    hear(order, report(order, S.FILLED, fill(order, "1", "5.85", "100", fee="0.00585", fee_asset="BTC")))

    trade = _trade(order)
    assert (trade.quantity, trade.entered_quantity) == (D("5.84415"), D("5.85"))
    assert Order.objects.get(pk=order.pk).filled_quantity == D("5.85")


def test_an_exit_heard_before_its_entry_is_put_right_by_the_entry() -> None:
    order = entry()
    out = exit_of(order, "TP", quantity="1")
    hear(out, report(out, S.FILLED, fill(out, "2", "1", "120")))
    assert _trade(order).unmatched_quantity == D(1)

    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))

    trade = _trade(order)
    assert (trade.quantity, trade.unmatched_quantity, trade.realized_pnl) == (D(0), D(0), D(20))


def test_report_of_one_account_never_touches_the_order_of_another() -> None:
    order = entry()
    other = AccountFactory()

    apply_report(account_id=other.pk, report=report(order, S.FILLED, fill(order, "1", "1", "100")), source="stream")

    assert Order.objects.get(pk=order.pk).status == S.SUBMITTING
    assert not Fill.objects.exists()
    notice = Notice.objects.get()
    assert (notice.code, notice.account) == ("ORDER_UNKNOWN_TO_LEDGER", other)


def test_same_trade_id_on_two_accounts_is_two_fills() -> None:
    one, other = entry(), entry()

    for order in (one, other):
        hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))

    assert Fill.objects.count() == 2


def test_order_with_our_name_that_we_don_t_know_alarms_once() -> None:
    order = entry()
    unknown = OrderFactory.build(
        leg=order.leg, trade=order.trade, account=order.account, client_order_id="tv-ffffffffffff-entry-1"
    )

    for status in (S.ACCEPTED, S.FILLED):
        apply_report(account_id=order.account_id, report=report(unknown, status), source="stream")

    notice = Notice.objects.get()
    assert (notice.level, notice.code) == ("ALARM", "ORDER_UNKNOWN_TO_LEDGER")
    assert "tv-ffffffffffff-entry-1" in notice.message


def test_order_of_the_user_s_own_hand_is_ignored() -> None:
    order = entry()
    foreign = OrderFactory.build(leg=order.leg, trade=order.trade, account=order.account, client_order_id="web_Ab12")

    apply_report(
        account_id=order.account_id,
        report=report(foreign, S.FILLED, fill(foreign, "1", "1", "100")),
        source="stream",
    )

    assert not Notice.objects.exists()
    assert not Fill.objects.exists()


def test_a_fill_of_another_order_is_refused_with_an_alarm() -> None:
    order = entry()
    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))
    out = exit_of(order, "TP", quantity="1")

    hear(out, report(out, S.FILLED, fill(out, "1", "1", "120")))
    hear(out, report(out, S.FILLED, fill(out, "1", "1", "120")))

    assert Fill.objects.get().order_id == order.pk
    assert Notice.objects.filter(code="FILL_DOES_NOT_FIT").count() == 1


def test_fill_after_the_end_brings_the_trade_back_to_work() -> None:
    order = entry(status=S.CANCELED)
    Trade.objects.filter(pk=order.trade_id).update(status=Trade.Status.ABANDONED, closed_at=T0)

    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))

    trade = _trade(order)
    assert (trade.status, trade.quantity, trade.closed_at) == (Trade.Status.OPEN, D(1), None)
    assert Notice.objects.get().code == "FILL_AFTER_END"


def test_fill_after_the_end_of_a_closed_trade_goes_on_closing() -> None:
    order = entry(status=S.CANCELED)
    Trade.objects.filter(pk=order.trade_id).update(status=Trade.Status.CLOSED, closed_at=T0, close_requested_at=T0)

    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))

    assert _trade(order).status == Trade.Status.CLOSING


def test_fill_after_the_end_with_a_newer_trade_in_place_says_what_to_do() -> None:
    order = entry(status=S.CANCELED)
    Trade.objects.filter(pk=order.trade_id).update(status=Trade.Status.CLOSED, closed_at=T0)
    TradeFactory(strategy=order.trade.strategy)

    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))

    assert _trade(order).status == Trade.Status.CLOSED
    assert "by hand" in Notice.objects.get().message


def _funding(key: str, amount: str, *, at: int = 100, side: PositionSide = PositionSide.BOTH) -> IncomeReport:
    return IncomeReport(
        venue_income_id=key,
        kind=IncomeKind.FUNDING,
        asset="USDT",
        amount=D(amount),
        symbol="BTCUSDT",
        occurred_at=T0 + timedelta(seconds=at),
        position_side=side,
    )


def test_funding_is_booked_once_and_summed_on_its_trade() -> None:
    order = entry()
    hear(order, report(order, S.FILLED, fill(order, "1", "1", "100")))

    for said in (_funding("1", "-0.31"), _funding("2", "0.11"), _funding("1", "-0.31")):
        apply_income(account_id=order.account_id, report=said)

    assert Income.objects.count() == 2
    assert _trade(order).funding == D("-0.20")


def test_funding_goes_to_the_trade_that_held_the_position_then() -> None:
    old = entry()
    hear(old, report(old, S.FILLED, fill(old, "1", "1", "100")))
    Trade.objects.filter(pk=old.trade_id).update(status=Trade.Status.CLOSED, closed_at=T0 + timedelta(seconds=150))
    new = entry(strategy=old.trade.strategy)
    hear(new, report(new, S.FILLED, fill(new, "200", "1", "100")))

    apply_income(account_id=old.account_id, report=_funding("1", "-0.5", at=100))
    apply_income(account_id=old.account_id, report=_funding("2", "-0.7", at=300))

    assert (_trade(old).funding, _trade(new).funding) == (D("-0.5"), D("-0.7"))


def test_funding_of_one_side_goes_to_the_trade_of_that_side() -> None:
    long = entry(position_side="LONG")
    hear(long, report(long, S.FILLED, fill(long, "1", "1", "100")))
    short = entry(strategy=long.trade.strategy, direction="SHORT", position_side="SHORT")
    hear(short, report(short, S.FILLED, fill(short, "2", "1", "100")))

    apply_income(account_id=long.account_id, report=_funding("1", "-0.5", side=PositionSide.LONG))

    assert (_trade(long).funding, _trade(short).funding) == (D("-0.5"), D(0))


def test_transfer_is_booked_without_a_trade() -> None:
    order = entry()
    said = IncomeReport(
        venue_income_id="1", kind=IncomeKind.TRANSFER, asset="USDT", amount=D(500), symbol="", occurred_at=T0
    )

    apply_income(account_id=order.account_id, report=said)
    apply_income(account_id=AccountFactory().pk, report=said)

    assert [income.trade for income in Income.objects.all()] == [None, None]


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_with_one_report_book_one_set_of_fills() -> None:
    order = entry()
    parts = tuple(fill(order, str(number), "0.25", str(100 + number)) for number in range(1, 5))
    start = threading.Barrier(20)
    errors: list[BaseException] = []

    def tell(number: int) -> None:
        try:
            start.wait(timeout=10)
            # Some hear a part of it, some all, some the end first.
            said = report(order, S.FILLED, *parts) if number % 2 else report(order, S.PARTIALLY_FILLED, *parts[:2])
            apply_report(account_id=order.account_id, report=said, source="stream")
        except BaseException as exc:  # noqa: BLE001  # the main thread asserts on it
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert not errors
    trade = _trade(order)
    heard = Order.objects.get(pk=order.pk)
    assert Fill.objects.count() == 4
    assert (heard.status, heard.filled_quantity, heard.average_price) == (S.FILLED, D(1), D("102.5"))
    assert (trade.quantity, trade.entry_price, trade.status) == (D(1), D("102.5"), Trade.Status.OPEN)
    assert heard.events.exclude(from_status=S.FILLED).filter(to_status=S.FILLED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_orders_of_one_trade_filled_at_once_are_both_in_its_position() -> None:
    order = entry()
    adds = [order, exit_of(order, "DCA", quantity="1")]
    start = threading.Barrier(len(adds))
    errors: list[BaseException] = []

    def tell(which: Order, key: str) -> None:
        try:
            start.wait(timeout=10)
            apply_report(
                account_id=which.account_id,
                report=report(which, S.FILLED, fill(which, key, "1", "100")),
                source="stream",
            )
        except BaseException as exc:  # noqa: BLE001  # the main thread asserts on it
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=tell, args=(one, str(n))) for n, one in enumerate(adds, start=1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert not errors
    assert _trade(order).quantity == D(2)
