"""A house under any sequence of alerts, prices, faults and deaths: what must hold always, and what at rest.

The budget is small and the same on every run. To search longer and elsewhere:
`TVTRADER_STATEFUL_EXAMPLES=1000 TVTRADER_STATEFUL_STEPS=40 ./test tests/flows/test_stateful.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from exchange.clients import get_client, override
from exchange.models import Venue
from exchange.paper_prices import set_liquidity
from exchange.paper_rows import PaperFill, PaperOrder
from exchange.types import ZERO, OrderRequest, OrderType, PositionSide, Side
from ledger.models import Trade
from ledger.services import controls
from tests.fakes import FaultyClient, Killed, Kind
from tests.flows import invariants
from tests.flows.house import House, deaf, wake_all, work_until_quiet
from tests.flows.test_death_at_every_step import Died, dies_at

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal
EXAMPLES = int(os.environ.get("TVTRADER_STATEFUL_EXAMPLES", "0"))
STEPS = int(os.environ.get("TVTRADER_STATEFUL_STEPS", "20"))
_numbers = count(1)

ALERTS: dict[str, dict[str, Any]] = {
    "be long": {"action": "long"},
    "be short": {"action": "short"},
    "be flat": {"action": "flat"},
    "buy": {"action": "buy"},
    "sell": {"action": "sell"},
    "limit buy": {"action": "buy", "order_type": "limit", "price": "49800", "second_price": "49500"},
    "limit sell": {"action": "sell", "order_type": "limit", "price": "50200", "second_price": "50400"},
    "exit": {"action": "exit"},
    "half": {"action": "exit", "fraction": 0.5},
    "breakeven": {"action": "breakeven"},
    "check": {"action": "check"},
}
ORDER_FAULTS = (Kind.LOSE_REQUEST, Kind.LOSE_ANSWER, Kind.NOT_SENT, Kind.REJECT, Kind.DIE_BEFORE, Kind.DIE_AFTER)
OTHER_FAULTS = [("cancel_order", kind) for kind in ORDER_FAULTS if kind is not Kind.REJECT]
OTHER_FAULTS += [("set_leverage", kind) for kind in (Kind.LOSE_REQUEST, Kind.LOSE_ANSWER, Kind.DIE_AFTER)]
OTHER_FAULTS += [(method, Kind.FAIL_QUERY) for method in ("get_order", "get_quote", "get_balances", "get_positions")]


class Trading(RuleBasedStateMachine):
    """One lane of a futures account."""

    venue = Venue.PAPER_USDM
    balances: dict[str, str] = {"USDT": "10000"}  # never changed
    strategy: dict[str, Any] = {  # never changed
        "sizing_method": "balance_fraction",
        "sizing_amount": D("0.05"),
        "leverage": 5,
        "take_profits": [{"pct": "0.5", "share": "0.5"}, {"pct": "1.5"}],
        "stop_pct": D("1"),
        "breakeven_after": 1,
        "on_duplicate_entry": "add",
        "exit_cooldown_s": 0,
    }

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.clock = self.stack.enter_context(time_machine.travel(datetime.now(UTC), tick=True))
        number = next(_numbers)
        self.house = House(
            name=f"states-{number}",
            venue=self.venue,
            balances=self.balances,
            account_fields={"taker_fee": D("0.0004"), "maker_fee": D("0.0002")},
            strategy_fields=self.strategy,
        )
        set_liquidity(self.house.account.market, "BTCUSDT", ZERO)
        self.client = FaultyClient(get_client(self.house.account))
        self.stack.enter_context(override(self.house.account.name, self.client))
        self.cut: ExitStack | None = None
        self.die_at = 0
        self.last: dict[str, Any] = {}
        self.by_hand = False

    def act(self, step: Callable[[], object]) -> None:
        """Do something in a process that may die while doing it; then a new one takes over."""
        die_at, self.die_at = self.die_at, 0
        try:
            with dies_at(die_at) as count:
                step()
        except (Died, Killed):
            self.come_back()
        else:
            self.die_at = max(0, die_at - count[0])

    def come_back(self) -> None:
        for _ in range(5):
            wake_all()
            with suppress(Killed):
                work_until_quiet()
                return
        raise AssertionError("every new worker died as well")

    # ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(kind=st.sampled_from(sorted(ALERTS)))
    def alert(self, kind: str) -> None:
        self.last = {"symbol": "BTCUSDT", **ALERTS[kind], "note": f"alert {next(_numbers)}"}
        self.act(lambda: self.house.post(**self.last))
        self.act(work_until_quiet)

    @precondition(lambda self: self.last)
    @rule()
    def resend(self) -> None:
        answer = self.house.post(**self.last)
        assert answer.status_code in (200, 202, 400)
        self.act(work_until_quiet)

    @rule(first=st.sampled_from(["be long", "buy", "limit buy", "be short"]), then=st.sampled_from(["exit", "be flat"]))
    def two_at_once(self, first: str, then: str) -> None:
        for kind in (first, then):
            self.house.post(symbol="BTCUSDT", **ALERTS[kind], note=f"alert {next(_numbers)}")
        self.act(work_until_quiet)

    @rule(price=st.sampled_from(["48900", "49400", "49700", "49900", "50000", "50100", "50300", "50600", "51100"]))
    def price_moves(self, price: str) -> None:
        self.act(lambda: self.house.price(price))

    @rule(most=st.sampled_from(["0", "0.001", "0.013"]), rest_expires=st.booleans())
    def liquidity(self, most: str, rest_expires: bool) -> None:
        set_liquidity(self.house.account.market, "BTCUSDT", D(most), rest_expires=rest_expires)

    @rule(kind=st.sampled_from(ORDER_FAULTS), nth=st.integers(1, 3), times=st.sampled_from([1, 1, 2, 5]))
    def an_order_breaks(self, kind: Kind, nth: int, times: int) -> None:
        for method in ("submit_order", "submit_oco"):
            self.break_call(method, kind, nth, times)

    @rule(fault=st.sampled_from(OTHER_FAULTS), times=st.sampled_from([1, 1, 2, 5, 40]))
    def a_call_breaks(self, fault: tuple[str, Kind], times: int) -> None:
        self.break_call(*fault, 1, times)

    def break_call(self, method: str, kind: Kind, nth: int, times: int) -> None:
        deadly = kind in (Kind.DIE_BEFORE, Kind.DIE_AFTER)
        self.client.fail(method, kind, nth=nth, times=1 if deadly else times)

    @rule(kind=st.sampled_from(["be long", "buy", "be short", "be flat"]), fault=st.sampled_from(ORDER_FAULTS[:4]))
    def alert_in_trouble(self, kind: str, fault: Kind) -> None:
        self.an_order_breaks(fault, 1, 1)
        self.alert(kind)

    @rule(statement=st.integers(1, 250))
    def death_waits(self, statement: int) -> None:
        self.die_at = statement

    @rule()
    def stream_cut(self) -> None:
        if self.cut is None:
            self.cut = ExitStack()
            self.cut.enter_context(deaf())

    @rule()
    def stream_back(self) -> None:
        if self.cut is not None:
            self.cut.close()
            self.cut = None
        self.act(work_until_quiet)

    @rule(seconds=st.sampled_from([1, 3, 15, 70]))
    def time_passes(self, seconds: int) -> None:
        self.clock.shift(seconds)
        self.act(work_until_quiet)

    @rule()
    def halted(self) -> None:
        self.act(lambda: controls.halt(self.house.account, reason="test", by="me"))
        self.act(work_until_quiet)

    @rule()
    def resumed(self) -> None:
        controls.resume(self.house.account, by="me")

    @precondition(lambda self: self.venue == Venue.PAPER_USDM)
    @rule()
    def closed_by_hand(self) -> None:
        inner = self.client.inner
        for held in inner.get_positions("BTCUSDT"):
            self.by_hand = True
            set_liquidity(self.house.account.market, "BTCUSDT", ZERO)
            inner.submit_order(
                OrderRequest(
                    client_order_id=f"by-hand-{next(_numbers)}",
                    symbol="BTCUSDT",
                    side=Side.SELL if held.quantity > 0 else Side.BUY,
                    type=OrderType.MARKET,
                    quantity=abs(held.quantity),
                    position_side=PositionSide.BOTH,
                    reduce_only=True,
                )
            )

    # ── what holds always ─────────────────────────────────────────────────────────────────────────────────────
    @invariant()
    def no_client_id_twice(self) -> None:
        invariants._no_order_twice(self.house.account)

    @invariant()
    def every_order_is_known(self) -> None:
        invariants._every_order_known(self.house.account)

    @invariant()
    def exits_never_exceed_entries(self) -> None:
        sums: dict[str, Decimal] = {}
        fills = PaperFill.objects.filter(account=self.house.account, client_order_id__startswith="tv-")
        for fill in fills.order_by("number"):
            _, trade, leg, _ = fill.client_order_id.split("-")
            sign = 1 if leg.startswith(("entry", "dca")) else -1
            sums[trade] = sums.get(trade, ZERO) + sign * fill.quantity
            assert sums[trade] >= 0, (fill.client_order_id, sums)

    @invariant()
    def one_entry_order_a_leg(self) -> None:
        names = PaperOrder.objects.filter(account=self.house.account, client_order_id__contains="-entry-")
        legs = [name.rpartition("-")[0] for name in names.values_list("client_order_id", flat=True)]
        assert len(legs) == len(set(legs))

    # ── and at rest ───────────────────────────────────────────────────────────────────────────────────────────
    def teardown(self) -> None:
        try:
            self.heal()
            self.check_rest()
            controls.flatten(self.house.account, by="me")
            self.run_to_rest()
            self.check_rest()
            assert not Trade.objects.filter(account=self.house.account, status__in=Trade.LIVE).exists()
            assert not PaperOrder.objects.filter(account=self.house.account, open=True).exists()
        finally:
            if self.cut is not None:
                self.cut.close()
            self.stack.close()

    def heal(self) -> None:
        self.die_at = 0
        self.client.plan.faults.clear()
        set_liquidity(self.house.account.market, "BTCUSDT", ZERO)
        if self.cut is not None:
            self.cut.close()
            self.cut = None
        self.house.price("50000")
        self.run_to_rest()
        if self.by_hand:
            # Only an exit finds out that somebody else has closed a position.
            controls.flatten(self.house.account, by="me")
            self.run_to_rest()

    def run_to_rest(self) -> None:
        for pause in (1, 15, 20, 65):
            self.clock.shift(pause)
            wake_all()
            work_until_quiet()

    def check_rest(self) -> None:
        account = self.house.account
        invariants._no_order_twice(account)
        invariants._every_order_known(account)
        if not self.by_hand:
            invariants._fills_equal(account)
        invariants._positions_equal(account)
        invariants._no_orphans(account)
        invariants._positions_covered(account)
        invariants._signals_ended(account)


class SpotTrading(Trading):
    """The same on spot, where stop and target are one pair and fees come out of the coins."""

    venue = Venue.PAPER_SPOT
    strategy = {**Trading.strategy, "leverage": None}  # never changed


@pytest.mark.slow
@pytest.mark.parametrize(("machine", "examples"), [(Trading, 30), (SpotTrading, 15)])
def test_any_life_ends_in_order(machine: type[Trading], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            derandomize=not EXAMPLES,
            max_examples=EXAMPLES or examples,
            # Making a failure small takes many more lives than finding it.
            phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
