"""The operator's hands: switches for house, accounts and strategies, and acts on single trades.

Every act writes what is wanted and makes the lanes due; the engine then does it.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from exchange.clients import get_client
from exchange.clock import now
from exchange.errors import ExchangeError
from exchange.models import Account, HouseState, TradingState
from exchange.rules import round_stop, tidy
from exchange.types import ZERO
from ledger import lanes
from ledger.domain.desired import breakeven_price, stop_price
from ledger.domain.trade import TradeState
from ledger.models import Notice, Strategy, Trade
from ledger.services.notices import notify
from ledger.services.plans import request_close
from ledger.trade_view import load_rules, load_trade, trade_state

Target = Account | Strategy | None


class NotPossible(Exception):
    """The trade is not in a state in which this can be done; the message says why."""


def halt(target: Target, *, reason: str, by: str) -> None:
    """Switch off: nothing is opened from now on, resting entries are cancelled, exits still pass. None: the house."""
    _switch(target, TradingState.HALTED, reason, by)
    for trade in _live(target):
        cancel_entries(trade, by=by)


def resume(target: Target, *, reason: str = "", by: str) -> None:
    """Switch on again; alerts refused meanwhile stay refused. None: the house."""
    _switch(target, TradingState.ACTIVE, reason, by)


def flatten(target: Target, *, by: str) -> list[Trade]:
    """Cancel our orders and close our positions, nothing else's; returns the trades concerned. None: the house."""
    trades = list(_live(target))
    for trade in trades:
        close_trade(trade, by=by)
    return trades


def close_trade(trade: Trade, *, by: str) -> None:
    """Close a trade at market and cancel its orders. Raises NotPossible if it has ended."""
    _require_live(trade)
    with transaction.atomic():
        request_close(trade, reason="OPERATOR")
        _wake(trade)
    _tell(trade, "CLOSE_ASKED", f"close asked by {by}")


def cancel_entries(trade: Trade, *, by: str) -> None:
    """Cancel what still rests to enter; the position and its protection stay. Raises NotPossible if it has ended."""
    _require_live(trade)
    with transaction.atomic():
        Trade.objects.filter(pk=trade.pk).update(entries_canceled=True)
        _wake(trade)
    _tell(trade, "ENTRIES_CANCELED", f"entries cancelled by {by}")


def move_to_breakeven(trade: Trade, *, by: str) -> None:
    """Move the stop to the average entry price and the trade's offset. Raises NotPossible without a position."""
    _require_live(trade)
    full = load_trade(trade.pk)
    state = trade_state(full, rules=load_rules(full), capabilities=get_client(full.account).capabilities)
    price = breakeven_price(state)
    if price is None or not state.held:
        raise NotPossible(f"{trade} holds nothing: there is no average price to move the stop to")
    price = round_stop(price, state.rules, state.direction)
    present = stop_price(state)
    if present is not None and (price - present) * state.direction.sign <= ZERO:
        raise NotPossible(f"the stop of {trade} is at {tidy(present)}, not worse than {tidy(price)}")
    _require_beyond(full, state, price)
    with transaction.atomic():
        Trade.objects.filter(pk=trade.pk).update(stop_override=price)
        _wake(trade)
    _tell(trade, "BREAKEVEN_ASKED", f"stop to {tidy(price)} asked by {by}")


def _require_beyond(trade: Trade, state: TradeState, price: Decimal) -> None:
    """Refuse a stop that would act at once: the venue would not take it, and the position would be closed instead."""
    try:
        market = get_client(trade.account).get_quote(trade.symbol).watched(state.working_type)
    except ExchangeError as exc:
        raise NotPossible(f"{trade.account} does not tell the price of {trade.symbol}: {exc}") from exc
    if (market - price) * state.direction.sign <= ZERO:
        raise NotPossible(f"a stop at {tidy(price)} would act at once, the market is at {tidy(market)}")


def _switch(target: Target, state: TradingState, reason: str, by: str) -> None:
    why = f"{reason} ({by})" if reason else by
    if target is None:
        house = HouseState.get()
        HouseState.objects.filter(pk=house.pk).update(state=state, reason=why[:200], changed_at=now())
        name, account = "the house", None
    elif isinstance(target, Account):
        Account.objects.filter(pk=target.pk).update(state=state, state_reason=why[:200])
        name, account = f"account {target}", target
    else:
        Strategy.objects.filter(pk=target.pk).update(state=state, state_reason=why[:200])
        name, account = f"strategy {target}", target.account
    level = Notice.Level.INFO if state == TradingState.ACTIVE else Notice.Level.WARNING
    notify(level=level, code=f"SWITCHED_{state}", message=f"{name} is {state}: {why}", account=account)


def _live(target: Target) -> QuerySet[Trade]:
    trades = Trade.objects.filter(status__in=Trade.LIVE).select_related("account", "strategy")
    if isinstance(target, Account):
        return trades.filter(account=target)
    return trades.filter(strategy=target) if target is not None else trades


def _require_live(trade: Trade) -> None:
    trade.refresh_from_db(fields=["status"])
    if trade.status not in Trade.LIVE:
        raise NotPossible(f"{trade} is {trade.status}")


def _wake(trade: Trade) -> None:
    lanes.touch(account_id=trade.account_id, symbol=trade.symbol, at=now())


def _tell(trade: Trade, code: str, message: str) -> None:
    notify(level=Notice.Level.INFO, code=code, message=f"{trade}: {message}", account=trade.account, trade=trade)
