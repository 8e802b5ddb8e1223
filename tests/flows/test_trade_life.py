"""The road from alert to ledger, on the paper venue: every number worked by hand, without fees unless said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.models import Venue
from ledger.models import Fill, Notice, Trade
from ledger.services import controls
from signals.models import Dialect, Signal
from tests.flows.house import House, wake_all, work_until_quiet

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


@pytest.fixture
def house() -> House:
    """10 % of 10000 x 5 = 5000 USDT a trade: 0.1 BTC at 50000."""
    return House(
        strategy_fields={
            "sizing_method": "balance_fraction",
            "sizing_amount": D("0.1"),
            "leverage": 5,
            "exit_cooldown_s": 30,
            "take_profits": [{"pct": "1", "share": "0.5"}, {"pct": "2"}],
            "stop_pct": D("1"),
            "breakeven_after": 1,
        }
    )


def test_an_entry_is_filled_and_protected(house: House) -> None:
    signal = house.send(symbol="BTCUSDT", action="long")

    assert (signal.status, signal.reason_code) == (Signal.Status.DONE, signal.reason_code)
    assert house.sent("ENTRY") == [("ENTRY", "BUY", "0.100", None)]
    assert house.live() == [
        ("SL", "SELL", "0.100", "49500.0"),
        ("TP", "SELL", "0.050", "50500.0"),
        ("TP", "SELL", "0.050", "51000.0"),
    ]
    trade = house.trade()
    assert (trade.status, trade.quantity, trade.entry_price) == ("OPEN", D("0.1"), D("50000"))
    assert trade.protected_at is not None
    assert trade.naked_since is None
    assert signal.trade_id == trade.pk


def test_targets_breakeven_and_the_end(house: House) -> None:
    """+1 %: 0.05 sold at 50500 = 25; stop to 50000; +2 %: 0.05 at 51000 = 50; together 75."""
    house.send(symbol="BTCUSDT", action="long")

    house.price("50500")

    assert house.live() == [("TP", "SELL", "0.050", "51000.0"), ("SL", "SELL", "0.050", "50000.0")]
    house.price("51000")
    trade = house.trade()
    assert (trade.status, trade.realized_pnl, trade.quantity) == ("CLOSED", D("75"), D("0"))
    assert house.live() == []


def test_the_stop_ends_the_trade_and_leaves_no_orphan(house: House) -> None:
    """0.1 x (49500 - 50000) = -50."""
    house.send(symbol="BTCUSDT", action="long")

    house.price("49500")

    trade = house.trade()
    assert (trade.status, trade.close_reason, trade.realized_pnl) == ("CLOSED", "SL", D("-50"))
    assert house.live() == []


def test_a_repeated_target_position_does_nothing(house: House) -> None:
    house.send(symbol="BTCUSDT", action="long", note="first")

    again = house.send(symbol="BTCUSDT", action="long", note="second")

    assert again.status == Signal.Status.DONE
    assert len(house.sent("ENTRY")) == 1


def test_flat_closes_everything_once(house: House) -> None:
    house.send(symbol="BTCUSDT", action="long")

    first = house.send(symbol="BTCUSDT", action="flat")
    second = house.send(symbol="BTCUSDT", action="flat", note="again")

    assert (first.status, second.status) == ("DONE", "DONE")
    assert house.sent("EXIT") == [("EXIT", "SELL", "0.100", None)]
    assert house.live() == []
    assert house.trade().status == "CLOSED"


def test_a_reversal_closes_first_and_sizes_with_the_fresh_balance(house: House) -> None:
    """Long 0.1 from 50000; at 50400 + 40; 10040 x 0.1 x 5 / 50400 = 0.0996 -> 0.099 short."""
    house.send(symbol="BTCUSDT", action="long")
    house.price("50400")

    signal = house.send(symbol="BTCUSDT", action="short")

    assert signal.status == "DONE"
    assert house.sent("EXIT") == [("EXIT", "SELL", "0.100", None)]
    assert house.sent("ENTRY") == [("ENTRY", "BUY", "0.100", None), ("ENTRY", "SELL", "0.099", None)]
    long, short = Trade.objects.order_by("id")
    assert (long.status, long.realized_pnl, short.direction, short.status) == ("CLOSED", D("40"), "SHORT", "OPEN")
    assert house.live("SL") == [("SL", "BUY", "0.099", "50904.0")]


@pytest.fixture
def two_entries() -> House:
    """10 USD x 20 = 200 USDT an entry: 0.004 at 50000 and 0.004 at 49000."""
    house = House(
        dialect=Dialect.ENTRY_EXIT,
        strategy_fields={"sizing_method": "margin", "sizing_amount": D("10"), "leverage": 20, "entry_type": "LIMIT"},
    )
    house.rules("BTCUSDT", min_notional=D("5"))
    house.price("50100")
    return house


ENTRY = {
    "event": "ENTRY",
    "order_subtype": "primary_entry",
    "signal_side": "LONG",
    "symbol": "BTCUSDT",
    "entry_price": 50000.0,
    "second_entry_price": 49000.0,
    "stop_loss": 48000.0,
    "take_profit": 52000.0,
}
EXIT = {"event": "EXIT", "order_subtype": "reduce_only", "signal_side": "LONG", "symbol": "BTCUSDT"}


def test_protection_grows_with_each_entry_that_fills(two_entries: House) -> None:
    two_entries.send(**ENTRY)
    assert two_entries.live() == [("ENTRY", "BUY", "0.004", "50000.0"), ("DCA", "BUY", "0.004", "49000.0")]

    two_entries.price("50000")
    assert two_entries.live() == [
        ("DCA", "BUY", "0.004", "49000.0"),
        ("SL", "SELL", "0.004", "48000.0"),
        ("TP", "SELL", "0.004", "52000.0"),
    ]

    two_entries.price("49000")
    assert two_entries.live() == [("SL", "SELL", "0.008", "48000.0"), ("TP", "SELL", "0.008", "52000.0")]
    assert two_entries.trade().entry_price == D("49500")


def test_an_exit_cancels_the_unfilled_entry_and_all_leftovers(two_entries: House) -> None:
    two_entries.send(**ENTRY)
    two_entries.price("50000")

    signal = two_entries.send(**EXIT, exit_price=50500.0)

    assert signal.status == "DONE"
    assert two_entries.sent("EXIT") == [("EXIT", "SELL", "0.004", None)]
    assert two_entries.live() == []


def test_the_same_entry_again_is_refused_and_the_resting_one_stays(two_entries: House) -> None:
    two_entries.send(**ENTRY)

    again = two_entries.send(**ENTRY, timeframe="4h")

    assert (again.status, again.reason_code) == ("REFUSED", "DUPLICATE_ENTRY")
    assert len(two_entries.live()) == 2


def test_replacing_cancels_the_resting_entries_and_places_them_anew(two_entries: House) -> None:
    type(two_entries.strategy).objects.update(on_duplicate_entry="replace")
    two_entries.send(**ENTRY)

    again = two_entries.send(**{**ENTRY, "entry_price": 49900.0})

    assert again.status == "DONE"
    assert two_entries.live() == [("ENTRY", "BUY", "0.004", "49900.0"), ("DCA", "BUY", "0.004", "49000.0")]
    assert [trade.status for trade in Trade.objects.order_by("id")] == ["ABANDONED", "OPENING"]


def test_a_repeated_exit_is_ignored_for_a_while(two_entries: House) -> None:
    two_entries.send(**ENTRY)
    two_entries.price("50000")
    two_entries.send(**EXIT)

    again = two_entries.send(**EXIT, quality_score=7)

    assert again.status in ("REFUSED", "DONE")
    assert len(two_entries.sent("EXIT")) == 1


def test_entries_that_stay_unfilled_too_long_are_cancelled(two_entries: House) -> None:
    type(two_entries.strategy).objects.update(entry_timeout_s=3600)
    two_entries.send(**ENTRY)

    Trade.objects.update(entries_expire_at="2026-01-01T00:00:00Z")
    wake_all()
    work_until_quiet()

    assert two_entries.live() == []
    assert two_entries.trade().status == "ABANDONED"


def test_a_switched_off_account_opens_nothing_but_exits_pass(house: House) -> None:
    house.send(symbol="BTCUSDT", action="long")
    controls.halt(house.account, reason="test", by="me")

    half = house.send(symbol="BTCUSDT", action="short", note="while halted")
    refused = house.send(symbol="BTCUSDT", action="short", note="and flat")

    # Of a reversal the exit passes, the entry does not.
    assert (half.status, half.reason_code) == ("DONE", "CLOSE_WITHOUT_REVERSAL")
    assert house.trade().status == "CLOSED"
    assert (refused.status, refused.reason_code) == ("REFUSED", "SWITCHED_OFF")
    assert len(house.sent("ENTRY")) == 1
    controls.resume(house.account, by="me")
    assert house.send(symbol="BTCUSDT", action="short", note="after").status == "DONE"


def test_halting_cancels_resting_entries(two_entries: House) -> None:
    two_entries.send(**ENTRY)

    controls.halt(None, reason="test", by="me")
    work_until_quiet()

    assert two_entries.live() == []


def test_flatten_closes_ours(house: House) -> None:
    house.send(symbol="BTCUSDT", action="long")

    assert controls.flatten(None, by="me") == [house.trade()]
    work_until_quiet()

    assert house.trade().status == "CLOSED"
    assert house.live() == []


def test_a_stop_that_the_price_has_passed_closes_at_market(two_entries: House) -> None:
    """The limit entry fills in a crash that ends below its stop."""
    two_entries.send(**ENTRY)

    two_entries.price("47000")

    trade = two_entries.trade()
    assert (trade.status, trade.close_reason) == ("CLOSED", "STOP_THROUGH")
    assert two_entries.live() == []
    assert Notice.objects.filter(level="ALARM", code="STOP_THROUGH").exists()


def test_a_position_closed_by_hand_is_booked_when_the_exit_finds_nothing(house: House) -> None:
    from exchange.clients import get_client
    from exchange.types import OrderRequest, OrderType, Side

    house.send(symbol="BTCUSDT", action="long")
    house.price("50200")
    get_client(house.account).submit_order(
        OrderRequest(
            client_order_id="by-hand-1", symbol="BTCUSDT", side=Side.SELL, type=OrderType.MARKET, quantity=D("0.1")
        )
    )

    signal = house.send(symbol="BTCUSDT", action="flat")

    trade = house.trade()
    assert (signal.status, trade.status, trade.close_reason) == ("DONE", "CLOSED", "EXIT_ALERT")
    assert (trade.realized_pnl, trade.quantity) == (D("20"), D("0"))
    assert house.live() == []


def test_fees_and_the_exact_result(house: House) -> None:
    """Taker 0.05 %: 5000 x 0.0005 = 2.5 in, 0.1 x 49500 x 0.0005 = 2.475 out."""
    type(house.account).objects.update(taker_fee=D("0.0005"))
    house.send(symbol="BTCUSDT", action="long")

    house.price("49500")

    trade = house.trade()
    assert trade.realized_pnl == D("-50")
    assert D(trade.fees["USDT"]) == D("4.975")
    assert Fill.objects.count() == 2


def test_spot_target_and_stop_are_one_pair() -> None:
    """1000 USDT at 50000: 0.02 BTC; target +2 % for all, stop -1 %."""
    house = House(
        venue=Venue.PAPER_SPOT,
        strategy_fields={"take_profits": [{"pct": "2"}], "stop_pct": D("1")},
    )

    house.send(symbol="BTCUSDT", action="buy", quote_amount="1000")

    assert house.sent("ENTRY") == [("ENTRY", "BUY", "0.02000", None)]
    assert sorted(house.live()) == [("SL", "SELL", "0.02000", "49500.00"), ("TP", "SELL", "0.02000", "51000.00")]
    house.price("51000")
    trade = house.trade()
    assert (trade.status, trade.realized_pnl) == ("CLOSED", D("20"))
    assert house.live() == []


def test_spot_exit_frees_the_locked_coins_first() -> None:
    house = House(venue=Venue.PAPER_SPOT, strategy_fields={"take_profits": [{"pct": "2"}], "stop_pct": D("1")})
    house.send(symbol="BTCUSDT", action="buy", quote_amount="1000")

    signal = house.send(symbol="BTCUSDT", action="exit")

    assert signal.status == "DONE"
    assert house.sent("EXIT") == [("EXIT", "SELL", "0.02000", None)]
    assert house.live() == []
    assert house.trade().status == "CLOSED"


def test_hedge_account_holds_both_sides() -> None:
    house = House(
        account_fields={"hedge_mode": True},
        strategy_fields={
            "sizing_method": "margin",
            "sizing_amount": D("100"),
            "leverage": 10,
            "on_opposite": "hedge",
            "stop_pct": D("1"),
        },
    )

    house.send(symbol="BTCUSDT", action="buy")
    house.send(symbol="BTCUSDT", action="sell")

    assert sorted(house.live("SL")) == [("SL", "BUY", "0.020", "50500.0"), ("SL", "SELL", "0.020", "49500.0")]
    assert {trade.position_side for trade in Trade.objects.all()} == {"LONG", "SHORT"}
