"""A position that somebody else closed: find out what happened at the venue and book it as it was."""

from __future__ import annotations

from exchange.clock import now
from exchange.port import ExchangeClient
from exchange.types import ZERO, Direction, FillReport, OrderReport, OrderStatus, PositionSide, Side
from ledger.models import Fill, Trade
from ledger.services.forced import ELSEWHERE
from ledger.services.reports import OUR_PREFIX, apply_report


def book_external_close(trade: Trade, client: ExchangeClient) -> bool:
    """Book the closing of a trade's position by hand or by the venue; False if the venue shows no such thing.

    Raises the errors of a query: "the query failed" is never read as "nothing is there".
    """
    side = PositionSide(trade.position_side)
    sign = Direction(trade.direction).sign
    # A position of the other sign is somebody else's: of ours nothing is left then either.
    held = [p for p in client.get_positions(trade.symbol) if p.position_side is side and p.quantity * sign > ZERO]
    fills = () if held else _foreign_fills(trade, client)
    if not fills:
        return False
    report = OrderReport(
        client_order_id=f"{ELSEWHERE}{trade.public_id}-{fills[-1].venue_trade_id}"[:36],
        symbol=trade.symbol,
        status=OrderStatus.FILLED,
        filled_quantity=sum((fill.quantity for fill in fills), ZERO),
        updated_at=now(),
        fills=fills,
    )
    apply_report(account_id=trade.account_id, report=report, source="reconcile")
    return True


def _foreign_fills(trade: Trade, client: ExchangeClient) -> tuple[FillReport, ...]:
    """Return the fills that reduced the position and belong to none of our orders, oldest first."""
    rows = Fill.objects.filter(account=trade.account, symbol=trade.symbol)
    known = set(rows.values_list("venue_trade_id", flat=True))
    reducing = Side.SELL if trade.direction == "LONG" else Side.BUY
    return tuple(
        fill
        for fill in client.list_fills(trade.symbol, trade.opened_at or trade.created_at)
        if fill.venue_trade_id not in known
        and fill.side is reducing
        and fill.position_side in (trade.position_side, PositionSide.BOTH)
        and not fill.client_order_id.startswith(OUR_PREFIX)
    )
