"""What every adapter must do. A test class for an adapter inherits `AdapterContract` and gives it a `venue` fixture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exchange.errors import NotSent, OrderRejected, OutcomeUnknown
from exchange.port import ExchangeClient
from exchange.types import (
    Market,
    OrderRef,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    PositionMode,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from tests.fakes import FaultyClient, Kind

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SYMBOL = "BTCUSDT"


@dataclass
class ContractVenue:
    """An account with 100000 USDT and no position on a market where BTCUSDT costs 60000, steps 0.001 or finer.

    move: sets the price. limit_fills: the most that one order gets per tick.
    """

    client: ExchangeClient
    move: Callable[[str], None]
    limit_fills: Callable[[str], None]
    _count: int = 0

    @property
    def spot(self) -> bool:
        return self.client.capabilities.market is Market.SPOT

    @property
    def hedge(self) -> bool:
        return self.client.get_position_mode() is PositionMode.HEDGE

    def order(
        self, side: Side, kind: OrderType, quantity: str, *, closes: bool = False, **more: object
    ) -> OrderRequest:
        """Return an order for a long position, as the account's mode wants it. Numbers may be given as text."""
        self._count += 1
        values = {
            name: Decimal(value) if type(value) is str and name != "client_order_id" else value  # not an enum
            for name, value in more.items()
        }
        request = OrderRequest(
            client_order_id=f"tv-test-{self._count}", symbol=SYMBOL, side=side, type=kind, quantity=Decimal(quantity),
            position_side=PositionSide.LONG if self.hedge else PositionSide.BOTH,
            reduce_only=closes and not self.spot and not self.hedge, working_type=WorkingType.LAST,
        )  # fmt: skip
        return replace(request, **values)  # type: ignore[arg-type]  # the caller names fields

    def buy(self, quantity: str = "0.1") -> OrderReport:
        return self.client.submit_order(self.order(Side.BUY, OrderType.MARKET, quantity))

    def held(self) -> Decimal:
        if self.spot:
            return next((row.total for row in self.client.get_balances() if row.asset == "BTC"), Decimal(0))
        return sum((row.quantity for row in self.client.get_positions(SYMBOL)), Decimal(0))

    def now(self, request: OrderRequest) -> OrderReport:
        report = self.client.get_order(ref(request))
        assert report is not None
        return report


def ref(request: OrderRequest) -> OrderRef:
    return OrderRef(
        client_order_id=request.client_order_id, symbol=request.symbol, conditional=request.type.conditional
    )


class AdapterContract:
    """The suite."""

    # ── market and limit orders ───────────────────────────────────────────────────────────────────────────────
    def test_a_market_order_fills_and_its_fills_add_up(self, venue: ContractVenue) -> None:
        report = venue.buy("0.1")

        assert report.status is OrderStatus.FILLED
        assert report.filled_quantity == Decimal("0.1")
        assert sum(fill.quantity for fill in report.fills) == Decimal("0.1")
        assert all(fill.price > 0 and fill.fee > 0 and fill.fee_asset for fill in report.fills)
        assert venue.held() > Decimal("0.0998")

    def test_a_limit_order_away_from_the_market_rests(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="59000")

        report = venue.client.submit_order(request)

        assert (report.status, report.filled_quantity) == (OrderStatus.ACCEPTED, Decimal(0))
        (resting,) = venue.client.list_open_orders(SYMBOL)
        assert resting.request == request

    def test_a_resting_limit_order_fills_at_its_price_when_the_market_comes(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="59000")
        venue.client.submit_order(request)

        venue.move("58990")

        report = venue.now(request)
        assert report.status is OrderStatus.FILLED
        assert [fill.price for fill in report.fills] == [Decimal(59000)]

    def test_a_fill_may_come_in_parts(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="59000")
        venue.client.submit_order(request)
        venue.limit_fills("0.04")

        seen = []
        for price in ("58990", "58980", "58970"):
            venue.move(price)
            report = venue.now(request)
            seen.append((report.status, report.filled_quantity))

        assert seen == [
            (OrderStatus.PARTIALLY_FILLED, Decimal("0.04")),
            (OrderStatus.PARTIALLY_FILLED, Decimal("0.08")),
            (OrderStatus.FILLED, Decimal("0.1")),
        ]
        assert len({fill.venue_trade_id for fill in venue.now(request).fills}) == 3

    def test_post_only_never_takes(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="61000", time_in_force=TimeInForce.GTX)

        with pytest.raises(OrderRejected):
            venue.client.submit_order(request)
        assert venue.held() == 0

    # ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────
    def test_an_order_below_the_minimum_value_is_refused(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.MARKET, "0.001" if not venue.spot else "0.00001")

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(request)

        assert refusal.value.code == ("-1013" if venue.spot else "-4164")
        assert venue.client.get_order(ref(request)) is None

    @pytest.mark.parametrize(
        ("quantity", "price", "spot", "futures"),
        [("0.0000001", None, "-1013", "-1111"), ("0.1", "59000.001", "-1013", "-1111"), ("0", None, "-1013", "-4003")],
    )
    def test_numbers_off_the_grid_are_refused(
        self, venue: ContractVenue, quantity: str, price: str | None, spot: str, futures: str
    ) -> None:
        kind = OrderType.LIMIT if price else OrderType.MARKET
        request = venue.order(Side.BUY, kind, quantity, price=price)

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(request)

        assert refusal.value.code == (spot if venue.spot else futures)

    def test_more_than_the_account_has_is_refused(self, venue: ContractVenue) -> None:
        with pytest.raises(OrderRejected) as refusal:
            venue.buy("50")

        assert refusal.value.code == ("-2010" if venue.spot else "-2019")

    def test_an_unknown_symbol_is_refused(self, venue: ContractVenue) -> None:
        request = replace(venue.order(Side.BUY, OrderType.MARKET, "0.1"), symbol="NOSUCHUSDT")

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(request)

        assert refusal.value.code == "-1121"

    # ── client order ids ──────────────────────────────────────────────────────────────────────────────────────
    def test_an_id_of_an_open_order_is_refused(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="59000")
        venue.client.submit_order(request)

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(request)

        assert refusal.value.code == ("-2010" if venue.spot else "-4116")

    def test_an_id_of_a_filled_order_is_accepted_again(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.MARKET, "0.1")

        first = venue.client.submit_order(request)
        second = venue.client.submit_order(request)

        assert first.venue_order_id != second.venue_order_id
        assert venue.held() > Decimal("0.199")
        assert venue.now(request).venue_order_id == second.venue_order_id

    def test_an_order_that_never_was_is_not_found(self, venue: ContractVenue) -> None:
        assert venue.client.get_order(ref(venue.order(Side.BUY, OrderType.MARKET, "0.1"))) is None

    # ── unknown outcomes ──────────────────────────────────────────────────────────────────────────────────────
    def test_a_lost_request_left_nothing_behind(self, venue: ContractVenue) -> None:
        faulty = FaultyClient(venue.client)
        faulty.fail("submit_order", Kind.LOSE_REQUEST)
        request = venue.order(Side.BUY, OrderType.MARKET, "0.1")

        with pytest.raises(OutcomeUnknown):
            faulty.submit_order(request)

        assert faulty.get_order(ref(request)) is None
        assert venue.held() == 0

    def test_a_lost_answer_is_found_by_client_id(self, venue: ContractVenue) -> None:
        faulty = FaultyClient(venue.client)
        faulty.fail("submit_order", Kind.LOSE_ANSWER)
        request = venue.order(Side.BUY, OrderType.MARKET, "0.1")

        with pytest.raises(OutcomeUnknown):
            faulty.submit_order(request)

        report = faulty.get_order(ref(request))
        assert report is not None
        assert report.status is OrderStatus.FILLED
        assert sum(fill.quantity for fill in report.fills) == Decimal("0.1")

    def test_what_was_not_sent_may_be_sent_again(self, venue: ContractVenue) -> None:
        faulty = FaultyClient(venue.client)
        faulty.fail("submit_order", Kind.NOT_SENT)
        request = venue.order(Side.BUY, OrderType.MARKET, "0.1")

        with pytest.raises(NotSent):
            faulty.submit_order(request)

        assert faulty.submit_order(request).status is OrderStatus.FILLED

    # ── cancelling ────────────────────────────────────────────────────────────────────────────────────────────
    def test_a_cancelled_order_does_not_fill(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="59000")
        venue.client.submit_order(request)

        report = venue.client.cancel_order(ref(request))
        venue.move("58000")

        assert report.status is OrderStatus.CANCELED
        assert venue.now(request).status is OrderStatus.CANCELED
        assert venue.client.list_open_orders(SYMBOL) == ()
        assert venue.held() == 0

    def test_a_cancel_after_the_fill_tells_of_the_fill(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.MARKET, "0.1")
        venue.client.submit_order(request)

        report = venue.client.cancel_order(ref(request))

        assert (report.status, report.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
        assert len(report.fills) == 1

    def test_a_cancel_keeps_what_was_filled(self, venue: ContractVenue) -> None:
        request = venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="59000")
        venue.client.submit_order(request)
        venue.limit_fills("0.04")
        venue.move("58990")

        report = venue.client.cancel_order(ref(request))

        assert (report.status, report.filled_quantity) == (OrderStatus.CANCELED, Decimal("0.04"))

    def test_a_cancel_of_an_unknown_order_is_refused(self, venue: ContractVenue) -> None:
        with pytest.raises(OrderRejected) as refusal:
            venue.client.cancel_order(ref(venue.order(Side.BUY, OrderType.LIMIT, "0.1", price="59000")))

        assert refusal.value.code == "-2011"

    # ── conditional orders ────────────────────────────────────────────────────────────────────────────────────
    def test_a_stop_waits_triggers_and_sells(self, venue: ContractVenue) -> None:
        venue.buy("0.1")
        request = venue.order(Side.SELL, OrderType.STOP_MARKET, "0.099", trigger_price="58000", closes=True)

        accepted = venue.client.submit_order(request)
        venue.move("58500")
        waiting = venue.now(request)
        venue.move("57900")
        sold = venue.now(request)

        assert accepted.status is OrderStatus.ACCEPTED
        assert waiting.status is OrderStatus.ACCEPTED
        assert sold.status is OrderStatus.FILLED
        assert sold.fills[0].price <= Decimal(57900)
        assert venue.held() < Decimal("0.001") + Decimal("0.0001")

    def test_a_target_triggers_on_the_other_side(self, venue: ContractVenue) -> None:
        venue.buy("0.1")
        request = venue.order(Side.SELL, OrderType.TAKE_PROFIT_MARKET, "0.099", trigger_price="62000", closes=True)
        venue.client.submit_order(request)

        venue.move("61999")
        assert venue.now(request).status is OrderStatus.ACCEPTED
        venue.move("62000")

        assert venue.now(request).status is OrderStatus.FILLED

    @pytest.mark.parametrize(
        ("kind", "trigger"), [(OrderType.STOP_MARKET, "61000"), (OrderType.TAKE_PROFIT_MARKET, "59000")]
    )
    def test_a_trigger_on_the_wrong_side_is_refused(self, venue: ContractVenue, kind: OrderType, trigger: str) -> None:
        venue.buy("0.1")

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(venue.order(Side.SELL, kind, "0.099", trigger_price=trigger, closes=True))

        assert refusal.value.would_trigger
        assert refusal.value.code == ("-2010" if venue.spot else "-2021")

    def test_a_waiting_stop_can_be_cancelled(self, venue: ContractVenue) -> None:
        venue.buy("0.1")
        request = venue.order(Side.SELL, OrderType.STOP_MARKET, "0.099", trigger_price="58000", closes=True)
        venue.client.submit_order(request)

        assert venue.client.cancel_order(ref(request)).status is OrderStatus.CANCELED
        venue.move("57000")

        assert venue.held() > Decimal("0.099")

    def test_conditional_orders_live_on_a_route_of_their_own(self, venue: ContractVenue) -> None:
        if venue.spot:
            pytest.skip("spot has one route for all orders")
        request = venue.order(Side.BUY, OrderType.STOP_MARKET, "0.1", trigger_price="62000")
        venue.client.submit_order(request)
        plain = replace(ref(request), conditional=False)

        assert venue.client.get_order(plain) is None
        with pytest.raises(OrderRejected) as refusal:
            venue.client.cancel_order(plain)

        assert refusal.value.code == "-2011"
        assert venue.now(request).status is OrderStatus.ACCEPTED

    # ── what only some markets have ───────────────────────────────────────────────────────────────────────────
    def test_reduce_only_while_flat_is_refused(self, venue: ContractVenue) -> None:
        if venue.spot:
            pytest.skip("spot has no reduce-only orders")

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(venue.order(Side.SELL, OrderType.MARKET, "0.1", closes=True))

        assert refusal.value.nothing_to_reduce
        assert refusal.value.code == "-2022"

    def test_a_closing_order_never_flips(self, venue: ContractVenue) -> None:
        if venue.spot:
            pytest.skip("spot has no reduce-only orders")
        venue.buy("0.1")

        report = venue.client.submit_order(venue.order(Side.SELL, OrderType.MARKET, "0.5", closes=True))

        assert (report.status, report.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
        assert venue.client.get_positions() == ()

    def test_position_sides_must_fit_the_mode(self, venue: ContractVenue) -> None:
        if venue.spot:
            pytest.skip("spot has no position sides")
        wrong = PositionSide.BOTH if venue.hedge else PositionSide.LONG

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(venue.order(Side.BUY, OrderType.MARKET, "0.1", position_side=wrong))

        assert refusal.value.code == "-4061"

    def test_hedge_mode_takes_no_reduce_only(self, venue: ContractVenue) -> None:
        if not venue.hedge:
            pytest.skip("hedge mode only")
        venue.buy("0.1")

        with pytest.raises(OrderRejected) as refusal:
            venue.client.submit_order(venue.order(Side.SELL, OrderType.MARKET, "0.1", reduce_only=True))

        assert refusal.value.code == "-1106"

    def test_one_order_of_a_pair_ends_the_other(self, venue: ContractVenue) -> None:
        if not venue.client.capabilities.reserves_balance:
            pytest.skip("only where resting orders lock their balance")
        venue.buy("0.1")
        target = venue.order(Side.SELL, OrderType.LIMIT, "0.0999", price="62000")
        stop = venue.order(Side.SELL, OrderType.STOP_MARKET, "0.0999", trigger_price="58000")

        reports = venue.client.submit_oco(target, stop)
        venue.move("62001")

        assert [report.status for report in reports] == [OrderStatus.ACCEPTED, OrderStatus.ACCEPTED]
        assert venue.now(target).status is OrderStatus.FILLED
        assert venue.now(stop).status in (OrderStatus.EXPIRED, OrderStatus.CANCELED)

    def test_a_pair_is_placed_whole_or_not_at_all(self, venue: ContractVenue) -> None:
        if not venue.client.capabilities.reserves_balance:
            pytest.skip("only where resting orders lock their balance")
        target = venue.order(Side.SELL, OrderType.LIMIT, "0.0999", price="62000")
        stop = venue.order(Side.SELL, OrderType.STOP_MARKET, "0.0999", trigger_price="58000")

        with pytest.raises(OrderRejected):
            venue.client.submit_oco(target, stop)  # there is nothing to sell

        assert venue.client.list_open_orders() == ()
        assert venue.client.get_order(ref(target)) is None

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────
    def test_fills_are_listed_since_a_moment(self, venue: ContractVenue) -> None:
        reports = [venue.buy("0.1"), venue.buy("0.2")]

        fills = venue.client.list_fills(SYMBOL, EPOCH)

        assert fills == tuple(fill for report in reports for fill in report.fills)
        assert venue.client.list_fills("ETHUSDT", EPOCH) == ()
        assert venue.client.list_fills(SYMBOL, datetime(2100, 1, 1, tzinfo=UTC)) == ()

    def test_incomes_are_listed_and_free_of_strangers(self, venue: ContractVenue) -> None:
        assert all(income.asset for income in venue.client.list_incomes(EPOCH))

    def test_instruments_are_listed(self, venue: ContractVenue) -> None:
        rules = {row.symbol: row for row in venue.client.load_instruments()}

        assert rules[SYMBOL].market is venue.client.capabilities.market
        assert rules[SYMBOL].tick_size > 0
        assert rules[SYMBOL].step_size > 0

    def test_settings_that_are_so_already_are_success(self, venue: ContractVenue) -> None:
        if not venue.client.capabilities.leverage:
            pytest.skip("no leverage here")
        for _ in range(2):
            venue.client.set_leverage(SYMBOL, 7)

        with pytest.raises(OrderRejected) as refusal:
            venue.client.set_leverage(SYMBOL, 126)
        assert refusal.value.code == "-4028"
