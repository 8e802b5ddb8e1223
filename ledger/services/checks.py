"""Proof of the ledger: the stored figures against the fills, and both against what the venue says.

Every check yields differences, one line each with both numbers and what to do. A question that the venue did not
answer is a difference too: it never counts as equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db.models import QuerySet

from exchange.clients import get_client
from exchange.errors import ExchangeError
from exchange.models import Account, Instrument
from exchange.registry import UnknownVenue
from exchange.rules import plain
from ledger.domain.position import exact
from ledger.models import Fill, Income, Order, Trade
from ledger.services import venue_checks
from ledger.services.trades import fold_trade, funding_of, stored_values

CHUNK = 200

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing on which two sides don't agree. ours: what the ledger stores; theirs: what proves it wrong."""

    account: str
    symbol: str
    what: str
    ours: str
    theirs: str
    remedy: str

    def line(self) -> str:
        """Return the difference as one line."""
        return f"{self.account} {self.symbol or '-'}: {self.what}: ledger {self.ours}, {self.theirs}. {self.remedy}"


def check_account(account: Account, *, progress: Progress = lambda _: None) -> Iterator[Difference]:
    """Yield every difference of one account; asks the venue, outside any transaction, and changes nothing."""
    progress(f"{account}: refolding trades")
    yield from check_trades(account, progress=progress)
    yield from check_orders(account)
    try:
        client = get_client(account)
    except UnknownVenue as exc:
        yield _unasked(account, "the venue", str(exc))
        return
    for name, check in venue_checks.CHECKS.items():
        progress(f"{account}: {name}")
        try:
            for symbol, what, ours, theirs, remedy in check(account, client):
                yield Difference(
                    account=account.name, symbol=symbol, what=what, ours=ours, theirs=theirs, remedy=remedy
                )
        except ExchangeError as exc:
            yield _unasked(account, name, str(exc))


def check_trades(account: Account, *, progress: Progress = lambda _: None) -> Iterator[Difference]:
    """Refold every trade from its fills and incomes and yield each stored value that differs."""
    instruments = {row.symbol: row for row in Instrument.objects.filter(venue=account.venue)}
    rows = Trade.objects.filter(account=account).order_by("pk")
    total = rows.count()
    for done, chunk in _chunks(rows):
        fills: dict[int, list[Fill]] = defaultdict(list)
        for fill in Fill.objects.filter(order__trade__in=chunk).select_related("order"):
            fills[fill.order.trade_id].append(fill)
        incomes: dict[int, list[Income]] = defaultdict(list)
        for income in Income.objects.filter(trade__in=chunk):
            incomes[income.trade_id or 0].append(income)
        for trade in chunk:
            instrument = instruments.get(trade.symbol)
            if instrument is None:
                yield _difference(
                    account, trade, "instrument", "unknown", "needed", "Run refresh_filters for this account."
                )
                continue
            yield from _check_trade(account, trade, fills[trade.pk], incomes[trade.pk], instrument)
        progress(f"{account}: {done} of {total} trades")


def check_orders(account: Account) -> Iterator[Difference]:
    """Yield every order whose stored filled quantity or average price is not that of its fills."""
    for _, chunk in _order_chunks(Order.objects.filter(account=account).order_by("pk")):
        fills: dict[int, list[Fill]] = defaultdict(list)
        for fill in Fill.objects.filter(order__in=chunk):
            fills[fill.order_id].append(fill)
        for order in chunk:
            quantity = sum((Fraction(f.quantity) for f in fills[order.pk]), Fraction(0))
            worth = sum((Fraction(f.quantity) * Fraction(f.price) for f in fills[order.pk]), Fraction(0))
            average = exact(worth / quantity) if quantity else None
            for what, ours, theirs in (
                ("filled quantity", order.filled_quantity, exact(quantity)),
                ("average price", order.average_price, average),
            ):
                if ours != theirs:
                    yield Difference(
                        account=account.name,
                        symbol=order.symbol,
                        what=f"{what} of order {order.client_order_id}",
                        ours=text(ours),
                        theirs=f"its fills {text(theirs)}",
                        remedy="The stored figure is wrong: report it; the fills are the truth.",
                    )


def text(value: object) -> str:
    """Return a value for a line: money in plain digits."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return " + ".join(f"{amount} {asset}" for asset, amount in sorted(value.items())) or "none"
    return "none" if value is None else str(value)


def _check_trade(
    account: Account, trade: Trade, fills: list[Fill], incomes: list[Income], instrument: Instrument
) -> Iterator[Difference]:
    expected = stored_values(fold_trade(trade, fills, instrument))
    expected["funding"] = funding_of(incomes, instrument.margin_asset or instrument.quote_asset)
    for name, value in expected.items():
        stored = getattr(trade, name)
        if stored != value:
            yield _difference(
                account,
                trade,
                f"{name.replace('_', ' ')} of trade {trade.public_id}",
                text(stored),
                f"its fills {text(value)}",
                "The stored figure is wrong: report it; the fills are the truth.",
            )


def _difference(account: Account, trade: Trade, what: str, ours: str, theirs: str, remedy: str) -> Difference:
    return Difference(account=account.name, symbol=trade.symbol, what=what, ours=ours, theirs=theirs, remedy=remedy)


def _unasked(account: Account, what: str, why: str) -> Difference:
    return Difference(
        account=account.name,
        symbol="",
        what=what,
        ours="not compared",
        theirs=f"the query failed ({why})",
        remedy="Nothing is proved by this: run it again when the venue answers.",
    )


def _chunks(rows: QuerySet[Trade]) -> Iterator[tuple[int, list[Trade]]]:
    last, done = 0, 0
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        last = chunk[-1].pk
        done += len(chunk)
        yield done, chunk


def _order_chunks(rows: QuerySet[Order]) -> Iterator[tuple[int, list[Order]]]:
    last, done = 0, 0
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        last = chunk[-1].pk
        done += len(chunk)
        yield done, chunk
