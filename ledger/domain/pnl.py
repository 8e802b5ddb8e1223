"""What a trade earned: fees valued, net result, slippage and the open part; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from exchange.types import ZERO, Direction
from ledger.domain.position import FillFact, exact, in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeValue:
    """Fees as far as they can be valued without outside prices: `quote`, and the other assets as they are."""

    quote: Decimal = ZERO
    other: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetPnl:
    """The result of a trade in quote; the fees in `unvalued`, if any, are still to be taken off."""

    realized: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    unvalued: Mapping[str, Decimal] = field(default_factory=dict)


def value_fees(fills: Iterable[FillFact], base_asset: str, quote_asset: str) -> FeeValue:
    """Return the fees in quote: quote as it is, base at the price of its own fill. A rebate is negative."""
    quote = Fraction(0)
    other: dict[str, Fraction] = {}
    for fact in in_order(fills):
        fee = Fraction(fact.fee)
        if fact.fee_asset == quote_asset:
            quote += fee
        elif fact.fee_asset == base_asset:
            quote += fee * Fraction(fact.price)
        elif fee:
            other[fact.fee_asset] = other.get(fact.fee_asset, Fraction(0)) + fee
    return FeeValue(quote=exact(quote), other={asset: exact(fee) for asset, fee in sorted(other.items()) if fee})


def net_pnl(*, realized: Decimal, fees: FeeValue, funding: Decimal) -> NetPnl:
    """Return realized less fees plus funding; funding is signed from the account's view."""
    net = Fraction(realized) - Fraction(fees.quote) + Fraction(funding)
    return NetPnl(realized=realized, fees=fees.quote, funding=funding, net=exact(net), unvalued=fees.other)


def slippage(*, direction: Direction, reference_price: Decimal | None, entry_price: Decimal | None) -> Decimal | None:
    """Return by how much per base the entry was worse than the price decided at (negative: better)."""
    if reference_price is None or reference_price <= ZERO or entry_price is None:
        return None
    return exact(direction.sign * (Fraction(entry_price) - Fraction(reference_price)))


def slippage_pct(
    *, direction: Direction, reference_price: Decimal | None, entry_price: Decimal | None
) -> Decimal | None:
    """Return the slippage in percent of the price decided at, or None."""
    worse = slippage(direction=direction, reference_price=reference_price, entry_price=entry_price)
    if worse is None or reference_price is None:
        return None
    return exact(Fraction(worse) * 100 / Fraction(reference_price))


def unrealized_pnl(
    *, direction: Direction, quantity: Decimal, entry_price: Decimal | None, mark_price: Decimal
) -> Decimal:
    """Return what closing the quantity at the mark price would earn before fees, in quote."""
    if not quantity or entry_price is None:
        return ZERO
    return exact(direction.sign * Fraction(quantity) * (Fraction(mark_price) - Fraction(entry_price)))
