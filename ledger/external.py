"""A position that somebody else closed: find out what happened at the venue and book it as it was."""

from __future__ import annotations

from exchange.port import ExchangeClient
from exchange.types import ZERO, FillReport, PositionSide, Side
from ledger.models import Fill, Notice, Trade
from ledger.services.notices import notify
from ledger.services.reports import book_foreign_exit


def book_external_close(trade: Trade, client: ExchangeClient) -> bool:
    """Book the closing of a trade's position by hand or by the venue; False while the venue still shows a position.

    Raises the errors of a query: "the query failed" is never read as "nothing is there".
    """
    held = [
        p for p in client.get_positions(trade.symbol) if p.position_side == trade.position_side and p.quantity != ZERO
    ]
    if held:
        return False
    fills = _foreign_fills(trade, client)
    book_foreign_exit(trade=trade, fills=fills, reason="CLOSED_ELSEWHERE")
    notify(
        level=Notice.Level.ALARM,
        code="CLOSED_ELSEWHERE",
        message=f"{trade}: the venue holds no position any more; somebody else closed it. Booked, our orders are cancelled.",
        account=trade.account,
        trade=trade,
    )
    return True


def _foreign_fills(trade: Trade, client: ExchangeClient) -> tuple[FillReport, ...]:
    """Return the fills that reduced the position and belong to none of our orders, oldest first."""
    known = set(
        Fill.objects.filter(account=trade.account, symbol=trade.symbol).values_list("venue_trade_id", flat=True)
    )
    since = trade.opened_at or trade.created_at
    wanted = Side.SELL if trade.direction == "LONG" else Side.BUY
    return tuple(
        fill
        for fill in client.list_fills(trade.symbol, since)
        if fill.venue_trade_id not in known
        and fill.side is wanted
        and fill.position_side in (trade.position_side, PositionSide.BOTH)
        and not fill.client_order_id.startswith("tv-")
    )
