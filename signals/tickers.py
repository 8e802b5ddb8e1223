"""From the ticker of an alert to the venue's symbol: a spelling may change, the contract never.

What is stripped is only what names the same contract: the exchange's prefix (`BINANCE:`) and the mark of a perpetual
(`.P`, `.PERP`, `PERP`). What is left must be a symbol of the venue exactly, or a ticker alias must say what is meant:
`LINKUSD.P` is not LINKUSDT, `PEPEUSDT` is not 1000PEPEUSDT, `BTCUSDTUSDT` is nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from exchange.types import Market
from signals.problems import Problem, shown

# Checked before case folding: look-alike letters such as the Kelvin sign fold to ASCII.
_TICKER = re.compile(r"(?:([A-Za-z0-9_]{1,20}):)?([A-Za-z0-9][A-Za-z0-9._/-]{0,39})", re.ASCII)
_MARKS = (".PERP", ".P", "PERP")
_MULTIPLES = ("1000", "1000000", "1M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """A ticker taken apart: the exchange's prefix (upper case, "" if none) and the rest, upper case."""

    exchange: str
    name: str


def read_ticker(value: object, *, field: str = "symbol") -> Ticker:
    """Return the ticker that an alert's field holds; raises Problem if it isn't one."""
    match = _TICKER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Problem(
            "BAD_SYMBOL", field, f"{shown(value)} is not a ticker",
            "Send letters A-Z and digits, such as BTCUSDT, BTCUSDT.P or BINANCE:BTCUSDT.P, without spaces.",
        )  # fmt: skip
    return Ticker(exchange=(match.group(1) or "").upper(), name=match.group(2).upper())


def spellings(ticker: Ticker) -> list[tuple[str, bool]]:
    """Return the symbols that the ticker may mean, in order, each with whether a perpetual was asked for."""
    found = [(ticker.name, False)]
    for mark in _MARKS:
        bare = ticker.name.removesuffix(mark)
        if bare and bare != ticker.name:
            found.append((bare, True))
            break
    return found


def check_exchange(name: str, accepted: Collection[str], *, field: str) -> None:
    """Refuse an alert that names another exchange than the account's; an empty name says nothing."""
    if name and name.upper() not in accepted:
        raise Problem(
            "WRONG_EXCHANGE", field, f"the alert is for {shown(name)}, the account is at {'/'.join(sorted(accepted))}",
            "Put the alert on a chart of the account's exchange, or send it to an endpoint of that exchange.",
        )  # fmt: skip


def resolve(
    ticker: Ticker, *, market: Market, aliases: Mapping[str, str], symbols: Collection[str], field: str = "symbol"
) -> str:
    """Return the venue's symbol for the ticker.

    aliases: ticker → symbol. symbols: those of the candidates (and their aliases) that the venue has.
    Raises Problem if the venue has no such symbol, or if a perpetual is sent to a spot account.
    """
    for name, perpetual in spellings(ticker):
        if perpetual and market is Market.SPOT:
            raise Problem(
                "PERPETUAL_ON_SPOT", field, f"{ticker.name} is a perpetual contract, this strategy trades spot",
                f"Send {name}, or send the alert to a strategy on a futures account.",
            )  # fmt: skip
        symbol = aliases.get(name, name)
        if symbol in symbols:
            return symbol
    raise Problem("UNKNOWN_SYMBOL", field, f"{ticker.name} is not a symbol of the venue", "Add a ticker alias.")


def suggestions(ticker: Ticker, known: Collection[str]) -> list[str]:
    """Return symbols of the venue that somebody may have meant: for people to choose from, never for us."""
    bare = spellings(ticker)[-1][0]
    likely = [f"{multiple}{bare}" for multiple in _MULTIPLES] + [
        bare.replace("USDTUSDT", "USDT"),
        f"{bare}USDT",
        f"{bare}T",
    ]
    near = difflib.get_close_matches(bare, sorted(known), n=3, cutoff=0.8)
    return list(dict.fromkeys([name for name in likely if name in known and name != bare] + near))[:4]
