"""What an entry may not do: switches, age, the strategy's ceilings, slippage, and the loss at the stop.

Everything here applies to what opens or adds; exits pass none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from exchange.rules import tidy
from exchange.types import ZERO, Direction, Market, OrderType
from ledger.domain.context import Context
from ledger.domain.policy import Limits
from signals.intents import Intent
from signals.refusals import Refusal, money, number, percent
from signals.sizing import Funds, Slot

HUNDRED = Decimal(100)


def check_gates(intent: Intent, context: Context) -> None:
    """Raise Refusal if nothing may be opened now: switched off, not allowed, not trading, no price, too old."""
    rules, policy = context.rules, context.policy
    if not context.opens_allowed:
        by = context.blocked_by or "trading"
        raise Refusal("SWITCHED_OFF", f"{by} is switched off: nothing is opened", f"Resume {by}, then send it again.")
    if policy.symbols and rules.symbol not in policy.symbols:
        raise Refusal(
            "SYMBOL_NOT_ALLOWED",
            f"{rules.symbol} is not among the symbols of strategy {policy.name}: {', '.join(sorted(policy.symbols))}",
            f"Add {rules.symbol} to the strategy's symbols.",
        )
    if not rules.trading:
        raise Refusal(
            "SYMBOL_NOT_TRADING",
            f"{rules.symbol} is not open for trading at the venue",
            "Wait until the venue trades it again, or refresh its rules.",
        )
    if min(context.quote.bid, context.quote.ask) <= ZERO:
        raise Refusal("NO_PRICE", f"the venue has no price for {rules.symbol}", "Wait until the symbol has a market.")
    check_age(intent, context)


def check_age(intent: Intent, context: Context) -> None:
    """Raise Refusal if the alert is older than the strategy allows; a time in the future makes none younger."""
    fired = context.received_at if intent.at is None else min(intent.at, context.received_at)
    age = Decimal(str(round((context.now - fired).total_seconds(), 3)))
    if age > context.policy.max_age_s:
        raise Refusal(
            "STALE",
            f"the alert is {number(age)} s old, more than the strategy's {context.policy.max_age_s} s",
            "Send it again, or raise the strategy's maximum age.",
        )


def check_counters(context: Context) -> None:
    """Raise Refusal if the strategy may not begin another trade now."""
    limits, usage = context.policy.limits, context.usage
    quote = context.rules.quote_asset
    if limits.max_open_trades is not None and usage.open_trades >= limits.max_open_trades:
        raise Refusal(
            "MAX_OPEN_TRADES",
            f"{usage.open_trades} trades are open, the limit is {limits.max_open_trades}",
            "Wait until a trade closes, or raise the strategy's max_open_trades.",
        )
    if limits.max_trades_per_day is not None and usage.trades_today >= limits.max_trades_per_day:
        raise Refusal(
            "MAX_TRADES_PER_DAY",
            f"{usage.trades_today} trades were begun today, the limit is {limits.max_trades_per_day}",
            "Wait until tomorrow (UTC), or raise the strategy's max_trades_per_day.",
        )
    check_daily_loss(limits, usage.loss_today, quote)


def check_daily_loss(limits: Limits, loss: Decimal, quote: str) -> None:
    """Raise Refusal once the day's loss has reached its limit."""
    if limits.max_daily_loss is not None and loss >= limits.max_daily_loss:
        raise Refusal(
            "MAX_DAILY_LOSS",
            f"{money(loss, quote)} were lost today, the limit is {money(limits.max_daily_loss, quote)}",
            "Wait until tomorrow (UTC), or raise the strategy's max_daily_loss.",
        )


def check_slippage(intent: Intent, context: Context, direction: Direction, order_type: OrderType) -> None:
    """Raise Refusal if a market entry would be filled too much worse than the alert's price."""
    limit = context.policy.limits.max_slippage_pct
    if limit is None or intent.price is None or order_type is not OrderType.MARKET or intent.price <= ZERO:
        return
    now = context.quote.taking(direction.entry_side)
    worse = (now - intent.price) * direction.sign / intent.price * HUNDRED
    if worse > limit:
        raise Refusal(
            "SLIPPAGE",
            f"the market is at {number(now)}, {percent(worse)} worse than the alert's {number(intent.price)}; the "
            f"limit is {tidy(limit)} %",
            "Enter with a limit order, or raise the strategy's max_slippage_pct.",
        )


def choose_leverage(intent: Intent, context: Context) -> tuple[int | None, int]:
    """Return the leverage to set (None: leave the venue's, always so on spot) and the highest that may be used."""
    rules, policy = context.rules, context.policy
    if rules.market is Market.SPOT:
        return None, 1
    ceiling = max(1, min(policy.max_leverage, rules.max_leverage))
    leverage = policy.leverage if intent.leverage is None else intent.leverage
    if leverage is not None and not 1 <= leverage <= ceiling:
        whose = "strategy's" if policy.max_leverage <= rules.max_leverage else f"{rules.symbol}'s"
        raise Refusal(
            "LEVERAGE_RANGE",
            f"leverage {leverage} is outside 1 to {ceiling}, the {whose} maximum",
            "Use a lower leverage, or raise the strategy's max_leverage if the venue allows more.",
        )
    return leverage, ceiling


def check_funds(needed: Decimal, funds: Funds) -> None:
    """Raise Refusal if the entries bind more than may be spent."""
    if needed <= funds.spendable:
        return
    kept = f" ({tidy(funds.reserve_pct)} % is kept in reserve)" if funds.reserve_pct else ""
    raise Refusal(
        "INSUFFICIENT_FUNDS",
        f"{money(needed, funds.asset)} are needed, {money(funds.free, funds.asset)} are free{kept}: "
        f"{money(needed - funds.spendable, funds.asset)} are missing",
        "Add funds or trade a smaller amount.",
    )


def check_notional(notional: Decimal, context: Context) -> None:
    """Raise Refusal if the trade's entries together are worth more than the strategy allows."""
    limit, quote = context.policy.limits.max_notional, context.rules.quote_asset
    if limit is not None and notional > limit:
        raise Refusal(
            "MAX_NOTIONAL",
            f"the trade would be worth {money(notional, quote)}, the limit is {money(limit, quote)}",
            "Trade a smaller amount, or raise the strategy's max_notional.",
        )


def check_loss(
    slots: Sequence[Slot], quantities: Sequence[Decimal], stop: Decimal | None, wallet: Decimal, context: Context
) -> None:
    """Raise Refusal if all entries, stopped out, would lose more of the wallet than the strategy risks.

    What the account's other trades may still lose at their stops counts too.
    """
    limit, quote = context.policy.limits.max_risk_pct, context.rules.quote_asset
    if limit is None:
        return
    if stop is None:
        raise Refusal(
            "STOP_REQUIRED",
            f"the strategy risks at most {tidy(limit)} % of the wallet, but without a stop the loss has no bound",
            "Send a stop with the alert or give the strategy one.",
        )
    losses = [abs(slot.price - stop) * quantity for slot, quantity in zip(slots, quantities, strict=True)]
    pending = context.usage.pending_risk
    total, most = sum(losses, pending), wallet * limit / HUNDRED
    if total <= most:
        return
    parts = " + ".join(money(loss, quote).removesuffix(f" {quote}") for loss in losses)
    own = sum(losses, ZERO)
    sentence = (
        f"the loss at the stop is {parts} = {money(own, quote)}"
        if len(losses) > 1
        else (f"the loss at the stop is {money(own, quote)}")
    )
    if pending:
        sentence += f", with the {money(pending, quote)} of other trades {money(total, quote)}"
    share = f"{percent(total / wallet * HUNDRED)} of" if wallet > ZERO else "more than"
    raise Refusal(
        "MAX_RISK",
        f"{sentence}: {share} the wallet of {money(wallet, quote)}, the limit is "
        f"{tidy(limit)} % = {money(most, quote)}",
        "Trade a smaller amount, use a closer stop, or raise the strategy's max_risk_pct.",
    )
