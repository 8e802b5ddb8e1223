"""What costs money when it goes wrong around the engine: switches, leverage, other hands, and pairs on spot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from exchange.clients import get_client, override
from exchange.models import SymbolSetup, Venue
from exchange.paper_prices import set_liquidity, set_price
from exchange.paper_rows import PaperSetup
from exchange.types import OrderReport, OrderRequest, Side
from ledger.models import Notice, Order, Strategy
from ledger.services import controls
from tests.fakes import FaultyClient, Kind
from tests.flows.house import House, work_until_quiet
from tests.flows.invariants import assert_in_order
from tests.flows.s1 import by_hand, new_house, pass_time

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        yield traveller


# ── switches ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("target", ["strategy", "account"])
def test_resting_entries_go_when_a_row_is_switched_off_without_a_word(
    target: str, clock: time_machine.Traveller
) -> None:
    house = new_house()
    house.send(symbol="BTCUSDT", action="buy", order_type="limit", price="49000")
    row: Any = getattr(house, target)
    type(row).objects.filter(pk=row.pk).update(enabled=False)

    clock.shift(6)
    work_until_quiet()

    assert house.live() == []
    set_price(house.account.market, "BTCUSDT", D("48000"))
    work_until_quiet()
    assert house.trade().status == "ABANDONED"


def test_breakeven_by_hand_never_loosens_a_stop_and_never_closes_the_position() -> None:
    house = new_house()
    house.send(symbol="BTCUSDT", action="long")
    house.price("49800")
    with pytest.raises(controls.NotPossible, match="act at once"):
        controls.move_to_breakeven(house.trade(), by="me")

    house.price("50400")
    house.send(symbol="BTCUSDT", action="breakeven", price="50200")
    with pytest.raises(controls.NotPossible, match="not worse"):
        controls.move_to_breakeven(house.trade(), by="me")
    assert house.live("SL") == [("SL", "SELL", "0.100", "50200.0")]


# ── leverage ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", [Kind.LOSE_ANSWER, Kind.DIE_AFTER])
def test_a_leverage_whose_setting_was_not_heard_is_set_again(kind: Kind, clock: time_machine.Traveller) -> None:
    """5 is known; 10 is set, but the answer is lost; the next entry wants 5 and must not trade at 10."""
    house = new_house()
    house.send(symbol="BTCUSDT", action="long")
    house.send(symbol="BTCUSDT", action="flat")
    client = FaultyClient(get_client(house.account))
    client.fail("set_leverage", kind)
    with override(house.account.name, client):
        house.post(symbol="BTCUSDT", action="long", leverage=10)
        try:
            work_until_quiet()
        except BaseException as exc:  # noqa: BLE001  # the death of the process
            assert kind is Kind.DIE_AFTER, exc  # noqa: PT017
    assert PaperSetup.objects.get(symbol="BTCUSDT").leverage == 10
    assert SymbolSetup.objects.get().leverage is None
    house.send(symbol="BTCUSDT", action="flat", note="2")

    house.send(symbol="BTCUSDT", action="long", note="again")

    assert PaperSetup.objects.get(symbol="BTCUSDT").leverage == 5


# ── other hands ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_position_that_was_turned_by_hand_is_none_of_ours(clock: time_machine.Traveller) -> None:
    """Long 0.1 of ours; by hand 0.3 are sold: 0.2 short is theirs, and our exit must not touch it."""
    house = new_house()
    house.send(symbol="BTCUSDT", action="long")
    by_hand(house, Side.SELL, "0.3")

    signal = house.send(symbol="BTCUSDT", action="flat")
    pass_time(clock, 2)

    signal.refresh_from_db()
    assert signal.status == "DONE"
    assert house.trade().status == "CLOSED"
    assert house.live() == []
    (held,) = get_client(house.account).get_positions("BTCUSDT")
    assert held.quantity == D("-0.2")


def test_a_stop_that_somebody_cancels_at_the_venue_is_placed_again() -> None:
    house = new_house()
    house.send(symbol="BTCUSDT", action="long")
    get_client(house.account).cancel_order(Order.objects.get(role="SL").ref())

    work_until_quiet()

    assert house.live("SL") == [("SL", "SELL", "0.100", "49500.0")]
    assert_in_order(house.account)


def test_a_fault_in_an_adapter_does_not_keep_the_guard_from_closing(clock: time_machine.Traveller) -> None:
    """Whatever a submission raises, the position is closed when its stop does not come."""
    house = new_house()

    class Broken(FaultyClient):
        def submit_order(self, request: OrderRequest) -> OrderReport:
            if "-sl-" in request.client_order_id:
                raise ZeroDivisionError("a fault of the adapter")
            return super().submit_order(request)

    with override(house.account.name, Broken(get_client(house.account))):
        house.send(symbol="BTCUSDT", action="long")
        pass_time(clock, 3, 1)

    assert (house.trade().status, house.trade().close_reason) == ("CLOSED", "UNPROTECTED")
    assert_in_order(house.account)


# ── spot pairs ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_target_that_fills_bit_by_bit_keeps_its_stop(clock: time_machine.Traveller) -> None:
    """Each bit ends the pair's stop at the venue; what is left is paired again at once, not after growing pauses."""
    house = House(venue=Venue.PAPER_SPOT, strategy_fields={"take_profits": [{"pct": "2"}], "stop_pct": D("1")})
    house.send(symbol="BTCUSDT", action="buy", quote_amount="1000")
    set_liquidity(house.account.market, "BTCUSDT", D("0.003"))

    for _ in range(4):
        set_price(house.account.market, "BTCUSDT", D("51000"))
        house.price("50500")  # before anybody has heard of the bit
    assert not Notice.objects.filter(level="ALARM").exists()

    trade = house.trade()
    assert (trade.status, trade.quantity) == ("OPEN", D("0.008"))
    assert sorted(house.live()) == [("SL", "SELL", "0.00800", "49500.00"), ("TP", "SELL", "0.00800", "51000.00")]
    assert_in_order(house.account)


def test_a_pair_that_comes_when_its_target_is_reached_takes_the_profit_of_that_target_only() -> None:
    """0.02 in two halves; the first target fills in bits: its rest is sold at market, the second half stays."""
    house = House(
        venue=Venue.PAPER_SPOT,
        strategy_fields={"take_profits": [{"pct": "2", "share": "0.5"}, {"pct": "4"}], "stop_pct": D("1")},
    )
    house.send(symbol="BTCUSDT", action="buy", quote_amount="1000")
    set_liquidity(house.account.market, "BTCUSDT", D("0.003"))

    for _ in range(4):
        house.price("51000")

    assert not Notice.objects.filter(level="ALARM").exists()
    trade = house.trade()
    assert (trade.status, trade.quantity) == ("OPEN", D("0.01"))
    assert sorted(house.live()) == [("SL", "SELL", "0.01000", "49500.00"), ("TP", "SELL", "0.01000", "52000.00")]
    assert_in_order(house.account)


def test_a_rest_too_small_for_a_stop_of_its_own_goes_with_the_last_target() -> None:
    """1000 USDT at 50000 = 0.02; a target for 99.5 % would leave 0.0001 = 5 USDT, less than the stop may be worth."""
    house = House(
        venue=Venue.PAPER_SPOT,
        strategy_fields={"take_profits": [{"pct": "2", "share": "0.995"}], "stop_pct": D("1")},
    )
    house.rules("BTCUSDT", min_notional=D("5"))

    house.send(symbol="BTCUSDT", action="buy", quote_amount="1000")

    assert sorted(house.live()) == [("SL", "SELL", "0.02000", "49500.00"), ("TP", "SELL", "0.02000", "51000.00")]
    assert house.trade().close_reason == ""
    assert_in_order(house.account)


def test_a_partial_exit_on_spot_leaves_the_resting_add_alone() -> None:
    house = House(
        venue=Venue.PAPER_SPOT,
        strategy_fields={"stop_pct": D("5"), "dca": [{"distance_pct": "1"}]},
    )
    house.send(symbol="BTCUSDT", action="buy", quote_amount="1000")

    signal = house.send(symbol="BTCUSDT", action="exit", fraction=0.5)

    assert signal.status == "DONE"
    assert house.live("DCA") == [("DCA", "BUY", "0.02000", "49500.00")]
    assert house.live("SL") == [("SL", "SELL", "0.01000", "47500.00")]
    assert_in_order(house.account)


def test_a_trailing_stop_covers_and_follows_the_position(clock: time_machine.Traveller) -> None:
    """Trails by 1 %: from 51000 it acts at 50490; it is sized anew after the first target."""
    house = new_house(stop_pct=None, trail_pct=D("1"), take_profits=[{"pct": "2", "share": "0.5"}])
    house.send(symbol="BTCUSDT", action="long")
    assert house.live("SL") == [("SL", "SELL", "0.100", None)]
    assert house.trade().naked_since is None

    house.price("51000")

    assert house.live("SL") == [("SL", "SELL", "0.050", None)]
    house.price("50500")
    assert house.trade().status == "OPEN"
    house.price("50490")
    assert (house.trade().status, house.trade().close_reason) == ("CLOSED", "SL")
    assert house.live() == []


def test_a_strategy_edited_in_the_middle_changes_nothing_of_the_running_trade(clock: time_machine.Traveller) -> None:
    house = new_house()
    house.send(symbol="BTCUSDT", action="long")
    Strategy.objects.update(stop_pct=None, take_profits=[], enabled=False, max_age_s=0)

    house.price("50500")
    assert house.live("SL") == [("SL", "SELL", "0.050", "49500.0")]
    signal = house.send(symbol="BTCUSDT", action="exit")

    assert signal.status == "DONE"
    assert house.trade().status == "CLOSED"
    assert Order.objects.filter(submitted_at__lt=datetime.now(UTC) - timedelta(hours=1)).count() == 0
