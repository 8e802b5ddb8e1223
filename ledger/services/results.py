"""Results of trades from their rows: net PnL with fees valued, and PnL by day; few queries whatever the number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction

from django.db.models import QuerySet

from exchange.models import Instrument
from exchange.rules import plain
from exchange.types import Direction
from ledger.domain.pnl import FeeValue, NetPnl, net_pnl, slippage, value_fees
from ledger.domain.position import exact
from ledger.models import Fill, Income, Trade
from ledger.services.trades import OF_A_POSITION, fact, fold_trade


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPnl:
    """What one UTC day realized, in quote; fees in other assets than base and quote are in `unvalued`."""

    day: date
    realized: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    unvalued: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFigures:
    """What a trade's row doesn't hold. slippage: quote per base, positive is worse than the price decided at."""

    net: NetPnl
    slippage: Decimal | None


def instruments_of(trades: Iterable[Trade]) -> dict[tuple[str, str], Instrument]:
    """Return the instruments of these trades by (venue, symbol); one query. Accounts must be loaded."""
    wanted = {(trade.account.venue, trade.symbol) for trade in trades}
    rows = Instrument.objects.filter(
        venue__in={venue for venue, _ in wanted}, symbol__in={symbol for _, symbol in wanted}
    )
    return {(row.venue, row.symbol): row for row in rows}


def get_figures(trades: Sequence[Trade]) -> dict[int, TradeFigures]:
    """Return net PnL and slippage by trade id; two queries for any number. Accounts must be loaded."""
    instruments = instruments_of(trades)
    by_trade: dict[int, list[Fill]] = defaultdict(list)
    # Only fees in the base need the prices of their fills.
    priced = [trade.pk for trade in trades if set(trade.fees) - {_quote(instruments, trade)}]
    if priced:
        for fill in Fill.objects.filter(order__trade_id__in=priced).select_related("order"):
            by_trade[fill.order.trade_id].append(fill)
    figures = {}
    for trade in trades:
        instrument = instruments.get((trade.account.venue, trade.symbol))
        base, quote = (instrument.base_asset, instrument.quote_asset) if instrument else ("", "")
        if trade.pk in by_trade:
            fees = value_fees(map(fact, by_trade[trade.pk]), base, quote)
        else:
            fees = _plain_fees(trade, quote)
        figures[trade.pk] = TradeFigures(
            net=net_pnl(realized=trade.realized_pnl, fees=fees, funding=trade.funding),
            slippage=slippage(
                direction=Direction(trade.direction),
                reference_price=trade.reference_price,
                entry_price=trade.entry_price,
            ),
        )
    return figures


def list_daily_pnl(trades: QuerySet[Trade], *, since: datetime) -> list[DayPnl]:
    """Return what these trades realized on each UTC day from `since` on, oldest first, days without any left out.

    A position held over midnight is realized on the days on which it is reduced. Four queries for any number.
    """
    moved = trades.filter(orders__fills__filled_at__gte=since).distinct().select_related("account").order_by()
    rows = list(moved)
    instruments = instruments_of(rows)
    fills: dict[int, list[Fill]] = defaultdict(list)
    for fill in Fill.objects.filter(order__trade__in=[trade.pk for trade in rows]).select_related("order"):
        fills[fill.order.trade_id].append(fill)
    days: dict[date, _Day] = defaultdict(_Day)
    for trade in rows:
        _add_trade(days, trade, fills[trade.pk], instruments[(trade.account.venue, trade.symbol)], since)
    for income in Income.objects.filter(
        trade__in=trades.order_by().values("pk"), kind__in=sorted(OF_A_POSITION), occurred_at__gte=since
    ):
        days[_day(income.occurred_at)].funding += Fraction(income.amount)
    return [days[day].row(day) for day in sorted(days)]


def start_of_day(moment: datetime) -> datetime:
    """Return 00:00 UTC of the moment's day."""
    return datetime.combine(_day(moment), time(), tzinfo=UTC)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


class _Day:
    """Sums of one day while they grow."""

    def __init__(self) -> None:
        self.realized = Fraction(0)
        self.fees = Fraction(0)
        self.funding = Fraction(0)
        self.unvalued: dict[str, Fraction] = defaultdict(Fraction)

    def row(self, day: date) -> DayPnl:
        return DayPnl(
            day=day,
            realized=exact(self.realized),
            fees=exact(self.fees),
            funding=exact(self.funding),
            net=exact(self.realized - self.fees + self.funding),
            unvalued={asset: exact(fee) for asset, fee in sorted(self.unvalued.items())},
        )


def _add_trade(
    days: dict[date, _Day], trade: Trade, fills: list[Fill], instrument: Instrument, since: datetime
) -> None:
    ordered = sorted(fills, key=lambda fill: fill.filled_at)
    for day in sorted({_day(fill.filled_at) for fill in ordered if fill.filled_at >= since}):
        begin = max(since, datetime.combine(day, time(), tzinfo=UTC))
        until = [fill for fill in ordered if _day(fill.filled_at) <= day]
        earlier = [fill for fill in until if fill.filled_at < begin]
        during = [fill for fill in until if fill.filled_at >= begin]
        total = days[day]
        total.realized += Fraction(fold_trade(trade, until, instrument).realized_pnl)
        total.realized -= Fraction(fold_trade(trade, earlier, instrument).realized_pnl)
        fees = value_fees(map(fact, during), instrument.base_asset, instrument.quote_asset)
        total.fees += Fraction(fees.quote)
        for asset, fee in fees.other.items():
            total.unvalued[asset] += Fraction(fee)


def _quote(instruments: Mapping[tuple[str, str], Instrument], trade: Trade) -> str:
    instrument = instruments.get((trade.account.venue, trade.symbol))
    return instrument.quote_asset if instrument else ""


def _plain_fees(trade: Trade, quote: str) -> FeeValue:
    fees = {asset: Decimal(amount) for asset, amount in trade.fees.items()}
    return FeeValue(quote=fees.pop(quote, Decimal(0)), other=fees)


def fees_text(fees: Mapping[str, str | Decimal]) -> str:
    """Return fees for people and files: "0.3 USDT + 0.001 BNB"."""
    parts = (f"{plain(Decimal(amount))} {asset}" for asset, amount in sorted(fees.items()))
    return " + ".join(parts)
