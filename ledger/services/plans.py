"""Turn decisions into rows: trades with their legs, adds, exits and moved stops. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from exchange.clock import now as clock_now
from exchange.types import Direction, Market, OrderType, PositionMode, PositionSide
from ledger.domain.plan import LegKind, LegPlan, TradePlan
from ledger.models import Lane, Leg, Strategy, Trade


def open_trade(
    *,
    plan: TradePlan,
    strategy: Strategy,
    lane: Lane,
    mode: PositionMode,
    now: datetime,
    send_before: datetime | None = None,
) -> Trade:
    """Create the trade with its legs; belongs into the transaction that checked the funds.

    send_before: when the alert comes of age; an entry that has not left by then never does.
    """
    hedged = mode is PositionMode.HEDGE and strategy.account.market is Market.USDM
    exits = plan.exits
    trade = Trade.objects.create(
        account=strategy.account,
        strategy=strategy,
        lane=lane,
        symbol=plan.symbol,
        direction=plan.direction,
        position_side=PositionSide(plan.direction) if hedged else PositionSide.BOTH,
        market=strategy.account.market,
        leverage=plan.leverage,
        margin_type=plan.margin_type or "",
        reserve_asset=plan.reserve_asset,
        reference_price=plan.reference_price,
        working_type=exits.working_type,
        breakeven_after=exits.breakeven_after,
        breakeven_offset_pct=exits.breakeven_offset_pct,
        trail_pct=exits.trail_pct,
        protect_within_s=exits.protect_within_s,
        entries_expire_at=_expiry(plan, now),
    )
    _add_legs(trade, plan.legs, send_before)
    return trade


def add_to_trade(trade: Trade, *, plan: TradePlan, now: datetime, send_before: datetime | None = None) -> None:
    """Write the legs of an add onto a trade; its entries get a new life, though earlier ones were cancelled."""
    Trade.objects.filter(pk=trade.pk).update(entries_canceled=False, entries_expire_at=_expiry(plan, now))
    _add_legs(trade, plan.legs, send_before)


def _expiry(plan: TradePlan, now: datetime) -> datetime | None:
    timeout = plan.exits.entry_timeout_s
    return now + timedelta(seconds=timeout) if timeout else None


def _add_legs(trade: Trade, legs: Iterable[LegPlan], send_before: datetime | None) -> None:
    """Write planned legs onto a trade; legs that it has already are left as they are."""
    taken = set(Leg.objects.filter(trade=trade).values_list("kind", "index"))
    Leg.objects.bulk_create(
        Leg(
            trade=trade,
            kind=leg.kind,
            index=leg.index,
            order_type=leg.order_type,
            quantity=leg.quantity,
            price=leg.price,
            trigger_price=leg.trigger_price,
            offset_pct=leg.offset_pct,
            share=leg.share,
            reserve=leg.reserve,
            send_before=send_before if leg.kind.opens else None,
        )
        for leg in legs
        if (str(leg.kind), leg.index) not in taken
    )


def add_exit(trade: Trade, *, quantity: Decimal) -> Leg:
    """Ask for a partial exit of `quantity` (base) at market."""
    taken = Leg.objects.filter(trade=trade, kind=LegKind.EXIT).count()
    return Leg.objects.create(
        trade=trade, kind=LegKind.EXIT, index=taken + 1, order_type=OrderType.MARKET, quantity=quantity
    )


def sell_holding(*, strategy: Strategy, lane: Lane, quantity: Decimal, reference_price: Decimal | None) -> Trade:
    """Create a trade that only sells: a spot holding that no trade of ours bought."""
    trade = Trade.objects.create(
        account=strategy.account,
        strategy=strategy,
        lane=lane,
        symbol=lane.symbol,
        direction=Direction.LONG,
        market=strategy.account.market,
        reference_price=reference_price,
        entries_canceled=True,
    )
    add_exit(trade, quantity=quantity)
    return trade


def move_stop(trade: Trade, *, price: Decimal) -> None:
    """Set the stop that is in force from now on (quote per base)."""
    Trade.objects.filter(pk=trade.pk).update(stop_override=price)


def request_close(trade: Trade, *, reason: str) -> None:
    """Ask for a full exit: entries go, the position is closed at market, leftovers are cancelled. Idempotent."""
    with transaction.atomic():
        asked = Trade.objects.filter(pk=trade.pk, close_requested_at__isnull=True, status__in=Trade.LIVE)
        if not asked.update(close_requested_at=clock_now(), close_reason=reason[:64], status=Trade.Status.CLOSING):
            return
        taken = Leg.objects.filter(trade=trade, kind=LegKind.EXIT).count()
        Leg.objects.create(trade=trade, kind=LegKind.EXIT, index=taken + 1, order_type=OrderType.MARKET)
