"""What the trades that are held already mean for a new entry: free way, an add, something to clear, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.rules import tidy
from exchange.types import ZERO, Direction, Market, PositionMode
from ledger.domain.context import Context, HeldTrade
from ledger.domain.policy import OnDuplicate, OnOpposite
from signals.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What an entry finds. add_to: the trade that it adds to. clear: trades that must be gone first, and why."""

    add_to: HeldTrade | None = None
    clear: tuple[HeldTrade, ...] = ()
    code: str = ""
    reason: str = ""


def own_trades(context: Context, direction: Direction | None = None) -> tuple[HeldTrade, ...]:
    """Return the strategy's live trades here, of one direction or of both."""
    return tuple(t for t in context.trades if t.own and direction in (None, t.direction))


def is_live(trade: HeldTrade) -> bool:
    """Tell whether the trade holds something or waits for an entry, and isn't about to end."""
    return not trade.closing and (trade.quantity > ZERO or trade.entries_pending)


def describe(trade: HeldTrade, base: str) -> str:
    """Return the trade in words: its number, side and size."""
    size = f"{tidy(trade.quantity)} {base}" if trade.quantity else "entries pending"
    return f"trade {trade.id} ({trade.direction} {size})"


def find_way(direction: Direction, context: Context) -> Way:
    """Return what stands in the way of an entry and what the strategy does about it; raises Refusal if it may not."""
    _check_others(direction, context)
    ending = tuple(t for t in own_trades(context) if not is_live(t))
    if ending:
        names = ", ".join(describe(t, context.rules.base_asset) for t in ending)
        return Way(clear=ending, code="WAIT_FOR_EXIT", reason=f"{names} is being closed: the entry waits for it")
    for trade in own_trades(context, direction):
        return _duplicate(trade, context)
    for trade in own_trades(context, direction.opposite):
        return _opposite(trade, direction, context)
    return Way()


def _check_others(direction: Direction, context: Context) -> None:
    if context.rules.market is Market.SPOT:
        return
    hedged = context.mode is PositionMode.HEDGE
    for trade in context.trades:
        if not trade.own and (not hedged or trade.direction is direction):
            raise Refusal(
                "SYMBOL_IN_USE",
                f"another strategy holds {describe(trade, context.rules.base_asset)} in {context.rules.symbol}: both "
                f"would share one position",
                "Use another account or symbol for one of the strategies.",
            )


def _duplicate(trade: HeldTrade, context: Context) -> Way:
    told = describe(trade, context.rules.base_asset)
    match context.policy.on_duplicate:
        case OnDuplicate.ADD:
            return Way(add_to=trade)
        case OnDuplicate.REPLACE if trade.quantity == ZERO:
            return Way(
                clear=(trade,),
                code="REPLACE_PENDING",
                reason=f"{told} has filled nothing yet: its entries are cancelled and placed anew",
            )
        case OnDuplicate.REPLACE:
            why, remedy = "has filled already and is not replaced", "Close it first, or let the strategy add."
        case _:
            why, remedy = "is there already", "Close it first, or let the strategy replace or add."
    raise Refusal("DUPLICATE_ENTRY", f"{told} in {context.rules.symbol} {why}", remedy)


def _opposite(trade: HeldTrade, direction: Direction, context: Context) -> Way:
    told = describe(trade, context.rules.base_asset)
    match context.policy.on_opposite:
        case OnOpposite.CLOSE_FIRST:
            return Way(
                clear=(trade,), code="CLOSE_OPPOSITE", reason=f"{told} is closed before the {direction} is opened"
            )
        case OnOpposite.HEDGE if context.mode is PositionMode.HEDGE:
            return Way()
        case OnOpposite.HEDGE:
            raise Refusal(
                "HEDGE_MODE_NEEDED",
                f"{told} is held and the account is in one-way mode: a {direction} would reduce it",
                "Switch the account to hedge mode, or let the strategy close the opposite first.",
            )
        case _:
            raise Refusal(
                "OPPOSITE_HELD",
                f"{told} is held: no {direction} is opened against it",
                "Close it first, or let the strategy close the opposite first.",
            )
