"""Orders that the venue itself sends for an account: liquidation, auto-deleveraging, settlement of a contract."""

from __future__ import annotations

from decimal import Decimal

from exchange.models import Account, TradingState
from exchange.rules import tidy
from exchange.types import (
    ZERO,
    Direction,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from ledger.domain.plan import LegKind
from ledger.models import Leg, Notice, Order, OrderEvent, Trade
from ledger.services.notices import notify

# Not the venue's: our name for orders of other hands that closed a position of ours.
ELSEWHERE = "elsewhere-"
LIQUIDATED = "LIQUIDATED"
# Source: Binance USDⓈ-M, ORDER_TRADE_UPDATE, special client order ids.
REASONS = {
    "autoclose-": LIQUIDATED,
    "adl_autoclose": "DELEVERAGED",
    "settlement_autoclose-": "SETTLED",
    ELSEWHERE: "CLOSED_ELSEWHERE",
}
ID_LENGTH = 36


def reason_of(client_order_id: str) -> str:
    """Return why the venue sent an order with this id, empty if it was not the venue."""
    return next((code for prefix, code in REASONS.items() if client_order_id.startswith(prefix)), "")


def find_or_book(*, account_id: int, report: OrderReport) -> Order | None:
    """Return our row of an order that the venue sent itself, made on first hearing; None for all other orders.

    It is booked as an exit of the live trade that holds most of that position; an alarm tells the account's owner.
    """
    code = reason_of(report.client_order_id)
    if not code:
        return None
    # One report at a time may make the row.
    account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
    name = _row_id(account, report)
    known = Order.objects.filter(account=account, client_order_id=name).first()
    if known is not None:
        _grow(known, _quantity(report))
        return known
    side = _side(report)
    quantity = _quantity(report)
    if side is None or quantity <= ZERO:
        # An announcement without numbers; the report that brings fills makes the row.
        return None
    trades = _holders(account, report, side)
    if not trades:
        _alarm_unmatched(account, report, code)
        return None
    trade = trades[0]
    order = _book(trade, report, name=name, side=side, code=code)
    Trade.objects.filter(pk=trade.pk, close_reason="").update(close_reason=code)
    if code == LIQUIDATED:
        # Whatever led here would lead here again: a person looks before anything is opened.
        Account.objects.filter(pk=account.pk, state=TradingState.ACTIVE).update(
            state=TradingState.REDUCING, state_reason=f"{trade} was liquidated: check, then resume"
        )
    others = f" {len(trades) - 1} more trades hold this symbol." if len(trades) > 1 else ""
    notify(
        level=Notice.Level.ALARM,
        code=code,
        message=f"{trade}: {tidy(quantity)} was closed by an order that is not ours ({report.client_order_id}).{others}"
        " Check margin, leverage and who else trades the account before the next entry.",
        account=account,
        trade=trade,
    )
    return order


def _row_id(account: Account, report: OrderReport) -> str:
    """Return the id that our row has: the venue's, made unique where the venue uses one id again."""
    name = report.client_order_id[:ID_LENGTH]
    rows = Order.objects.filter(client_order_id=name)
    mine = rows.filter(account=account)
    if report.venue_order_id:
        mine = mine.filter(venue_order_id=report.venue_order_id)
    if mine.exists() or not rows.exists():
        return name
    tail = f"-{account.pk}-{report.venue_order_id or report.symbol}"
    return name[: ID_LENGTH - len(tail)] + tail


def _side(report: OrderReport) -> Side | None:
    if report.fills:
        return report.fills[0].side
    return report.request.side if report.request else None


def _quantity(report: OrderReport) -> Decimal:
    asked = report.request.quantity if report.request else ZERO
    told = sum((fill.quantity for fill in report.fills), ZERO)
    return max(asked, told, report.filled_quantity)


def _holders(account: Account, report: OrderReport, side: Side) -> list[Trade]:
    """Return the live trades that such an order shrinks, the one that holds most first."""
    direction = Direction.LONG if side is Direction.LONG.exit_side else Direction.SHORT
    live = Trade.objects.filter(
        account=account, symbol=report.symbol, direction=direction, status__in=Trade.LIVE
    ).select_related("account")
    held = [trade for trade in live if trade.quantity > ZERO]
    # An id of ours names its trade; the venue's ids name none.
    return sorted(held, key=lambda t: (t.public_id not in report.client_order_id, -t.quantity, t.pk))


def _book(trade: Trade, report: OrderReport, *, name: str, side: Side, code: str) -> Order:
    quantity = _quantity(report)
    index = Leg.objects.filter(trade=trade, kind=LegKind.EXIT).count() + 1
    leg = Leg.objects.create(
        trade=trade, kind=LegKind.EXIT, index=index, order_type=OrderType.MARKET, quantity=quantity
    )
    request = report.request
    order = Order.objects.create(
        trade=trade,
        leg=leg,
        account=trade.account,
        client_order_id=name,
        venue_order_id=report.venue_order_id,
        role=LegKind.EXIT,
        symbol=report.symbol,
        side=side,
        position_side=trade.position_side or PositionSide.BOTH,
        type=OrderType.MARKET,
        quantity=quantity,
        price=request.price if request else None,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        status=OrderStatus.ACCEPTED,
        reason="not sent by us",
        reason_code=code,
    )
    OrderEvent.objects.create(order=order, to_status=OrderStatus.ACCEPTED, source="ledger", note=code)
    return order


def _grow(order: Order, quantity: Decimal) -> None:
    # Without a request we learn the size of the venue's order only from its fills.
    if quantity > order.quantity:
        order.quantity = quantity
        order.save(update_fields=["quantity", "updated_at"])


def _alarm_unmatched(account: Account, report: OrderReport, code: str) -> None:
    name = report.client_order_id
    if Notice.objects.filter(account=account, code=code, message__startswith=f"{name} ").exists():
        return
    notify(
        level=Notice.Level.ALARM,
        code=code,
        message=f"{name} on {report.symbol}: the venue itself closed a position that no live trade here holds.",
        account=account,
    )
