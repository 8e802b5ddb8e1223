"""The rows behind a ticker: which symbols and aliases the account's venue has."""

from __future__ import annotations

from exchange.models import Account, Instrument, TickerAlias
from signals import tickers
from signals.problems import Problem
from signals.tickers import Ticker

# TradingView's prefixes for an exchange, by what the venue's name starts with; paper trades Binance's contracts.
FAMILIES = {"binance": frozenset({"BINANCE"}), "paper": frozenset({"BINANCE"}), "bybit": frozenset({"BYBIT"})}


def exchanges_of(account: Account) -> frozenset[str]:
    """Return the names under which an alert may name the account's exchange."""
    family = account.venue.removeprefix("ccxt:").split("_", 1)[0]
    return FAMILIES.get(family, frozenset({family.upper()}))


def resolve(ticker: Ticker, *, account: Account, opens: bool, field: str) -> str:
    """Return the account's symbol for a ticker; raises Problem if it has none, or none that trades if `opens`."""
    tickers.check_exchange(ticker.exchange, exchanges_of(account), field=field)
    names = [name for name, _ in tickers.spellings(ticker)]
    aliases = dict(TickerAlias.objects.filter(venue=account.venue, ticker__in=names).values_list("ticker", "symbol"))
    rows = Instrument.objects.filter(venue=account.venue, symbol__in=[*names, *aliases.values()])
    trading = dict(rows.values_list("symbol", "trading"))
    try:
        symbol = tickers.resolve(ticker, market=account.market, aliases=aliases, symbols=trading.keys(), field=field)
    except Problem as problem:
        if problem.code != "UNKNOWN_SYMBOL":
            raise
        # Only now are all symbols worth reading: for the advice.
        known = set(Instrument.objects.filter(venue=account.venue).values_list("symbol", flat=True))
        raise _unknown(ticker, account, known, field) from None
    if opens and not trading[symbol]:
        raise Problem(
            "SYMBOL_NOT_TRADING", field, f"{symbol} is not open for trading at {account.venue}",
            "Wait until the venue opens it, then run refresh_filters.",
        )  # fmt: skip
    return symbol


def _unknown(ticker: Ticker, account: Account, known: set[str], field: str) -> Problem:
    if not known:
        return Problem(
            "UNKNOWN_SYMBOL", field, f"no symbols of {account.venue} are known yet", "Run manage.py refresh_filters."
        )
    names = tickers.suggestions(ticker, known)
    meant = f"Did you mean {', '.join(names)}? " if names else ""
    return Problem(
        "UNKNOWN_SYMBOL", field, f"{ticker.name} is not a symbol of {account.venue}",
        f"{meant}Send the venue's own symbol, add a ticker alias, or run refresh_filters if it is newly listed.",
    )  # fmt: skip
