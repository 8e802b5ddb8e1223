"""The one place that sends orders: commit the row, call the venue, commit the answer.

Nothing here runs inside a transaction of a caller, and no order is sent while an earlier copy of it may exist.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction

from exchange.clock import now
from exchange.errors import (
    AccountUnusable,
    ExchangeError,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    QueryFailed,
)
from exchange.models import HouseState, SymbolSetup, TradingState
from exchange.port import ExchangeClient
from exchange.types import MarginType, OrderReport, OrderStatus
from ledger.domain.order_state import AT_VENUE, ENDED
from ledger.domain.plan import LegKind
from ledger.domain.trade import NOTHING_TO_REDUCE, TARGET_PASSED, WOULD_TRIGGER
from ledger.models import Notice, Order, Trade
from ledger.services import orders as order_rows
from ledger.services.notices import notify
from ledger.services.reports import apply_report

log = structlog.get_logger(__name__)

ASK_PAUSES = tuple(timedelta(seconds=s) for s in (0.5, 1, 2, 4, 8, 15))
MAX_ORDERS_PER_MINUTE = 120
VANISHED_AFTER_ASKS = 3
NOT_WANTED = "NOT_WANTED"


def ask_pause(asks: int) -> timedelta:
    """Return how long to wait before asking the venue again about an order that was asked about `asks` times."""
    return ASK_PAUSES[min(asks, len(ASK_PAUSES) - 1)]


def send(order: Order, client: ExchangeClient) -> None:
    """Send one INITIALIZED order, unless the last gate denies it; its outcome is in the row afterwards."""
    if not _passes_gate(order, client):
        return
    deadline = now() + client.capabilities.call_timeout
    if not order_rows.mark_submitting(order, deadline=deadline) or now() >= deadline:
        # Past the deadline we were asleep, and somebody else may have found out and sent it anew.
        return
    try:
        report = client.submit_order(order.request())
    except Exception as exc:  # noqa: BLE001  # whatever broke, the order may exist: booked as unknown and logged
        _book_failure(order, exc)
    else:
        apply_report(account_id=order.account_id, report=report, source="answer")


def send_pair(target: Order, stop: Order, client: ExchangeClient) -> None:
    """Send a target and a stop of which one cancels the other, in one request."""
    deadline = now() + client.capabilities.call_timeout
    with transaction.atomic(durable=True):
        ours = [order_rows.mark_submitting(order, deadline=deadline) for order in (stop, target)]
    if not all(ours) or now() >= deadline:
        return
    try:
        reports = client.submit_oco(target.request(), stop.request())
    except Exception as exc:  # noqa: BLE001  # as above
        if isinstance(exc, OrderRejected) and exc.target_passed:
            # No fault of the stop: what this target would sell is sold at market now.
            order_rows.mark_rejected(target, code=WOULD_TRIGGER, reason=str(exc))
            order_rows.mark_rejected(stop, code=TARGET_PASSED, reason=str(exc))
            return
        for order in (stop, target):
            _book_failure(order, exc)
    else:
        for report in reports:
            apply_report(account_id=target.account_id, report=report, source="answer")


def _book_failure(order: Order, exc: Exception) -> None:
    """Write what may be concluded from a failed submission."""
    if isinstance(exc, OrderRejected):
        code = exc.code
        if exc.would_trigger:
            code = WOULD_TRIGGER
        elif exc.nothing_to_reduce:
            code = NOTHING_TO_REDUCE
        order_rows.mark_rejected(order, code=code, reason=str(exc))
    elif isinstance(exc, NotSent):
        order_rows.mark_not_sent(order, reason=str(exc), ask_at=now() + exc.retry_after)
    elif isinstance(exc, AccountUnusable):
        order_rows.mark_rejected(order, code="ACCOUNT_UNUSABLE", reason=str(exc))
        notify(
            level=Notice.Level.ALARM,
            code="ACCOUNT_UNUSABLE",
            message=f"{order.account}: {exc}. Entries are refused until a person has mended and resumed the account.",
            account=order.account,
            trade=order.trade,
        )
        type(order.account).objects.filter(pk=order.account_id).update(
            state=TradingState.REDUCING, state_reason=str(exc)[:200]
        )
    else:
        # OutcomeUnknown, and anything that an adapter did not classify or foresee: it may exist.
        if not isinstance(exc, OutcomeUnknown):
            log.error("submission_broke", order=order.client_order_id, exc_info=exc)
        order_rows.mark_unknown(order, reason=str(exc), ask_at=now() + ask_pause(0))


def _passes_gate(order: Order, client: ExchangeClient) -> bool:
    """The last look before the wire. Exits and protection pass always, short of a runaway loop."""
    since = now() - timedelta(minutes=1)
    recent = Order.objects.filter(trade_id=order.trade_id, submitted_at__gte=since).count()
    if recent >= MAX_ORDERS_PER_MINUTE:
        order_rows.mark_denied(order, code="RUNAWAY", reason=f"{recent} orders of this trade within a minute")
        notify(
            level=Notice.Level.ALARM,
            code="RUNAWAY",
            message=f"{order.trade}: {recent} orders within a minute; no more are sent until this slows down.",
            account=order.account,
            trade=order.trade,
        )
        return False
    if not LegKind(order.role).opens:
        return True
    blocked = blocked_by(order.trade)
    if blocked:
        order_rows.mark_denied(order, code="SWITCHED_OFF", reason=f"{blocked} is switched off")
        return False
    last = order.leg.send_before or order.created_at + timedelta(seconds=order.trade.strategy.max_age_s)
    if now() > last:
        late = (now() - last).total_seconds()
        order_rows.mark_denied(order, code="TOO_LATE", reason=f"its alert came of age {late:.0f} s ago (max_age_s)")
        return False
    return _prepare_symbol(order, client)


def blocked_by(trade: Trade) -> str:
    """Return which switch forbids opening orders for the trade, empty if none; read fresh from the rows."""
    account = type(trade.account).objects.get(pk=trade.account_id)
    strategy = type(trade.strategy).objects.get(pk=trade.strategy_id)
    return switched_off(HouseState.read(), account, strategy)


def switched_off(house: HouseState, account: object, strategy: object) -> str:
    """Return the name of the first switch that is not on, empty if all are."""
    if house.state != TradingState.ACTIVE:
        return "the house"
    for row, kind in ((account, "account"), (strategy, "strategy")):
        if not getattr(row, "enabled") or getattr(row, "state") != TradingState.ACTIVE:  # noqa: B009  # rows of two kinds
            return f"{kind} {row}"
    return ""


def _prepare_symbol(order: Order, client: ExchangeClient) -> bool:
    """Set leverage and margin type where they differ from what is known; without that no entry leaves."""
    trade = order.trade
    if not client.capabilities.leverage or (trade.leverage is None and not trade.margin_type):
        return True
    setup, _ = SymbolSetup.objects.get_or_create(account_id=trade.account_id, symbol=trade.symbol)
    try:
        if trade.margin_type and setup.margin_type != trade.margin_type:
            _remember(setup, margin_type="")
            client.set_margin_type(trade.symbol, MarginType(trade.margin_type))
            _remember(setup, margin_type=trade.margin_type)
        if trade.leverage is not None and setup.leverage != trade.leverage:
            _remember(setup, leverage=None)
            client.set_leverage(trade.symbol, trade.leverage)
            _remember(setup, leverage=trade.leverage)
    except ExchangeError as exc:
        order_rows.mark_denied(order, code="SYMBOL_SETUP", reason=f"leverage or margin type could not be set: {exc}")
        return False
    return True


def _remember(setup: SymbolSetup, **values: Any) -> None:
    # Written as unknown before the call: if its outcome is never heard, nobody relies on what was true before.
    for name, value in values.items():
        setattr(setup, name, value)
    setup.save(update_fields=[*values])


def cancel(order: Order, client: ExchangeClient) -> bool:
    """Cancel an order at the venue; True if it has ended by what is known afterwards."""
    if order.status == OrderStatus.INITIALIZED:
        return order_rows.mark_denied(order, code=NOT_WANTED, reason="no longer wanted, never sent")
    try:
        report = client.cancel_order(order.ref())
    except ExchangeError as exc:
        log.warning("cancel_failed", order=order.client_order_id, error=str(exc))
        ask(order, client, certain=False)
    else:
        apply_report(account_id=order.account_id, report=report, source="answer")
    order.refresh_from_db(fields=["status"])
    return OrderStatus(order.status) in ENDED


def ask(order: Order, client: ExchangeClient, *, certain: bool) -> bool:
    """Ask the venue what became of an order; True if it told.

    certain: nobody can still be in the middle of sending it. An order that the venue certainly never saw goes back
    to INITIALIZED (the gate judges then whether it is too late); one "not found" is no proof before its time.
    """
    try:
        report = client.get_order(order.ref())
    except (QueryFailed, AccountUnusable, OutcomeUnknown, NotSent) as exc:
        order_rows.mark_asked(order, ask_at=now() + ask_pause(order.asks), note=str(exc))
        return False
    if report is not None:
        apply_report(account_id=order.account_id, report=report, source="query")
        order.refresh_from_db()
        if order.ask_at is not None and OrderStatus(order.status) in AT_VENUE:
            # It still counts fills that it did not bring: asked again, but with pauses.
            order_rows.mark_asked(order, ask_at=now() + ask_pause(order.asks), note="fills are still missing")
        return True
    if order.status not in (OrderStatus.SUBMITTING, OrderStatus.UNKNOWN):
        return _vanished(order)
    sent = order.submitted_at or order.created_at
    in_call = order.status == OrderStatus.SUBMITTING and not certain
    over_at = order.deadline_at if in_call and order.deadline_at else sent
    proof_at = over_at + client.capabilities.absence_after
    if now() < proof_at:
        order_rows.mark_asked(order, ask_at=max(proof_at, now() + ask_pause(order.asks)), note="not found yet")
        return False
    order_rows.mark_absent(order, note="the venue never saw it")
    return True


def _vanished(order: Order) -> bool:
    """An acknowledged order that the venue repeatedly does not know has ended without our hearing how."""
    if order.asks < VANISHED_AFTER_ASKS:
        order_rows.mark_asked(order, ask_at=now() + ask_pause(order.asks), note="acknowledged, but not found")
        return False
    report = OrderReport(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        status=OrderStatus.EXPIRED,
        filled_quantity=order.filled_quantity,
        updated_at=now(),
        reason="no longer known to the venue",
    )
    apply_report(account_id=order.account_id, report=report, source="query")
    return True
