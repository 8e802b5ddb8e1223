"""Where to get out: the stop and the targets of an entry, from the alert or the strategy, checked and rounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from exchange.rules import floor_quantity, min_quantity, round_stop, round_target, tidy
from exchange.types import ZERO, Direction, InstrumentRules, Market, OrderType
from ledger.domain.policy import StopPolicy, StrategyPolicy
from signals.intents import Intent, TargetSpec
from signals.refusals import Refusal, number

HUNDRED = Decimal(100)
SHARE_GRID = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The protective stop. price: where it acts as far as known now; offset_pct: it follows the average entry."""

    order_type: OrderType
    price: Decimal
    offset_pct: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target; fields as of Stop. share: fraction of the position, None takes the rest."""

    price: Decimal
    offset_pct: Decimal | None = None
    share: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What levels are measured from. entry: the price met or asked first; basis: the price the alert was made at."""

    rules: InstrumentRules
    direction: Direction
    entry: Decimal
    basis: Decimal


def find_stop(intent: Intent, policy: StopPolicy, ground: Ground) -> tuple[Stop | None, tuple[str, ...]]:
    """Return the stop that alert and strategy ask for, and notes on what was not used.

    Raises Refusal if the strategy requires a stop and there is none.
    """
    own = policy.pct is not None or policy.trail_pct is not None
    told = intent.stop_price is not None or intent.stop_pct is not None
    if told and (policy.from_alert or not own):
        return _told_stop(intent, ground), ()
    notes = ("the alert's stop is not used: the strategy sets its own",) if told else ()
    if policy.pct is not None:
        return _pct_stop(policy.pct, OrderType.STOP_MARKET, ground), notes
    if policy.trail_pct is not None:
        return _pct_stop(policy.trail_pct, OrderType.TRAILING_STOP_MARKET, ground), notes
    if policy.required:
        raise Refusal(
            "STOP_REQUIRED",
            f"the strategy wants a stop for every entry, but neither the alert nor the strategy gives one for "
            f"{ground.rules.symbol}",
            "Send a stop with the alert or give the strategy a stop in percent.",
        )
    return None, notes


def _told_stop(intent: Intent, ground: Ground) -> Stop:
    if intent.stop_price is not None:
        price = round_stop(intent.stop_price, ground.rules, ground.direction)
        return Stop(order_type=OrderType.STOP_MARKET, price=price)
    return _pct_stop(intent.stop_pct or ZERO, OrderType.STOP_MARKET, ground)


def _pct_stop(pct: Decimal, order_type: OrderType, ground: Ground) -> Stop:
    offset = -pct * ground.direction.sign
    price = round_stop(_offset(ground.entry, offset), ground.rules, ground.direction)
    return Stop(order_type=order_type, price=price, offset_pct=offset)


def _offset(price: Decimal, pct: Decimal) -> Decimal:
    return price * (1 + pct / HUNDRED)


def check_stop(stop: Stop, direction: Direction, prices: Sequence[tuple[str, Decimal]]) -> None:
    """Raise Refusal unless the stop is positive and on the losing side of each of the named prices."""
    side = "below" if direction is Direction.LONG else "above"
    remedy = f"Send a stop {side} every entry price and the market."
    if stop.price <= ZERO:
        raise Refusal("STOP_WRONG_SIDE", f"the stop {tidy(stop.price)} is not a positive price", remedy)
    for name, price in prices:
        gap = (price - stop.price) * direction.sign
        if gap > ZERO:
            continue
        where = "at" if gap == ZERO else "above" if direction is Direction.LONG else "below"
        tail = ": the stop distance is zero" if gap == ZERO else f": it must be {side} it"
        raise Refusal(
            "STOP_WRONG_SIDE",
            f"the {direction.lower()} stop {number(stop.price)} is {where} the {name} {number(price)}{tail}",
            remedy,
        )


def find_targets(
    intent: Intent, policy: StrategyPolicy, ground: Ground, stop: Stop | None
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Return the targets that alert and strategy ask for in their order, and notes on what was not used."""
    specs, notes = _target_specs(intent, policy)
    targets = tuple(_target(spec, ground, stop) for spec in specs)
    return _share_rest(targets), notes


def _target_specs(intent: Intent, policy: StrategyPolicy) -> tuple[tuple[TargetSpec, ...], tuple[str, ...]]:
    if intent.no_targets:
        return (), ()
    slots = sum(item.from_alert for item in policy.targets)
    bare = all(spec.price is not None and spec.share is None for spec in intent.targets)
    if intent.targets and not (slots and bare and len(intent.targets) <= slots):
        return intent.targets, ()
    prices = [spec.price for spec in intent.targets]
    specs: list[TargetSpec] = []
    for item in policy.targets:
        if not item.from_alert:
            specs.append(TargetSpec(pct=item.pct, r=item.r, share=item.share))
        elif prices:
            specs.append(TargetSpec(price=prices.pop(0), share=item.share))
    dropped = len(policy.targets) - len(specs)
    notes = (f"{dropped} of the strategy's targets left out: the alert gives no price for them",) if dropped else ()
    return tuple(specs), notes


def _target(spec: TargetSpec, ground: Ground, stop: Stop | None) -> Target:
    rules, direction = ground.rules, ground.direction
    if spec.price is not None:
        return Target(price=round_target(spec.price, rules, direction), share=spec.share)
    if spec.pct is not None:
        offset = spec.pct * direction.sign
        price = round_target(_offset(ground.entry, offset), rules, direction)
        return Target(price=price, offset_pct=offset, share=spec.share)
    if spec.r is None:
        raise Refusal(
            "TARGET_EMPTY", "a target has neither a price nor a percent nor a multiple", "Give each target one of them."
        )
    if stop is None:
        raise Refusal(
            "TARGET_NEEDS_STOP",
            f"a target of {tidy(spec.r)} times the stop distance is asked for, but there is no stop",
            "Send a stop with the alert or give the strategy one.",
        )
    distance = abs(ground.basis - stop.price) * spec.r * direction.sign
    return Target(price=round_target(ground.basis + distance, rules, direction), share=spec.share)


def _share_rest(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Check the shares, and split what is left evenly if several targets leave their share open."""
    given = sum((target.share for target in targets if target.share is not None), ZERO)
    open_ones = [position for position, target in enumerate(targets) if target.share is None]
    wrong = any(target.share is not None and target.share <= ZERO for target in targets)
    if wrong or given > 1 or (open_ones and given >= 1):
        shares = " + ".join("rest" if target.share is None else tidy(target.share) for target in targets)
        raise Refusal(
            "TARGET_SHARES",
            f"the targets' shares {shares} don't fit into one position: their sum is {tidy(given)}",
            "Make every share positive and their sum at most 1; a target that takes the rest needs some rest.",
        )
    if not open_ones or open_ones == [len(targets) - 1]:
        return targets
    each = ((1 - given) / len(open_ones)).quantize(SHARE_GRID, rounding=ROUND_DOWN)
    # Only the last target may take the rest, as what is left is known after all others.
    last = open_ones[-1] if open_ones[-1] == len(targets) - 1 else None
    return tuple(
        replace(target, share=each) if target.share is None and position != last else target
        for position, target in enumerate(targets)
    )


def check_targets(targets: Sequence[Target], direction: Direction, entries: Sequence[Decimal]) -> None:
    """Raise Refusal unless every target is beyond every entry price, on the winning side."""
    side = "above" if direction is Direction.LONG else "below"
    for number_, target in enumerate(targets, 1):
        wrong = [entry for entry in entries if (target.price - entry) * direction.sign <= ZERO]
        if not wrong and target.price > ZERO:
            continue
        against = f"the entry price {number(wrong[0])}" if wrong else "zero"
        raise Refusal(
            "TARGET_WRONG_SIDE",
            f"target {number_} of the {direction.lower()} at {number(target.price)} is not {side} {against}",
            f"Send targets {side} every entry price.",
        )


def target_quantities(
    position: Decimal, shares: Sequence[Decimal | None], rules: InstrumentRules, order_type: OrderType
) -> tuple[Decimal, ...]:
    """Return the quantity of each target: shares rounded down to the step, None takes what the others leave."""
    quantities: list[Decimal] = []
    left = position
    for share in shares:
        wanted = left if share is None else min(position * share, left)
        quantity = floor_quantity(wanted, rules, order_type)
        quantities.append(quantity)
        left -= quantity
    return tuple(quantities)


def merge_small(
    targets: tuple[Target, ...], position: Decimal, rules: InstrumentRules
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Add a target that is too small for the venue to the next one, the last to the one before; with notes.

    Raises Refusal if the only target that is left is too small.
    """
    order_type = target_type(rules)
    notes: list[str] = []
    while targets:
        quantities = target_quantities(position, [target.share for target in targets], rules, order_type)
        small = next((i for i, q in enumerate(quantities) if not _big_enough(q, targets[i].price, rules)), None)
        if small is None:
            return targets, tuple(notes)
        told = f"{tidy(quantities[small])} {rules.base_asset} @ {number(targets[small].price)}"
        if len(targets) == 1:
            raise Refusal(
                "TARGET_TOO_SMALL",
                f"the target of {told} is below the minimum of {rules.symbol}",
                "Give the target a larger share or trade a larger amount.",
            )
        into = small + 1 if small + 1 < len(targets) else small - 1
        notes.append(f"target of {told} is below the minimum and is added to the one @ {number(targets[into].price)}")
        targets = _merged(targets, small, into)
    return targets, tuple(notes)


def _merged(targets: tuple[Target, ...], small: int, into: int) -> tuple[Target, ...]:
    a, b = targets[small].share, targets[into].share
    share = None if a is None or b is None else a + b
    grown = replace(targets[into], share=share)
    return tuple(grown if i == into else target for i, target in enumerate(targets) if i != small)


def _big_enough(quantity: Decimal, price: Decimal, rules: InstrumentRules) -> bool:
    if quantity <= ZERO or quantity < min_quantity(rules, target_type(rules)):
        return False
    return rules.market is not Market.SPOT or quantity * price >= rules.min_notional


def target_type(rules: InstrumentRules) -> OrderType:
    """Return how targets rest at the venue: as limit orders on spot, as conditional orders on futures."""
    return OrderType.LIMIT if rules.market is Market.SPOT else OrderType.TAKE_PROFIT_MARKET
