"""Exits: close a trade or a part of it, sell a holding, move a stop. Age, switches and limits don't apply to them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from exchange.rules import check_order, floor_quantity, min_quantity, round_stop, tidy
from exchange.types import ZERO, Direction, Market, OrderType, Side
from ledger.domain.context import Context, HeldTrade
from ledger.domain.plan import Decision, Outcome
from ledger.domain.policy import Sizing, SizingMethod
from signals.intents import Intent
from signals.planner.drafting import refuse_breach
from signals.planner.held import describe, is_live, own_trades
from signals.refusals import Refusal, money, number
from signals.sizing import choose_sizing

HUNDRED = Decimal(100)


def plan_close(intent: Intent, context: Context) -> Decision:
    """Return which of the strategy's own trades to close, whole or by a fraction."""
    trades = own_trades(context, intent.direction)
    if not trades:
        return _nothing_to_close(intent, context)
    fraction = intent.close_fraction
    if fraction is None or fraction == 1:
        return close_trades(trades, context)
    if not ZERO < fraction < 1:
        raise Refusal(
            "CLOSE_FRACTION",
            f"a close of {tidy(fraction)} of the position is outside its range: it must be above 0 and at most 1",
            "Send a fraction above 0 and at most 1 (0.25 is 25 %).",
        )
    return _close_part(trades, fraction, context)


def close_trades(trades: tuple[HeldTrade, ...], context: Context, why: str = "") -> Decision:
    """Return the decision to close the trades as a whole; raises Refusal if the venue takes no order that small."""
    closable = tuple(t for t in trades if t.entries_pending or not _is_dust(t, context))
    if not closable:
        raise _dust(trades[0], context)
    names = ", ".join(describe(trade, context.rules.base_asset) for trade in closable)
    return Decision(
        outcome=Outcome.CLOSE,
        code="EXIT_PLANNED",
        reason=f"{names} is closed{why}",
        trades=tuple(trade.id for trade in closable),
    )


def _is_dust(trade: HeldTrade, context: Context) -> bool:
    # Too large is not refused: an exit of a position that is there has to happen, in parts if need be.
    quantity = floor_quantity(trade.quantity, context.rules, OrderType.MARKET)
    breach = exit_breach(quantity, trade.direction.exit_side, context)
    return trade.quantity > ZERO and breach in ("MIN_QUANTITY", "MIN_NOTIONAL", "QUANTITY_STEP")


def _dust(trade: HeldTrade, context: Context) -> Refusal:
    rules = context.rules
    worth = money(trade.quantity * context.quote.taking(trade.direction.exit_side), rules.quote_asset)
    return Refusal(
        "DUST",
        f"{describe(trade, rules.base_asset)} is worth {worth}, too little for an order: {rules.symbol} takes at least "
        f"{tidy(min_quantity(rules, OrderType.MARKET))} {rules.base_asset} and "
        f"{money(rules.min_notional, rules.quote_asset)}",
        "Convert the rest at the venue.",
    )


def exit_breach(quantity: Decimal, side: Side, context: Context) -> str:
    """Return the code of the filter that a market exit would break, or an empty text; a halted symbol breaks none."""
    breach = check_order(
        rules=replace(context.rules, trading=True),
        order_type=OrderType.MARKET,
        quantity=quantity,
        price=None,
        reference=context.quote.taking(side),
        reduces=True,
    )
    return breach.code if breach else ""


def _close_part(trades: tuple[HeldTrade, ...], fraction: Decimal, context: Context) -> Decision:
    if len(trades) > 1:
        raise Refusal(
            "AMBIGUOUS",
            f"a part of a position is to be closed, but {len(trades)} are held in {context.rules.symbol}",
            "Name the direction.",
        )
    trade, rules = trades[0], context.rules
    told = describe(trade, rules.base_asset)
    if trade.closing:
        return Decision(outcome=Outcome.NOTHING, code="ALREADY_CLOSING", reason=f"{told} is being closed as a whole")
    if trade.quantity == ZERO:
        return Decision(
            outcome=Outcome.NOTHING, code="NO_POSITION", reason=f"{told} holds nothing yet to close a part of"
        )
    part = floor_quantity(trade.quantity * fraction, rules, OrderType.MARKET)
    rest = floor_quantity(trade.quantity, rules, OrderType.MARKET) - part
    if part > ZERO and exit_breach(rest, trade.direction.exit_side, context) in ("MIN_QUANTITY", "MIN_NOTIONAL"):
        return close_trades(
            trades, context, f" as a whole: the {tidy(rest)} {rules.base_asset} left over would be too small"
        )
    _refuse_exit(part, trade.direction.exit_side, context)
    return Decision(
        outcome=Outcome.CLOSE,
        code="PARTIAL_EXIT_PLANNED",
        reason=f"{tidy(part)} {rules.base_asset} of {told} are closed ({tidy(fraction)} of it)",
        trades=(trade.id,),
        quantity=part,
    )


def _refuse_exit(quantity: Decimal, side: Side, context: Context) -> None:
    rules = replace(context.rules, trading=True)
    if quantity <= ZERO:
        least = min_quantity(rules, OrderType.MARKET)
        raise Refusal(
            "MIN_QUANTITY",
            f"exit: the quantity rounds down to 0 {rules.base_asset}, the minimum of {rules.symbol} is {tidy(least)}",
            "Send a larger amount or fraction.",
        )
    refuse_breach("exit", rules, OrderType.MARKET, quantity, None, context.quote.taking(side), reduces=True)


def _nothing_to_close(intent: Intent, context: Context) -> Decision:
    symbol, wanted = context.rules.symbol, intent.direction
    others = own_trades(context)
    if others and wanted is not None:
        raise Refusal(
            "NO_POSITION",
            f"no {wanted.lower()} to close in {symbol}: {describe(others[0], context.rules.base_asset)} is held",
            f"Send the exit for {others[0].direction}, or without a side.",
        )
    exits = [at for direction, at in context.last_exit_at.items() if wanted in (None, direction)]
    if exits:
        ago = Decimal(str(round((context.now - max(exits)).total_seconds(), 3)))
        if ago < context.policy.exit_cooldown_s:
            raise Refusal(
                "EXIT_COOLDOWN",
                f"{symbol} was closed {number(ago)} s ago, within the cool-down of {context.policy.exit_cooldown_s} s",
                "Nothing needs to be done: the position is closed.",
            )
    what = "position" if wanted is None else wanted.lower()
    return Decision(outcome=Outcome.NOTHING, code="ALREADY_FLAT", reason=f"no {what} to close in {symbol}")


def plan_sell(intent: Intent, context: Context) -> Decision:
    """Return how much of a spot holding to sell, rounded down, and the strategy's own trade that it belongs to."""
    rules = context.rules
    if rules.market is not Market.SPOT:
        raise Refusal(
            "SELL_ON_FUTURES",
            f"{rules.symbol} is a futures market: a holding can only be sold on spot",
            "Send an exit or a short instead.",
        )
    if context.quote.bid <= ZERO:
        raise Refusal("NO_PRICE", f"the venue has no price for {rules.symbol}", "Wait until the symbol has a market.")
    trade = next(iter(own_trades(context, Direction.LONG)), None)
    if trade and trade.closing:
        told = describe(trade, rules.base_asset)
        return Decision(outcome=Outcome.NOTHING, code="ALREADY_CLOSING", reason=f"{told} is being sold as a whole")
    held = _sellable(trade, context)
    if held <= ZERO:
        raise Refusal(
            "NOTHING_TO_SELL", f"no {rules.base_asset} to sell: {tidy(held)} are free", "Buy some before selling."
        )
    quantity = _sell_quantity(choose_sizing(intent.sizing, context.policy.sizing), held, context)
    _refuse_exit(quantity, Side.SELL, context)
    return Decision(
        outcome=Outcome.SELL,
        code="SELL_PLANNED",
        reason=f"MARKET SELL {tidy(quantity)} of {tidy(held)} {rules.base_asset}, about "
        f"{money(quantity * context.quote.bid, rules.quote_asset)}",
        trades=(trade.id,) if trade else (),
        quantity=quantity,
    )


def _sellable(trade: HeldTrade | None, context: Context) -> Decimal:
    """Return what is free, and what the resting orders of the own trade lock: they make way for the sale."""
    base = context.rules.base_asset
    free = context.free.get(base, ZERO)
    if trade is None:
        return free
    return max(free, min(context.total.get(base, free), free + trade.quantity))


def _sell_quantity(sizing: Sizing, held: Decimal, context: Context) -> Decimal:
    rules = context.rules
    if sizing.method is SizingMethod.RISK_FRACTION:
        raise Refusal(
            "SIZING_METHOD",
            "a sale can't be sized by the loss at a stop",
            "Send an amount in quote or base, or a fraction of the holding.",
        )
    if sizing.method in (SizingMethod.POSITION_FRACTION, SizingMethod.BALANCE_FRACTION):
        return floor_quantity(held * sizing.amount, rules, OrderType.MARKET)
    by_base = sizing.method is SizingMethod.BASE_AMOUNT
    wanted = sizing.amount if by_base else sizing.amount / context.quote.taking(Side.SELL)
    quantity = floor_quantity(wanted, rules, OrderType.MARKET)
    if quantity > held or (by_base and wanted > held):
        raise Refusal(
            "INSUFFICIENT_HOLDING",
            f"{number(wanted)} {rules.base_asset} would have to be sold, {tidy(held)} are free: "
            f"{number(wanted - held)} {rules.base_asset} are missing",
            "Sell a smaller amount, or a fraction of the holding.",
        )
    return quantity


def plan_breakeven(intent: Intent, context: Context) -> Decision:
    """Return the stop of the held trade moved to the alert's price, else to the average entry price."""
    trades = [t for t in own_trades(context, intent.direction) if is_live(t) and t.quantity > ZERO]
    rules = context.rules
    if not trades:
        return Decision(outcome=Outcome.NOTHING, code="NO_POSITION", reason=f"no position in {rules.symbol} is held")
    if len(trades) > 1:
        raise Refusal(
            "AMBIGUOUS", f"{len(trades)} positions are held in {rules.symbol}", "Name the direction in the alert."
        )
    trade = trades[0]
    price = _breakeven_price(trade, intent, context)
    _refuse_trigger(price, trade, context)
    told = describe(trade, rules.base_asset)
    if trade.stop_price is not None and (price - trade.stop_price) * trade.direction.sign <= ZERO:
        return Decision(
            outcome=Outcome.NOTHING,
            code="STOP_ALREADY_BETTER",
            reason=f"the stop of {told} is at {number(trade.stop_price)}, not worse than {number(price)}",
        )
    was = f" from {number(trade.stop_price)}" if trade.stop_price is not None else ""
    return Decision(
        outcome=Outcome.MOVE_STOP,
        code="STOP_MOVED",
        reason=f"the stop of {told} moves{was} to {number(price)}",
        trades=(trade.id,),
        stop_price=price,
    )


def _breakeven_price(trade: HeldTrade, intent: Intent, context: Context) -> Decimal:
    told = intent.breakeven_long if trade.direction is Direction.LONG else intent.breakeven_short
    offset = context.policy.stop.breakeven_offset_pct * trade.direction.sign / HUNDRED
    price = trade.average_price * (1 + offset) if told is None else told
    return round_stop(price, context.rules, trade.direction)


def _refuse_trigger(price: Decimal, trade: HeldTrade, context: Context) -> None:
    market = context.quote.watched(context.policy.stop.working_type)
    if price > ZERO and (market - price) * trade.direction.sign > ZERO:
        return
    side = "below" if trade.direction is Direction.LONG else "above"
    raise Refusal(
        "WOULD_TRIGGER",
        f"a stop at {number(price)} would trigger at once: the market is at {number(market)}, and the stop of a "
        f"{trade.direction.lower()} must be {side} it",
        "The present stop stays; close the trade if it should end now.",
    )
