"""The one door for venue facts: whatever a stream, an answer or a query says of orders and money ends here.

It may hear a thing twice, late, or out of order, and from several processes at once. Fills are append-only and count
whatever the state of their order; states move forward by the table; positions are refolded from all fills.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from exchange.clock import now
from exchange.models import Account
from exchange.rules import tidy
from exchange.types import ZERO, Direction, IncomeReport, OrderReport, OrderStatus, PositionSide
from ledger import lanes
from ledger.domain.order_state import AT_VENUE, ENDED, NEXT, InvalidTransition, advance
from ledger.domain.position import exact
from ledger.models import Fill, Income, Notice, Order, OrderEvent, Trade
from ledger.services import forced
from ledger.services.notices import notify
from ledger.services.trades import OF_A_POSITION, refold, refold_funding

log = structlog.get_logger(__name__)

OUR_PREFIX = "tv-"
NOTE_LENGTH = 300

# Words of the venue; the others are ours, and a report must not move an order by them.
_VENUE_WORDS = AT_VENUE | {
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.REJECTED,
    OrderStatus.UNKNOWN,
}
_SEEN_BY_VENUE = AT_VENUE | {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED}


def apply_report(*, account_id: int, report: OrderReport, source: str) -> None:
    """Book what a venue says of one order of this account, in one short transaction; idempotent.

    source: answer, stream, query or reconcile. Orders of other accounts are never touched.
    """
    with transaction.atomic():
        if forced.reason_of(report.client_order_id):
            found = forced.find_or_book(account_id=account_id, report=report)
        else:
            mine = Order.objects.filter(account_id=account_id, client_order_id=report.client_order_id)
            found = mine.first()
        if found is None:
            _stranger(account_id, report)
            return
        # The trade before the order, everywhere: its fold must see the fills of all its orders.
        trade = _locked_trade(found.trade_id)
        order = Order.objects.select_for_update(no_key=True).get(pk=found.pk)
        held_before = trade.quantity
        new_fills = _book_fills(order, report)
        changed = _update_order(order, report, source) or new_fills
        if new_fills:
            refold(trade)
        if new_fills and not trade.live and trade.quantity > held_before:
            _reopen(trade, order)
        if changed:
            lanes.touch(account_id=account_id, symbol=order.symbol, at=now())


def apply_income(*, account_id: int, report: IncomeReport) -> None:
    """Book a movement of money once, and add it to the trade whose position caused it."""
    with transaction.atomic():
        trade = _trade_of_income(account_id, report)
        try:
            with transaction.atomic():
                Income.objects.create(
                    account_id=account_id,
                    trade=trade,
                    kind=report.kind,
                    venue_income_id=report.venue_income_id,
                    asset=report.asset,
                    amount=report.amount,
                    symbol=report.symbol,
                    occurred_at=report.occurred_at,
                )
        except IntegrityError:
            return
        if trade is not None:
            refold_funding(trade)


def _book_fills(order: Order, report: OrderReport) -> bool:
    """Insert the fills that are new; True if any was."""
    known = dict(
        Fill.objects.filter(
            account_id=order.account_id,
            symbol=order.symbol,
            venue_trade_id__in=[fill.venue_trade_id for fill in report.fills],
        ).values_list("venue_trade_id", "order_id")
    )
    rows = {}
    for fill in report.fills:
        misfit = fill.symbol != order.symbol or fill.side != order.side or fill.quantity <= ZERO
        if misfit or known.get(fill.venue_trade_id, order.pk) != order.pk:
            _misfit(order, fill.venue_trade_id)
        elif fill.venue_trade_id not in known:
            rows[fill.venue_trade_id] = Fill(
                order=order,
                account_id=order.account_id,
                symbol=order.symbol,
                venue_trade_id=fill.venue_trade_id,
                side=fill.side,
                quantity=fill.quantity,
                price=fill.price,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
                realized_pnl=fill.realized_pnl,
                liquidity=fill.liquidity,
                filled_at=fill.filled_at,
            )
    if rows:
        # The row locks keep twins out; should one slip by, the unique constraint makes this a no-op for it.
        Fill.objects.bulk_create(rows.values(), ignore_conflicts=True)
    return bool(rows)


def _update_order(order: Order, report: OrderReport, source: str) -> bool:
    """Bring the row up to date with its fills and with the report; True if anything changed."""
    fills = list(Fill.objects.filter(order=order).values_list("quantity", "price"))
    total = sum((Fraction(quantity) for quantity, _ in fills), Fraction(0))
    worth = sum((Fraction(quantity) * Fraction(price) for quantity, price in fills), Fraction(0))
    changes: dict[str, Any] = {
        "filled_quantity": exact(total),
        "average_price": exact(worth / total) if total else None,
    }
    if report.venue_order_id:
        changes["venue_order_id"] = report.venue_order_id
    missing = report.filled_quantity > exact(total)
    status = _next_status(order, report, source, filled=exact(total), missing=missing)
    current = OrderStatus(order.status)
    if status != current:
        changes["status"] = status
        changes["reason"] = report.reason[:NOTE_LENGTH] or (order.reason if order.reason_code else "")
        if status is OrderStatus.REJECTED:
            changes["reason_code"] = order.reason_code or "REJECTED_BY_VENUE"
    if report.status in _SEEN_BY_VENUE:
        changes |= {"deadline_at": None, "ask_at": None, "asks": 0}
    if missing:
        # The venue counts fills that we have not heard: ask for them; until then the order has not ended for us.
        changes |= {"ask_at": order.ask_at or now(), "asks": order.asks}
    if order.acknowledged_at is None and (report.status in _SEEN_BY_VENUE or total):
        changes["acknowledged_at"] = now()
    filled_more = order.filled_quantity != changes["filled_quantity"]
    changes = {name: value for name, value in changes.items() if getattr(order, name) != value}
    for name, value in changes.items():
        setattr(order, name, value)
    if changes:
        order.save(update_fields=[*changes, "updated_at"])
    if status != current or filled_more:
        note = f"filled {tidy(order.filled_quantity)} of {tidy(order.quantity)}" if filled_more else report.reason
        _event(order, current, status, source, note)
    return bool(changes)


def _next_status(order: Order, report: OrderReport, source: str, *, filled: Decimal, missing: bool) -> OrderStatus:
    """Return the order's status after the report, by the table; what the table forbids is noted and dropped."""
    wanted = _implied(order, report, filled=filled, missing=missing)
    if wanted is None:
        return OrderStatus(order.status)
    if order.status == OrderStatus.INITIALIZED and wanted is not OrderStatus.UNKNOWN:
        # We took it for not sent, but the venue has it: adopting it keeps it from being sent a second time.
        _event(order, OrderStatus.INITIALIZED, OrderStatus.SUBMITTING, source, "the venue has it")
        order.status = OrderStatus.SUBMITTING
    current = OrderStatus(order.status)
    if report.status in _VENUE_WORDS and not _allowed(current, report.status):
        _note_stale(order, report, source)
    return wanted if _allowed(current, wanted) else current


def _allowed(current: OrderStatus, new: OrderStatus) -> bool:
    try:
        advance(current, new)
    except InvalidTransition:
        return False
    return True


def _implied(order: Order, report: OrderReport, *, filled: Decimal, missing: bool) -> OrderStatus | None:
    """Return the status that report and fills together say, None if they say nothing about it."""
    current = OrderStatus(order.status)
    if filled >= order.quantity > ZERO:
        return OrderStatus.FILLED
    if report.status not in _VENUE_WORDS:
        return OrderStatus.PARTIALLY_FILLED if filled else None
    ends = report.status in ENDED or report.status is OrderStatus.PARTIALLY_FILLED
    if missing and ends:
        # Ended with fills that we have not heard: by our books the end has not come yet.
        return OrderStatus.PARTIALLY_FILLED if filled else _at_least_accepted(current)
    if filled and report.status in (OrderStatus.ACCEPTED, OrderStatus.TRIGGERED, OrderStatus.UNKNOWN):
        return OrderStatus.PARTIALLY_FILLED if current not in ENDED else None
    if report.status is OrderStatus.UNKNOWN and OrderStatus.UNKNOWN not in NEXT[current]:
        return None
    return report.status


def _at_least_accepted(current: OrderStatus) -> OrderStatus | None:
    return OrderStatus.ACCEPTED if OrderStatus.ACCEPTED in NEXT[current] | {current} else None


def _note_stale(order: Order, report: OrderReport, source: str) -> None:
    """Note once that a report would have moved the order backwards; alarm if the order should not exist at all."""
    note = f"stale report {report.status} dropped"
    if order.events.filter(note=note).exists():
        return
    _event(order, OrderStatus(order.status), OrderStatus(order.status), source, note)
    never_there = order.acknowledged_at is None and order.status in (OrderStatus.DENIED, OrderStatus.REJECTED)
    if never_there and report.status in _SEEN_BY_VENUE:
        notify(
            level=Notice.Level.ALARM,
            code="ORDER_EXISTS_AFTER_ALL",
            message=f"{order.client_order_id} is {order.status} here but {report.status} at the venue: cancel it.",
            account=order.account,
            trade=order.trade,
        )


def _event(order: Order, old: OrderStatus, new: OrderStatus, source: str, note: str) -> None:
    OrderEvent.objects.create(order=order, from_status=old, to_status=new, source=source, note=note[:NOTE_LENGTH])


def _misfit(order: Order, venue_trade_id: str) -> None:
    """Say once that a fill was told for an order whose symbol or side it doesn't have, or that another order has."""
    note = f"fill {venue_trade_id} does not belong to this order"
    if order.events.filter(note=note).exists():
        return
    _event(order, OrderStatus(order.status), OrderStatus(order.status), "ledger", note)
    notify(
        level=Notice.Level.ALARM,
        code="FILL_DOES_NOT_FIT",
        message=f"{order.client_order_id}: {note}; it was not booked. Compare with the venue (ledger_check).",
        account=order.account,
        trade=order.trade,
    )


def _stranger(account_id: int, report: OrderReport) -> None:
    """An order that this account's ledger does not know: alarm if it bears our name, else none of our business."""
    name = report.client_order_id
    if not name.startswith(OUR_PREFIX):
        log.debug("report_of_foreign_order", account=account_id, client_order_id=name, symbol=report.symbol)
        return
    # The lock makes "once per id" true for concurrent reports too.
    account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
    code = "ORDER_UNKNOWN_TO_LEDGER"
    if Notice.objects.filter(account=account, code=code, message__startswith=f"{name} ").exists():
        return
    elsewhere = Order.objects.filter(client_order_id=name).exists()
    why = "belongs to another account here" if elsewhere else "is not in the ledger"
    notify(
        level=Notice.Level.ALARM,
        code=code,
        message=f"{name} ({report.symbol}, {report.status}) was reported by {account}'s venue, but {why}."
        " Cancel or close it at the venue; an older backup or another installation may have sent it.",
        account=account,
    )


def _reopen(trade: Trade, order: Order) -> None:
    """A fill arrived after the trade's end and something is held again: back to work with it."""
    status = Trade.Status.CLOSING if trade.close_requested_at else Trade.Status.OPEN
    try:
        with transaction.atomic():
            Trade.objects.filter(pk=trade.pk).update(status=status, closed_at=None)
        trade.status, trade.closed_at = status, None
        what = "it is managed again"
    except IntegrityError:
        what = f"close {tidy(trade.quantity)} by hand, a newer trade has its place"
    notify(
        level=Notice.Level.ALARM,
        code="FILL_AFTER_END",
        message=f"{trade}: {order.client_order_id} was filled after the trade had ended; {what}.",
        account=trade.account,
        trade=trade,
    )


def _trade_of_income(account_id: int, report: IncomeReport) -> Trade | None:
    """Return, locked, the trade that held the position then: else the live one, else the most recent."""
    if report.kind not in OF_A_POSITION or not report.symbol:
        return None
    candidates = Trade.objects.filter(account_id=account_id, symbol=report.symbol, opened_at__isnull=False)
    if report.position_side is not PositionSide.BOTH:
        candidates = candidates.filter(direction=Direction(report.position_side.value))
    then = candidates.filter(opened_at__lte=report.occurred_at)
    chosen = (
        then.exclude(closed_at__lt=report.occurred_at).order_by("-id").first()
        or candidates.filter(status__in=Trade.LIVE).order_by("-id").first()
        or candidates.order_by("-id").first()
    )
    return chosen and _locked_trade(chosen.pk)


def _locked_trade(trade_id: int) -> Trade:
    rows = Trade.objects.select_related("account").select_for_update(of=("self",), no_key=True)
    return rows.get(pk=trade_id)
