"""Dialects whose senders add fields of their own: ignored and recorded, but never at the price of a stop or a size."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from exchange.models import Venue
from exchange.types import Direction, OrderType
from ledger.domain.policy import Sizing, SizingMethod
from signals.dialects.base import looks_protective
from signals.dialects.entry_exit import EntryExitAlert
from signals.intents import Action, TargetSpec
from signals.problems import Problem
from tests.signals.dialects.conftest import Ask

D = Decimal

Refused = Callable[..., Problem]
B_ENTRY = {"ticker": "BTCPERP", "action": "buy", "message": "entry", "price": 40000, "long SL": 39800}
C_ENTRY = {"event": "ENTRY", "symbol": "BTCUSDT", "signal_side": "LONG", "entry_price": 50000}
E_ENTRY = {"symbol": "BTCUSDT", "action": "buy"}


@pytest.mark.parametrize(
    "name",
    [
        "stop_los",
        "stoploss2",
        "StopLoss",
        "stop-loss",
        "stpo_loss",
        "take_proft",
        "tp1",
        "long_SL",
        "longSL",
        "SL",
        "sl_price",
        "slprice",
        "s_l",
        "stopp",
        "targt",
        "tp1_mult",
        "takeProfit1",
        "trailing_stop",
        "my_stop_loss_level",
        "TP",
    ],
)
def test_a_name_that_may_be_a_stop_or_target_is_seen(name: str) -> None:
    assert looks_protective(name)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(EntryExitAlert.harmless),
        "exit_price",
        "close",
        "price",
        "open",
        "high",
        "low",
        "volume",
        "interval",
        "comment",
        "contracts",
        "position_size",
        "market_position",
        "qty",
        "ticker",
        "message",
        "chart_url",
        "step",
        "top",
        "short",
        "strategy",
        "signal_strength",
        "risk_level",
        "entry",
        "settlement",
        "https",
        "ключ",
        "",
    ],
)
def test_ordinary_names_are_no_stops(name: str) -> None:
    assert not looks_protective(name)


@pytest.mark.parametrize(
    ("dialect", "entry"), [("strategy_alert", B_ENTRY), ("entry_exit", C_ENTRY), ("balance_percentage", E_ENTRY)]
)
@pytest.mark.parametrize("name", ["stop_los", "stopLossPrice", "take_proft", "tp2", "trail"])
def test_a_misspelt_stop_never_becomes_no_stop(
    refused: Refused, dialect: str, entry: dict[str, Any], name: str
) -> None:
    problem = refused(dialect, {**entry, name: 1})

    assert (problem.code, problem.field) == ("MISSPELT_PROTECTION", name)
    assert "fields are" in problem.remedy


def test_in_strict_mode_too(refused: Refused) -> None:
    assert refused("entry_exit", {**C_ENTRY, "stop_los": 1}, strict=True).code == "UNKNOWN_FIELD"


@pytest.mark.parametrize(
    ("dialect", "leave"),
    [
        ("strategy_alert", {"ticker": "BTCUSDT", "message": "exit"}),
        ("entry_exit", {"event": "EXIT", "symbol": "BTCUSDT"}),
        ("balance_percentage", {"symbol": "BTCUSDT", "action": "close"}),
    ],
)
def test_an_exit_passes_with_whatever_comes_along(ask: Ask, dialect: str, leave: dict[str, Any]) -> None:
    found = ask(dialect, {**leave, "stop_los": 1, "quote_amount": 5, "time": "2001-01-01T00:00:00Z"})

    assert found.intent.action is Action.CLOSE
    assert {"stop_los", "quote_amount"} <= set(found.ignored_fields)


@pytest.mark.parametrize(
    ("dialect", "entry"), [("strategy_alert", B_ENTRY), ("entry_exit", C_ENTRY), ("balance_percentage", E_ENTRY)]
)
def test_the_size_of_another_dialect_is_refused(refused: Refused, dialect: str, entry: dict[str, Any]) -> None:
    assert refused(dialect, {**entry, "buy_quote_amount": 100}).code == "SIZE_CONFLICT"


# ── strategy_alert ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("entry", Action.OPEN),
        (" Entry ", Action.OPEN),
        ("exit", Action.CLOSE),
        ("tp1_breakeven", Action.BREAKEVEN),
        ("Breakeven", Action.BREAKEVEN),
        ("tp2", Action.INFO),
        ("entry!", Action.INFO),
        ("", None),
        (5, None),
    ],
)
def test_the_message_decides(ask: Ask, refused: Refused, message: Any, action: Action | None) -> None:
    if action is None:
        assert refused("strategy_alert", {**B_ENTRY, "message": message}).field == "message"
    else:
        assert ask("strategy_alert", {**B_ENTRY, "message": message}).intent.action is action


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"action": "hold"}, "UNKNOWN_ACTION", "action"),
        ({"action": None}, "MISSING_FIELD", "action"),
        ({"action": "sell"}, "STOP_MISSING", "short SL"),  # only the long's stop came along
        ({"long SL": None}, "STOP_MISSING", "long SL"),
        ({"long SL": 0}, "NOT_POSITIVE", "long SL"),
        ({"long SL": "39_800"}, "NOT_A_NUMBER", "long SL"),
        ({"type": "limit", "price": None}, "MISSING_FIELD", "price"),
        ({"price": "NaN"}, "NOT_A_NUMBER", "price"),
        ({"tp1 Mult": 1}, "MISSING_FIELD", "tp Close"),
        ({"tp1 Mult": 1, "tp2 Mult": 2, "tp Close": 60}, "SHARES_ABOVE_ONE", "tp Close"),
        ({"tp1 Mult": -1, "tp Close": 20}, "NOT_POSITIVE", "tp1 Mult"),
        ({"tp1 Mult": "x", "tp Close": 20}, "NOT_A_NUMBER", "tp1 Mult"),
        ({"tp1 Mult": 1, "tp Close": 120}, "PERCENT_OUT_OF_RANGE", "tp Close"),
        ({"exchange": "FTX"}, "WRONG_EXCHANGE", "exchange"),
        ({"ticker": None}, "MISSING_FIELD", "ticker"),
        ({"long TP": 39900}, "TARGET_WRONG_SIDE", "long TP"),
        ({"time": 5}, "BAD_TIME", "time"),
    ],
)
def test_a_strategy_alert_is_checked(refused: Refused, changes: dict[str, Any], code: str, field: str) -> None:
    problem = refused("strategy_alert", {**B_ENTRY, **changes})

    assert (problem.code, problem.field) == (code, field)


def test_targets_are_counted_until_the_first_missing_number(ask: Ask) -> None:
    targets = ask(
        "strategy_alert", {**B_ENTRY, "tp Close": 25, "tp1 Mult": 1, "tp3 Mult": 3, "long TP": 41000}
    ).intent.targets

    assert targets == (TargetSpec(r=D(1), share=D("0.25")), TargetSpec(price=D(41000)))


def test_targets_that_take_all_leave_nothing_for_the_tp_price(ask: Ask) -> None:
    targets = ask(
        "strategy_alert", {**B_ENTRY, "tp Close": 50, "tp1 Mult": 1, "tp2 Mult": 2, "long TP": 41000}
    ).intent.targets

    assert [target.share for target in targets] == [D("0.5"), D("0.5")]


@pytest.mark.parametrize(("tp", "none"), [({"long TP": 0}, True), ({"long TP": None}, True), ({}, False)])
def test_a_tp_of_nothing_means_no_target_and_a_missing_one_leaves_the_strategys(
    ask: Ask, tp: dict[str, Any], none: bool
) -> None:
    assert ask("strategy_alert", {**B_ENTRY, **tp}).intent.no_targets is none


def test_without_any_stop_field_the_strategy_decides(ask: Ask) -> None:
    entry = {name: value for name, value in B_ENTRY.items() if name != "long SL"}

    assert ask("strategy_alert", entry).intent.stop_price is None


def test_the_label_may_be_the_strategys_or_the_accounts_name(ask: Ask, endpoint_of: Callable[..., Any]) -> None:
    strategy = endpoint_of("strategy_alert").strategy

    for label in (strategy.name, strategy.account.name, "Testing", None, ""):
        assert ask("strategy_alert", {**B_ENTRY, "subaccount": label}).strategy == strategy


@pytest.mark.parametrize(
    "payload",
    [
        {
            "ticker": "NASDAQ:AAPL",
            "action": "sell",
            "message": "entry",
            "long SL": "x",
            "chart_url": "https://x.test/y",
        },
        {"ticker": ["?"], "subaccount": "nobody"},
        {"anything": {"else": 1}},
        {},
    ],
)
def test_a_study_is_announced_whatever_it_says(ask: Ask, payload: dict[str, Any]) -> None:
    intent = ask("strategy_alert", payload, route="study").intent

    assert (intent.action, intent.symbol) == (Action.INFO, "")


def test_a_route_belongs_to_its_dialect(refused: Refused) -> None:
    assert refused("native", {"symbol": "BTCUSDT", "action": "long"}, route="order").code == "WRONG_ROUTE"
    assert refused("strategy_alert", B_ENTRY, route="balance").code == "WRONG_ROUTE"


# ── entry_exit ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("absent", [None, "null", "NaN", "nan", "na", ""])
def test_what_pine_writes_for_nothing_is_nothing(ask: Ask, absent: Any) -> None:
    intent = ask(
        "entry_exit", {**C_ENTRY, "second_entry_price": absent, "stop_loss": absent, "take_profit": absent}
    ).intent

    assert (intent.second_price, intent.stop_price, intent.targets) == (None, None, ())


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"entry_price": None}, "MISSING_FIELD", "entry_price"),
        ({"entry_price": "NaN"}, "MISSING_FIELD", "entry_price"),
        ({"entry_price": 0}, "NOT_POSITIVE", "entry_price"),
        ({"signal_side": None}, "MISSING_FIELD", "signal_side"),
        ({"order_subtype": "third_entry"}, "UNKNOWN_ORDER_SUBTYPE", "order_subtype"),
        ({"order_subtype": 5}, "UNKNOWN_ORDER_SUBTYPE", "order_subtype"),
        ({"second_entry_price": 49000, "stop_loss": 49500}, "STOP_WRONG_SIDE", "stop_loss"),
        ({"take_profit": 49000}, "TARGET_WRONG_SIDE", "take_profit"),
        ({"stop_loss": "49_000"}, "NOT_A_NUMBER", "stop_loss"),
    ],
)
def test_an_entry_is_checked(refused: Refused, changes: dict[str, Any], code: str, field: str) -> None:
    problem = refused("entry_exit", {**C_ENTRY, **changes})

    assert (problem.code, problem.field) == (code, field)


def test_a_second_entry_adds_at_its_price(ask: Ask) -> None:
    intent = ask("entry_exit", {**C_ENTRY, "order_subtype": "second_entry", "second_entry_price": 49000}).intent

    assert (intent.action, intent.order_type, intent.price) == (Action.ADD, OrderType.LIMIT, D(49000))
    assert intent.second_price is None


def test_an_exit_without_a_side_closes_what_is_held(ask: Ask) -> None:
    assert ask("entry_exit", {"event": "exit", "symbol": "BTCUSDT"}).intent.direction is None


# ── bracket ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"sl": None}, "MISSING_FIELD", "sl"),
        ({"tp": None}, "MISSING_FIELD", "tp"),
        ({"tp": 0}, "NOT_POSITIVE", "tp"),
        ({"action": "close"}, "UNKNOWN_ACTION", "action"),
        ({"leverage": 5}, "UNKNOWN_FIELD", "leverage"),
        ({"price": 48000}, "STOP_WRONG_SIDE", "sl"),
        ({"price": 52000}, "TARGET_WRONG_SIDE", "tp"),
    ],
)
def test_a_bracket_is_all_or_nothing(refused: Refused, changes: dict[str, Any], code: str, field: str) -> None:
    problem = refused("bracket", {"symbol": "BTCUSDT", "action": "LONG", "tp": 52000, "sl": 49000, **changes})

    assert (problem.code, problem.field) == (code, field)


# ── balance_percentage ────────────────────────────────────────────────────────────────────────────────────────


def test_levels_can_come_along_as_prices_or_percents(ask: Ask, refused: Refused) -> None:
    prices = ask("balance_percentage", {**E_ENTRY, "sl": 49000, "tp": 51000, "entry": 50000}).intent
    percents = ask("balance_percentage", {**E_ENTRY, "sl_percent": "0.8", "tp_percent": 1.2}).intent

    assert (prices.stop_price, prices.targets) == (D(49000), (TargetSpec(price=D(51000)),))
    assert (percents.stop_pct, percents.targets) == (D("0.8"), (TargetSpec(pct=D("1.2")),))
    assert refused("balance_percentage", {**E_ENTRY, "sl": 49000, "sl_percent": 1}).code == "CONFLICTING_FIELDS"
    assert refused("balance_percentage", {**E_ENTRY, "sl": 51000, "entry": 50000}).code == "STOP_WRONG_SIDE"


def test_an_entry_of_zero_is_no_reference(ask: Ask) -> None:
    assert ask("balance_percentage", {**E_ENTRY, "entry": 0}).intent.price is None


def test_two_shares_must_agree(refused: Refused) -> None:
    problem = refused("balance_percentage", {**E_ENTRY, "balance_percentage": 0.1, "quantity_percent": 0.2})

    assert problem.code == "CONFLICTING_FIELDS"


def test_on_spot_a_sell_reduces_the_holding(ask: Ask) -> None:
    alert = {"symbol": "BTCUSDT", "action": "sell", "balance_percentage": 0.25}

    spot = ask("balance_percentage", alert, venue=Venue.PAPER_SPOT).intent
    futures = ask("balance_percentage", alert).intent

    assert spot.action is Action.SELL
    assert spot.sizing == Sizing(method=SizingMethod.POSITION_FRACTION, amount=D("0.25"))
    assert (futures.action, futures.direction) == (Action.OPEN, Direction.SHORT)


# ── spot ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "SIZE_MISSING"),
        ({"buy_quote_amount": None}, "SIZE_MISSING"),
        ({"buy_quote_amount": ""}, "NOT_A_NUMBER"),
        ({"buy_quote_amount": 0}, "NOT_POSITIVE"),
        ({"buy_quote_amount": "-1"}, "NOT_POSITIVE"),
        ({"buy_quote_amount": True}, "NOT_A_NUMBER"),
        ({"buy_quote_pct": 0.5, "type": "MARGIN"}, "UNKNOWN_TYPE"),
        ({"sell_base_pct": 0.5}, "SIZE_MISSING"),
    ],
)
def test_a_spot_alert_needs_its_one_amount(refused: Refused, fields: dict[str, Any], code: str) -> None:
    assert refused("spot", {"symbol": "BTCUSDT", "action": "buy", **fields}).code == code


def test_the_other_sides_fields_are_not_even_read(ask: Ask) -> None:
    found = ask(
        "spot",
        {"symbol": "BTCUSDT", "action": "buy", "buy_quote_amount": 5, "sell_base_pct": 34, "sell_base_amount": "x",
         "leverage": "many", "type": "spot"},
    )  # fmt: skip

    assert found.intent.sizing == Sizing(method=SizingMethod.QUOTE_AMOUNT, amount=D(5))
    assert found.ignored_fields == ("leverage", "sell_base_amount", "sell_base_pct")


def test_spot_amounts_need_a_spot_account(refused: Refused) -> None:
    alert = {"symbol": "BTCUSDT", "action": "buy", "buy_quote_amount": 5}

    assert refused("spot", alert, venue=Venue.PAPER_USDM).code == "NOT_A_SPOT_ACCOUNT"
