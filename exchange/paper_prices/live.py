"""The venue's public prices over REST, for a paper market that follows the real one; no key is ever sent."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

import requests

from exchange.paper_prices.values import NewPrice
from exchange.types import Market

log = logging.getLogger(__name__)

TIMEOUT_S = (2, 5)  # connect, read
EVERY_S = 1.0
LONGEST_PAUSE_S = 60.0
PATHS = {
    Market.SPOT: {"last": "/v3/ticker/price", "book": "/v3/ticker/bookTicker"},
    Market.USDM: {"last": "/v1/ticker/price", "book": "/v1/ticker/bookTicker", "mark": "/v1/premiumIndex"},
}


class LivePrices:
    """Asks at most once a second; waits longer and longer while the venue does not answer.

    urls: REST base address by market. Not thread-safe: one supervisor uses it.
    """

    def __init__(self, urls: Mapping[Market, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._urls = urls
        self._clock = clock
        self._session = requests.Session()
        self._again_at = 0.0
        self._failures = 0

    def next(self, wanted: Mapping[Market, Collection[str]]) -> list[NewPrice]:
        """Return the present prices of the wanted symbols; empty while it is too early or nothing answers."""
        if self._clock() < self._again_at:
            return []
        try:
            prices = [price for market, symbols in wanted.items() if symbols for price in self._ask(market, symbols)]
        except (requests.RequestException, ValueError, KeyError, TypeError) as exc:
            self._failures += 1
            pause = min(EVERY_S * 2.0**self._failures, LONGEST_PAUSE_S)
            self._again_at = self._clock() + pause
            log.warning("live prices are not reachable, asking again in %.0f s: %s", pause, exc)
            return []
        if self._failures:
            log.info("live prices are back after %s failed attempts", self._failures)
        self._failures = 0
        self._again_at = self._clock() + EVERY_S
        return prices

    def _ask(self, market: Market, symbols: Collection[str]) -> list[NewPrice]:
        answers = {name: self._get(self._urls[market] + path) for name, path in PATHS[market].items()}
        found = []
        for symbol in sorted(symbols):
            if symbol not in answers["last"]:
                continue
            book, mark = answers["book"].get(symbol, {}), answers.get("mark", {}).get(symbol, {})
            found.append(
                NewPrice(
                    market=market,
                    symbol=symbol,
                    last=Decimal(answers["last"][symbol]["price"]),
                    bid=_positive(book.get("bidPrice")),
                    ask=_positive(book.get("askPrice")),
                    mark=_positive(mark.get("markPrice")),
                )
            )
        return found

    def _get(self, url: str) -> dict[str, dict[str, Any]]:
        answer = self._session.get(url, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return {row["symbol"]: row for row in json.loads(answer.text, parse_float=Decimal)}


def _positive(value: Any) -> Decimal | None:
    number = Decimal(value) if value else None
    return number if number else None
