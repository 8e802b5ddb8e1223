"""Rows of a preview: names, sides, position sides and quantities, as text with the venue's digits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exchange.types import PositionMode
from ledger.domain.plan import Decision, Outcome
from ledger.domain.policy import DcaRung, SizingMethod, StopPolicy, StrategyPolicy, TargetPolicy
from signals.intents import Action, Intent
from signals.planner import plan
from signals.preview import preview
from tests.signals.examples.worlds import LONG, SHORT, D, held, sized, spot, usdm

POLICY = StrategyPolicy(
    name="alpha", sizing=sized(SizingMethod.QUOTE_AMOUNT, "1000"), leverage=10, dca=(DcaRung(distance_pct=D(2)),),
    stop=StopPolicy(pct=D(4)), targets=(TargetPolicy(pct=D(1), share=D("0.5")), TargetPolicy(pct=D(2))),
)  # fmt: skip
CONTEXT = usdm("BTCUSDT", "50000", POLICY, free="1000")
OPEN = Intent(action=Action.OPEN, symbol="BTCUSDT", direction=LONG)


def test_a_row_has_every_field() -> None:
    rows = preview(plan(OPEN, CONTEXT), CONTEXT)

    assert rows[0] == {
        "leg": "entry", "role": "ENTRY", "symbol": "BTCUSDT", "side": "BUY", "position_side": "BOTH",
        "type": "MARKET", "quantity": "0.020", "price": None, "trigger_price": None, "reduce_only": False,
    }  # fmt: skip
    assert rows[2] == {
        "leg": "sl", "role": "SL", "symbol": "BTCUSDT", "side": "SELL", "position_side": "BOTH",
        "type": "STOP_MARKET", "quantity": "0.040", "price": None, "trigger_price": "48000.0", "reduce_only": True,
    }  # fmt: skip


def test_exits_have_their_size_once_all_entries_have_filled() -> None:
    rows = preview(plan(OPEN, CONTEXT), CONTEXT)

    assert [(row["leg"], row["quantity"]) for row in rows] == [
        ("entry", "0.020"), ("dca1", "0.020"), ("sl", "0.040"), ("tp1", "0.020"), ("tp2", "0.020"),
    ]  # fmt: skip


def test_hedge_mode_names_the_side_and_never_reduces_only() -> None:
    context = replace(CONTEXT, mode=PositionMode.HEDGE)
    rows = preview(plan(replace(OPEN, direction=SHORT), context), context)

    assert {row["position_side"] for row in rows} == {"SHORT"}
    assert {row["reduce_only"] for row in rows} == {False}
    assert [row["side"] for row in rows] == ["SELL", "SELL", "BUY", "BUY", "BUY"]


def test_spot_has_neither_position_side_nor_reduce_only() -> None:
    context = spot("BTCUSDT", "60000", policy=replace(POLICY, leverage=None, dca=()), mode=PositionMode.HEDGE)
    rows = preview(plan(OPEN, context), context)

    assert {row["position_side"] for row in rows} == {"BOTH"}
    assert {row["reduce_only"] for row in rows} == {False}
    assert [(row["type"], row["price"]) for row in rows[2:]] == [("LIMIT", "60600.00"), ("LIMIT", "61200.00")]


def test_a_trailing_stop_shows_where_it_starts() -> None:
    policy = replace(POLICY, stop=StopPolicy(trail_pct=D(4)), dca=(), targets=())
    context = replace(CONTEXT, policy=policy)
    rows = preview(plan(OPEN, context), context)

    assert (rows[1]["type"], rows[1]["trigger_price"]) == ("TRAILING_STOP_MARKET", "48000.0")


def test_one_exit_row_per_trade_on_the_step() -> None:
    trades = (held(LONG, "0.0209", "50000"), held(SHORT, "0.030", "51000", id=8))
    context = replace(CONTEXT, trades=trades, mode=PositionMode.HEDGE)
    rows = preview(plan(Intent(action=Action.CLOSE, symbol="BTCUSDT"), context), context)

    assert [(r["leg"], r["side"], r["position_side"], r["quantity"]) for r in rows] == [
        ("exit1", "SELL", "LONG", "0.020"), ("exit1", "BUY", "SHORT", "0.030"),
    ]  # fmt: skip


def test_a_part_shows_its_quantity() -> None:
    context = replace(CONTEXT, trades=(held(LONG, "0.02", "50000"),))
    decision = plan(Intent(action=Action.CLOSE, symbol="BTCUSDT", close_fraction=D("0.25")), context)

    assert [row["quantity"] for row in preview(decision, context)] == ["0.005"]


@pytest.mark.parametrize("outcome", [Outcome.REFUSE, Outcome.NOTHING])
def test_other_decisions_place_nothing(outcome: Outcome) -> None:
    context = replace(CONTEXT, trades=(held(LONG, "0.02", "50000"),))

    assert preview(Decision(outcome=outcome, code="X", reason="x", trades=(7,)), context) == []


def test_what_is_closed_first_shows_its_exits_unless_they_are_under_way() -> None:
    trades = (held(LONG, "0.02", "50000"), held(SHORT, "0.03", "51000", id=8, closing=True))
    context = replace(CONTEXT, trades=trades, mode=PositionMode.HEDGE)
    rows = preview(Decision(outcome=Outcome.CLOSE_FIRST, code="X", reason="x", trades=(7, 8)), context)

    assert [(r["leg"], r["side"], r["quantity"]) for r in rows] == [("exit1", "SELL", "0.020")]


def test_a_moved_stop_shows_its_quantity_on_the_step() -> None:
    context = replace(CONTEXT, trades=(held(LONG, "0.0209", "50000"),))
    rows = preview(Decision(outcome=Outcome.MOVE_STOP, code="X", reason="x", trades=(7,), stop_price=D(50100)), context)

    assert [(r["leg"], r["quantity"], r["trigger_price"]) for r in rows] == [("sl", "0.020", "50100")]
