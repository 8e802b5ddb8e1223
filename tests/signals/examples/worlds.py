"""The markets, accounts and strategies that the worked examples are given in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from exchange.types import Direction, InstrumentRules, MarginType, Market, OrderType, PositionMode, Quote
from ledger.domain.context import Context, HeldTrade
from ledger.domain.plan import Decision, Outcome
from ledger.domain.policy import Sizing, SizingMethod, StrategyPolicy

D = Decimal
NOW = datetime(2026, 6, 15, 23, 31, 30, tzinfo=UTC)
LONG, SHORT = Direction.LONG, Direction.SHORT


def spot_rules(symbol: str, base: str, quote: str, tick: str, step: str, notional: str) -> InstrumentRules:
    return InstrumentRules(
        symbol=symbol, market=Market.SPOT, base_asset=base, quote_asset=quote, margin_asset="", tick_size=D(tick),
        step_size=D(step), min_quantity=D(step), min_notional=D(notional),
    )  # fmt: skip


def usdm_rules(symbol: str, tick: str, step: str, notional: str = "5", quote: str = "USDT") -> InstrumentRules:
    return InstrumentRules(
        symbol=symbol, market=Market.USDM, base_asset=symbol.removesuffix(quote), quote_asset=quote,
        margin_asset=quote, tick_size=D(tick), step_size=D(step), min_quantity=D(step), min_notional=D(notional),
    )  # fmt: skip


SPOT = {
    "ADAUSDT": spot_rules("ADAUSDT", "ADA", "USDT", "0.0001", "0.1", "5"),
    "BTCUSDT": spot_rules("BTCUSDT", "BTC", "USDT", "0.01", "0.00001", "5"),
    "ADABTC": spot_rules("ADABTC", "ADA", "BTC", "0.00000001", "0.1", "0.0001"),
    "ETHBTC": spot_rules("ETHBTC", "ETH", "BTC", "0.00001", "0.0001", "0.0001"),
}
USDM = {
    "BTCUSDT": usdm_rules("BTCUSDT", "0.1", "0.001"),
    "ETHUSDT": usdm_rules("ETHUSDT", "0.01", "0.001"),
    "LINKUSDT": usdm_rules("LINKUSDT", "0.001", "0.01"),
    "ADAUSDT": usdm_rules("ADAUSDT", "0.0001", "1"),
    "BTCUSDC": usdm_rules("BTCUSDC", "0.1", "0.001", quote="USDC"),
}


def quote(symbol: str, price: str) -> Quote:
    return Quote(symbol=symbol, bid=D(price), ask=D(price), last=D(price), mark=D(price), at=NOW)


def sized(method: SizingMethod, amount: str) -> Sizing:
    return Sizing(method=method, amount=D(amount))


def spot(symbol: str, price: str, **changes: Any) -> Context:
    """The spot account of the examples: 5000 USDT, 1000 ADA, 0.5 BTC."""
    funds = {"USDT": D(5000), "ADA": D(1000), "BTC": D("0.5"), "ETH": D(0)}
    context = Context(
        now=NOW, received_at=NOW - timedelta(seconds=1), policy=StrategyPolicy(name="spot"), rules=SPOT[symbol],
        mode=PositionMode.ONE_WAY, quote=quote(symbol, price), free=funds, total=funds,
    )  # fmt: skip
    return replace(context, **changes)


def usdm(symbol: str, price: str, policy: StrategyPolicy, *, free: str, **changes: Any) -> Context:
    """A futures account, flat, in one-way mode."""
    rules = USDM[symbol]
    funds = {rules.margin_asset: D(free)}
    context = Context(
        now=NOW, received_at=NOW - timedelta(seconds=1), policy=policy, rules=rules, mode=PositionMode.ONE_WAY,
        quote=quote(symbol, price), free=funds, total=funds,
    )  # fmt: skip
    return replace(context, **changes)


def held(direction: Direction, quantity: str, average: str, **changes: Any) -> HeldTrade:
    trade = HeldTrade(
        id=7, own=True, direction=direction, quantity=D(quantity), average_price=D(average), entries_pending=False
    )
    return replace(trade, **changes)


RISK_1 = StrategyPolicy(name="risk", max_leverage=5, sizing=sized(SizingMethod.RISK_FRACTION, "0.01"))
RISK_5 = StrategyPolicy(name="risk", max_leverage=50, sizing=sized(SizingMethod.RISK_FRACTION, "0.05"))
TWO_ENTRIES = StrategyPolicy(
    name="two-entries", sizing=sized(SizingMethod.MARGIN, "10"), leverage=20, entry_type=OrderType.LIMIT
)
BRACKET = StrategyPolicy(
    name="bracket", sizing=sized(SizingMethod.BALANCE_FRACTION, "0.1"), leverage=50, max_leverage=50
)
SHARE = StrategyPolicy(name="share", margin_type=MarginType.ISOLATED)
BASE = StrategyPolicy(name="alpha", sizing=sized(SizingMethod.QUOTE_AMOUNT, "1000"), leverage=10)


def world(
    price: str = "50000", free: str = "1000", mode: PositionMode = PositionMode.ONE_WAY, **policy: object
) -> Context:
    return usdm("BTCUSDT", price, replace(BASE, **policy), free=free, mode=mode)  # type: ignore[arg-type]


def holding(*trades: HeldTrade, **rest: object) -> Context:
    return replace(world(**rest), trades=trades)  # type: ignore[arg-type]


def outcome(decision: Decision) -> tuple[Outcome, str]:
    return decision.outcome, decision.code
