"""How many: from a sizing method and its amount to the quantity of every entry, always rounded down.

Each entry of its own has its own amount at its own price; only RISK_FRACTION spreads one amount, the loss at the
stop, over all entries in equal quantities. Fractions of a balance are cut to the funds that may be used, amounts
that were asked for in absolute terms never are: those are refused if the funds don't allow them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, localcontext
from fractions import Fraction

from exchange.rules import floor_quantity, min_quantity, tidy
from exchange.types import ZERO, InstrumentRules, Market, OrderType
from ledger.domain.plan import LegKind
from ledger.domain.policy import Sizing, SizingMethod
from signals.refusals import Refusal, money, number

FRACTIONS = frozenset({SizingMethod.BALANCE_FRACTION, SizingMethod.POSITION_FRACTION, SizingMethod.RISK_FRACTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An entry that waits for its quantity.

    price: what values it, its limit or the market that it meets. limit: the limit price, if it has one. basis: the
    price that the alert was made at, for risk. scale: times the first entry's quantity; None: an entry of its own.
    """

    kind: LegKind
    index: int
    order_type: OrderType
    price: Decimal
    basis: Decimal
    limit: Decimal | None = None
    scale: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What may be spent: `free` of `asset`, `reserve_pct` percent of it kept back."""

    asset: str
    free: Decimal
    reserve_pct: Decimal

    @property
    def spendable(self) -> Decimal:
        return max(ZERO, self.free * (1 - self.reserve_pct / 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the methods need besides the entries. leverage: 1 on spot; ceiling: the highest that may be used."""

    rules: InstrumentRules
    funds: Funds
    leverage: int = 1
    ceiling: int = 1
    held: Decimal = ZERO
    stop: Decimal | None = None


def choose_sizing(own: Sizing | None, policy: Sizing | None) -> Sizing:
    """Return the alert's sizing, else the strategy's; raises Refusal if there is none or it makes no sense."""
    sizing = own or policy
    if sizing is None:
        raise Refusal(
            "NO_SIZE",
            "neither the alert nor the strategy says how much to trade",
            "Give the strategy a sizing method and amount, or send an amount with the alert.",
        )
    is_fraction = sizing.method in FRACTIONS
    if sizing.amount <= ZERO or (is_fraction and sizing.amount > 1):
        allowed = "above 0 and at most 1 (0.25 is 25 %)" if is_fraction else "above 0"
        raise Refusal(
            "SIZE_RANGE",
            f"{sizing.method} of {tidy(sizing.amount)} is outside its range: it must be {allowed}",
            f"Send an amount {allowed}.",
        )
    return sizing


def size_entries(sizing: Sizing, slots: Sequence[Slot], means: Means) -> tuple[Decimal, ...]:
    """Return the quantity (base) of each slot, on the step of its order type.

    Raises Refusal: below a minimum, more than the funds or the leverage ceiling allow, or no basis for the method.
    """
    wanted = _wanted(sizing, slots, means)
    if sizing.method in FRACTIONS:
        wanted = _within(wanted, slots, means)
    quantities = _floored(wanted, slots, means.rules)
    for slot, quantity, exact in zip(slots, quantities, wanted, strict=True):
        check_minimum(slot, quantity, to_decimal(exact), means)
    return quantities


def margin_needed(slots: Sequence[Slot], quantities: Sequence[Decimal], leverage: int) -> Decimal:
    """Return the funds that the entries bind together: their value, divided by the leverage."""
    return sum((reserve(slot, quantity, leverage) for slot, quantity in zip(slots, quantities, strict=True)), ZERO)


def reserve(slot: Slot, quantity: Decimal, leverage: int) -> Decimal:
    """Return the funds that one entry binds."""
    return quantity * slot.price / leverage


def to_decimal(value: Fraction) -> Decimal:
    """Return the exact decimal, or the nearest one below if there is none: never more than was asked for."""
    with localcontext() as ctx:
        ctx.rounding = ROUND_DOWN
        return Decimal(value.numerator) / Decimal(value.denominator)


def _wanted(sizing: Sizing, slots: Sequence[Slot], means: Means) -> tuple[Fraction, ...]:
    if sizing.method is SizingMethod.RISK_FRACTION:
        return _by_risk(sizing.amount, slots, means)
    own = [_own_amount(sizing, slot, means) if slot.scale is None else None for slot in slots]
    first = own[0] or Fraction(0)
    return tuple(
        first * Fraction(slot.scale or ZERO) if amount is None else amount
        for slot, amount in zip(slots, own, strict=True)
    )


def _own_amount(sizing: Sizing, slot: Slot, means: Means) -> Fraction:
    amount, price = Fraction(sizing.amount), Fraction(slot.price)
    match sizing.method:
        case SizingMethod.QUOTE_AMOUNT:
            return amount / price
        case SizingMethod.BASE_AMOUNT:
            return amount
        case SizingMethod.BALANCE_FRACTION:
            return amount * Fraction(means.funds.free) * means.leverage / price
        case SizingMethod.MARGIN:
            return amount * means.leverage / price
        case _:
            return amount * _held(means)


def _held(means: Means) -> Fraction:
    if means.held <= ZERO:
        raise Refusal(
            "NOTHING_HELD",
            f"a fraction of the held {means.rules.base_asset} is asked for, but none is held",
            "Use another sizing method for the first entry.",
        )
    return Fraction(means.held)


def _by_risk(fraction: Decimal, slots: Sequence[Slot], means: Means) -> tuple[Fraction, ...]:
    if means.stop is None:
        raise Refusal(
            "STOP_REQUIRED",
            "the size follows from the loss at the stop, but neither the alert nor the strategy gives a stop",
            "Send a stop with the alert or give the strategy one in percent.",
        )
    scales = [Fraction(1 if slot.scale is None else slot.scale) for slot in slots]
    stop = Fraction(means.stop)
    distance = sum(
        (scale * abs(Fraction(slot.basis) - stop) for slot, scale in zip(slots, scales, strict=True)), Fraction(0)
    )
    if distance == 0:
        raise Refusal(
            "STOP_WRONG_SIDE",
            f"the stop {tidy(means.stop)} is at the entry price: the stop distance is zero",
            "Send a stop away from the entry.",
        )
    unit = Fraction(fraction) * Fraction(means.funds.free) / distance
    wanted = tuple(unit * scale for scale in scales)
    _check_ceiling(wanted, slots, means)
    return wanted


def _check_ceiling(wanted: Sequence[Fraction], slots: Sequence[Slot], means: Means) -> None:
    notional = to_decimal(_value(wanted, slots))
    most = means.funds.free * means.ceiling
    if notional > most:
        quote, asset = means.rules.quote_asset, means.funds.asset
        raise Refusal(
            "LEVERAGE_CAP",
            f"the risk at this stop needs a position of {money(notional, quote)}, more than {means.ceiling} times the "
            f"free {money(means.funds.free, asset)} ({money(most, quote)})",
            "Risk a smaller fraction, use a wider stop or raise the strategy's highest leverage.",
        )


def _value(quantities: Sequence[Fraction], slots: Sequence[Slot]) -> Fraction:
    return sum((q * Fraction(slot.price) for q, slot in zip(quantities, slots, strict=True)), Fraction(0))


def _within(wanted: tuple[Fraction, ...], slots: Sequence[Slot], means: Means) -> tuple[Fraction, ...]:
    """Cut all entries alike so that together they bind no more than may be spent."""
    needed, most = _value(wanted, slots) / means.leverage, Fraction(means.funds.spendable)
    return wanted if needed <= most else tuple(quantity * most / needed for quantity in wanted)


def _floored(wanted: Sequence[Fraction], slots: Sequence[Slot], rules: InstrumentRules) -> tuple[Decimal, ...]:
    quantities: list[Decimal] = []
    for slot, exact in zip(slots, wanted, strict=True):
        # A rung is a multiple of the entry as it is really sent.
        quantity = to_decimal(exact) if slot.scale is None else quantities[0] * slot.scale
        quantities.append(floor_quantity(quantity, rules, slot.order_type))
    return tuple(quantities)


def check_minimum(slot: Slot, quantity: Decimal, exact: Decimal, means: Means) -> None:
    """Raise Refusal if the venue's minimum is missed: with what would be needed, as it is never raised to it."""
    rules, funds = means.rules, means.funds
    below_quantity = quantity <= ZERO or quantity < min_quantity(rules, slot.order_type)
    if not below_quantity and quantity * slot.price >= rules.min_notional:
        return
    least = least_quantity(rules, slot.order_type, slot.price)
    value, margin = least * slot.price, least * slot.price / means.leverage
    reason = (
        f"{number(exact)} {rules.base_asset} ({money(exact * slot.price, rules.quote_asset)}) rounds down to "
        f"{tidy(quantity)} {rules.base_asset} = {money(quantity * slot.price, rules.quote_asset)}, less than "
        f"{rules.symbol} allows: the minimum {tidy(least)} {rules.base_asset} would be "
        f"{money(value, rules.quote_asset)}"
    )
    if not below_quantity:
        reason += f" (minimum value {money(rules.min_notional, rules.quote_asset)})"
    if rules.market is not Market.SPOT:
        reason += f", minimum margin {money(margin, funds.asset)} at leverage {means.leverage}"
    if margin > funds.free:
        reason += f", {money(margin - funds.free, funds.asset)} missing"
    raise Refusal(
        "MIN_QUANTITY" if below_quantity else "MIN_NOTIONAL",
        reason,
        "Send a larger amount or add funds; a size is never raised to the minimum.",
    )


def least_quantity(rules: InstrumentRules, order_type: OrderType, price: Decimal) -> Decimal:
    """Return the smallest quantity on the step that meets the minimum quantity and the minimum notional."""
    step = rules.step_size
    if order_type is not OrderType.LIMIT:
        step = max(step, rules.market_step_size)
    least = max(min_quantity(rules, order_type), rules.min_notional / price, step)
    floored = floor_quantity(least, rules, order_type)
    return floored if floored >= least else floored + step
