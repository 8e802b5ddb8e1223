from __future__ import annotations

from collections.abc import Mapping

import pytest

from exchange.models import TickerAlias, Venue
from exchange.types import Market
from signals import symbols, tickers
from signals.problems import Problem
from tests.factories import AccountFactory, InstrumentFactory

KNOWN = {"BTCUSDT", "ETHUSDT", "BTCUSDC", "LINKUSDT", "1000PEPEUSDT", "BTCUSDT_260925", "PERPUSDT", "1INCHUSDT"}
ALIASES = {"BTCPERP": "BTCUSDT", "XBTUSD": "BTCUSDT"}


def resolve(value: object, market: Market = Market.USDM, aliases: Mapping[str, str] = ALIASES) -> str:
    return tickers.resolve(tickers.read_ticker(value), market=market, aliases=aliases, symbols=KNOWN)


def code_of(value: object, market: Market = Market.USDM) -> str:
    with pytest.raises(Problem) as caught:
        resolve(value, market)
    return caught.value.code


@pytest.mark.parametrize(
    ("ticker", "symbol"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("btcusdt", "BTCUSDT"),
        ("BTCUSDT.P", "BTCUSDT"),
        ("BTCUSDT.PERP", "BTCUSDT"),
        ("BTCUSDTPERP", "BTCUSDT"),
        ("BINANCE:BTCUSDT.P", "BTCUSDT"),
        ("binance:btcusdt.p", "BTCUSDT"),
        ("BTCPERP", "BTCUSDT"),
        ("XBTUSD", "BTCUSDT"),
        ("BTCUSDC.P", "BTCUSDC"),
        ("BTCUSDT_260925", "BTCUSDT_260925"),
        ("PERPUSDT.P", "PERPUSDT"),
        ("1INCHUSDT", "1INCHUSDT"),
    ],
)
def test_spellings_of_one_contract(ticker: str, symbol: str) -> None:
    assert resolve(ticker) == symbol


@pytest.mark.parametrize(
    "ticker",
    [
        "LINKUSD.P",
        "LINKUSD",
        "BTCUSDTUSDT",
        "BTCUSD",
        "BTC",
        "PEPEUSDT.P",
        "PEPEUSDT",
        "ETHPERP",
        "BTCUSDT.PP",
        "BTCUSDT.P.P",
        "USDTBTC",
        "PERP",
        "BTCUSDTPERP.P",
        "BTC-USDT",
        "BTC/USDT",
        "BTCBUSD",
    ],
)
def test_another_contract_is_never_made_of_it(ticker: str) -> None:
    assert code_of(ticker) == "UNKNOWN_SYMBOL"


@pytest.mark.parametrize(
    "value",
    [
        "",
        " BTCUSDT",
        "BTCUSDT ",
        "BTCUSDT\n",
        "BTC USDT",
        "LIN\u212aUSDT",
        "BTCU\u017fDT",
        "\u0412\u0422\u0421USDT",
        "\uff22\uff34\uff23USDT",
        "BTC\u200bUSDT",
        "<img src=x>",
        "../etc",
        ":BTCUSDT",
        "A:B:BTCUSDT",
        "B" * 41,
        None,
        5,
        True,
        ["BTCUSDT"],
        {"a": 1},
    ],
)
def test_what_is_no_ticker_is_refused_before_case_is_folded(value: object) -> None:
    assert code_of(value) == "BAD_SYMBOL"


@pytest.mark.parametrize("ticker", ["BTCUSDT.P", "BTCUSDT.PERP", "BTCUSDTPERP", "BTCPERP.P"])
def test_a_perpetual_is_not_for_a_spot_account(ticker: str) -> None:
    assert code_of(ticker, Market.SPOT) == "PERPETUAL_ON_SPOT"


def test_suggestions_are_for_people(db: None) -> None:
    for symbol in KNOWN:
        InstrumentFactory(symbol=symbol)
    account = AccountFactory()

    def remedy(name: str) -> str:
        with pytest.raises(Problem) as caught:
            symbols.resolve(tickers.read_ticker(name), account=account, opens=True, field="symbol")
        return caught.value.remedy

    assert "1000PEPEUSDT" in remedy("PEPEUSDT.P")
    assert "BTCUSDT" in remedy("BTCUSDTUSDT")
    assert "LINKUSDT" in remedy("LINKUSD.P")
    assert "Did you mean" not in remedy("ZZZZZZ")


@pytest.mark.parametrize(
    ("venue", "exchange", "passes"),
    [
        (Venue.PAPER_USDM, "", True),
        (Venue.PAPER_USDM, "BINANCE", True),
        (Venue.PAPER_USDM, "BYBIT", False),
        (Venue.BINANCE_USDM, "BINANCE", True),
        (Venue.BINANCE_USDM, "BINANCEUS", False),
        (Venue.BINANCE_USDM, "CRYPTO", False),
    ],
)
def test_the_prefix_must_be_the_accounts_exchange(db: None, venue: Venue, exchange: str, passes: bool) -> None:
    InstrumentFactory(venue=venue)
    account = AccountFactory(venue=venue)
    ticker = tickers.read_ticker(f"{exchange}:BTCUSDT" if exchange else "BTCUSDT")

    if passes:
        assert symbols.resolve(ticker, account=account, opens=True, field="symbol") == "BTCUSDT"
        return
    with pytest.raises(Problem) as caught:
        symbols.resolve(ticker, account=account, opens=True, field="symbol")
    assert caught.value.code == "WRONG_EXCHANGE"


def test_aliases_and_symbols_are_the_venues_own(db: None) -> None:
    InstrumentFactory(venue=Venue.PAPER_SPOT, symbol="BTCUSDT")
    TickerAlias.objects.create(venue=Venue.PAPER_SPOT, ticker="BTCPERP", symbol="BTCUSDT")
    TickerAlias.objects.create(venue=Venue.PAPER_USDM, ticker="NOWHERE", symbol="GONEUSDT")
    InstrumentFactory(symbol="ETHUSDT")
    account = AccountFactory(venue=Venue.PAPER_USDM)

    for name in ("BTCUSDT", "BTCPERP", "NOWHERE"):
        with pytest.raises(Problem) as caught:
            symbols.resolve(tickers.read_ticker(name), account=account, opens=True, field="symbol")
        assert caught.value.code == "UNKNOWN_SYMBOL"


def test_without_any_instruments_the_remedy_is_to_fetch_them(db: None) -> None:
    with pytest.raises(Problem) as caught:
        symbols.resolve(tickers.read_ticker("BTCUSDT"), account=AccountFactory(), opens=True, field="symbol")
    assert "refresh_filters" in caught.value.remedy
