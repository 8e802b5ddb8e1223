"""The plan of an entry: its legs with every number, all of which the venue would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from exchange.rules import check_order, floor_quantity, round_entry, tidy
from exchange.types import ZERO, Direction, InstrumentRules, Market, OrderType
from ledger.domain.context import Context, HeldTrade
from ledger.domain.plan import ExitRules, LegKind, LegPlan, TradePlan
from ledger.domain.policy import SizingMethod
from signals import levels, risk
from signals.intents import Intent
from signals.levels import Ground, Stop, Target
from signals.refusals import Refusal, money, number
from signals.sizing import Funds, Means, Slot, choose_sizing, margin_needed, reserve, size_entries

HUNDRED = Decimal(100)
ENTRY_TYPES = (OrderType.MARKET, OrderType.LIMIT)
REMEDIES = {
    "MAX_QUANTITY": "Trade a smaller amount.",
    "MAX_NOTIONAL": "Trade a smaller amount.",
    "MIN_QUANTITY": "Trade a larger amount.",
    "MIN_NOTIONAL": "Trade a larger amount, or a stop closer to the entry.",
    "PERCENT_PRICE": "Send a price closer to the market.",
    "PRICE_RANGE": "Send a price inside the venue's range.",
    "PRICE_TICK": "Send a positive price.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The sized entries of one plan. held: the trade that they add to."""

    context: Context
    direction: Direction
    slots: tuple[Slot, ...]
    quantities: tuple[Decimal, ...]
    means: Means
    leverage: int | None
    held: HeldTrade | None = None

    @property
    def position(self) -> Decimal:
        return sum(self.quantities, self.held.quantity if self.held else ZERO)


def funds_of(context: Context) -> Funds:
    """Return the funds that entries here are paid with: the quote asset on spot, the margin asset on futures."""
    rules = context.rules
    asset = rules.quote_asset if rules.market is Market.SPOT else rules.margin_asset or rules.quote_asset
    return Funds(asset=asset, free=context.free.get(asset, ZERO), reserve_pct=context.policy.reserve_pct)


def draft_plan(intent: Intent, context: Context, direction: Direction, held: HeldTrade | None = None) -> TradePlan:
    """Return the plan of a new trade, or of the legs that are added to `held`; raises Refusal.

    What can be known without the funds is checked first: those refusals hold whatever is closed before.
    """
    rules, policy = context.rules, context.policy
    sizing = choose_sizing(intent.sizing, policy.sizing)
    leverage, ceiling = risk.choose_leverage(intent, context)
    slots, notes = make_slots(intent, context, direction, held)
    ground = Ground(rules=rules, direction=direction, entry=slots[0].price, basis=slots[0].basis)
    stop, stop_notes = _stop(intent, context, ground, held)
    targets, target_notes = ((), ()) if held else levels.find_targets(intent, policy, ground, stop)
    _check_levels(context, direction, slots, stop, targets)
    means = Means(
        rules=rules,
        funds=_funded(context),
        leverage=leverage or (ceiling if sizing.method is SizingMethod.RISK_FRACTION else 1),
        ceiling=ceiling,
        held=held.quantity if held else ZERO,
        stop=stop.price if stop else None,
    )
    quantities = size_entries(sizing, slots, means)
    draft = Draft(
        context=context,
        direction=direction,
        slots=slots,
        quantities=quantities,
        means=means,
        leverage=leverage,
        held=held,
    )
    _check_entries(draft, stop)
    targets, merge_notes = levels.merge_small(targets, draft.position, rules)
    _check_exits(draft, stop, targets)
    return _plan(draft, stop, targets, (*notes, *stop_notes, *target_notes, *merge_notes))


def make_slots(
    intent: Intent, context: Context, direction: Direction, held: HeldTrade | None
) -> tuple[tuple[Slot, ...], tuple[str, ...]]:
    """Return the entries that alert and strategy ask for, without quantities, and notes on what was not used."""
    first = _first_slot(intent, context, direction, held)
    later: tuple[Slot, ...] = ()
    notes: tuple[str, ...] = ()
    if intent.second_price is not None:
        price = round_entry(intent.second_price, context.rules, direction.entry_side)
        later = (_limit_slot(LegKind.DCA, first.index + 1 if held else 1, price),)
        if context.policy.dca and not held:
            notes = ("the alert's second entry stands in for the strategy's own adds",)
    elif not held:
        later = _rungs(first, context, direction)
    for slot in (first, *later):
        if slot.price <= ZERO:
            raise Refusal("PRICE_TICK", f"an entry price of {tidy(slot.price)} is not positive", REMEDIES["PRICE_TICK"])
    for slot in later:
        _check_beyond(slot, first, direction)
    return (first, *later), notes


def _first_slot(intent: Intent, context: Context, direction: Direction, held: HeldTrade | None) -> Slot:
    kind, index = (LegKind.DCA, held.add_count + 1) if held else (LegKind.ENTRY, 1)
    order_type = intent.order_type or context.policy.entry_type
    if order_type not in ENTRY_TYPES:
        raise Refusal("ORDER_TYPE", f"entries can't be of type {order_type}", "Use a market or a limit entry.")
    risk.check_slippage(intent, context, direction, order_type)
    if order_type is OrderType.MARKET:
        price = context.quote.taking(direction.entry_side)
        return Slot(kind=kind, index=index, order_type=order_type, price=price, basis=intent.price or price)
    if intent.price is None:
        raise Refusal(
            "LIMIT_NEEDS_PRICE",
            "a limit entry is asked for, but the alert has no price",
            "Send a price with the alert, or enter at market.",
        )
    return _limit_slot(kind, index, round_entry(intent.price, context.rules, direction.entry_side))


def _limit_slot(kind: LegKind, index: int, price: Decimal, scale: Decimal | None = None) -> Slot:
    return Slot(kind=kind, index=index, order_type=OrderType.LIMIT, price=price, basis=price, limit=price, scale=scale)


def _rungs(first: Slot, context: Context, direction: Direction) -> tuple[Slot, ...]:
    rungs = []
    for index, rung in enumerate(context.policy.dca, 1):
        away = first.price * (1 - direction.sign * rung.distance_pct / HUNDRED)
        price = round_entry(away, context.rules, direction.entry_side)
        rungs.append(_limit_slot(LegKind.DCA, index, price, rung.size_scale))
    return tuple(rungs)


def _check_beyond(slot: Slot, first: Slot, direction: Direction) -> None:
    if (first.price - slot.price) * direction.sign > ZERO:
        return
    side = "below" if direction is Direction.LONG else "above"
    raise Refusal(
        "DCA_WRONG_SIDE",
        f"entry {slot.index + 1} at {number(slot.price)} is not {side} the first entry at {number(first.price)}",
        f"Send a second entry price {side} the first one.",
    )


def _stop(
    intent: Intent, context: Context, ground: Ground, held: HeldTrade | None
) -> tuple[Stop | None, tuple[str, ...]]:
    if held and held.stop_price is not None:
        told = intent.stop_price is not None and intent.stop_price != held.stop_price
        notes = (f"the trade keeps its stop {number(held.stop_price)}",) if told else ()
        return Stop(order_type=OrderType.STOP_MARKET, price=held.stop_price), notes
    return levels.find_stop(intent, context.policy.stop, ground)


def _check_levels(
    context: Context, direction: Direction, slots: Sequence[Slot], stop: Stop | None, targets: Sequence[Target]
) -> None:
    first = slots[0]
    own = [slot.price for slot in slots if slot.scale is None]
    if stop:
        prices = [("price", first.basis), *(("entry price", price) for price in own)]
        prices.append(("market price", context.quote.watched(context.policy.stop.working_type)))
        levels.check_stop(stop, direction, prices)
        _check_rungs(slots, stop, direction)
    levels.check_targets(targets, direction, [first.basis, *own])


def _check_rungs(slots: Sequence[Slot], stop: Stop, direction: Direction) -> None:
    for slot in slots:
        if slot.scale is not None and (slot.price - stop.price) * direction.sign <= ZERO:
            raise Refusal(
                "DCA_BEYOND_STOP",
                f"add {slot.index} at {number(slot.price)} would come after the stop at {number(stop.price)}",
                "Use a wider stop or adds closer to the entry.",
            )


def _funded(context: Context) -> Funds:
    funds = funds_of(context)
    if funds.free <= ZERO:
        raise Refusal(
            "NO_FREE_BALANCE",
            f"no free balance: {money(funds.free, funds.asset)} are free",
            "Add funds or close a trade.",
        )
    return funds


def _check_entries(draft: Draft, stop: Stop | None) -> None:
    """Check the entries together against funds and limits, and each against the venue's filters."""
    context, slots, quantities = draft.context, draft.slots, draft.quantities
    funds = draft.means.funds
    risk.check_funds(margin_needed(slots, quantities, draft.means.leverage), funds)
    held = draft.held.quantity * draft.held.average_price if draft.held else ZERO
    risk.check_notional(margin_needed(slots, quantities, 1) + held, context)
    wallet = context.total.get(funds.asset, funds.free)
    risk.check_loss(slots, quantities, stop.price if stop else None, wallet, context)
    for slot, quantity in zip(slots, quantities, strict=True):
        # A market order is valued at the price that it meets, a limit price is bounded around the market's.
        reference = slot.price if slot.limit is None else market_price(context)
        refuse_breach("entry", context.rules, slot.order_type, quantity, slot.limit, reference, reduces=False)


def market_price(context: Context) -> Decimal:
    """Return the price that the venue bounds limit prices around."""
    return context.quote.last if context.rules.market is Market.SPOT else context.quote.mark


def _check_exits(draft: Draft, stop: Stop | None, targets: Sequence[Target]) -> None:
    """Check that the venue would take every exit: of the whole position, and the stop after the first entry alone."""
    rules, whole = draft.context.rules, draft.position
    if draft.held:
        # A fee taken in the base asset leaves a holding off the step; the exits are of what lies on it.
        whole = floor_quantity(whole, rules, OrderType.MARKET)
    parts = {whole} if draft.held else {whole, draft.quantities[0]}
    for part in sorted(parts):
        if stop:
            refuse_breach("stop", rules, stop.order_type, part, stop.price, stop.price, reduces=True)
        else:
            refuse_breach("exit", rules, OrderType.MARKET, part, None, draft.slots[0].price, reduces=True)
    order_type = levels.target_type(rules)
    quantities = levels.target_quantities(whole, [target.share for target in targets], rules, order_type)
    for target, quantity in zip(targets, quantities, strict=True):
        reference = market_price(draft.context) if order_type is OrderType.LIMIT else target.price
        refuse_breach("target", rules, order_type, quantity, target.price, reference, reduces=True)


def refuse_breach(
    name: str,
    rules: InstrumentRules,
    order_type: OrderType,
    quantity: Decimal,
    price: Decimal | None,
    reference: Decimal,
    *,
    reduces: bool,
) -> None:
    """Raise Refusal if the order would break a filter of the venue."""
    breach = check_order(
        rules=rules, order_type=order_type, quantity=quantity, price=price, reference=reference, reduces=reduces
    )
    if breach:
        raise Refusal(
            breach.code, f"{name}: {breach.message}", REMEDIES.get(breach.code, "Change the amount or price.")
        )


def _plan(draft: Draft, stop: Stop | None, targets: Sequence[Target], notes: tuple[str, ...]) -> TradePlan:
    context, policy = draft.context, draft.context.policy
    futures = context.rules.market is not Market.SPOT
    protection = stop is not None and not (draft.held and draft.held.stop_price is not None)
    legs = [*_entry_legs(draft), *([_stop_leg(stop)] if stop and protection else [])]
    return TradePlan(
        symbol=context.rules.symbol,
        direction=draft.direction,
        legs=(*legs, *_target_legs(targets, context.rules)),
        exits=ExitRules(
            working_type=policy.stop.working_type,
            breakeven_after=policy.stop.breakeven_after,
            breakeven_offset_pct=policy.stop.breakeven_offset_pct,
            trail_pct=policy.stop.trail_pct,
            protect_within_s=policy.protect_within_s,
            entry_timeout_s=policy.entry_timeout_s,
        ),
        leverage=draft.leverage,
        margin_type=policy.margin_type if futures else None,
        reserve_asset=draft.means.funds.asset,
        reference_price=draft.slots[0].basis,
        notes=notes,
    )


def _entry_legs(draft: Draft) -> list[LegPlan]:
    return [
        LegPlan(
            kind=slot.kind,
            index=slot.index,
            order_type=slot.order_type,
            quantity=quantity,
            price=slot.limit,
            reserve=reserve(slot, quantity, draft.means.leverage),
        )
        for slot, quantity in zip(draft.slots, draft.quantities, strict=True)
    ]


def _stop_leg(stop: Stop) -> LegPlan:
    return LegPlan(kind=LegKind.SL, order_type=stop.order_type, trigger_price=stop.price, offset_pct=stop.offset_pct)


def _target_legs(targets: Sequence[Target], rules: InstrumentRules) -> list[LegPlan]:
    return [
        LegPlan(
            kind=LegKind.TP,
            index=index,
            order_type=levels.target_type(rules),
            trigger_price=target.price,
            offset_pct=target.offset_pct,
            share=target.share,
        )
        for index, target in enumerate(targets, 1)
    ]
