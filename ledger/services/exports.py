"""Trades, orders and fills as CSV: streamed in constant memory, and harmless in a spreadsheet.

RFC 4180: a header, CRLF, quotes where needed; UTF-8; times ISO 8601 in UTC; money in plain digits, its asset beside it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import Model, QuerySet

from exchange.models import Account, Instrument
from exchange.rules import plain
from ledger.models import Fill, Order, Trade
from ledger.services.results import fees_text, get_figures

CHUNK = 500

Row = Sequence[Any]
# A minus before nothing but digits is a number and can't start a formula; a spreadsheet must be able to add it up.
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
# What spreadsheets take for a formula at the start of a cell (with its full-width twins), also after blanks and after
# characters that split cells where the list separator is not a comma.
FORMULA = re.compile(r"(^|[;,|\t\r\n])(\s*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001  # the twins are meant
CONTROL_START = re.compile(r"^[\t\r\n]")


class Writable(Protocol):
    """Anything text can be written to: a file, an HTTP response."""

    def write(self, text: str, /) -> object: ...


class _Line:
    """Hands each line back to who asked the csv writer for it."""

    def write(self, text: str) -> str:
        return text


def cell(value: Any) -> str:
    """Return a value as the text of a cell that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    text = str(value)
    if NUMBER.fullmatch(text):
        return text
    text = FORMULA.sub(r"\1\2'", text)
    return f"'{text}" if CONTROL_START.match(text) else text


def lines(kind: str, *, account: Account | None = None, since: datetime | None = None) -> Iterator[str]:
    """Yield the lines of a file of `trades`, `orders` or `fills`, header first, oldest row first.

    since: trades and orders created, fills made at or after it.
    """
    header, rows = _KINDS[kind](account, since)
    writer: Any = csv.writer(_Line(), lineterminator="\r\n")
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def export_trades(stream: Writable, *, account: Account | None = None, since: datetime | None = None) -> int:
    """Write the trades; return how many."""
    return _write(stream, lines("trades", account=account, since=since))


def export_orders(stream: Writable, *, account: Account | None = None, since: datetime | None = None) -> int:
    """Write the orders; return how many."""
    return _write(stream, lines("orders", account=account, since=since))


def export_fills(stream: Writable, *, account: Account | None = None, since: datetime | None = None) -> int:
    """Write the fills; return how many."""
    return _write(stream, lines("fills", account=account, since=since))


EXPORTS = {"trades": export_trades, "orders": export_orders, "fills": export_fills}


def _write(stream: Writable, text: Iterable[str]) -> int:
    count = -1  # the header is no row
    for line in text:
        stream.write(line)
        count += 1
    return count


def _batches(rows: QuerySet[Any], account: Account | None, since: dict[str, datetime]) -> Iterator[list[Any]]:
    """Yield the rows in batches by id: constant memory, and no cursor stays open while a client reads slowly."""
    if account is not None:
        rows = rows.filter(account=account)
    rows = rows.filter(**since).order_by("pk")
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:CHUNK]):
        last = batch[-1].pk
        yield batch


def _assets(batch: Iterable[Model]) -> dict[tuple[str, str], tuple[str, str]]:
    wanted: list[Any] = list(batch)
    found = Instrument.objects.filter(
        venue__in={row.account.venue for row in wanted}, symbol__in={row.symbol for row in wanted}
    )
    return {(row.venue, row.symbol): (row.base_asset, row.quote_asset) for row in found}


TRADE_HEADER = (
    "id", "public_id", "account", "strategy", "symbol", "side", "status", "quantity", "entered_quantity",
    "base_asset", "entry_price", "reference_price", "slippage", "realized_pnl", "fees_in_quote", "funding", "net_pnl",
    "quote_asset", "fees", "fees_not_in_net_pnl", "unmatched_quantity", "leverage", "close_reason", "created_at",
    "opened_at", "protected_at", "closed_at",
)  # fmt: skip
ORDER_HEADER = (
    "id", "client_order_id", "venue_order_id", "account", "trade", "leg", "role", "symbol", "side", "position_side",
    "type", "time_in_force", "quantity", "base_asset", "price", "trigger_price", "quote_asset", "reduce_only", "status",
    "filled_quantity", "average_price", "reason_code", "reason", "created_at", "submitted_at", "acknowledged_at",
    "updated_at",
)  # fmt: skip
FILL_HEADER = (
    "id", "venue_trade_id", "account", "trade", "order", "symbol", "side", "quantity", "base_asset", "price",
    "quote_asset", "fee", "fee_asset", "realized_pnl", "liquidity", "filled_at",
)  # fmt: skip


def _trades(account: Account | None, since: datetime | None) -> tuple[Row, Iterator[Row]]:
    return TRADE_HEADER, _trade_rows(account, since)


def _trade_rows(account: Account | None, since: datetime | None) -> Iterator[Row]:
    rows = Trade.objects.select_related("account", "strategy")
    for batch in _batches(rows, account, {"created_at__gte": since} if since else {}):
        figures, assets = get_figures(batch), _assets(batch)
        for trade in batch:
            base, quote = assets.get((trade.account.venue, trade.symbol), ("", ""))
            net = figures[trade.pk].net
            yield (
                trade.pk, trade.public_id, trade.account.name, trade.strategy.name, trade.symbol, trade.direction,
                trade.status, trade.quantity, trade.entered_quantity, base, trade.entry_price,
                trade.reference_price, figures[trade.pk].slippage, trade.realized_pnl, net.fees, trade.funding,
                net.net, quote, fees_text(trade.fees), fees_text(net.unvalued), trade.unmatched_quantity,
                trade.leverage, trade.close_reason, trade.created_at, trade.opened_at, trade.protected_at,
                trade.closed_at,
            )  # fmt: skip


def _orders(account: Account | None, since: datetime | None) -> tuple[Row, Iterator[Row]]:
    return ORDER_HEADER, _order_rows(account, since)


def _order_rows(account: Account | None, since: datetime | None) -> Iterator[Row]:
    rows = Order.objects.select_related("account", "trade", "leg")
    for batch in _batches(rows, account, {"created_at__gte": since} if since else {}):
        assets = _assets(batch)
        for order in batch:
            base, quote = assets.get((order.account.venue, order.symbol), ("", ""))
            yield (
                order.pk, order.client_order_id, order.venue_order_id, order.account.name, order.trade.public_id,
                order.leg.tag, order.role, order.symbol, order.side, order.position_side, order.type,
                order.time_in_force, order.quantity, base, order.price, order.trigger_price, quote,
                order.reduce_only, order.status, order.filled_quantity, order.average_price, order.reason_code,
                order.reason, order.created_at, order.submitted_at, order.acknowledged_at, order.updated_at,
            )  # fmt: skip


def _fills(account: Account | None, since: datetime | None) -> tuple[Row, Iterator[Row]]:
    return FILL_HEADER, _fill_rows(account, since)


def _fill_rows(account: Account | None, since: datetime | None) -> Iterator[Row]:
    rows = Fill.objects.select_related("account", "order", "order__trade")
    for batch in _batches(rows, account, {"filled_at__gte": since} if since else {}):
        assets = _assets(batch)
        for fill in batch:
            base, quote = assets.get((fill.account.venue, fill.symbol), ("", ""))
            yield (
                fill.pk, fill.venue_trade_id, fill.account.name, fill.order.trade.public_id,
                fill.order.client_order_id, fill.symbol, fill.side, fill.quantity, base, fill.price, quote, fill.fee,
                fill.fee_asset, fill.realized_pnl, fill.liquidity, fill.filled_at,
            )  # fmt: skip


_KINDS: dict[str, Callable[[Account | None, datetime | None], tuple[Row, Iterator[Row]]]] = {
    "trades": _trades,
    "orders": _orders,
    "fills": _fills,
}
