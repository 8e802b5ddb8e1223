"""Every example that reaches planning: what is known, what is asked, and the orders or the refusal that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from exchange.types import OrderType, PositionMode
from ledger.domain.context import Context
from ledger.domain.plan import Outcome
from ledger.domain.policy import (
    Limits,
    OnDuplicate,
    Sizing,
    SizingMethod,
    StopPolicy,
    StrategyPolicy,
    TargetPolicy,
)
from signals.intents import Action, Intent, TargetSpec
from tests.signals.examples.worlds import (
    BRACKET,
    LONG,
    NOW,
    RISK_1,
    RISK_5,
    SHARE,
    SHORT,
    TWO_ENTRIES,
    D,
    held,
    sized,
    spot,
    usdm,
)

M = SizingMethod
MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
HEDGE = PositionMode.HEDGE


@dataclass(frozen=True, kw_only=True)
class Case:
    """orders: (leg, side, type, quantity, price, trigger price) of each preview row; says: parts of the reason."""

    name: str
    context: Context
    intent: Intent
    outcome: Outcome
    code: str
    orders: tuple[tuple[str, str, str, str, str | None, str | None], ...] = ()
    says: tuple[str, ...] = ()
    position_side: str = "BOTH"
    reduce_only: bool = True


CASES: list[Case] = []


def case(name: str, context: Context, intent: Intent, outcome: Outcome, code: str, *orders: Any, **rest: Any) -> None:
    CASES.append(
        Case(name=name, context=context, intent=intent, outcome=outcome, code=code, orders=tuple(orders), **rest)
    )


def refused(name: str, context: Context, intent: Intent, code: str, *says: str) -> None:
    case(name, context, intent, Outcome.REFUSE, code, says=says)


def buy(symbol: str, sizing: Sizing | None = None, **rest: Any) -> Intent:
    return Intent(action=Action.OPEN, symbol=symbol, direction=LONG, sizing=sizing, **rest)


def short(symbol: str, sizing: Sizing | None = None, **rest: Any) -> Intent:
    return Intent(action=Action.OPEN, symbol=symbol, direction=SHORT, sizing=sizing, **rest)


def sell(symbol: str, sizing: Sizing) -> Intent:
    return Intent(action=Action.SELL, symbol=symbol, sizing=sizing)


def at(*prices: str) -> tuple[TargetSpec, ...]:
    return tuple(TargetSpec(price=D(price)) for price in prices)


# A: spot, six amounts

ADA, BTC = spot("ADAUSDT", "0.4567"), spot("BTCUSDT", "60000")

case(
    "A01 1000 / 0.4567 = 2189.62", ADA, buy("ADAUSDT", sized(M.QUOTE_AMOUNT, "1000")), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "2189.6", None, None),
)  # fmt: skip
case(
    "A03 5000 x 0.34 / 60000 = 0.028333", BTC, buy("BTCUSDT", sized(M.BALANCE_FRACTION, "0.34")), Outcome.OPEN,
    "ENTRY_PLANNED", ("entry", "BUY", "MARKET", "0.02833", None, None),
)  # fmt: skip
case(
    "A05 exact base amount", ADA, buy("ADAUSDT", sized(M.BASE_AMOUNT, "77")), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "77.0", None, None),
)  # fmt: skip
case(
    "A06 150 / 0.4567 = 328.44", ADA, sell("ADAUSDT", sized(M.QUOTE_AMOUNT, "150")), Outcome.SELL, "SELL_PLANNED",
    ("exit1", "SELL", "MARKET", "328.4", None, None), says=("149.98028 USDT",), reduce_only=False,
)  # fmt: skip
case(
    "A08 0.5 BTC x 0.5 / 0.00000761 = 32851.51", spot("ADABTC", "0.00000761"),
    buy("ADABTC", sized(M.BALANCE_FRACTION, "0.5")), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "32851.5", None, None),
)  # fmt: skip
case(
    "A10 all of it, 0.2 % kept: 4990 / 60000 = 0.083166", BTC, buy("BTCUSDT", sized(M.BALANCE_FRACTION, "1")),
    Outcome.OPEN, "ENTRY_PLANNED", ("entry", "BUY", "MARKET", "0.08316", None, None),
)  # fmt: skip
refused(
    "A28 4 / 60000 -> 0.00006 = 3.60 < 5", BTC, buy("BTCUSDT", sized(M.QUOTE_AMOUNT, "4")), "MIN_NOTIONAL",
    "0.00006 BTC = 3.60 USDT", "minimum value 5.00 USDT", "0.00009 BTC would be 5.40 USDT",
)  # fmt: skip
refused(
    "A30 more than held", ADA, sell("ADAUSDT", sized(M.BASE_AMOUNT, "1000.1")), "INSUFFICIENT_HOLDING",
    "1000.1 ADA", "1000 are free", "0.1 ADA are missing",
)  # fmt: skip
refused(
    "A31 1000 / 0.4567 = 2189.62 ADA", ADA, sell("ADAUSDT", sized(M.QUOTE_AMOUNT, "1000")), "INSUFFICIENT_HOLDING",
    "2189.62", "1000 are free",
)  # fmt: skip
refused(
    "A35 nothing to sell", spot("ETHBTC", "0.05"), sell("ETHBTC", sized(M.POSITION_FRACTION, "1")), "NOTHING_TO_SELL",
    "no ETH to sell",
)  # fmt: skip
refused(
    "A36 after selling out", replace(ADA, free={"USDT": D(5456), "ADA": D(0)}, total={"USDT": D(5456), "ADA": D(0)}),
    sell("ADAUSDT", sized(M.POSITION_FRACTION, "0.5")), "NOTHING_TO_SELL", "no ADA to sell",
)  # fmt: skip
case(
    "A36 before: half of 1000", ADA, sell("ADAUSDT", sized(M.POSITION_FRACTION, "0.5")), Outcome.SELL, "SELL_PLANNED",
    ("exit1", "SELL", "MARKET", "500.0", None, None), reduce_only=False,
)  # fmt: skip

# B: risk at the stop


def risky(price: str, **rest: Any) -> Context:
    return usdm("BTCUSDT", price, RISK_1, free="10000", **rest)


LADDER = (
    TargetSpec(r=D("0.6"), share=D("0.2")), TargetSpec(r=D("1.0"), share=D("0.2")),
    TargetSpec(r=D("1.5"), share=D("0.2")), TargetSpec(price=D("41000")),
)  # fmt: skip

case(
    "B02 100 / 1400 = 0.0714, no target", risky("35800"),
    short("BTCUSDT", price=D(35800), stop_price=D("37200.0"), no_targets=True), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "SELL", "MARKET", "0.071", None, None), ("sl", "BUY", "STOP_MARKET", "0.071", None, "37200.0"),
)  # fmt: skip
case(
    "B03 limit, 100 / 1000 = 0.1", risky("37900"),
    short("BTCUSDT", price=D(38000), order_type=LIMIT, stop_price=D(39000), targets=at("35000")), Outcome.OPEN,
    "ENTRY_PLANNED", ("entry", "SELL", "LIMIT", "0.100", "38000.0", None),
    ("sl", "BUY", "STOP_MARKET", "0.100", None, "39000.0"),
    ("tp1", "BUY", "TAKE_PROFIT_MARKET", "0.100", None, "35000.0"),
)  # fmt: skip
case(
    "B07 exit when flat", risky("40000"), Intent(action=Action.CLOSE, symbol="BTCUSDT"), Outcome.NOTHING, "ALREADY_FLAT"
)
case(
    "B08 breakeven", risky("40200", trades=(held(LONG, "0.3", "40000", stop_price=D(39800)),)),
    Intent(action=Action.BREAKEVEN, symbol="BTCUSDT", breakeven_long=D(40100), breakeven_short=D(39900)),
    Outcome.MOVE_STOP, "STOP_MOVED", ("sl", "SELL", "STOP_MARKET", "0.300", None, "40100.0"),
)  # fmt: skip
case("B10 information", risky("40000"), Intent(action=Action.INFO, symbol="BTCUSDT"), Outcome.NOTHING, "ANNOUNCED")
refused(
    "B12 price equals stop", risky("39800"), buy("BTCUSDT", price=D(39800), stop_price=D(39800)), "STOP_WRONG_SIDE",
    "39800", "the stop distance is zero",
)  # fmt: skip
refused(
    "B12 with a short held: the account stays untouched", risky("39800", trades=(held(SHORT, "0.1", "40000"),)),
    buy("BTCUSDT", price=D(39800), stop_price=D(39800)), "STOP_WRONG_SIDE", "39800",
)  # fmt: skip
refused(
    "B13 stop on the wrong side", risky("40000"), buy("BTCUSDT", price=D(40000), stop_price=D(40500)),
    "STOP_WRONG_SIDE", "long stop 40500", "above", "40000",
)  # fmt: skip
case(
    "B22 500 / 200 = 2.5 BTC", usdm("BTCUSDT", "40000", RISK_5, free="10000"),
    buy("BTCUSDT", price=D(40000), stop_price=D(39800), targets=LADDER), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "2.500", None, None), ("sl", "SELL", "STOP_MARKET", "2.500", None, "39800.0"),
    ("tp1", "SELL", "TAKE_PROFIT_MARKET", "0.500", None, "40120.0"),
    ("tp2", "SELL", "TAKE_PROFIT_MARKET", "0.500", None, "40200.0"),
    ("tp3", "SELL", "TAKE_PROFIT_MARKET", "0.500", None, "40300.0"),
    ("tp4", "SELL", "TAKE_PROFIT_MARKET", "1.000", None, "41000.0"),
)  # fmt: skip

# C: two entries of 10 USDT x 20


def pair(price: str = "50100", *, symbol: str = "BTCUSDT", free: str = "1000", **rest: Any) -> Context:
    return usdm(symbol, price, rest.pop("policy", TWO_ENTRIES), free=free, **rest)


C01 = buy("BTCUSDT", price=D("50000.0"), second_price=D("49000.0"), stop_price=D("48000.0"), targets=at("52000.0"))
C01_ORDERS = (
    ("entry", "BUY", "LIMIT", "0.004", "50000.0", None), ("dca1", "BUY", "LIMIT", "0.004", "49000.0", None),
    ("sl", "SELL", "STOP_MARKET", "0.008", None, "48000.0"),
    ("tp1", "SELL", "TAKE_PROFIT_MARKET", "0.008", None, "52000.0"),
)  # fmt: skip
EXIT = Intent(action=Action.CLOSE, symbol="BTCUSDT", direction=LONG)
PENDING = held(LONG, "0", "0", entries_pending=True)

case("C01 long, two entries", pair(), C01, Outcome.OPEN, "ENTRY_PLANNED", *C01_ORDERS)
case(
    "C03 short in hedge mode", pair("49900", mode=HEDGE),
    short("BTCUSDT", price=D(50000), second_price=D(51000), stop_price=D(52000), targets=at("48000")), Outcome.OPEN,
    "ENTRY_PLANNED", ("entry", "SELL", "LIMIT", "0.004", "50000.0", None),
    ("dca1", "SELL", "LIMIT", "0.003", "51000.0", None), ("sl", "BUY", "STOP_MARKET", "0.007", None, "52000.0"),
    ("tp1", "BUY", "TAKE_PROFIT_MARKET", "0.007", None, "48000.0"), position_side="SHORT", reduce_only=False,
)  # fmt: skip
case(
    "C05 one entry", pair("2001", symbol="ETHUSDT"),
    buy("ETHUSDT", price=D("2000.0"), stop_price=D("1950.0"), targets=at("2100.0")), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "LIMIT", "0.100", "2000.00", None), ("sl", "SELL", "STOP_MARKET", "0.100", None, "1950.00"),
    ("tp1", "SELL", "TAKE_PROFIT_MARKET", "0.100", None, "2100.00"),
)  # fmt: skip
case(
    "C06 200 / 17.3 = 11.56, 200 / 16.5 = 12.12", pair("17.31", symbol="LINKUSDT"),
    buy("LINKUSDT", price=D("17.3"), second_price=D("16.5"), stop_price=D("15.9"), targets=at("18.2")), Outcome.OPEN,
    "ENTRY_PLANNED", ("entry", "BUY", "LIMIT", "11.56", "17.300", None),
    ("dca1", "BUY", "LIMIT", "12.12", "16.500", None), ("sl", "SELL", "STOP_MARKET", "23.68", None, "15.900"),
    ("tp1", "SELL", "TAKE_PROFIT_MARKET", "23.68", None, "18.200"),
)  # fmt: skip
refused(
    "C08 200 / 450000 = 0.000444", pair("450100"),
    buy("BTCUSDT", price=D(450000), stop_price=D(430000), targets=at("460000")), "MIN_QUANTITY",
    "0.00044444444", "minimum 0.001 BTC would be 450.00 USDT",
)  # fmt: skip
refused("C10 entries still pending", pair(trades=(PENDING,)), C01, "DUPLICATE_ENTRY", "trade 7")
case(
    "C10 with replace", pair(trades=(PENDING,), policy=replace(TWO_ENTRIES, on_duplicate=OnDuplicate.REPLACE)), C01,
    Outcome.CLOSE_FIRST, "REPLACE_PENDING",
)  # fmt: skip
case(
    "C11 fill notice", pair(trades=(held(LONG, "0.008", "49500"),)), Intent(action=Action.CHECK, symbol="BTCUSDT"),
    Outcome.NOTHING, "CHECKED",
)  # fmt: skip
case(
    "C13 exit with entry 2 unfilled", pair(trades=(held(LONG, "0.004", "50000", entries_pending=True),)), EXIT,
    Outcome.CLOSE, "EXIT_PLANNED", ("exit1", "SELL", "MARKET", "0.004", None, None),
)  # fmt: skip
refused(
    "C15 exit repeated within 30 s", pair(last_exit_at={LONG: NOW - timedelta(seconds=10)}), EXIT, "EXIT_COOLDOWN",
    "10 s ago", "30 s",
)  # fmt: skip
case(
    "C15 had the first failed to close",
    pair(last_exit_at={LONG: NOW - timedelta(seconds=10)}, trades=(held(LONG, "0.004", "50000"),)), EXIT,
    Outcome.CLOSE, "EXIT_PLANNED", ("exit1", "SELL", "MARKET", "0.004", None, None),
)  # fmt: skip
refused(
    "C16 exit for the other side", pair(trades=(held(LONG, "0.004", "50000"),)),
    Intent(action=Action.CLOSE, symbol="BTCUSDT", direction=SHORT), "NO_POSITION", "no short to close",
)  # fmt: skip
case(
    "C18 exit while in loss", pair("48500", trades=(held(LONG, "0.004", "50000"),)), EXIT, Outcome.CLOSE,
    "EXIT_PLANNED", ("exit1", "SELL", "MARKET", "0.004", None, None),
)  # fmt: skip
case(
    "C26 USDC contract", pair(symbol="BTCUSDC"), replace(C01, symbol="BTCUSDC"), Outcome.OPEN, "ENTRY_PLANNED",
    *C01_ORDERS,
)  # fmt: skip
refused(
    "C28 stop on the wrong side", pair("50600"), replace(C01, stop_price=D(50500)), "STOP_WRONG_SIDE", "50500", "50000"
)
refused("C28 stop between the entries", pair(), replace(C01, stop_price=D(49500)), "STOP_WRONG_SIDE", "49500", "49000")
refused(
    "C30 risk cap", pair(free="50", policy=replace(TWO_ENTRIES, limits=Limits(max_risk_pct=D(20)))),
    replace(C01, stop_price=D(45000)), "MAX_RISK", "20.00 + 16.00 = 36.00 USDT", "72 % of the wallet of 50.00 USDT",
    "20 % = 10.00 USDT",
)  # fmt: skip

# D: bracket, a share of the free margin

D01 = buy("BTCUSDT", stop_price=D(49000), targets=at("52000"))


def bracket(symbol: str, price: str, free: str, policy: StrategyPolicy = BRACKET, **rest: Any) -> Context:
    return usdm(symbol, price, policy, free=free, mode=HEDGE, **rest)


case(
    "D01 1000 x 0.1 x 50 / 50000", bracket("BTCUSDT", "50000", "1000"), D01, Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "0.100", None, None), ("sl", "SELL", "STOP_MARKET", "0.100", None, "49000.0"),
    ("tp1", "SELL", "TAKE_PROFIT_MARKET", "0.100", None, "52000.0"), position_side="LONG", reduce_only=False,
)  # fmt: skip
case(
    "D02 5000 / 3000 = 1.6666", bracket("ETHUSDT", "3000", "1000"),
    short("ETHUSDT", stop_price=D("3100"), targets=at("2900")), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "SELL", "MARKET", "1.666", None, None), ("sl", "BUY", "STOP_MARKET", "1.666", None, "3100.00"),
    ("tp1", "BUY", "TAKE_PROFIT_MARKET", "1.666", None, "2900.00"), position_side="SHORT", reduce_only=False,
)  # fmt: skip
refused(
    "D04 0.5 x 0.1 x 50 = 2.50", bracket("ADAUSDT", "0.45", "0.50"),
    buy("ADAUSDT", stop_price=D("0.4"), targets=at("0.5")), "MIN_NOTIONAL", "2.50 USDT", "minimum value 5.00 USDT",
)  # fmt: skip
refused(
    "D05 zero balance", bracket("ADAUSDT", "0.45", "0"), buy("ADAUSDT", stop_price=D("0.4"), targets=at("0.5")),
    "NO_FREE_BALANCE", "0.00 USDT",
)  # fmt: skip
refused(
    "D10 levels on the wrong side", bracket("BTCUSDT", "50000", "1000"),
    buy("BTCUSDT", stop_price=D(52000), targets=at("49000")), "STOP_WRONG_SIDE", "52000", "50000",
)  # fmt: skip
refused(
    "D14 repeated", bracket("BTCUSDT", "50000", "900", trades=(held(LONG, "0.1", "50000"),)), D01, "DUPLICATE_ENTRY",
    "LONG 0.1 BTC",
)  # fmt: skip
case(
    "D14 with add: 900 x 0.1 x 50 / 50000 = 0.09",
    bracket(
        "BTCUSDT", "50000", "900", replace(BRACKET, on_duplicate=OnDuplicate.ADD),
        trades=(held(LONG, "0.1", "50000", stop_price=D("49000.0")),),
    ), D01, Outcome.ADD, "ADD_PLANNED", ("dca1", "BUY", "MARKET", "0.090", None, None),
    ("sl", "SELL", "STOP_MARKET", "0.190", None, "49000.0"), position_side="LONG", reduce_only=False,
)  # fmt: skip

# E: balance percentage


def share(price: str, free: str = "1000", policy: StrategyPolicy = SHARE, **rest: Any) -> Context:
    return usdm("BTCUSDT", price, policy, free=free, **rest)


def fraction(amount: str, leverage: int | None = None, **rest: Any) -> Intent:
    return buy("BTCUSDT", sized(M.BALANCE_FRACTION, amount), leverage=leverage, **rest)


E01 = fraction("0.25", 10, price=D("50000.0"))

case(
    "E01 1000 x 0.25 x 10 = 2500", share("50000"), E01, Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "0.050", None, None),
)  # fmt: skip
case(
    "E03 500 / 43000 = 0.011627", share("43000"), fraction("0.1", 5), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "0.011", None, None),
)  # fmt: skip
case(
    "E05 all of it, 5 % kept: 9500 / 50000", share("50000", policy=replace(SHARE, reserve_pct=D(5))),
    fraction("1.0", 10), Outcome.OPEN, "ENTRY_PLANNED", ("entry", "BUY", "MARKET", "0.190", None, None),
    says=("binding 950.00 USDT",),
)  # fmt: skip
refused(
    "E20 cannot afford the minimum", share("50000", "5"), fraction("0.1", 5), "MIN_QUANTITY",
    "minimum margin 10.00 USDT", "5.00 USDT missing",
)  # fmt: skip
case(
    "E21 buy while short: close first", share("50000", "850", trades=(held(SHORT, "0.030", "51000"),)), E01,
    Outcome.CLOSE_FIRST, "CLOSE_OPPOSITE", ("exit1", "BUY", "MARKET", "0.030", None, None), says=("SHORT 0.03 BTC",),
)  # fmt: skip
case(
    "E21 then with 850 + 153 + 30 = 1033: 2582.5 / 50000", share("50000", "1033"), E01, Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "0.051", None, None),
)  # fmt: skip
case(
    "E23 close with position", share("50000", trades=(held(SHORT, "0.030", "51000"),)),
    Intent(action=Action.CLOSE, symbol="BTCUSDT", sizing=sized(M.BALANCE_FRACTION, "0.25"), leverage=10),
    Outcome.CLOSE, "EXIT_PLANNED", ("exit1", "BUY", "MARKET", "0.030", None, None),
)  # fmt: skip
case(
    "E26 3000 / 50000, stop 0.8 %, target 1.2 %", share("50000"),
    fraction("0.15", 20, stop_pct=D("0.8"), targets=(TargetSpec(pct=D("1.2")),)), Outcome.OPEN, "ENTRY_PLANNED",
    ("entry", "BUY", "MARKET", "0.060", None, None), ("sl", "SELL", "STOP_MARKET", "0.060", None, "49600.0"),
    ("tp1", "SELL", "TAKE_PROFIT_MARKET", "0.060", None, "50600.0"),
)  # fmt: skip
case(
    "E28 the strategy's own 20 %, 10x, stop 1 %, target 2 %",
    share("50000", policy=replace(
        SHARE, sizing=sized(M.BALANCE_FRACTION, "0.2"), leverage=10, stop=StopPolicy(pct=D(1)),
        targets=(TargetPolicy(pct=D(2)),),
    )), buy("BTCUSDT"), Outcome.OPEN, "ENTRY_PLANNED", ("entry", "BUY", "MARKET", "0.040", None, None),
    ("sl", "SELL", "STOP_MARKET", "0.040", None, "49500.0"),
    ("tp1", "SELL", "TAKE_PROFIT_MARKET", "0.040", None, "51000.0"),
)  # fmt: skip
refused("X04 an alert of 2020", pair(), replace(C01, at=datetime(2020, 1, 1, tzinfo=UTC)), "STALE", "60 s")
