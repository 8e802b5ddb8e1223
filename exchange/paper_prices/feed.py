"""One tick of the paper market from the source that PAPER_PRICES names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.conf import settings

from exchange import instrument_files
from exchange.models import Account, Instrument
from exchange.paper_prices import candles, walk
from exchange.paper_prices.live import LivePrices
from exchange.paper_prices.market import VENUES, set_prices
from exchange.paper_prices.values import NewPrice
from exchange.paper_rows import PaperPrice
from exchange.types import Market

Source = Callable[[], list[NewPrice]]


class UnknownSource(ValueError):
    """PAPER_PRICES names no source; the text says which there are."""


class Feed:
    """The paper market's price source; one supervisor ticks it."""

    def __init__(self, name: str | None = None, *, seed: int | None = None) -> None:
        self.name = settings.PAPER_PRICES if name is None else name
        self._seed = settings.PAPER_SEED if seed is None else seed
        self._source = self._choose()

    def tick(self, at: datetime) -> int:
        """Take the source's next prices and let them act; return how many there were."""
        prices = self._source()
        if prices:
            set_prices(prices, at=at)
        return len(prices)

    def _choose(self) -> Source:
        kind, _, rest = self.name.partition(":")
        if kind == "walk":
            return self._walk
        if kind == "candles" and rest:
            paths = candles.load(Path(rest))
            return lambda: _recorded(paths)
        if kind == "live":
            live = LivePrices({
                Market.SPOT: settings.BINANCE_SPOT_REST_URL, Market.USDM: settings.BINANCE_USDM_REST_URL
            })  # fmt: skip
            return lambda: live.next({market: _symbols(market) for market in markets_in_use()})
        raise UnknownSource(f"PAPER_PRICES is {self.name!r}: use walk, candles:<file> or live")

    def _walk(self) -> list[NewPrice]:
        prices = []
        for market in markets_in_use():
            rows = {row.symbol: row for row in PaperPrice.objects.filter(market=market)}
            ticks = _ticks(market)
            for symbol, tick_size in sorted(ticks.items()):
                row, shipped = rows.get(symbol), instrument_files.find(VENUES[market], symbol)
                if row is None and shipped is None:
                    continue
                before = row.last if row else shipped.start_price if shipped else Decimal(0)
                steps = row.steps + 1 if row else 1
                last = walk.step(
                    seed=self._seed, name=f"{market}:{symbol}", steps=steps, price=before, tick_size=tick_size
                )
                prices.append(NewPrice(market=market, symbol=symbol, last=last, steps=steps))
        return prices


def markets_in_use() -> list[Market]:
    """Return the markets that have a paper account."""
    venues = set(Account.objects.filter(venue__in=VENUES.values()).values_list("venue", flat=True))
    return [market for market, venue in VENUES.items() if venue in venues]


def _ticks(market: Market) -> dict[str, Decimal]:
    venue = VENUES[market]
    ticks = {rules.symbol: rules.tick_size for rules in instrument_files.rules(venue)}
    ticks.update(Instrument.objects.filter(venue=venue).values_list("symbol", "tick_size"))
    return ticks


def _symbols(market: Market) -> list[str]:
    return sorted(_ticks(market))


def _recorded(paths: dict[candles.PathKey, tuple[Decimal, ...]]) -> list[NewPrice]:
    """Return the next recorded price of each symbol; at the end of the record the last price stays."""
    places = {(Market(row.market), row.symbol): row.steps for row in PaperPrice.objects.all()}
    prices = []
    for (market, symbol), path in sorted(paths.items()):
        steps = places.get((market, symbol), 0)
        if steps < len(path):
            prices.append(NewPrice(market=market, symbol=symbol, last=path[steps], steps=steps + 1))
    return prices
