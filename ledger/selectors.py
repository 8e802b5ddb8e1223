"""Reads of the ledger for the planner, the API and the console; the number of queries never grows with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import structlog
from django.db.models import QuerySet

from exchange.clients import get_client
from exchange.errors import ExchangeError
from exchange.models import Account
from exchange.registry import UnknownVenue
from exchange.rules import round_stop
from exchange.types import (
    ZERO,
    Capabilities,
    Direction,
    InstrumentRules,
    MarginType,
    Market,
    Quote,
)
from ledger.domain.context import Usage
from ledger.domain.desired import coverage, held_sellable, stop_price
from ledger.domain.plan import LegKind
from ledger.domain.pnl import unrealized_pnl
from ledger.domain.position import exact
from ledger.domain.trade import LegView, TradeState
from ledger.models import Fill, Order, Strategy, Trade
from ledger.services.results import get_figures, instruments_of, list_daily_pnl, start_of_day
from ledger.trade_view import trade_state

__all__ = [
    "Position",
    "Stage",
    "get_figures",
    "get_stages",
    "get_usage",
    "list_daily_pnl",
    "list_positions",
    "list_trades",
    "start_of_day",
    "stop_in_force",
]

log = structlog.get_logger(__name__)

QuoteSource = Callable[[Account, str], Quote | None]
HUNDRED = Fraction(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step of an alert's life and when it was reached, by our clock."""

    stage: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held on one account, symbol and side by all live trades together.

    entry_price: average of their entries. mark_price and unrealized_pnl are None when no price could be had.
    liquidation_price: our estimate for isolated margin, None otherwise. protected: stops that the venue has
    acknowledged cover all of it.
    """

    account: Account
    symbol: str
    side: Direction
    quantity: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None
    unrealized_pnl: Decimal | None
    leverage: int | None
    liquidation_price: Decimal | None
    protected: bool
    trades: tuple[Trade, ...]


def list_trades() -> QuerySet[Trade]:
    """Return trades with account, strategy, legs, orders with fills, and signals: six queries for any number."""
    return Trade.objects.select_related("account", "strategy").prefetch_related(
        "legs", "legs__orders", "legs__orders__fills", "signals"
    )


def get_stages(trade_id: int, *, since: datetime | None = None) -> list[Stage]:
    """Return when the trade's entry was sent, acknowledged, filled and protected, as far as it got.

    since: only orders made after this, whatever their role: what a later signal of the same trade set off.
    """
    orders = Order.objects.filter(trade_id=trade_id)
    fills = Fill.objects.filter(order__trade_id=trade_id)
    if since is None:
        opening = [str(kind) for kind in LegKind if kind.opens]
        # A sale of holdings has no entry: then its exit is what was asked for.
        if orders.filter(role__in=opening).exists():
            orders, fills = orders.filter(role__in=opening), fills.filter(order__role__in=opening)
    else:
        orders, fills = orders.filter(created_at__gte=since), fills.filter(order__created_at__gte=since)
    rows = orders.values_list("submitted_at", "acknowledged_at")
    protected = Trade.objects.values_list("protected_at", flat=True).get(pk=trade_id)
    moments = {
        "sent": _earliest(sent for sent, _ in rows),
        "acknowledged": _earliest(known for _, known in rows),
        "filled": _earliest(fills.values_list("created_at", flat=True)),
        "protected": protected if since is None or (protected and protected >= since) else None,
    }
    return [Stage(stage=stage, at=at) for stage, at in moments.items() if at is not None]


def stop_in_force(trade: Trade, rules: InstrumentRules) -> Decimal | None:
    """Return the price at which the trade's stop acts now; the trade comes from `list_trades`."""
    return stop_price(_state(trade, rules))


def ask_quote(account: Account, symbol: str) -> Quote | None:
    """Return the venue's prices, None if they can't be had now."""
    try:
        return get_client(account).get_quote(symbol)
    except (ExchangeError, UnknownVenue) as exc:
        log.warning("quote_failed", account=account.name, symbol=symbol, error=str(exc))
        return None


def list_positions(*, account: Account | None = None, quote_of: QuoteSource = ask_quote) -> list[Position]:
    """Return the open positions by account, symbol and side, with one quote asked for each account and symbol."""
    live = _live_trades()
    if account is not None:
        live = live.filter(account=account)
    held = [trade for trade in live.order_by("account__name", "symbol", "direction", "id") if trade.quantity]
    instruments = instruments_of(held)
    groups: dict[tuple[int, str, str], list[Trade]] = {}
    for trade in held:
        groups.setdefault((trade.account_id, trade.symbol, trade.direction), []).append(trade)
    quotes: dict[tuple[int, str], Quote | None] = {}
    positions = []
    for trades in groups.values():
        first = trades[0]
        key = (first.account_id, first.symbol)
        if key not in quotes:
            quotes[key] = quote_of(first.account, first.symbol)
        rules = instruments[(first.account.venue, first.symbol)].rules()
        positions.append(_position(trades, rules, quotes[key]))
    return positions


def get_usage(strategy: Strategy, now: datetime) -> Usage:
    """Return how much of the strategy's limits is used at `now`; asks no venue.

    Trades that never filled don't count for the day. loss_today: realized since 00:00 UTC with fees and funding,
    zero on a day in profit; fees in third assets (BNB) are not in it. pending_risk: what the account loses if all
    its stops act, resting entries filled; a trade without a stop adds nothing to it.
    """
    midnight = start_of_day(now)
    own = Trade.objects.filter(strategy=strategy)
    today = list_daily_pnl(own, since=midnight)
    return Usage(
        open_trades=own.filter(status__in=Trade.LIVE).count(),
        trades_today=own.filter(created_at__gte=midnight).exclude(status=Trade.Status.ABANDONED).count(),
        loss_today=max(ZERO, exact(-sum((Fraction(day.net) for day in today), Fraction(0)))),
        pending_risk=_pending_risk(strategy.account_id),
    )


def _live_trades() -> QuerySet[Trade]:
    """Trades as `ledger.trade_view.trade_state` needs them."""
    live = Trade.objects.filter(status__in=Trade.LIVE)
    return live.select_related("account", "strategy").prefetch_related("legs", "legs__orders")


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _state(trade: Trade, rules: InstrumentRules) -> TradeState:
    spot = Market(trade.market) is Market.SPOT
    # What the venue reserves follows from the market; the rest of its capabilities plays no part in reads.
    capabilities = Capabilities(
        market=Market(trade.market),
        call_timeout=timedelta(0),
        absence_after=timedelta(0),
        reserves_balance=spot,
        leverage=not spot,
    )
    return trade_state(trade, rules=rules, capabilities=capabilities)


def _position(trades: list[Trade], rules: InstrumentRules, quote: Quote | None) -> Position:
    first = trades[0]
    direction = Direction(first.direction)
    quantity = sum((Fraction(trade.quantity) for trade in trades), Fraction(0))
    cost = sum((Fraction(trade.quantity) * Fraction(trade.entry_price or 0) for trade in trades), Fraction(0))
    entry = exact(cost / quantity) if cost else None
    states = [_state(trade, rules) for trade in trades]
    earned = None
    if quote is not None:
        parts = (
            unrealized_pnl(direction=direction, quantity=t.quantity, entry_price=t.entry_price, mark_price=quote.mark)
            for t in trades
        )
        earned = exact(sum((Fraction(part) for part in parts), Fraction(0)))
    return Position(
        account=first.account,
        symbol=first.symbol,
        side=direction,
        quantity=exact(quantity),
        entry_price=entry,
        mark_price=quote.mark if quote else None,
        unrealized_pnl=earned,
        leverage=first.leverage,
        liquidation_price=_liquidation_price(first, entry, rules),
        protected=all(coverage(state) >= held_sellable(state) for state in states),
        trades=tuple(trades),
    )


def _liquidation_price(trade: Trade, entry: Decimal | None, rules: InstrumentRules) -> Decimal | None:
    """Where the isolated margin no longer covers the maintenance margin, fees left out.

    Loss = margin - maintenance: sign * (entry - price) = entry / leverage - price * rate.
    """
    if entry is None or not trade.leverage or trade.margin_type != MarginType.ISOLATED:
        return None
    direction = Direction(trade.direction)
    price = (
        Fraction(entry)
        * (1 - Fraction(direction.sign, trade.leverage))
        / (1 - direction.sign * Fraction(rules.maintenance_rate))
    )
    return round_stop(exact(price), rules, direction) if price > 0 else None


def _pending_risk(account_id: int) -> Decimal:
    live = list(_live_trades().filter(account_id=account_id))
    instruments = instruments_of(live)
    total = Fraction(0)
    for trade in live:
        rules = instruments[(trade.account.venue, trade.symbol)].rules()
        total += _loss_at_stop(trade, _state(trade, rules))
    return exact(total)


def _loss_at_stop(trade: Trade, state: TradeState) -> Fraction:
    """Return what the trade loses if its resting entries fill and then its stop acts; never below zero."""
    parts = [(Fraction(state.held), Fraction(state.average_price or 0))]
    resting = [] if state.closing or state.entries_canceled else _resting_entries(trade, state)
    parts += resting
    quantity = sum((part for part, _ in parts), Fraction(0))
    worth = sum((part * price for part, price in parts), Fraction(0))
    if not quantity or not worth:
        return Fraction(0)
    stop = stop_price(state)
    offset = next((leg.offset_pct for leg in state.legs_of(LegKind.SL)), None)
    if resting and offset is not None and state.stop_override is None:
        # The stop follows the average, so the later entries move it.
        level = worth / quantity * (1 + Fraction(offset) / HUNDRED)
    elif stop is not None:
        level = Fraction(stop)
    else:
        return Fraction(0)
    return max(Fraction(0), state.direction.sign * (worth - quantity * level))


def _resting_entries(trade: Trade, state: TradeState) -> list[tuple[Fraction, Fraction]]:
    reference = Fraction(trade.reference_price or 0)
    parts = []
    for leg in state.legs_of(LegKind.ENTRY, LegKind.DCA):
        if leg.quantity is None or _is_over(leg):
            continue
        price = Fraction(leg.price) if leg.price is not None else reference
        parts.append((Fraction(leg.quantity) - Fraction(leg.filled), price))
    return parts


def _is_over(leg: LegView) -> bool:
    return leg.last is not None and leg.last.ended
