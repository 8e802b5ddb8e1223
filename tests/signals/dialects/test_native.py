from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from exchange.models import Venue
from exchange.types import Direction, OrderType
from ledger.domain.policy import Sizing, SizingMethod
from signals.intents import Action, TargetSpec
from signals.problems import Problem
from tests.signals.dialects.conftest import Ask

D = Decimal

Refused = Callable[..., Problem]
ENTRY = {"symbol": "BTCUSDT", "action": "enter_long"}
LONG, SHORT = Direction.LONG, Direction.SHORT


@pytest.mark.parametrize(
    ("word", "action", "direction"),
    [
        ("long", Action.TARGET, LONG),
        ("short", Action.TARGET, SHORT),
        ("flat", Action.TARGET, None),
        ("buy", Action.OPEN, LONG),
        ("sell", Action.OPEN, SHORT),
        ("enter_long", Action.OPEN, LONG),
        ("Enter_Short", Action.OPEN, SHORT),
        ("add", Action.ADD, None),
        ("exit", Action.CLOSE, None),
        ("CLOSE", Action.CLOSE, None),
        ("exit_long", Action.CLOSE, LONG),
        ("close_short", Action.CLOSE, SHORT),
        ("breakeven", Action.BREAKEVEN, None),
        ("check", Action.CHECK, None),
        ("announce", Action.INFO, None),
    ],
)
def test_every_action_has_its_meaning(ask: Ask, word: str, action: Action, direction: Direction | None) -> None:
    intent = ask("native", {"ticker": "BTCUSDT", "action": word}).intent

    assert (intent.action, intent.direction, intent.symbol) == (action, direction, "BTCUSDT")


def test_everything_can_be_said(ask: Ask) -> None:
    found = ask(
        "native",
        {
            **ENTRY, "order_type": "limit", "price": 60000, "second_price": "59000", "margin": "25.5", "leverage": 10,
            "stop": 58000.5, "id": "tv-1", "time": "2026-06-15T23:31:22Z", "note": "breakout",
            "targets": [{"price": 61000, "share": 0.25}, {"pct": 3, "share": "0.25"}, {"r": "2", "share": "rest"}],
        },
    )  # fmt: skip

    intent = found.intent
    assert found.own_id == "tv-1"
    assert intent.order_type is OrderType.LIMIT
    assert (intent.price, intent.second_price, intent.stop_price) == (D(60000), D(59000), D("58000.5"))
    assert intent.sizing == Sizing(method=SizingMethod.MARGIN, amount=D("25.5"))
    assert intent.leverage == 10
    assert intent.at == datetime(2026, 6, 15, 23, 31, 22, tzinfo=UTC)
    assert intent.targets == (
        TargetSpec(price=D(61000), share=D("0.25")),
        TargetSpec(pct=D(3), share=D("0.25")),
        TargetSpec(r=D(2)),
    )
    assert intent.note == "breakout"


@pytest.mark.parametrize("side", ["long", "LONG", "buy"])
def test_an_entry_needs_a_side(ask: Ask, refused: Refused, side: str) -> None:
    assert ask("native", {"symbol": "BTCUSDT", "action": "entry", "side": side}).intent.direction is LONG
    assert refused("native", {"symbol": "BTCUSDT", "action": "entry"}).code == "MISSING_FIELD"


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("quote_amount", "quote_amount"),
        ("base_amount", "base_amount"),
        ("balance_fraction", "balance_fraction"),
        ("margin", "margin"),
        ("risk_fraction", "risk_fraction"),
    ],
)
def test_each_size_is_its_method(ask: Ask, name: str, method: str) -> None:
    sizing = ask("native", {**ENTRY, name: "0.5"}).intent.sizing

    assert sizing == Sizing(method=SizingMethod(method), amount=D("0.5"))


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"quote_amount": 10, "margin": 5}, "SIZE_CONFLICT", "margin"),
        ({"balance_percentage": 0.5}, "SIZE_CONFLICT", "balance_percentage"),
        ({"fraction": 0.5}, None, ""),
        ({"stop": 59000, "stop_pct": 1}, "CONFLICTING_FIELDS", "stop_pct"),
        ({"stop_los": 59000}, "UNKNOWN_FIELD", "stop_los"),
        ({"take_profit": 61000, "targets": []}, "CONFLICTING_FIELDS", "targets"),
        ({"targets": {"price": 1}}, "BAD_TARGETS", "targets"),
        ({"targets": [{"price": 1, "pct": 1}]}, "BAD_TARGETS", "targets[1]"),
        ({"targets": [{"share": 1}]}, "BAD_TARGETS", "targets[1]"),
        ({"targets": [{"price": "x"}]}, "NOT_A_NUMBER", "targets[1].price"),
        ({"targets": [{"price": 1, "share": 50}]}, "FRACTION_OUT_OF_RANGE", "targets[1].share"),
        ({"targets": [{"price": 1, "size": 50}]}, "UNKNOWN_FIELD", "targets[1]"),
        ({"targets": [{"pct": 1}, {"pct": 2}]}, "BAD_TARGETS", "targets"),
        ({"targets": [{"pct": 1, "share": 0.6}, {"pct": 2, "share": 0.6}]}, "SHARES_ABOVE_ONE", "targets"),
        ({"targets": [{"pct": 1, "share": 1}, {"pct": 2}]}, "BAD_TARGETS", "targets"),
        ({"targets": [{"pct": 1}] * 21}, "BAD_TARGETS", "targets"),
        ({"symbol": "ETHUSDT", "ticker": "BTCUSDT"}, "CONFLICTING_FIELDS", "ticker"),
        ({"order_type": "limit"}, "MISSING_FIELD", "price"),
        ({"order_type": "stop"}, "UNKNOWN_ORDER_TYPE", "order_type"),
        ({"leverage": 126}, "LEVERAGE_OUT_OF_RANGE", "leverage"),
        ({"leverage": 51}, "LEVERAGE_ABOVE_MAXIMUM", "leverage"),
        ({"leverage": True}, "NOT_A_NUMBER", "leverage"),
        ({"price": False}, "NOT_A_NUMBER", "price"),
        ({"price": 0}, "NOT_POSITIVE", "price"),
        ({"price": -5}, "NOT_POSITIVE", "price"),
        ({"price": ""}, "NOT_A_NUMBER", "price"),
        ({"price": "+5"}, "NOT_A_NUMBER", "price"),
        ({"price": " 5 "}, "NOT_A_NUMBER", "price"),
        ({"price": "1_000"}, "NOT_A_NUMBER", "price"),
        ({"price": "\uff11\uff12"}, "NOT_A_NUMBER", "price"),
        ({"price": "٣"}, "NOT_A_NUMBER", "price"),
        ({"price": [5]}, "NOT_A_NUMBER", "price"),
        ({"risk_fraction": 1.5}, "FRACTION_OUT_OF_RANGE", "risk_fraction"),
        ({"balance_fraction": 0}, "NOT_POSITIVE", "balance_fraction"),
        ({"id": ""}, "BAD_ID", "id"),
        ({"id": ["x"]}, "BAD_ID", "id"),
        ({"id": "x" * 129}, "BAD_ID", "id"),
        ({"time": "yesterday"}, "BAD_TIME", "time"),
        ({"exchange": "BYBIT"}, "WRONG_EXCHANGE", "exchange"),
        ({"exchange": 5}, "WRONG_EXCHANGE", "exchange"),
        ({"subaccount": "other"}, "UNKNOWN_SUBACCOUNT", "subaccount"),
        ({"subaccount": {"a": 1}}, "UNKNOWN_SUBACCOUNT", "subaccount"),
        ({"side": "short"}, "CONFLICTING_FIELDS", "side"),
        ({"symbol": None}, "MISSING_FIELD", "symbol"),
        ({"symbol": 5}, "BAD_SYMBOL", "symbol"),
        ({"action": None}, "MISSING_FIELD", "action"),
        ({"action": ["long"]}, "UNKNOWN_ACTION", "action"),
    ],
)
def test_what_is_wrong_is_named(
    ask: Ask, refused: Refused, fields: dict[str, Any], code: str | None, field: str
) -> None:
    if code is None:
        # Declared, but of no meaning for this action: left unread.
        assert ask("native", {**ENTRY, **fields}).ignored_fields == tuple(fields)
        return

    problem = refused("native", {**ENTRY, **fields})

    assert (problem.code, problem.field) == (code, field)


def test_a_target_position_of_flat_ignores_the_levels_of_the_template(ask: Ask) -> None:
    found = ask("native", {"symbol": "BTCUSDT", "action": "flat", "stop": "NaN", "price": "x", "leverage": 999})

    assert (found.intent.action, found.intent.direction) == (Action.TARGET, None)
    assert found.ignored_fields == ("leverage", "price", "stop")


def test_an_exit_passes_however_old_and_whatever_its_price(ask: Ask) -> None:
    found = ask("native", {"symbol": "BTCUSDT", "action": "exit", "price": "NaN", "time": "2019-01-01T00:00:00Z"})
    garbled = ask("native", {"symbol": "BTCUSDT", "action": "exit", "time": "soon"})

    assert found.intent.action is Action.CLOSE
    assert found.intent.price is None
    assert found.intent.at == datetime(2019, 1, 1, tzinfo=UTC)
    assert garbled.intent.at is None


def test_part_of_a_position_is_closed(ask: Ask) -> None:
    assert ask("native", {"symbol": "BTCUSDT", "action": "exit", "fraction": 0.5}).intent.close_fraction == D("0.5")


@pytest.mark.parametrize("nothing", [{"take_profit": 0}, {"take_profit": "0"}, {"targets": []}])
def test_no_target_can_be_asked_for(ask: Ask, nothing: dict[str, Any]) -> None:
    assert ask("native", {**ENTRY, **nothing}).intent.no_targets
    assert not ask("native", ENTRY).intent.no_targets


def test_breakeven_takes_a_price(ask: Ask) -> None:
    intent = ask("native", {"symbol": "BTCUSDT", "action": "breakeven", "price": 60100}).intent

    assert (intent.breakeven_long, intent.breakeven_short) == (D(60100), D(60100))


def test_on_a_spot_account_sell_sells_the_holding(ask: Ask, refused: Refused) -> None:
    spot = {"venue": Venue.PAPER_SPOT}
    everything = ask("native", {"symbol": "BTCUSDT", "action": "sell"}, **spot).intent
    half = ask("native", {"symbol": "BTCUSDT", "action": "sell", "fraction": "0.5"}, **spot).intent

    assert (everything.action, everything.sizing) == (
        Action.SELL, Sizing(method=SizingMethod.POSITION_FRACTION, amount=D(1)),
    )  # fmt: skip
    assert half.sizing == Sizing(method=SizingMethod.POSITION_FRACTION, amount=D("0.5"))
    assert refused("native", {"symbol": "BTCUSDT", "action": "short"}, **spot).code == "SHORT_ON_SPOT"
    assert refused("native", {**ENTRY, "leverage": 5}, **spot).code == "LEVERAGE_ON_SPOT"
    assert refused("native", {"symbol": "BTCUSDT", "action": "sell", "fraction": 0.5}).code == "SIZE_CONFLICT"


@pytest.mark.parametrize(
    "value",
    [
        "2026-06-15T23:31:22Z",
        "2026-06-15T23:31:22",  # without a zone: UTC, as {{timenow}} is
        "2026-06-16T01:31:22+02:00",
        1781566282,
        "1781566282000",
    ],
)
def test_times_are_read(ask: Ask, value: Any) -> None:
    assert ask("native", {**ENTRY, "time": value}).intent.at == datetime(2026, 6, 15, 23, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-06-15T23:30:29Z", "STALE"),  # 61 s old, 60 allowed
        ("2026-06-15T23:36:31Z", "TIME_IN_FUTURE"),  # 301 s ahead, 300 allowed
        ("1999-06-15T23:31:22Z", "BAD_TIME"),
        (0, "BAD_TIME"),
        (-5, "BAD_TIME"),
        (1781566282000000, "BAD_TIME"),
        ("9999999999999999999", "BAD_TIME"),
        ("2026-06-15T23:31:22+99:00", "BAD_TIME"),
        ("0001-01-01T00:00:00+14:00", "BAD_TIME"),
        ("٢٠٢٦-06-15T23:31:22Z", "BAD_TIME"),
        ("2026-02-30T00:00:00Z", "BAD_TIME"),
        (True, "BAD_TIME"),
        ([], "BAD_TIME"),
    ],
)
def test_times_that_cannot_be_are_refused(refused: Refused, value: Any, code: str) -> None:
    assert refused("native", {**ENTRY, "time": value}).code == code


def test_an_alert_of_exactly_the_largest_age_still_passes(ask: Ask) -> None:
    assert ask("native", {**ENTRY, "time": "2026-06-15T23:30:30Z"}).intent.at is not None


def test_timenow_tells_the_age_where_the_time_of_the_bar_comes_along(ask: Ask) -> None:
    found = ask("native", {**ENTRY, "time": "2026-06-15T20:00:00Z", "timenow": "2026-06-15T23:31:22Z"})

    assert found.intent.at == datetime(2026, 6, 15, 23, 31, 22, tzinfo=UTC)
    assert found.ignored_fields == ("time",)


@pytest.mark.parametrize(
    ("action", "levels", "code"),
    [
        ("enter_long", {"price": 100, "stop": 101}, "STOP_WRONG_SIDE"),
        ("enter_long", {"price": 100, "stop": 100}, "STOP_DISTANCE_ZERO"),
        ("enter_long", {"price": 100, "second_price": 90, "stop": 95}, "STOP_WRONG_SIDE"),
        ("enter_long", {"price": 100, "take_profit": 100}, "TARGET_WRONG_SIDE"),
        ("enter_long", {"price": 100, "second_price": 110, "take_profit": 105}, "TARGET_WRONG_SIDE"),
        ("enter_long", {"stop": 100, "take_profit": 90}, "LEVELS_WRONG_SIDE"),
        ("enter_short", {"price": 100, "stop": 99}, "STOP_WRONG_SIDE"),
        ("enter_short", {"price": 100, "second_price": 110, "stop": 105}, "STOP_WRONG_SIDE"),
        ("enter_short", {"price": 100, "take_profit": 101}, "TARGET_WRONG_SIDE"),
        ("enter_short", {"targets": [{"pct": 100}]}, "PERCENT_OUT_OF_RANGE"),
        ("long", {"price": 100, "stop": 101}, "STOP_WRONG_SIDE"),
        ("enter_long", {"price": 100, "stop": 99.9, "take_profit": 100.1}, None),
        ("enter_short", {"price": 100, "second_price": 110, "stop": 110.1, "take_profit": 99.9}, None),
    ],
)
def test_levels_stand_on_their_sides(
    ask: Ask, refused: Refused, action: str, levels: dict[str, Any], code: str | None
) -> None:
    alert = {"symbol": "BTCUSDT", "action": action, **levels}

    if code is None:
        assert ask("native", alert).intent.price == D(100)
    else:
        assert refused("native", alert).code == code


def test_a_symbol_that_is_not_trading_can_be_left_but_not_entered(ask: Ask, refused: Refused) -> None:
    ask("native", ENTRY)
    from exchange.models import Instrument

    Instrument.objects.filter(symbol="BTCUSDT").update(trading=False)

    assert refused("native", ENTRY).code == "SYMBOL_NOT_TRADING"
    assert ask("native", {"symbol": "BTCUSDT", "action": "exit"}).intent.action is Action.CLOSE
