"""From what an alert asks for and what is known at that moment to one decision: pure, so a dry run costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ledger.domain.context import Context
from ledger.domain.plan import Decision, Outcome
from ledger.domain.policy import Mode
from signals.intents import Action, Intent
from signals.planner.closing import plan_breakeven, plan_close, plan_sell
from signals.planner.opening import plan_add, plan_open, plan_target
from signals.refusals import Refusal

__all__ = ["plan"]


def plan(intent: Intent, context: Context) -> Decision:
    """Return what is to be done with the intent: a plan, an act on held trades, nothing, or a refusal. Never raises.

    Every decision has a code and a sentence with its numbers, every refusal a remedy.
    """
    try:
        decision = RULES[intent.action](intent, context)
    except Refusal as refusal:
        decision = Decision(outcome=Outcome.REFUSE, code=refusal.code, reason=refusal.reason, remedy=refusal.remedy)
    except ArithmeticError as exc:
        # Thirty-digit prices and the like: no market has them, and decimals can't carry them exactly.
        decision = Decision(
            outcome=Outcome.REFUSE,
            code="NUMBERS_OUT_OF_RANGE",
            reason=f"the alert's or the market's numbers can't be calculated with ({type(exc).__name__})",
            remedy="Check the amounts and prices of the alert and the instrument's rules.",
        )
    return _announced(decision) if context.policy.mode is Mode.NOTIFY else decision


def _check(intent: Intent, context: Context) -> Decision:
    return Decision(
        outcome=Outcome.NOTHING,
        code="CHECKED",
        reason=f"no order is asked for; the protection of {context.rules.symbol} is verified again",
    )


def _announce(intent: Intent, context: Context) -> Decision:
    note = f": {intent.note}" if intent.note else ""
    return Decision(outcome=Outcome.NOTHING, code="ANNOUNCED", reason=f"for information only{note}")


def _announced(decision: Decision) -> Decision:
    """Keep what would be done, for the announcement, and do nothing of it."""
    if decision.outcome is Outcome.NOTHING:
        return decision
    return replace(
        decision,
        outcome=Outcome.NOTHING,
        code="NOTIFY_ONLY",
        reason=f"announced only; it would be {decision.outcome} ({decision.code}): {decision.reason}",
        trades=(),
    )


RULES: Mapping[Action, Callable[[Intent, Context], Decision]] = {
    Action.OPEN: plan_open,
    Action.ADD: plan_add,
    Action.TARGET: plan_target,
    Action.CLOSE: plan_close,
    Action.SELL: plan_sell,
    Action.BREAKEVEN: plan_breakeven,
    Action.CHECK: _check,
    Action.INFO: _announce,
}
