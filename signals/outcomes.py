"""Carry out a decision: write trades and legs, and give the signal its next state with a code and a sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from exchange import clock
from exchange.models import Account
from exchange.paper_prices import nudge_price_if_missing
from exchange.rules import plain
from exchange.types import Direction, OrderStatus, PositionMode
from ledger.domain.order_state import ENDED
from ledger.domain.plan import Decision, LegKind, Outcome
from ledger.domain.trade import NOTHING_TO_REDUCE
from ledger.execution import NOT_WANTED
from ledger.models import Lane, Notice, Order, Trade
from ledger.services import plans
from ledger.services.notices import notify
from ledger.services.reports import OUR_PREFIX
from signals.intents import Intent
from signals.models import Signal

LIVE = Trade.LIVE
S = Signal.Status
PENDING = (OrderStatus.INITIALIZED, OrderStatus.SUBMITTING, OrderStatus.UNKNOWN)


def record(decision: Decision) -> dict[str, Any]:
    """Return the decision as it is stored on the signal, without its orders."""
    plan = decision.plan
    return {
        "outcome": decision.outcome,
        "code": decision.code,
        "reason": decision.reason,
        "remedy": decision.remedy,
        "reference_price": plain(plan.reference_price) if plan else None,
        "leverage": plan.leverage if plan else None,
        "trades": list(decision.trades),
        "notes": list(plan.notes) if plan else [],
    }


def nudge_paper_price(account: Account, intent: Intent) -> None:
    """Let an alert give a paper symbol its first price when no source has one."""
    if account.is_paper and intent.price is not None:
        nudge_price_if_missing(account, intent.symbol, intent.price)


def apply(
    signal: Signal, lane: Lane, decision: Decision, *, mode: PositionMode, record: dict[str, Any], now: datetime
) -> None:
    """Write what was decided; belongs in the transaction that holds the account's lock."""
    trades = list(Trade.objects.filter(pk__in=decision.trades, lane=lane).order_by("id"))
    if decision.outcome is Outcome.CLOSE_FIRST:
        for held in trades:
            plans.request_close(held, reason="MAKE_WAY")
        Signal.objects.filter(pk=signal.pk).update(plan=record)
        signal.plan = record
        return
    trade = _write_trade(signal, lane, decision, trades, mode=mode, now=now)
    _write_signal(signal, decision, trade, record, now)


def _write_trade(
    signal: Signal, lane: Lane, decision: Decision, trades: list[Trade], *, mode: PositionMode, now: datetime
) -> Trade | None:
    """Write the decision's trades, legs and exits; return the trade that the signal is shown with."""
    first: Trade | None = trades[0] if trades else None
    match decision.outcome:
        case Outcome.OPEN if decision.plan is not None:
            return plans.open_trade(
                plan=decision.plan,
                strategy=signal.strategy,
                lane=lane,
                mode=mode,
                now=now,
                send_before=_of_age_at(signal),
            )
        case Outcome.ADD if decision.plan is not None and first is not None:
            plans.add_to_trade(first, plan=decision.plan, now=now, send_before=_of_age_at(signal))
        case Outcome.CLOSE:
            for held in trades:
                if decision.quantity is None:
                    plans.request_close(held, reason="EXIT_ALERT")
                else:
                    plans.add_exit(held, quantity=decision.quantity)
        case Outcome.SELL if decision.quantity is not None and first is not None:
            plans.add_exit(first, quantity=decision.quantity)
        case Outcome.SELL if decision.quantity is not None:
            price = decision.plan.reference_price if decision.plan else None
            return plans.sell_holding(
                strategy=signal.strategy, lane=lane, quantity=decision.quantity, reference_price=price
            )
        case Outcome.MOVE_STOP if first is not None and decision.stop_price is not None:
            plans.move_stop(first, price=decision.stop_price)
    return first


def _of_age_at(signal: Signal) -> datetime:
    """Return until when the alert may open something; approved ones count from the approval."""
    fired = signal.approved_at or min(signal.alert_at or signal.received_at, signal.received_at)
    return fired + timedelta(seconds=signal.strategy.max_age_s)


def _write_signal(
    signal: Signal, decision: Decision, trade: Trade | None, record: dict[str, Any], now: datetime
) -> None:
    if decision.outcome is Outcome.REFUSE:
        status = S.EXPIRED if decision.code == "STALE" else S.REFUSED
    else:
        status = S.DONE if decision.outcome is Outcome.NOTHING else S.PLANNED
    ended = status != S.PLANNED
    Signal.objects.filter(pk=signal.pk, status=S.RECEIVED).update(
        status=status,
        reason_code=decision.code,
        reason=decision.reason[:500],
        remedy=decision.remedy[:500],
        plan=record,
        trade=trade,
        planned_at=now,
        done_at=now if ended else None,
    )
    if decision.outcome is Outcome.REFUSE:
        notify(
            level=Notice.Level.INFO,
            code=decision.code,
            message=f"signal {signal.pk} refused: {decision.reason}",
            account=signal.strategy.account,
            trade=trade,
        )


def fail(signal: Signal, *, code: str, reason: str) -> None:
    """End a signal that could not be decided or carried out."""
    Signal.objects.filter(pk=signal.pk, status__in=Signal.WAITING).update(
        status=S.FAILED, reason_code=code, reason=reason[:500], done_at=clock.now()
    )
    notify(
        level=Notice.Level.ALARM,
        code=code,
        message=f"signal {signal.pk} failed: {reason}",
        account=signal.strategy.account,
        trade=signal.trade,
    )


def call_off(signal: Signal, *, by: Signal) -> None:
    """End an entry that could not proceed before its own exit came."""
    Signal.objects.filter(pk=signal.pk, status=S.RECEIVED).update(
        status=S.REFUSED,
        reason_code="SUPERSEDED",
        reason=f"signal {by.pk} asked to exit while this entry waited; nothing was opened",
        done_at=clock.now(),
    )


def finish_planned(lane: Lane, *, now: datetime) -> None:
    """End the signals whose plan has been carried out, or can't be any more."""
    planned = Signal.objects.filter(lane=lane, status=S.PLANNED).select_related("trade", "strategy__account")
    for signal in planned:
        result = _result(signal)
        if result is None:
            continue
        status, code, reason = result
        if status == S.FAILED:
            fail(signal, code=code, reason=reason)
        else:
            Signal.objects.filter(pk=signal.pk, status=S.PLANNED).update(
                status=status, reason_code=code, reason=reason[:500], done_at=now
            )


def _result(signal: Signal) -> tuple[str, str, str] | None:
    """Return status, code and sentence of a signal that is through, None while it is under way."""
    trade, outcome = signal.trade, (signal.plan or {}).get("outcome")
    if trade is None:
        return (S.DONE, signal.reason_code, signal.reason)
    orders = list(Order.objects.filter(trade=trade).order_by("id"))
    if outcome in (Outcome.OPEN, Outcome.ADD):
        return _entry_result(signal, trade, orders)
    if outcome in (Outcome.CLOSE, Outcome.SELL):
        return _exit_result(signal, trade, orders)
    if outcome == Outcome.MOVE_STOP:
        return (S.DONE, signal.reason_code, signal.reason) if _stop_moved(trade, orders) else None
    return (S.DONE, signal.reason_code, signal.reason)


def _stop_moved(trade: Trade, orders: list[Order]) -> bool:
    if trade.status not in LIVE or trade.close_requested_at is not None or trade.stop_override is None:
        return True
    sign = Direction(trade.direction).sign
    return any(
        (o.trigger_price - trade.stop_override) * sign >= 0
        for o in orders
        if o.role == LegKind.SL and not o.superseded and o.status == OrderStatus.ACCEPTED and o.trigger_price
    )


def _entry_result(signal: Signal, trade: Trade, orders: list[Order]) -> tuple[str, str, str] | None:
    entries = [o for o in orders if LegKind(o.role).opens and o.created_at >= (signal.planned_at or o.created_at)]
    if trade.status in LIVE:
        unsent = not entries and not trade.entries_canceled and trade.close_requested_at is None
        if unsent or any(o.status in PENDING for o in entries):
            return None
        if trade.naked_since is not None and trade.close_requested_at is None:
            return None
    if not entries:
        why = trade.close_reason if trade.close_requested_at else "entries cancelled"
        return (S.REFUSED, "NOT_SENT", f"the trade was called off before an entry was sent ({why or trade.status})")
    if any(o.filled_quantity or o.status not in ENDED for o in entries):
        return (S.DONE, signal.reason_code, signal.reason)
    unfilled = (OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.EXPIRED)
    refused = [o for o in entries if o.status in unfilled and o.reason_code != NOT_WANTED]
    if refused:
        worst = refused[0]
        return (S.FAILED, worst.reason_code or f"ENTRY_{worst.status}", f"{worst.client_order_id}: {worst.reason}")
    return (S.DONE, signal.reason_code, signal.reason)


def _found_flat(signal: Signal, asked: list[int]) -> tuple[str, str, str] | None:
    """Return what to say if the venue had nothing left to close of any of the trades, None if it had."""
    exits = Order.objects.filter(
        trade__in=asked, role=LegKind.EXIT, client_order_id__startswith=OUR_PREFIX, created_at__gte=signal.planned_at
    )
    told = [(order.reason_code, order.filled_quantity) for order in exits]
    if not told or any(code != NOTHING_TO_REDUCE or filled for code, filled in told):
        return None
    reason = "nothing was left to close, the position had ended already at the venue; what still rested was cancelled"
    return (S.DONE, "ALREADY_FLAT", reason)


def _exit_result(signal: Signal, trade: Trade, orders: list[Order]) -> tuple[str, str, str] | None:
    done = (S.DONE, signal.reason_code, signal.reason)
    asked = (signal.plan or {}).get("trades") or [trade.pk]
    live = [held for held in Trade.objects.filter(pk__in=asked) if held.status in LIVE]
    if not live:
        return _found_flat(signal, asked) or done
    if any(held.close_requested_at is not None for held in live):
        return None
    exits = [o for o in orders if o.role == LegKind.EXIT and o.created_at >= (signal.planned_at or o.created_at)]
    if not exits or any(o.status not in ENDED for o in exits):
        return None
    last = exits[-1]
    if last.status != OrderStatus.FILLED and not last.filled_quantity:
        return (S.FAILED, last.reason_code or f"EXIT_{last.status}", f"{last.client_order_id}: {last.reason}")
    return done
