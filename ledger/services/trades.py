"""The stored figures of a trade: a cache of the fold over its fills and incomes, written here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from exchange.models import Instrument
from exchange.rules import plain
from exchange.types import Direction, IncomeKind, Market, Side
from ledger.domain.position import FillFact, PositionFold, exact, fold
from ledger.models import Fill, Income, Trade

# Money that a position itself causes besides its fills; transfers and the like are the account's.
OF_A_POSITION = frozenset({IncomeKind.FUNDING, IncomeKind.LIQUIDATION_FEE})


def fact(fill: Fill) -> FillFact:
    """Return the row as the pure code sees it."""
    return FillFact(
        key=fill.venue_trade_id,
        side=Side(fill.side),
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        at=fill.filled_at,
    )


def instrument_of(trade: Trade) -> Instrument:
    """Return the instrument of the trade's account and symbol."""
    return Instrument.objects.get(venue=trade.account.venue, symbol=trade.symbol)


def fold_trade(trade: Trade, fills: Iterable[Fill], instrument: Instrument) -> PositionFold:
    """Return the fold over these fills of the trade."""
    return fold(
        map(fact, fills),
        Direction(trade.direction),
        instrument.base_asset,
        instrument.quote_asset,
        market=Market(trade.market),
    )


def stored_values(position: PositionFold) -> dict[str, Any]:
    """Return the trade's columns that the fold determines."""
    return {
        "quantity": position.quantity,
        "entered_quantity": position.entered_quantity,
        "entry_price": position.entry_price,
        "realized_pnl": position.realized_pnl,
        "fees": {asset: plain(amount) for asset, amount in position.fees.items()},
        "unmatched_quantity": position.unmatched_quantity,
        "opened_at": position.first_entry_at or position.first_fill_at,
    }


def funding_of(incomes: Iterable[Income], asset: str) -> Any:
    """Return the sum of what the position paid and received besides fills, in this asset, signed."""
    parts = [Fraction(i.amount) for i in incomes if i.kind in OF_A_POSITION and i.asset == asset]
    return exact(sum(parts, Fraction(0)))


def refold(trade: Trade) -> bool:
    """Write what the fills amount to; True if anything changed. The caller holds the trade's row lock."""
    instrument = instrument_of(trade)
    fills = list(Fill.objects.filter(order__trade=trade))
    values = stored_values(fold_trade(trade, fills, instrument))
    if trade.status == Trade.Status.OPENING and fills:
        values["status"] = Trade.Status.OPEN
    return _write(trade, values)


def refold_funding(trade: Trade) -> bool:
    """Write the sum of the trade's incomes; True if it changed. The caller holds the trade's row lock."""
    instrument = instrument_of(trade)
    asset = instrument.margin_asset or instrument.quote_asset
    return _write(trade, {"funding": funding_of(Income.objects.filter(trade=trade), asset)})


def _write(trade: Trade, values: dict[str, Any]) -> bool:
    changes = {name: value for name, value in values.items() if getattr(trade, name) != value}
    for name, value in changes.items():
        setattr(trade, name, value)
    if changes:
        trade.save(update_fields=list(changes))
    return bool(changes)
