"""What the ledger says against what the venue says. Each check yields (symbol, what, ours, theirs, remedy)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from django.db.models import Min

from exchange.models import Account, Instrument
from exchange.port import ExchangeClient
from exchange.rules import plain
from exchange.types import Direction, FillReport, Market, OrderStatus, PositionSide, Side
from ledger.domain.order_state import LIVE
from ledger.domain.position import exact
from ledger.models import Fill, Income, Order, Trade
from ledger.services.reports import OUR_PREFIX

Line = tuple[str, str, str, str, str]
Check = Callable[[Account, ExchangeClient], Iterator[Line]]

# States in which the venue lists an order as open; a triggered one may be listed nowhere for a moment.
LISTED = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
# Venue clocks and ours may differ; asking for a little more costs nothing.
MARGIN = timedelta(minutes=1)


def check_positions(account: Account, client: ExchangeClient) -> Iterator[Line]:
    """Compare what the fills of all trades leave open with the venue's positions (futures)."""
    if account.market is not Market.USDM:
        return
    ours: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for trade in Trade.objects.filter(account=account):
        signed = Direction(trade.direction).sign * (Fraction(trade.quantity) - Fraction(trade.unmatched_quantity))
        ours[(trade.symbol, trade.position_side)] += signed
    theirs = {(p.symbol, str(p.position_side)): Fraction(p.quantity) for p in client.get_positions()}
    for key in sorted({*ours, *theirs}):
        mine, venue = ours.get(key, Fraction(0)), theirs.get(key, Fraction(0))
        if mine != venue:
            side = "" if key[1] == PositionSide.BOTH else f" {key[1]}"
            yield (
                key[0],
                f"position{side}",
                _plain(mine),
                f"venue {_plain(venue)}",
                "Somebody else trades this account, or a fill was not heard: compare the fills; close by hand what"
                " no trade holds.",
            )


def check_balances(account: Account, client: ExchangeClient) -> Iterator[Line]:
    """Compare funds: to the last digit where the start is known (paper), else spot must hold what trades hold."""
    totals = {balance.asset: Fraction(balance.total) for balance in client.get_balances()}
    if account.is_paper:
        expected = expected_totals(account)
        for asset in sorted({*totals, *expected}):
            mine, venue = expected.get(asset, Fraction(0)), totals.get(asset, Fraction(0))
            if mine != venue:
                yield (
                    "",
                    f"balance of {asset}",
                    _plain(mine),
                    f"venue {_plain(venue)}",
                    "Start, fills, fees and incomes don't add up to the balance: compare fills and incomes.",
                )
    elif account.market is Market.SPOT:
        for asset, held in sorted(_held_by_asset(account).items()):
            if totals.get(asset, Fraction(0)) < held:
                yield (
                    "",
                    f"balance of {asset}",
                    f"at least {_plain(held)}",
                    f"venue {_plain(totals.get(asset, Fraction(0)))}",
                    "Something that trades hold was sold or moved elsewhere: close these trades.",
                )


def check_open_orders(account: Account, client: ExchangeClient) -> Iterator[Line]:
    """Find orders of ours that rest at the venue for nothing, and live ones that don't rest there."""
    before = set(Order.objects.filter(account=account, status__in=LISTED).values_list("pk", flat=True))
    listed = {
        report.client_order_id: report
        for report in client.list_open_orders()
        if report.client_order_id.startswith(OUR_PREFIX)
    }
    known = {
        order.client_order_id: order
        for order in Order.objects.filter(account=account, client_order_id__in=listed).select_related("trade")
    }
    for name, report in sorted(listed.items()):
        order = known.get(name)
        if order is None:
            yield (report.symbol, f"order {name}", "unknown", "open at the venue", "Cancel it at the venue.")
        elif order.status not in LIVE:
            yield (
                report.symbol,
                f"order {name}",
                order.status,
                f"venue {report.status}",
                "Run it again in a minute; if it stays, cancel it at the venue.",
            )
        elif not order.trade.live:
            yield (
                report.symbol,
                f"order {name}",
                f"its trade is {order.trade.status}",
                f"venue {report.status}",
                "An orphan: cancel it at the venue.",
            )
    # Read again: an order that ended while we asked is no difference.
    for order in Order.objects.filter(pk__in=before, status__in=LISTED).order_by("pk"):
        if order.client_order_id not in listed:
            yield (
                order.symbol,
                f"order {order.client_order_id}",
                order.status,
                "not open at the venue",
                "The ledger will ask for it; if it stays, look it up at the venue.",
            )


def check_fills(account: Account, client: ExchangeClient) -> Iterator[Line]:
    """Compare fills one by one, per symbol from its first trade on; fills of foreign orders are not ours to have."""
    firsts = Trade.objects.filter(account=account).order_by("symbol").values("symbol").annotate(Min("created_at"))
    for row in firsts:
        symbol, since = row["symbol"], row["created_at__min"] - MARGIN
        theirs = {fill.venue_trade_id: fill for fill in client.list_fills(symbol, since)}
        # After the venue's answer, so that what it told is either booked by now or missing.
        ours = {
            fill.venue_trade_id: fill
            for fill in Fill.objects.filter(account=account, symbol=symbol).select_related("order")
        }
        for key in sorted(theirs.keys() - ours.keys(), key=_id_order):
            if _may_be_ours(theirs[key]):
                yield (
                    symbol,
                    f"fill {key} of {theirs[key].client_order_id or 'an unnamed order'}",
                    "missing",
                    f"venue {_fill_text(theirs[key])}",
                    "A fill was not heard: it is asked for by itself; if it stays, report it.",
                )
        for key in sorted(ours.keys() - theirs.keys(), key=_id_order):
            if ours[key].filled_at >= since:
                yield (
                    symbol,
                    f"fill {key} of {ours[key].order.client_order_id}",
                    _fill_text(ours[key]),
                    "not at the venue",
                    "Another environment's keys, or the venue's history has ended before it.",
                )
        for key in sorted(theirs.keys() & ours.keys(), key=_id_order):
            if _fill_facts(ours[key]) != _fill_facts(theirs[key]):
                yield (
                    symbol,
                    f"fill {key} of {ours[key].order.client_order_id}",
                    _fill_text(ours[key]),
                    f"venue {_fill_text(theirs[key])}",
                    "It was told differently before: report it.",
                )


def check_incomes(account: Account, client: ExchangeClient) -> Iterator[Line]:
    """Compare funding and other movements one by one since the account's first trade."""
    first = Trade.objects.filter(account=account).aggregate(first=Min("created_at"))["first"]
    if first is None:
        return
    since = first - MARGIN
    theirs = {(str(i.kind), i.venue_income_id): i for i in client.list_incomes(since)}
    ours = {(i.kind, i.venue_income_id): i for i in Income.objects.filter(account=account, occurred_at__gte=since)}
    for key in sorted({*theirs, *ours}):
        mine, venue = ours.get(key), theirs.get(key)
        told = f"{plain(mine.amount)} {mine.asset}" if mine else "missing"
        said = f"{plain(venue.amount)} {venue.asset}" if venue else "not told"
        if mine is None or venue is None or (mine.amount, mine.asset) != (venue.amount, venue.asset):
            symbol = venue.symbol if venue else mine.symbol if mine else ""
            yield (
                symbol,
                f"{key[0].lower()} {key[1]}",
                told,
                f"venue {said}",
                "Funding that was not heard is asked for by itself; if it stays, report it.",
            )


def check_realized(account: Account, client: ExchangeClient) -> Iterator[Line]:
    """Compare realized PnL with the sum of the venue's own figures, for symbols in which nothing is held."""
    del client  # the venue's figures came with its fills
    if account.market is not Market.USDM:
        return
    ours: dict[str, Fraction] = defaultdict(Fraction)
    held = set()
    for trade in Trade.objects.filter(account=account):
        ours[trade.symbol] += Fraction(trade.realized_pnl)
        if trade.quantity or trade.unmatched_quantity:
            held.add(trade.symbol)
    theirs: dict[str, Fraction] = defaultdict(Fraction)
    for symbol, realized in Fill.objects.filter(account=account).values_list("symbol", "realized_pnl"):
        if realized is None:
            held.add(symbol)
        else:
            theirs[symbol] += Fraction(realized)
    for symbol in sorted(set(ours) - held):
        if ours[symbol] != theirs[symbol]:
            yield (
                symbol,
                "realized PnL",
                _plain(ours[symbol]),
                f"venue {_plain(theirs[symbol])}",
                "The venue rounds its own figure, or a fill is missing: compare the fills.",
            )


CHECKS: dict[str, Check] = {
    "positions": check_positions,
    "open orders": check_open_orders,
    "fills": check_fills,
    "incomes": check_incomes,
    "realized PnL": check_realized,
    "balances": check_balances,
}


def expected_totals(account: Account) -> dict[str, Fraction]:
    """Return by asset what a paper account must have: its start, and all that its fills and incomes moved."""
    totals: dict[str, Fraction] = defaultdict(Fraction)
    for asset, amount in account.paper_balances.items():
        totals[asset] += Fraction(str(amount))
    instruments = {row.symbol: row for row in Instrument.objects.filter(venue=account.venue)}
    for fill in Fill.objects.filter(account=account).iterator(chunk_size=2000):
        instrument = instruments[fill.symbol]
        if account.market is Market.SPOT:
            signed = Side(fill.side).sign * Fraction(fill.quantity)
            totals[instrument.base_asset] += signed
            totals[instrument.quote_asset] -= signed * Fraction(fill.price)
        else:
            totals[instrument.margin_asset] += Fraction(fill.realized_pnl or 0)
        totals[fill.fee_asset] -= Fraction(fill.fee)
    for asset, amount in Income.objects.filter(account=account).values_list("asset", "amount"):
        totals[asset] += Fraction(amount)
    return totals


def _held_by_asset(account: Account) -> dict[str, Fraction]:
    bases = dict(Instrument.objects.filter(venue=account.venue).values_list("symbol", "base_asset"))
    held: dict[str, Fraction] = defaultdict(Fraction)
    for trade in Trade.objects.filter(account=account, status__in=Trade.LIVE):
        held[bases.get(trade.symbol, trade.symbol)] += Fraction(trade.quantity)
    return held


def _may_be_ours(fill: FillReport) -> bool:
    # Some venues don't tell whose order a fill belongs to: then it has to be explained.
    return not fill.client_order_id or fill.client_order_id.startswith(OUR_PREFIX)


def _fill_facts(fill: Fill | FillReport) -> tuple[str, Decimal, Decimal, Decimal, str]:
    return (str(fill.side), fill.quantity, fill.price, fill.fee, fill.fee_asset)


def _fill_text(fill: Fill | FillReport) -> str:
    side, quantity, price, fee, asset = _fill_facts(fill)
    return f"{side} {plain(quantity)} @ {plain(price)} fee {plain(fee)} {asset}"


def _id_order(key: str) -> tuple[int, str]:
    return (len(key), key)


def _plain(value: Fraction) -> str:
    return plain(exact(value))
