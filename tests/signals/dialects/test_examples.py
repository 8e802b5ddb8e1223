"""Alerts as real users send them, and what each must mean, worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchange.types import Direction, OrderType
from ledger.domain.policy import Sizing, SizingMethod
from signals.intents import Action, Intent, TargetSpec
from signals.problems import Problem
from tests.signals.dialects.conftest import Ask

D = Decimal

EXAMPLES = {row["name"]: row["payload"] for row in json.loads((Path(__file__).parent / "examples.json").read_text())}
DIALECT = {"A": "spot", "B": "strategy_alert", "C": "entry_exit", "D": "bracket", "E": "balance_percentage"}
LONG, SHORT, MARKET, LIMIT = Direction.LONG, Direction.SHORT, OrderType.MARKET, OrderType.LIMIT


def size(method: str, amount: str) -> Sizing:
    return Sizing(method=SizingMethod(method), amount=D(amount))


def buy(symbol: str, sizing: Sizing) -> dict[str, Any]:
    return {
        "action": Action.OPEN, "symbol": symbol, "direction": LONG, "order_type": MARKET, "sizing": sizing,
    }  # fmt: skip


def sell(symbol: str, sizing: Sizing) -> dict[str, Any]:
    return {**buy(symbol, sizing), "action": Action.SELL}


def two_entries(**changes: Any) -> dict[str, Any]:
    return {
        "action": Action.OPEN, "symbol": "BTCUSDT", "direction": LONG, "order_type": LIMIT, "price": D("50000.0"),
        "second_price": D("49000.0"), "stop_price": D("48000.0"), "targets": (TargetSpec(price=D("52000.0")),),
        **changes,
    }  # fmt: skip


def bracket(symbol: str, direction: Direction, stop: str, target: str) -> dict[str, Any]:
    return {
        "action": Action.OPEN, "symbol": symbol, "direction": direction, "order_type": MARKET, "stop_price": D(stop),
        "targets": (TargetSpec(price=D(target)),),
    }  # fmt: skip


def share(amount: str, price: str, leverage: int) -> dict[str, Any]:
    return {
        **buy("BTCUSDT", size("balance_fraction", amount)), "price": D(price), "leverage": leverage,
    }  # fmt: skip


CLOSE_LONG = {"action": Action.CLOSE, "symbol": "BTCUSDT", "direction": LONG}
ACCEPTED: dict[str, dict[str, Any]] = {
    "A01": buy("ADAUSDT", size("quote_amount", "1000")),
    "A03": buy("BTCUSDT", size("balance_fraction", "0.34")),
    "A05": buy("ADAUSDT", size("base_amount", "77")),
    "A06": sell("ADAUSDT", size("quote_amount", "150")),
    "A08": buy("ADABTC", size("balance_fraction", "0.5")),
    "A10": buy("BTCUSDT", size("balance_fraction", "1")),
    "A28": buy("BTCUSDT", size("quote_amount", "4")),
    "A30": sell("ADAUSDT", size("base_amount", "1000.1")),
    "A31": sell("ADAUSDT", size("quote_amount", "1000")),
    "A35": sell("ETHBTC", size("position_fraction", "1")),
    "A36": sell("ADAUSDT", size("position_fraction", "0.5")),
    "B02": {
        "action": Action.OPEN, "symbol": "BTCUSDT", "direction": SHORT, "order_type": MARKET, "price": D(35800),
        "stop_price": D("37200.0"), "targets": (), "no_targets": True,
    },
    "B03": {
        "action": Action.OPEN, "symbol": "BTCUSDT", "direction": SHORT, "order_type": LIMIT, "price": D(38000),
        "stop_price": D(39000), "targets": (TargetSpec(price=D(35000)),), "no_targets": False,
    },
    "B07": {"action": Action.CLOSE, "symbol": "BTCUSDT", "direction": None},
    "B08": {
        "action": Action.BREAKEVEN, "symbol": "BTCUSDT", "breakeven_long": D(40100), "breakeven_short": D(39900),
        "stop_price": None,
    },
    "B10": {"action": Action.INFO, "symbol": "BTCUSDT", "stop_price": None, "order_type": None},
    "B20": {
        "action": Action.OPEN, "symbol": "BTCUSDT", "direction": LONG, "order_type": LIMIT, "price": D(38000),
        "stop_price": D(37000), "targets": (TargetSpec(price=D(41000)),),
    },
    "C01": two_entries(),
    "C03": two_entries(
        direction=SHORT, price=D(50000), second_price=D(51000), stop_price=D(52000),
        targets=(TargetSpec(price=D(48000)),),
    ),
    "C05": two_entries(
        symbol="ETHUSDT", price=D(2000), second_price=None, stop_price=D(1950), targets=(TargetSpec(price=D(2100)),)
    ),
    "C06": two_entries(
        symbol="LINKUSDT", price=D("17.3"), second_price=D("16.5"), stop_price=D("15.9"),
        targets=(TargetSpec(price=D("18.2")),),
    ),
    "C08": two_entries(
        price=D(450000), second_price=None, stop_price=D(430000), targets=(TargetSpec(price=D(460000)),)
    ),
    "C10": two_entries(),
    "C11": {"action": Action.CHECK, "symbol": "BTCUSDT", "direction": LONG, "price": None, "stop_price": None},
    "C13": CLOSE_LONG,
    "C15": CLOSE_LONG,
    "C16": {**CLOSE_LONG, "direction": SHORT},
    "C18": CLOSE_LONG,
    "C23": two_entries(),
    "C30": two_entries(stop_price=D(45000)),
    "C31": two_entries(),
    "D02": bracket("ETHUSDT", SHORT, "3100", "2900"),
    "D04": bracket("ADAUSDT", LONG, "0.4", "0.5"),
    "D05": bracket("ADAUSDT", LONG, "0.4", "0.5"),
    "D07": bracket("BTCUSDT", LONG, "49000", "52000"),  # buy is LONG's documented other name
    "D09": bracket("BTCUSDT", LONG, "49000", "52000"),
    "D14": bracket("BTCUSDT", LONG, "49000", "52000"),
    "E01": share("0.25", "50000", 10),
    "E03": share("0.1", "43000", 5),
    "E05": share("1", "50000", 10),
    "E08": share("0.25", "50000", 10),
    "E16": share("0.25", "50000", 10),
    "E20": share("0.1", "50000", 5),
    "E21": share("0.25", "50000", 10),
    "E23": {"action": Action.CLOSE, "symbol": "BTCUSDT", "direction": None, "sizing": None, "leverage": None},
    "E26": {**buy("BTCUSDT", size("balance_fraction", "0.15")), "leverage": 20, "price": None},
    "E28": {"action": Action.OPEN, "symbol": "BTCUSDT", "direction": LONG, "sizing": None, "leverage": None},
}  # fmt: skip
REFUSED = {
    "A11": ("FRACTION_OUT_OF_RANGE", "buy_quote_pct"),
    "A13": ("SIZE_CONFLICT", "buy_base_amount"),
    "A15": ("UNEXPANDED_PLACEHOLDER", "action"),
    "A16": ("UNKNOWN_ACTION", "action"),
    "A18": ("PERPETUAL_ON_SPOT", "symbol"),
    "A20": ("UNKNOWN_FIELD", "qty"),
    "A26": ("NOT_AN_OBJECT", ""),
    "A33": ("NOT_A_NUMBER", "buy_quote_amount"),
    "B05": ("UNKNOWN_TYPE", "type"),
    "B12": ("STOP_DISTANCE_ZERO", "long SL"),
    "B13": ("STOP_WRONG_SIDE", "long SL"),
    "B15": ("UNKNOWN_SYMBOL", "ticker"),
    "B22": ("UNKNOWN_SUBACCOUNT", "subaccount"),  # until the label is given a strategy, below
    "C20": ("UNKNOWN_EVENT", "event"),
    "C21": ("UNKNOWN_SIGNAL_SIDE", "signal_side"),
    "C25": ("UNKNOWN_SYMBOL", "symbol"),
    "C26": ("UNKNOWN_SYMBOL", "symbol"),
    "C28": ("STOP_WRONG_SIDE", "stop_loss"),
    "D10": ("LEVELS_WRONG_SIDE", "tp"),
    "E06": ("FRACTION_OUT_OF_RANGE", "balance_percentage"),
    "E10": ("LEVERAGE_NOT_WHOLE", "leverage"),
    "E11": ("LEVERAGE_OUT_OF_RANGE", "leverage"),
    "E13": ("UNKNOWN_ACTION", "action"),
    "E15": ("UNKNOWN_SYMBOL", "symbol"),
    "E18": ("NOT_JSON", ""),
    "E25": ("QUANTITY_AMBIGUOUS", "quantity"),
    "E31": ("ARITHMETIC", "tp"),
    "X02": ("SIZE_CONFLICT", "balance_percentage"),
    "X04": ("STALE", "timestamp"),
}
# What these are about is the secret: see the tests of the webhook.
AUTHENTICATION = {"A21", "A23", "A25", "A38", "B17", "B18", "D12", "E30"}


def dialect_of(name: str) -> str:
    return {"X02": "spot", "X04": "entry_exit"}.get(name) or DIALECT[name[0]]


def test_every_example_is_used() -> None:
    assert set(EXAMPLES) == set(ACCEPTED) | set(REFUSED) | AUTHENTICATION


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_an_example_means_what_it_says(ask: Ask, name: str) -> None:
    intent = ask(dialect_of(name), EXAMPLES[name]).intent

    assert {field: getattr(intent, field) for field in ACCEPTED[name]} == ACCEPTED[name]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_an_example_is_refused(refused: Callable[..., Problem], name: str) -> None:
    problem = refused(dialect_of(name), EXAMPLES[name])

    assert (problem.code, problem.field) == REFUSED[name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("A16", "action must be buy or sell, not 'hold'"),
        ("B05", "type must be market or limit, not 'stop'"),
        ("C20", "event must be ENTRY or EXIT, not 'UPDATE'"),
        ("C21", "signal_side must be LONG or SHORT, not 'BUY'"),
        ("E13", "action must be buy, sell, long, short, close or exit, not 'invalid_action'"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_ones(refused: Callable[..., Problem], name: str, words: str) -> None:
    assert refused(dialect_of(name), EXAMPLES[name]).message == words


def test_the_subaccount_names_the_strategy(ask: Ask, endpoint_of: Callable[..., Any]) -> None:
    from tests.factories import StrategyFactory

    endpoint = endpoint_of("strategy_alert")
    other = StrategyFactory(account=endpoint.strategy.account)
    endpoint.routes.create(label="MYACCOUNT2", strategy=other)

    found = ask("strategy_alert", EXAMPLES["B22"])

    # Targets at 0.6, 1.0 and 1.5 stop distances take 20 % each, the TP price takes the rest.
    assert found.strategy == other
    assert found.intent.targets == (
        TargetSpec(r=D("0.6"), share=D("0.2")), TargetSpec(r=D("1.0"), share=D("0.2")),
        TargetSpec(r=D("1.5"), share=D("0.2")), TargetSpec(price=D(41000)),
    )  # fmt: skip


def test_a_usdc_contract_is_traded_as_such_where_it_exists(ask: Ask, endpoint_of: Callable[..., Any]) -> None:
    from tests.factories import InstrumentFactory

    endpoint_of("entry_exit")
    InstrumentFactory(symbol="BTCUSDC", quote_asset="USDC", base_asset="BTC")

    assert ask("entry_exit", EXAMPLES["C26"]).intent.symbol == "BTCUSDC"


def test_a_field_of_another_strictness_is_recorded_when_the_endpoint_is_lenient(ask: Ask) -> None:
    found = ask("spot", EXAMPLES["A20"], strict=False)

    assert isinstance(found.intent, Intent)
    assert found.ignored_fields == ("qty",)
