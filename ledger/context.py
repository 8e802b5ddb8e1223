"""Gather what the planner may look at: first the venue's facts, then, in the caller's transaction, ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max

from exchange.clients import get_client
from exchange.clock import now as clock_now
from exchange.models import HouseState, Instrument
from exchange.port import ExchangeClient
from exchange.types import ZERO, Balance, Direction, OrderStatus, PositionMode, PositionSide, Quote
from ledger.domain.context import Context, HeldTrade
from ledger.domain.desired import stop_price
from ledger.domain.plan import LegKind
from ledger.execution import switched_off
from ledger.models import Lane, Strategy, Trade
from ledger.selectors import get_usage
from ledger.trade_view import trade_state

UNACKNOWLEDGED = frozenset({OrderStatus.INITIALIZED, OrderStatus.SUBMITTING, OrderStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFacts:
    """What the venue said, asked no earlier than `as_of`."""

    quote: Quote
    balances: tuple[Balance, ...]
    mode: PositionMode
    as_of: datetime


def ask_venue(client: ExchangeClient, symbol: str) -> VenueFacts:
    """Ask for price, funds and position mode; raises QueryFailed. Must not be called inside a transaction."""
    as_of = clock_now()
    return VenueFacts(
        quote=client.get_quote(symbol),
        balances=client.get_balances(),
        mode=client.get_position_mode(),
        as_of=as_of,
    )


def facts_from_rows(lane: Lane) -> VenueFacts:
    """Return what suffices to close the lane's trades while the venue doesn't answer: our own entry price."""
    live = lane.trades.filter(status__in=Trade.LIVE)
    price = next((trade.entry_price for trade in live if trade.entry_price), ZERO)
    hedged = live.exclude(position_side=PositionSide.BOTH).exists()
    moment = clock_now()
    return VenueFacts(
        quote=Quote(symbol=lane.symbol, bid=price, ask=price, last=price, mark=price, at=moment),
        balances=(),
        mode=PositionMode.HEDGE if hedged else PositionMode.ONE_WAY,
        as_of=moment,
    )


def build_context(*, strategy: Strategy, symbol: str, received_at: datetime, now: datetime) -> Context:
    """Return the planner's picture for a dry run: asks the venue, reads the rows, locks nothing."""
    client = get_client(strategy.account)
    facts = ask_venue(client, symbol)
    return context_from(strategy=strategy, symbol=symbol, facts=facts, client=client, received_at=received_at, now=now)


def context_from(
    *,
    strategy: Strategy,
    symbol: str,
    facts: VenueFacts,
    client: ExchangeClient,
    received_at: datetime,
    now: datetime,
) -> Context:
    """Return the planner's picture from venue facts and our rows.

    Call it under the account's lock: funds bound by entries that the venue did not have yet at `facts.as_of` are
    taken off, so that two alerts in one second cannot spend one balance twice.
    """
    account = strategy.account
    rules = Instrument.objects.get(venue=account.venue, symbol=symbol).rules()
    live = list(
        Trade.objects.filter(account=account, status__in=Trade.LIVE)
        .select_related("account", "strategy")
        .prefetch_related("legs", "legs__orders")
    )
    reserved = reserved_funds(live, as_of=facts.as_of)
    blocked = switched_off(HouseState.read(), account, strategy)
    held = []
    for trade in live:
        if trade.symbol != symbol:
            continue
        state = trade_state(trade, rules=rules, capabilities=client.capabilities)
        pending = any(o.kind.opens and not o.ended for o in state.orders) or not state.orders
        held.append(
            HeldTrade(
                id=trade.pk,
                own=trade.strategy_id == strategy.pk,
                direction=state.direction,
                quantity=trade.quantity,
                average_price=trade.entry_price or ZERO,
                entries_pending=pending and not trade.entries_canceled,
                closing=state.closing,
                stop_price=stop_price(state),
                add_count=len(state.legs_of(LegKind.DCA)),
            )
        )
    return Context(
        now=now,
        received_at=received_at,
        policy=strategy.policy(),
        rules=rules,
        mode=facts.mode,
        quote=facts.quote,
        free={b.asset: max(ZERO, b.free - reserved.get(b.asset, ZERO)) for b in facts.balances},
        total={b.asset: b.total for b in facts.balances},
        trades=tuple(held),
        usage=get_usage(strategy, now),
        opens_allowed=not blocked,
        blocked_by=blocked,
        last_exit_at=_last_exits(strategy, symbol, since=now - timedelta(seconds=strategy.exit_cooldown_s)),
    )


def reserved_funds(live: list[Trade], *, as_of: datetime) -> Mapping[str, Decimal]:
    """Return, by asset, what entries bind that a balance asked for at `as_of` cannot show yet.

    Status and time of acknowledgement are taken from one row, the order's: rows read by different queries may
    lie on two sides of another lane's commit, and an entry that falls in between would be paid for twice.
    """
    bound: dict[str, Decimal] = {}
    for trade in live:
        for leg in trade.legs.all():
            if not LegKind(leg.kind).opens or leg.reserve == ZERO:
                continue
            orders = list(leg.orders.all())
            unseen = not orders and not trade.entries_canceled and trade.close_requested_at is None
            unseen = unseen or any(order.status in UNACKNOWLEDGED for order in orders)
            fresh = any(order.acknowledged_at is not None and order.acknowledged_at >= as_of for order in orders)
            if unseen or fresh:
                bound[trade.reserve_asset] = bound.get(trade.reserve_asset, ZERO) + leg.reserve
    return bound


def _last_exits(strategy: Strategy, symbol: str, *, since: datetime) -> Mapping[Direction, datetime]:
    # Earlier ones decide nothing, and a strategy's history may be long.
    rows = (
        Trade.objects.filter(strategy=strategy, symbol=symbol, status=Trade.Status.CLOSED, closed_at__gte=since)
        .values("direction")
        .annotate(last=Max("closed_at"))
    )
    return {Direction(row["direction"]): row["last"] for row in rows if row["last"] is not None}
