"""The fold of fills into a position: pure, exact, the same whatever the order and repetition of the input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

from exchange.types import ZERO, Direction, Market, Side

# What `ExactDecimalField` stores at most; a result that needs more digits is cut to DISPLAY_SCALE decimals.
MAX_DIGITS = 60
DISPLAY_SCALE = Decimal("1e-18")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillFact:
    """One match. key: the venue's id of it, unique per account and symbol. fee: positive when paid."""

    key: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFold:
    """What the fills of one trade amount to, by the average-cost method; money in quote, before funding.

    quantity: held now, base, unsigned in the trade's direction. entered_quantity and entered_cost: over all
    entry fills. cost: basis of what is held. realized_pnl: before fees. unmatched_quantity: reduced beyond
    what the fills had bought (sales from other holdings); it has no cost basis and no PnL. base_fees: commission
    that spot took out of the base, signed; quantity - unmatched_quantity = entries - exits - base_fees, always.
    """

    quantity: Decimal = ZERO
    entered_quantity: Decimal = ZERO
    entered_cost: Decimal = ZERO
    entry_price: Decimal | None = None
    exited_quantity: Decimal = ZERO
    exit_price: Decimal | None = None
    cost: Decimal = ZERO
    average_cost: Decimal | None = None
    realized_pnl: Decimal = ZERO
    fees: Mapping[str, Decimal] = field(default_factory=dict)
    base_fees: Decimal = ZERO
    unmatched_quantity: Decimal = ZERO
    first_entry_at: datetime | None = None
    first_fill_at: datetime | None = None
    last_fill_at: datetime | None = None


def fold(
    fills: Iterable[FillFact], direction: Direction, base_asset: str, quote_asset: str, *, market: Market
) -> PositionFold:
    """Return the position that the fills make, whatever their order and however often each is given.

    Spot commission in the base comes out of what is held; futures commission never touches the position.
    Money is worked as fractions, so nothing is rounded inside: a flat trade has realized exactly what it took
    in less what it paid. Raises ValueError for a negative quantity or price.
    """
    run = _Running(sign=direction.sign)
    facts = in_order(fills)
    for fact in facts:
        if fact.quantity < ZERO or fact.price < ZERO:
            raise ValueError(f"fill {fact.key}: negative quantity or price")
        spent = Fraction(fact.fee) if market is Market.SPOT and fact.fee_asset == base_asset else Fraction(0)
        if fact.side is direction.entry_side:
            run.enter(Fraction(fact.quantity), Fraction(fact.price), spent)
        else:
            run.leave(Fraction(fact.quantity), Fraction(fact.price), spent)
        run.fees[fact.fee_asset] = run.fees.get(fact.fee_asset, Fraction(0)) + Fraction(fact.fee)
    entries = [fact.at for fact in facts if fact.side is direction.entry_side and fact.quantity > ZERO]
    return PositionFold(
        quantity=exact(run.held),
        entered_quantity=exact(run.entered),
        entered_cost=exact(run.entered_cost),
        entry_price=_ratio(run.entered_cost, run.entered),
        exited_quantity=exact(run.exited),
        exit_price=_ratio(run.proceeds, run.exited),
        cost=exact(run.cost),
        average_cost=_ratio(run.cost, run.held),
        realized_pnl=exact(run.realized),
        fees={asset: exact(amount) for asset, amount in sorted(run.fees.items()) if amount},
        base_fees=exact(run.base_fees),
        unmatched_quantity=exact(run.unmatched),
        first_entry_at=min(entries, default=None),
        first_fill_at=facts[0].at if facts else None,
        last_fill_at=facts[-1].at if facts else None,
    )


def in_order(fills: Iterable[FillFact]) -> list[FillFact]:
    """Return each fill once, oldest first; ids of one moment count as numbers do ("9" before "10")."""
    unique: dict[str, FillFact] = {}
    for fact in sorted(fills, key=_rank):
        unique.setdefault(fact.key, fact)
    return list(unique.values())


def exact(value: Fraction) -> Decimal:
    """Return the fraction as a decimal: exact if 60 digits hold it, else rounded to 18 decimals."""
    with localcontext() as context:
        context.prec = MAX_DIGITS
        context.clear_flags()  # those of the caller's earlier sums came along
        number = Decimal(value.numerator) / Decimal(value.denominator)
        if context.flags[Inexact]:
            number = number.quantize(DISPLAY_SCALE)
    return number


def _rank(fact: FillFact) -> tuple[object, ...]:
    # Beyond time and id only so that contradicting copies of a fill can't make their order matter.
    return (fact.at, len(fact.key), fact.key, fact.side, fact.quantity, fact.price, fact.fee, fact.fee_asset)


def _ratio(part: Fraction, whole: Fraction) -> Decimal | None:
    return exact(part / whole) if whole else None


@dataclass(slots=True, kw_only=True)
class _Running:
    """The sums while folding."""

    sign: int
    held: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    entered: Fraction = Fraction(0)
    entered_cost: Fraction = Fraction(0)
    exited: Fraction = Fraction(0)
    proceeds: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    unmatched: Fraction = Fraction(0)
    base_fees: Fraction = Fraction(0)
    fees: dict[str, Fraction] = field(default_factory=dict)

    def enter(self, quantity: Fraction, price: Fraction, base_fee: Fraction) -> None:
        """Add to the position. Commission taken from the purchase leaves at the price of the purchase."""
        self.entered += quantity
        self.entered_cost += quantity * price
        self.base_fees += base_fee
        received = quantity - base_fee
        if received < 0:
            # A commission above the purchase (fees on a zero quantity) comes out of what was held before.
            self._reduce(-received, price)
            return
        self.held += received
        self.cost += received * price

    def leave(self, quantity: Fraction, price: Fraction, base_fee: Fraction) -> None:
        """Reduce the position, by the quantity and by commission taken from the rest; never below flat."""
        self.exited += quantity
        self.proceeds += quantity * price
        self.base_fees += base_fee
        self._reduce(quantity + base_fee, price)

    def _reduce(self, quantity: Fraction, price: Fraction) -> None:
        if quantity < 0:
            # A rebate above the sale: base that came in at this price.
            self.held -= quantity
            self.cost -= quantity * price
            return
        matched = min(quantity, self.held)
        self.unmatched += quantity - matched
        if not matched:
            return
        freed = self.cost * matched / self.held
        self.realized += self.sign * (matched * price - freed)
        self.held -= matched
        self.cost -= freed
