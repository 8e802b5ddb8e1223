"""Gates and ceilings, each just within and just beyond its limit, with the numbers in the refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from exchange.types import OrderType
from ledger.domain.context import Context, Usage
from ledger.domain.plan import LegKind
from ledger.domain.policy import Limits, StrategyPolicy
from signals import risk
from signals.intents import Action, Intent
from signals.refusals import Refusal
from signals.sizing import Funds, Slot
from tests.signals.examples.worlds import LONG, NOW, SHORT, SPOT, D, quote, usdm

OPEN = Intent(action=Action.OPEN, symbol="BTCUSDT", direction=LONG)


def world(limits: Limits | None = None, usage: Usage | None = None, **policy: object) -> Context:
    strategy = StrategyPolicy(name="alpha", limits=limits or Limits(), **policy)  # type: ignore[arg-type]
    return usdm("BTCUSDT", "50000", strategy, free="1000", usage=usage or Usage())


def code(check: Callable[[], object]) -> tuple[str, str]:
    try:
        check()
    except Refusal as refusal:
        return refusal.code, refusal.reason if refusal.remedy else "a refusal without a remedy"
    return "", ""


def test_an_open_gate_lets_through() -> None:
    assert code(lambda: risk.check_gates(OPEN, world(symbols=frozenset({"BTCUSDT"})))) == ("", "")


def test_switched_off_names_what_is_off() -> None:
    shut = replace(world(), opens_allowed=False, blocked_by="account main")

    assert code(lambda: risk.check_gates(OPEN, shut)) == (
        "SWITCHED_OFF", "account main is switched off: nothing is opened",
    )  # fmt: skip


def test_a_symbol_that_is_not_listed_is_refused() -> None:
    found, reason = code(lambda: risk.check_gates(OPEN, world(symbols=frozenset({"ETHUSDT", "ADAUSDT"}))))

    assert found == "SYMBOL_NOT_ALLOWED"
    assert "ADAUSDT, ETHUSDT" in reason


def test_a_halted_symbol_and_one_without_price_are_refused() -> None:
    context = world()

    halted = replace(context, rules=replace(context.rules, trading=False))
    assert code(lambda: risk.check_gates(OPEN, halted))[0] == "SYMBOL_NOT_TRADING"
    assert code(lambda: risk.check_gates(OPEN, replace(context, quote=quote("BTCUSDT", "0"))))[0] == "NO_PRICE"


@pytest.mark.parametrize(
    ("received", "fired", "expected"),
    [
        (60, None, ""),
        (60.001, None, "STALE"),
        (1, 60, ""),
        (1, 61, "STALE"),
        (61, -3600, "STALE"),  # a time in the future makes an old alert no younger
        (1, -3600, ""),
    ],
)
def test_age(received: float, fired: float | None, expected: str) -> None:
    context = replace(world(), received_at=NOW - timedelta(seconds=received))
    intent = OPEN if fired is None else replace(OPEN, at=NOW - timedelta(seconds=fired))

    assert code(lambda: risk.check_age(intent, context))[0] == expected


@pytest.mark.parametrize(
    ("limits", "within", "beyond", "expected"),
    [
        (Limits(max_open_trades=2), Usage(open_trades=1), Usage(open_trades=2), "MAX_OPEN_TRADES"),
        (Limits(max_trades_per_day=5), Usage(trades_today=4), Usage(trades_today=5), "MAX_TRADES_PER_DAY"),
        (
            Limits(max_daily_loss=D(200)), Usage(loss_today=D("199.99")), Usage(loss_today=D(200)), "MAX_DAILY_LOSS",
        ),
        (Limits(max_open_trades=0), Usage(), Usage(open_trades=0), "MAX_OPEN_TRADES"),
    ],
)  # fmt: skip
def test_counters(limits: Limits, within: Usage, beyond: Usage, expected: str) -> None:
    if limits.max_open_trades != 0:
        assert code(lambda: risk.check_counters(world(limits, within)))[0] == ""
    assert code(lambda: risk.check_counters(world(limits, beyond)))[0] == expected


@pytest.mark.parametrize(
    ("direction", "told", "expected"),
    [
        (LONG, "49751.25", ""),  # 50000 is 0.49999 % above
        (LONG, "49750", "SLIPPAGE"),  # 0.5025 %
        (LONG, "60000", ""),  # better than the alert's
        (SHORT, "50252.5", "SLIPPAGE"),  # 252.5 / 50252.5 = 0.5025 %
        (SHORT, "50251", ""),  # 0.4995 %
        (SHORT, "40000", ""),
    ],
)
def test_slippage_is_what_the_market_is_worse(direction: str, told: str, expected: str) -> None:
    context = world(Limits(max_slippage_pct=D("0.5")))
    intent = replace(OPEN, price=D(told))
    side = LONG if direction == LONG else SHORT

    assert code(lambda: risk.check_slippage(intent, context, side, OrderType.MARKET))[0] == expected
    assert code(lambda: risk.check_slippage(intent, context, side, OrderType.LIMIT))[0] == ""


def test_slippage_says_both_prices() -> None:
    context = world(Limits(max_slippage_pct=D("0.5")))
    _, reason = code(lambda: risk.check_slippage(replace(OPEN, price=D(49000)), context, LONG, OrderType.MARKET))

    # 1000 / 49000 = 2.04 %
    assert "50000" in reason
    assert "49000" in reason
    assert "2.04 %" in reason


def test_leverage_is_the_alerts_else_the_strategys() -> None:
    assert risk.choose_leverage(replace(OPEN, leverage=3), world(leverage=7)) == (3, 20)
    assert risk.choose_leverage(OPEN, world(leverage=7)) == (7, 20)
    assert risk.choose_leverage(OPEN, world()) == (None, 20)


@pytest.mark.parametrize("leverage", [0, -1, 21, 126])
def test_leverage_out_of_range_is_refused(leverage: int) -> None:
    found, reason = code(lambda: risk.choose_leverage(replace(OPEN, leverage=leverage), world()))

    assert found == "LEVERAGE_RANGE"
    assert str(leverage) in reason
    assert "20" in reason


def test_the_instruments_maximum_counts_too() -> None:
    context = world(max_leverage=100)
    context = replace(context, rules=replace(context.rules, max_leverage=50))

    assert risk.choose_leverage(replace(OPEN, leverage=50), context) == (50, 50)
    assert "BTCUSDT's" in code(lambda: risk.choose_leverage(replace(OPEN, leverage=51), context))[1]


def test_spot_has_no_leverage() -> None:
    context = replace(world(leverage=7), rules=SPOT["BTCUSDT"])

    assert risk.choose_leverage(replace(OPEN, leverage=500), context) == (None, 1)


def test_funds_minus_reserve() -> None:
    funds = Funds(asset="USDT", free=D(1000), reserve_pct=D("0.2"))

    assert code(lambda: risk.check_funds(D(998), funds)) == ("", "")
    found, reason = code(lambda: risk.check_funds(D("998.01"), funds))
    assert found == "INSUFFICIENT_FUNDS"
    assert "998.01 USDT are needed" in reason
    assert "1000.00 USDT are free (0.2 % is kept in reserve)" in reason
    assert "0.01 USDT are missing" in reason


def test_notional() -> None:
    context = world(Limits(max_notional=D(5000)))

    assert code(lambda: risk.check_notional(D(5000), context)) == ("", "")
    assert code(lambda: risk.check_notional(D("5000.1"), context))[0] == "MAX_NOTIONAL"


def entry(price: str, kind: LegKind = LegKind.ENTRY) -> Slot:
    return Slot(kind=kind, index=1, order_type=OrderType.LIMIT, price=D(price), basis=D(price), limit=D(price))


PAIR = (entry("50000"), entry("49000", LegKind.DCA))
SIZES = (D("0.004"), D("0.004"))


@pytest.mark.parametrize(
    ("wallet", "pending", "expected"),
    [("180", "0", ""), ("179", "0", "MAX_RISK"), ("200", "4", ""), ("200", "4.01", "MAX_RISK")],
)
def test_loss_of_all_entries_and_of_other_trades(wallet: str, pending: str, expected: str) -> None:
    context = world(Limits(max_risk_pct=D(20)), Usage(pending_risk=D(pending)))

    # 5000 x 0.004 + 4000 x 0.004 = 36
    found, reason = code(lambda: risk.check_loss(PAIR, SIZES, D(45000), D(wallet), context))
    assert found == expected
    if pending != "0" and expected:
        assert "20.00 + 16.00 = 36.00 USDT, with the 4.01 USDT of other trades 40.01 USDT" in reason


def test_a_bounded_loss_needs_a_stop() -> None:
    context = world(Limits(max_risk_pct=D(20)))

    assert code(lambda: risk.check_loss(PAIR, SIZES, None, D(1000), context))[0] == "STOP_REQUIRED"
    assert code(lambda: risk.check_loss(PAIR, SIZES, None, D(1000), world())) == ("", "")


def test_an_empty_wallet_may_lose_nothing() -> None:
    context = world(Limits(max_risk_pct=D(20)))

    assert code(lambda: risk.check_loss(PAIR, SIZES, D(45000), D(0), context))[0] == "MAX_RISK"
