"""The spot dialect: six amounts, on an account with 5000 USDT, 1000 ADA and 0.5 BTC."""

from __future__ import annotations

from dataclasses import replace

from exchange.models import Venue
from signals.models import Dialect
from tests.flows.examples.bench import SECRET, Bench, World
from tests.flows.examples.example import Example, invalid, nameless, refused, stranger

ADA = World(
    dialect=Dialect.SPOT,
    venue=Venue.PAPER_SPOT,
    balances={"USDT": "5000", "ADA": "1000", "BTC": "0.5"},
    prices={"ADAUSDT": "0.4567"},
)
BTC = replace(ADA, prices={"BTCUSDT": "60000"})
ADABTC = replace(ADA, prices={"ADABTC": "0.00000761"})
ETHBTC = replace(ADA, prices={"ETHBTC": "0.05"})
LENIENT = replace(BTC, endpoint={"strict": False})


def sell_all_ada(bench: Bench) -> None:
    bench.send({"action": "sell", "symbol": "ADAUSDT", "sell_base_pct": "1", "client_secret": SECRET})
    assert bench.free("ADA") == 0


def bought(name: str, world: World, order: str, worth: str) -> Example:
    return Example(name=name, world=world, code="ENTRY_PLANNED", orders=(order,), worth=worth)


SPOT = (
    # 1000 / 0.4567 = 2189.6211…
    bought("A01", ADA, "MARKET BUY 2189.6 ADAUSDT", "999.99032"),
    # 5000 x 0.34 = 1700; / 60000 = 0.0283333…
    bought("A03", BTC, "MARKET BUY 0.02833 BTCUSDT", "1699.80"),
    bought("A05", ADA, "MARKET BUY 77.0 ADAUSDT", "35.1659"),
    # 150 / 0.4567 = 328.4431…
    Example(
        name="A06", world=ADA, code="SELL_PLANNED", says=("149.98028 USDT",), orders=("MARKET SELL 328.4 ADAUSDT",),
        worth="149.98028",
    ),
    # 0.5 BTC x 0.5 = 0.25 BTC; / 0.00000761 = 32851.51…
    bought("A08", ADABTC, "MARKET BUY 32851.5 ADABTC", "0.249999915"),
    # 0.2 % is kept: 4990 / 60000 = 0.0831666…
    bought("A10", BTC, "MARKET BUY 0.08316 BTCUSDT", "4989.60"),
    invalid("A11", BTC, "FRACTION_OUT_OF_RANGE", "buy_quote_pct", "34"),
    invalid("A13", BTC, "SIZE_CONFLICT", "buy_base_amount"),
    invalid("A15", BTC, "UNEXPANDED_PLACEHOLDER", "action", "TradingView did not expand"),
    invalid("A16", BTC, "UNKNOWN_ACTION", "action", "must be buy or sell"),
    invalid("A18", BTC, "PERPETUAL_ON_SPOT", "symbol", "BTCUSDT.P", "spot"),
    invalid("A20", BTC, "UNKNOWN_FIELD", "qty", "qty"),
    # 100 / 60000 = 0.0016666…
    Example(
        name="A20 in lenient mode", world=LENIENT, code="ENTRY_PLANNED", orders=("MARKET BUY 0.00166 BTCUSDT",),
        after=lambda bench, signal: _assert_ignored(signal.ignored_fields),
    ),
    stranger("A21", BTC, "MARKET BUY 0.00166 BTCUSDT", dry_code="ENTRY_PLANNED"),
    stranger("A23", BTC, "MARKET BUY 0.00166 BTCUSDT", dry_code="ENTRY_PLANNED"),
    stranger("A25", BTC, dry_code="MISSING_FIELD"),
    nameless("A26", BTC, "NOT_AN_OBJECT", "", "must be a JSON object"),
    # 4 / 60000 -> 0.00006 BTC
    refused("A28", BTC, "MIN_NOTIONAL", "0.00006 BTC = 3.60 USDT", "minimum value 5.00 USDT"),
    refused("A30", ADA, "INSUFFICIENT_HOLDING", "1000.1 ADA", "1000 are free"),
    # 1000 / 0.4567 = 2189.62…
    refused("A31", ADA, "INSUFFICIENT_HOLDING", "2189.62", "1000 are free"),
    invalid("A33", BTC, "NOT_A_NUMBER", "buy_quote_amount"),
    refused("A35", ETHBTC, "NOTHING_TO_SELL", "no ETH to sell"),
    refused("A36", ADA, "NOTHING_TO_SELL", "no ADA to sell", before=sell_all_ada),
    stranger("A38", BTC, dry_code="SIZE_MISSING"),
)  # fmt: skip


def _assert_ignored(names: list[str]) -> None:
    assert names == ["qty"]
