"""Setting prices: the rows that all adapters read, then matching in every paper account that the price concerns."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from exchange import clock, instrument_files
from exchange import paper_mapping as mapping
from exchange.adapters.paper import market as engine
from exchange.adapters.paper.client import exact
from exchange.adapters.paper.state import MarketView, State, Step
from exchange.errors import NotSent, OutcomeUnknown
from exchange.models import Account, Instrument, Venue
from exchange.paper_prices.values import NewPrice
from exchange.paper_rows import PaperAccount, PaperPrice
from exchange.paper_store import DjangoPaperStore, committed
from exchange.rules import round_entry
from exchange.types import ZERO, Market, Side

log = logging.getLogger(__name__)

VENUES = {Market.SPOT: Venue.PAPER_SPOT, Market.USDM: Venue.PAPER_USDM}
_COLUMNS = ["bid", "ask", "last", "mark", "at"]


def _row(price: NewPrice, at: datetime) -> PaperPrice:
    return PaperPrice(
        market=price.market, symbol=price.symbol, last=price.last, bid=price.bid or price.last,
        ask=price.ask or price.last, mark=price.mark or price.last, steps=price.steps or 0, at=at,
    )  # fmt: skip


def set_price(
    market: Market | str,
    symbol: str,
    price: Decimal,
    *,
    bid: Decimal | None = None,
    ask: Decimal | None = None,
    mark: Decimal | None = None,
) -> None:
    """Set a symbol's price (quote per base) and let it act on every paper account of the market."""
    set_prices([NewPrice(market=Market(market), symbol=symbol, last=price, bid=bid, ask=ask, mark=mark)])


def set_prices(prices: Iterable[NewPrice], *, at: datetime | None = None) -> None:
    """Commit new prices, then let them act on each account in a transaction of its own."""
    moment = at or clock.now()
    prices = list(prices)
    for price in prices:
        if not price.last.is_finite() or price.last <= ZERO:
            raise ValueError(f"the price of {price.symbol} must be a positive number, not {price.last}")
    _store(prices, moment)
    for market in Market:
        symbols = [price.symbol for price in prices if price.market is market]
        if symbols:
            spread(market, symbols, at=moment)


def _store(prices: list[NewPrice], at: datetime) -> None:
    for stepped in (False, True):
        rows = [_row(price, at) for price in prices if (price.steps is not None) is stepped]
        if rows:
            columns = [*_COLUMNS, "steps"] if stepped else _COLUMNS
            # In one order everywhere, so that two writers cannot block each other.
            rows.sort(key=lambda row: (row.market, row.symbol))
            committed(
                lambda rows=rows, columns=columns: PaperPrice.objects.bulk_create(  # type: ignore[misc]  # bound now
                    rows, update_conflicts=True, unique_fields=["market", "symbol"], update_fields=columns
                )
            )


def spread(market: Market, symbols: Iterable[str], *, at: datetime) -> None:
    """Let the prices of symbols as they stand act on every account with something at stake."""
    views = {
        row.symbol: mapping.view_of(row) for row in PaperPrice.objects.filter(market=market, symbol__in=list(symbols))
    }
    errors: list[Exception] = []
    for account_id in _concerned(market, views, at):
        try:
            _act(account_id, views, at)
        except (NotSent, OutcomeUnknown):
            # Nothing is lost: the next price finds the same orders.
            log.warning("paper account %s was not matched at this tick", account_id, exc_info=True)
        except Exception as exc:
            # One broken account must not keep the others from their stops.
            log.exception("paper account %s cannot be matched", account_id)
            errors.append(exc)
    if errors:
        raise errors[0]


def _concerned(market: Market, views: Mapping[str, MarketView], at: datetime) -> list[int]:
    resting = Q(account__paper_orders__open=True, account__paper_orders__symbol__in=list(views))
    holding = Q(account__paper_positions__symbol__in=list(views))
    accounts = PaperAccount.objects.filter(resting | holding | Q(funding_at__lte=at), account__venue=VENUES[market])
    return list(accounts.distinct().order_by("pk").values_list("pk", flat=True))


def _act(account_id: int, views: Mapping[str, MarketView], at: datetime) -> None:
    store = DjangoPaperStore(account_id)

    def decide(state: State) -> Step:
        known = {symbol: view for symbol, view in views.items() if symbol in state.rules}
        return engine.tick(state, known, at)

    with exact():
        # Most prices change nothing: look without the lock first.
        glance = store.peek()
        if glance is None:
            return
        step = decide(glance)
        if step.changed or step.events or step.state.funding_at != glance.funding_at:
            store.change(decide, symbols=())


# ── by hand ───────────────────────────────────────────────────────────────────────────────────────────────────
def nudge_price_if_missing(account: Account, symbol: str, price: Decimal) -> bool:
    """Give a symbol of a paper account that has no price this one, rounded to its tick; tell whether it did."""
    if not account.is_paper or not price.is_finite() or price <= ZERO:
        return False
    if DjangoPaperStore(account.pk).view(symbol) is not None:
        return False
    row = Instrument.objects.filter(venue=account.venue, symbol=symbol).first()
    shipped = instrument_files.find(account.venue, symbol)
    rules = row.rules() if row else (shipped.rules if shipped else None)
    rounded = round_entry(price, rules, Side.BUY) if rules else price
    if rules is None or rounded <= ZERO:
        return False
    set_price(account.market, symbol, rounded)
    return True


def set_liquidity(market: Market | str, symbol: str, max_fill_quantity: Decimal, *, rest_expires: bool = False) -> None:
    """Limit what one order of a symbol gets per tick (base; 0 lifts the limit).

    rest_expires: the rest of a market order expires, as in a thin book, instead of waiting for the next tick.
    """
    committed(
        lambda: PaperPrice.objects.filter(market=Market(market), symbol=symbol).update(
            max_fill_quantity=max_fill_quantity, rest_expires=rest_expires
        )
    )


def set_funding_rate(market: Market | str, symbol: str, rate: Decimal) -> None:
    """Set what longs pay to shorts per 8 hours, as a fraction of the position's value."""
    committed(lambda: PaperPrice.objects.filter(market=Market(market), symbol=symbol).update(funding_rate=rate))


def fund_now(account: Account, rates: Mapping[str, Decimal] | None = None) -> None:
    """Charge a paper account's funding now, besides the regular times. rates: by symbol, else the market's own."""
    with exact():
        DjangoPaperStore(account.pk).change(lambda state: engine.fund(state, clock.now(), rates), symbols=())
