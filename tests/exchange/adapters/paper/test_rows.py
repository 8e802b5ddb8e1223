"""The rows say what the engine says, after any sequence of actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

import exchange.adapters.paper
from exchange.adapters.paper.client import exact
from exchange.adapters.paper.state import State, Step
from exchange.clients import get_client
from exchange.models import PaperAccount
from exchange.paper_rows import PaperEvent, PaperFill, PaperIncome
from exchange.paper_store import DjangoPaperStore
from exchange.types import OrderRef
from tests.exchange.adapters.paper.desk import D, PaperDesk
from tests.exchange.adapters.paper.test_properties import Action, depths, funding, moves, orders, play
from tests.factories import AccountFactory


class StoredDesk(PaperDesk):
    """Acts through the rows and compares after each action what comes back from them."""

    def __init__(self) -> None:
        super().__init__(wallet="5000")
        self.account = AccountFactory(paper_balances={"USDT": "5000"})
        self.store = DjangoPaperStore(self.account.pk)
        self.store.read()
        PaperAccount.objects.update(funding_at=self.state.funding_at)

    def run(self, decide: Callable[[State], Step]) -> Step:
        steps: list[Step] = []

        def stored(state: State) -> Step:
            assert _kept(state) == _kept(self.state)
            steps.append(
                decide(replace(state, terms=self.state.terms, rules=self.state.rules, markets=self.state.markets))
            )
            return steps[0]

        with exact():
            self.store.change(stored, symbols=("BTCUSDT",))
        return steps[0]


def _kept(state: State) -> tuple[object, ...]:
    return (dict(state.wallets), state.orders, dict(state.holdings), state.next_number, state.funding_at)


class TestRows(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.one_of(orders, moves, funding, depths), max_size=15))
    def test_rows_and_engine_agree_after_any_actions(self, actions: list[Action]) -> None:
        desk = StoredDesk()

        play(desk, actions)

        assert _kept(desk.store.read(symbols=("BTCUSDT",))) == _kept(desk.state)
        assert PaperFill.objects.count() == len(desk.fills)
        assert PaperIncome.objects.count() == len(desk.incomes)
        assert PaperEvent.objects.count() == len(desk.incomes) + len(desk.reports)
        client = get_client(desk.account)
        for order in desk.ended.values():
            request = order.request
            report = client.get_order(
                OrderRef(
                    client_order_id=request.client_order_id, symbol="BTCUSDT", conditional=request.type.conditional
                )
            )
            assert report is not None
            assert (report.status, report.filled_quantity) == (order.status, order.filled)
            assert sum((fill.quantity for fill in report.fills), D(0)) == order.filled


@pytest.mark.django_db
def test_a_paper_account_keeps_no_key_and_its_venue_knows_no_network() -> None:
    account = AccountFactory(api_key="a-live-key", api_secret="a-live-secret")

    client: Any = get_client(account)

    held = {**vars(client), **vars(vars(client)["_store"])}
    assert not any("a-live" in str(value) for value in held.values())
    for path in Path(str(exchange.adapters.paper.__file__)).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not any(f"import {name}" in text for name in ("requests", "socket", "urllib", "http", "binance"))
