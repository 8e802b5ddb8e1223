from __future__ import annotations

import pytest

from tests.factories import StrategyFactory
from tests.tvtrader.configuration.texts import SMALL, problems, rows, strategy

pytestmark = pytest.mark.django_db


def test_one_error_writes_nothing() -> None:
    problems(SMALL + "\nstrategie: []")

    assert rows() == (0, 0, 0, 0, 0)


def test_all_errors_are_told_at_once() -> None:
    text = """
accounts:
  - {name: a, venue: paper_usd, api_key: x}
  - {name: a b, venue: paper_usdm}
strategies:
  - {name: s, account: nobody, sizing: {method: margin, amont: 5}, leverage: 300, stoploss: {}}
"""

    assert problems(text) == [
        "accounts[0].venue: 'paper_usd' is not a venue; did you mean paper_usdm? "
        "use one of paper_spot, paper_usdm, binance_spot, binance_usdm",
        "accounts[1].name: 'a b' is not a name; use letters, digits, - and _, at most 64",
        "strategies[0].sizing.amont: unknown key 'amont'; did you mean amount?",
        "strategies[0].stoploss: unknown key 'stoploss'; did you mean stop_loss?",
        "strategies[0].leverage: must be between 1 and 125, not 300",
        "strategies[0].sizing.amount: The method margin needs an amount.",
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "sizing: {method: margin, amount: 1e3}",
            "sizing.amount: '1e3' is not a number; write plain digits, e.g. 0.25",
        ),
        ("sizing: {method: margin, amount: 1_000}", "sizing.amount: '1_000' is not a number"),
        ("sizing: {method: margin, amount: .inf}", "sizing.amount: '.inf' is not a number"),
        ("sizing: {method: margin, amount: 0}", "sizing.amount: must be above 0, not 0"),
        ("sizing: {method: margin, amount: [1]}", "sizing.amount: a list is not a number"),
        ("sizing: {method: margin, amount: true}", "sizing.amount: true is not a number"),
        (
            "sizing: {method: balance_fraction, amount: 25}",
            "sizing.amount: balance_fraction takes a fraction above 0 and at most 1; 25 is not.",
        ),
        ("sizing: {amount: 5}", "sizing.method: Choose what the amount means"),
        ("sizing: {method: contracts_scaled, amount: 5}", "sizing.method: 'contracts_scaled' is not available in this"),
        (
            "sizing: {method: risk_fraction, amount: '0.01'}\n    stop_loss: {price: null}",
            "sizing.method: Sizing by risk needs",
        ),
        ("sizing: 5", "sizing: must be a mapping, not '5'"),
        ("leverage: 5.5", "leverage: '5.5' is not a whole number"),
        ("leverage: 50", "leverage: 50 is above the maximum of 20"),
        ("mode: Auto", "mode: 'Auto' is not a known word; did you mean auto?"),
        ("symbols: [BTCUSDT.P]", "symbols: item 1: 'BTCUSDT.P' is not a symbol of a venue"),
        ("symbols: [BTCUSDT, BTCUSDT]", "symbols: item 2: 'BTCUSDT' stands twice"),
        ("symbols: BTCUSDT", "symbols: must be a list, not 'BTCUSDT'"),
        ("take_profits: [{pct: 1, share: 0.6}, {pct: 2, share: 0.5}]", "take_profits: The shares add up to 1.1"),
        ("take_profits: [{pct: 1}, {pct: 2}]", "take_profits: Only the last target may take the"),
        ("take_profits: [{pct: 1, share: 1}, {pct: 2}]", "take_profits: The other targets close everything"),
        ("take_profits: [{pct: 1, r: 1}]", "take_profits: Target 1: exactly one of"),
        ("take_profits: [{share: 1}]", "take_profits: Target 1: exactly one of"),
        ("take_profits: [{price: 50000}]", "take_profits: target 1: price can only be alert, not '50000'"),
        ("dca: [{distance_pct: 100}]", "dca: Add 1: distance_pct must be below 100"),
        ("dca: [{distance_pct: 0}]", "dca: add 1: must be above 0, not 0"),
        ("take_profits: [{r: 1}]\n    stop_loss: {price: null}", "take_profits: Target 1: r is a multiple of the stop"),
        ("stop_loss: {trail_pct: 50}", "stop_loss.trail_pct: Between 0.1 and 20 percent"),
        ("limits: {max_open_trades: 0}", "limits.max_open_trades: Must be above 0"),
        ("dca: [{size_scale: 2}]", "dca: add 1: is missing"),
        ("stop_loss: {price: 50000}", "stop_loss.price: can only be alert or null, not '50000'"),
        (
            "stop_loss: {breakeven_after: 1}",
            "stop_loss.breakeven_after: '1' is not a target; write tp1, tp2, ... or null",
        ),
        ("stop_loss: {breakeven_after: tp0}", "stop_loss.breakeven_after: 'tp0' is not a target"),
        ("stop_loss: {price: null, required: true}", "stop_loss.required: No entry can pass"),
        ("enabled: yes", "enabled: must be true or false, not 'yes'"),
        ("limits: {max_notional: -5}", "limits.max_notional: must be above 0, not -5"),
        ("protect_within_s: null", "protect_within_s: null is not a whole number"),
        ("on_opposite: hedge", "on_opposite: hedge holds both directions, and a has one position a symbol"),
    ],
)
def test_a_strategy_error_names_path_and_remedy(line: str, problem: str) -> None:
    found = problems(strategy(line))

    assert len(found) == 1
    assert found[0].startswith(f"strategies[0].{problem}")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("leverage: 5", "leverage: The account is spot, where there is no leverage"),
        ("margin_type: crossed", "margin_type: The account is spot, where there is no margin"),
        ("sizing: {method: margin, amount: 5}", "sizing.method: a is spot, where there is no margin"),
        ("on_opposite: hedge", "on_opposite: Spot can't hold a short"),
    ],
)
def test_spot_refuses_what_it_has_not(line: str, problem: str) -> None:
    found = problems(strategy(line, "paper_spot"))

    assert len(found) == 1
    assert found[0].startswith(f"strategies[0].{problem}")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{venue: paper_usdm}", "accounts[0].name: is missing"),
        ("{name: a}", "accounts[0].venue: is missing"),
        ("{name: a, venue: 'ccxt:kraken'}", "accounts[0].venue: 'ccxt:kraken' is not available in this version"),
        ("{name: a, venue: paper_usdm, api_key: k, api_secret: s}", "accounts[0].api_key: a paper account has none"),
        ("{name: a, venue: paper_usdm, environment: live}", "accounts[0].environment: a paper account has none"),
        ("{name: a, venue: binance_spot}", "accounts[0].environment: is missing; say live, testnet or demo"),
        (
            "{name: a, venue: binance_spot, environment: live, api_key: k}",
            "accounts[0]: has one of api_key and api_secret",
        ),
        (
            "{name: a, venue: binance_spot, environment: live, paper: {hedge_mode: true}}",
            "accounts[0].paper.hedge_mode",
        ),
        ("{name: a, venue: paper_spot, paper: {hedge_mode: true}}", "accounts[0].paper.hedge_mode: spot holds no"),
        (
            "{name: a, venue: paper_usdm, paper: {balances: {usdt: 5}}}",
            "accounts[0].paper.balances: 'usdt' is not an asset",
        ),
        (
            "{name: a, venue: paper_usdm, paper: {balances: {USDT: x}}}",
            "accounts[0].paper.balances: USDT: 'x' is not a",
        ),
        (
            "{name: a, venue: binance_spot, environment: live, api_key: {env: NO}, api_secret: s}",
            "accounts[0].api_key: the",
        ),
        ("5", "accounts[0]: must be a mapping, not '5'"),
    ],
)
def test_an_account_error_names_path_and_remedy(row: str, problem: str) -> None:
    assert problems(f"accounts: [{row}]")[0].startswith(problem)


@pytest.mark.parametrize(
    ("rows_", "problem"),
    [
        ("endpoints: [{name: e, strategy: nobody}]", "endpoints[0].strategy: there is no strategy nobody; known: one"),
        ("endpoints: [{name: e, strategy: one, dialect: discord}]", "endpoints[0].dialect: 'discord' is not a dialect"),
        ("endpoints: [{name: e, strategy: one, dialect: spot}]", "endpoints[0].strategy: the dialect spot is for spot"),
        ("endpoints: [{name: e, strategy: one, secret: []}]", "endpoints[0].secret: is an empty list"),
        ("endpoints: [{name: e, strategy: one, subaccounts: {T: two}}]", "endpoints[0].subaccounts.T: there is no"),
        ("endpoints: [{name: e, strategy: one}, {name: e, strategy: one}]", "endpoints[1]: endpoint e stands twice"),
        ("ticker_aliases: [{venue: paper_usdm, ticker: X}]", "ticker_aliases[0].symbol: is missing"),
        ("ticker_aliases: [{venue: paper_usdm, ticker: X, symbol: X}]", "ticker_aliases[0].ticker: X is the symbol"),
        ("endpoints: {}", "endpoints: must be a list, not a mapping"),
        ("[]", "file: must be a mapping, not a list"),
    ],
)
def test_other_errors_name_path_and_remedy(rows_: str, problem: str) -> None:
    StrategyFactory(name="one")

    assert problems(rows_)[0].startswith(problem)
