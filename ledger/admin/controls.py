"""The switches of house, account and strategy, and a person's hand on a trade, as acts of the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exchange.admin.acts import Act, ActFailed
from exchange.errors import ExchangeError
from exchange.models import Account, HouseState, TradingState
from ledger.models import Strategy, Trade
from ledger.services import controls

Target = Account | Strategy | None


def _target(row: Any) -> Target:
    return None if isinstance(row, HouseState) else row


def _halt(row: Any, by: str) -> str:
    controls.halt(_target(row), reason="console", by=by)
    return "halted: nothing opens any more, waiting entries are cancelled, exits still pass."


def _resume(row: Any, by: str) -> str:
    controls.resume(_target(row), reason="console", by=by)
    return "active again."


def _flatten(row: Any, by: str) -> str:
    trades = controls.flatten(_target(row), by=by)
    return f"{len(trades)} open trades are being closed at market." if trades else "nothing was open."


def _on_trade(act: Callable[..., None], told: str) -> Callable[[Any, str], str]:
    def run(trade: Any, by: str) -> str:
        try:
            act(trade, by=by)
        except (controls.NotPossible, ExchangeError) as exc:
            raise ActFailed(str(exc)) from exc
        return told

    return run


def _is_active(row: Any) -> bool:
    return bool(row.state == TradingState.ACTIVE)


def _is_switched(row: Any) -> bool:
    return bool(row.state != TradingState.ACTIVE)


def _can_close(trade: Trade) -> bool:
    return trade.live and trade.close_requested_at is None


def _can_break_even(trade: Trade) -> bool:
    return _can_close(trade) and trade.quantity > 0


def _can_cancel_entries(trade: Trade) -> bool:
    return _can_close(trade) and not trade.entries_canceled


SWITCHES = (
    Act(
        name="halt",
        label="Halt",
        question="Open nothing from this moment on and cancel waiting entries? Exits still pass.",
        run=_halt,
        allowed=_is_active,
        danger=True,
        bulk=True,
    ),
    Act(
        name="resume",
        label="Resume",
        question="Let alerts open trades again?",
        run=_resume,
        allowed=_is_switched,
        bulk=True,
    ),
    Act(
        name="flatten",
        label="Flatten",
        question="Cancel our orders and close every open trade at market?",
        run=_flatten,
        danger=True,
        bulk=True,
    ),
)

TRADE_ACTS = (
    Act(
        name="close",
        label="Close",
        question="Cancel the trade's orders and close it at market?",
        run=_on_trade(controls.close_trade, "is being closed at market; its waiting orders are cancelled."),
        allowed=_can_close,
        danger=True,
        bulk=True,
    ),
    Act(
        name="breakeven",
        label="Stop to breakeven",
        question="Move the stop to the average entry price?",
        run=_on_trade(controls.move_to_breakeven, "the stop moves to the average entry price."),
        allowed=_can_break_even,
        bulk=True,
    ),
    Act(
        name="cancel-entries",
        label="Cancel entries",
        question="Cancel the entries and adds that have not filled? What is held stays.",
        run=_on_trade(controls.cancel_entries, "waiting entries are being cancelled; what is held stays."),
        allowed=_can_cancel_entries,
        bulk=True,
    ),
)
