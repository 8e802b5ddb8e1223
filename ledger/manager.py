"""Make a trade's live orders what its plan wants now: the one function that every event ends in.

Alert, fill, timer, restart and operator all run `manage_trade`, so recovery is not a special case.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction

from exchange.clients import get_client
from exchange.clock import now
from exchange.errors import AccountUnusable, NotSent, OutcomeUnknown, QueryFailed
from exchange.port import ExchangeClient
from exchange.rules import tidy
from exchange.types import ZERO, InstrumentRules, OrderStatus
from ledger import execution
from ledger.domain.desired import Desired, coverage, desired_orders, held_sellable, wants_stop
from ledger.domain.diff import diff
from ledger.domain.order_state import AT_VENUE, ENDED
from ledger.domain.plan import LegKind
from ledger.domain.trade import NOTHING_TO_REDUCE, TARGET_PASSED, WOULD_TRIGGER, LegView, TradeState
from ledger.external import book_external_close
from ledger.models import Lane, Leg, Notice, Order, Trade
from ledger.services.notices import notify
from ledger.services.plans import request_close
from ledger.trade_view import load_rules, load_trade, trade_state

log = structlog.get_logger(__name__)

MAX_ROUNDS = 12
LOOK_AGAIN = timedelta(seconds=1)
WATCH_SWITCHES = timedelta(seconds=5)
EXIT_WITHIN = timedelta(seconds=10)
REMIND_EVERY = timedelta(minutes=1)
FAILED = (OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.DENIED)
NO_FAILURE = (WOULD_TRIGGER, TARGET_PASSED, execution.NOT_WANTED)
RETRY_PAUSES = tuple(timedelta(seconds=s) for s in (0.5, 1, 2, 5, 15, 60))


def manage_lane(lane: Lane, *, certain: bool) -> datetime | None:
    """Work every live trade of the lane once; return when somebody must look again, None if nobody must."""
    live = list(lane.trades.filter(status__in=Trade.LIVE).order_by("id").values_list("pk", flat=True))
    if not live:
        return None
    client = get_client(lane.account)
    wakes, errors = [], []
    for trade_id in live:
        try:
            wakes.append(manage_trade(trade_id, client, certain=certain))
        except (OperationalError, InterfaceError):
            raise
        except Exception as exc:
            # One broken trade must not keep the others of its lane from their stops.
            log.exception("trade_failed", trade=trade_id)
            errors.append(exc)
    if errors:
        raise errors[0]
    return min((wake for wake in wakes if wake is not None), default=None)


def manage_trade(trade_id: int, client: ExchangeClient, *, certain: bool) -> datetime | None:
    """Run rounds of compare and act until nothing is left to do now; return when to look again.

    certain: the lane's earlier holders are dead or done (see `ledger.lanes.Held`).
    """
    for _ in range(MAX_ROUNDS):
        trade = load_trade(trade_id)
        rules = load_rules(trade)
        if _settle(trade, client, certain=certain):
            trade = load_trade(trade_id)
        _drop_entries(trade)
        state = trade_state(trade, rules=rules, capabilities=client.capabilities)
        if _escalate(trade, state, client):
            continue
        if not _round(trade, state, client):
            break
    return _finish(load_trade(trade_id), rules, client)


def _round(trade: Trade, state: TradeState, client: ExchangeClient) -> bool:
    """Send what waits, cancel what is not wanted, place what is missing; True if anything changed."""
    waiting = [o for o in _orders(trade) if o.status == OrderStatus.INITIALIZED]
    desired = desired_orders(state)
    actions = diff(state, desired)
    dropped = {view.id for view in actions.cancel}
    changed = False
    for order in _orders(trade):
        if order.pk in dropped:
            changed = execution.cancel(order, client) or changed
    for order in waiting:
        if order.pk not in dropped and not order.oco_group and _due(order):
            execution.send(order, client)
            changed = True
    changed = _send_waiting_pairs([o for o in waiting if o.oco_group and o.pk not in dropped], client) or changed
    for group in actions.place:
        if all((_retry_at(trade, want) or now()) <= now() for want in group):
            _place(trade, group, client)
            changed = True
    return changed


def _send_waiting_pairs(waiting: list[Order], client: ExchangeClient) -> bool:
    groups: dict[str, list[Order]] = {}
    changed = False
    for order in waiting:
        groups.setdefault(order.oco_group, []).append(order)
    for pair in groups.values():
        if len(pair) == 1:
            # Its partner was never written or is gone: the half alone is not what was planned.
            changed = execution.cancel(pair[0], client) or changed
        elif all(_due(order) for order in pair):
            target, stop = sorted(pair, key=lambda order: order.role, reverse=True)
            execution.send_pair(target, stop, client)
            changed = True
    return changed


def _place(trade: Trade, group: tuple[Desired, ...], client: ExchangeClient) -> None:
    with transaction.atomic(durable=True):
        orders = {want.kind: _new_order(trade, want) for want in group}
    if len(group) == 1:
        execution.send(next(iter(orders.values())), client)
    else:
        execution.send_pair(orders[LegKind.TP], orders[LegKind.SL], client)


def _new_order(trade: Trade, want: Desired) -> Order:
    leg, _ = Leg.objects.get_or_create(
        trade=trade, kind=want.kind, index=want.index, defaults={"order_type": want.type}
    )
    Order.objects.filter(leg=leg, superseded=False).exclude(status__in=[str(s) for s in ENDED]).update(superseded=True)
    sequence = Order.objects.filter(leg=leg).count() + 1
    return Order.objects.create(
        trade=trade,
        leg=leg,
        account=trade.account,
        client_order_id=f"tv-{trade.public_id}-{leg.tag}-{sequence}",
        sequence=sequence,
        role=want.kind,
        symbol=trade.symbol,
        side=want.side,
        position_side=want.position_side,
        type=want.type,
        quantity=want.quantity,
        price=want.price,
        trigger_price=want.trigger_price,
        callback_pct=want.callback_pct,
        reduce_only=want.reduce_only,
        working_type=want.working_type,
        oco_group=f"{trade.public_id}-{want.oco_group}-{sequence}" if want.oco_group else "",
    )


def _orders(trade: Trade) -> list[Order]:
    found = [order for leg in trade.legs.all() for order in leg.orders.all()]
    for order in found:
        order.trade = trade
        order.account = trade.account
    return sorted(found, key=lambda order: order.pk)


def _due(order: Order) -> bool:
    return order.ask_at is None or order.ask_at <= now()


def _settle(trade: Trade, client: ExchangeClient, *, certain: bool) -> bool:
    """Ask the venue about every order whose outcome is not known; True if any was asked about."""
    asked = [order for order in _orders(trade) if _unsettled(order)]
    for order in asked:
        execution.ask(order, client, certain=certain)
    return bool(asked)


def _unsettled(order: Order) -> bool:
    if order.status == OrderStatus.SUBMITTING:
        # Its sender is not us, since we hold the lane: asking is harmless, sending again waits for proof.
        return True
    if order.status == OrderStatus.UNKNOWN:
        return _due(order)
    # A report counted fills that it did not bring.
    return order.status in AT_VENUE and order.ask_at is not None and _due(order)


def _drop_entries(trade: Trade) -> None:
    """Give up entries that came of age, or whose house, account or strategy was switched off meanwhile."""
    if trade.entries_canceled:
        return
    expired = trade.entries_expire_at is not None and trade.entries_expire_at <= now()
    if expired or (_rests_to_open(trade) and execution.blocked_by(trade)):
        trade.entries_canceled = True
        trade.save(update_fields=["entries_canceled"])


def _rests_to_open(trade: Trade) -> bool:
    return any(LegKind(order.role).opens and order.status in AT_VENUE for order in _orders(trade))


def _alarm(trade: Trade, code: str, message: str) -> None:
    notify(level=Notice.Level.ALARM, code=code, message=f"{trade}: {message}", account=trade.account, trade=trade)


def _escalate(trade: Trade, state: TradeState, client: ExchangeClient) -> bool:
    """Close at market when protection was refused, and recognize a position that is gone; True if it did either."""
    exit_leg = next((leg for leg in state.legs_of(LegKind.EXIT) if leg.quantity is None), None)
    if state.closing:
        return exit_leg is not None and _gone_at_venue(trade, exit_leg, client)
    refused = _refused_stop(state)
    if refused is None or held_sellable(state) == ZERO:
        return False
    reason = "STOP_THROUGH" if refused == WOULD_TRIGGER else "PROTECTION_FAILED"
    _alarm(trade, reason, f"the stop was refused ({refused or 'no code'}): the position is closed at market")
    request_close(trade, reason=reason)
    return True


def _refused_stop(state: TradeState) -> str | None:
    for leg in state.legs_of(LegKind.SL):
        last = leg.last
        if last is not None and last.status is OrderStatus.REJECTED and last.reason_code != TARGET_PASSED:
            return last.reason_code
    return None


def _gone_at_venue(trade: Trade, leg: LegView, client: ExchangeClient) -> bool:
    """After a refused exit, ask whether there still is a position; if not, somebody else closed it: book that."""
    last = leg.last
    if last is None or last.status is not OrderStatus.REJECTED or last.reason_code != NOTHING_TO_REDUCE:
        return False
    if trade.quantity == ZERO:
        return False
    try:
        return book_external_close(trade, client)
    except (QueryFailed, NotSent, OutcomeUnknown, AccountUnusable) as exc:
        log.warning("position_query_failed", trade=trade.public_id, error=str(exc))
        return False


def _retry_at(trade: Trade, want: Desired) -> datetime | None:
    """Return when a leg whose orders keep being refused or ended unfilled may be tried again, None for at once."""
    leg = next((leg for leg in trade.legs.all() if (leg.kind, leg.index) == (want.kind, want.index)), None)
    if leg is None:
        return None
    failures, latest = 0, now()
    spent = {order.oco_group for order in _orders(trade) if order.oco_group and order.filled_quantity > ZERO}
    for order in sorted(leg.orders.all(), key=lambda row: row.sequence, reverse=True):
        if order.status not in FAILED or order.filled_quantity > ZERO or order.reason_code in NO_FAILURE:
            break
        if order.oco_group in spent:
            # It did not fail: its partner was filled, and the pair is to be placed anew for what is left.
            break
        failures += 1
        latest = order.updated_at if failures == 1 else latest
    return latest + RETRY_PAUSES[min(failures, len(RETRY_PAUSES)) - 1] if failures else None


def _finish(trade: Trade, rules: InstrumentRules, client: ExchangeClient) -> datetime | None:
    """Write the trade's new status and return when somebody must look at it again."""
    state = trade_state(trade, rules=rules, capabilities=client.capabilities)
    live = [order for order in state.orders if not order.ended]
    actions = diff(state, desired_orders(state))
    missing = [want for group in actions.place for want in group]
    if not live and not missing and held_sellable(state) == ZERO:
        _end(trade, state)
        return None
    wakes = [order.ask_at or now() + LOOK_AGAIN for order in _orders(trade) if _waits(order)]
    wakes += [_retry_at(trade, want) or now() + LOOK_AGAIN for want in missing]
    wakes += [now() + LOOK_AGAIN for _ in actions.cancel]  # refused or unanswered: asked again, at leisure
    wakes += [guard for guard in (_guard_protection(trade, state), _guard_exit(trade, state)) if guard is not None]
    if not trade.entries_canceled:
        if trade.entries_expire_at is not None:
            wakes.append(trade.entries_expire_at)
        if _rests_to_open(trade):
            wakes.append(now() + WATCH_SWITCHES)
    return min(wakes, default=None)


def _waits(order: Order) -> bool:
    if order.status in AT_VENUE:
        return order.ask_at is not None
    return order.status in (OrderStatus.INITIALIZED, OrderStatus.UNKNOWN, OrderStatus.SUBMITTING)


def _end(trade: Trade, state: TradeState) -> None:
    filled = any(leg.filled > ZERO for leg in state.legs)
    status = Trade.Status.CLOSED if filled else Trade.Status.ABANDONED
    reason = trade.close_reason or _end_reason(state, filled=filled)
    Trade.objects.filter(pk=trade.pk, status__in=Trade.LIVE).update(
        status=status, closed_at=now(), close_reason=reason[:64], naked_since=None
    )
    log.info("trade_ended", trade=trade.public_id, status=status, reason=reason)


def _end_reason(state: TradeState, *, filled: bool) -> str:
    if not filled:
        entry = next(iter(state.legs_of(LegKind.ENTRY)), None)
        last = entry.last if entry else None
        return f"ENTRY_{last.status}" if last else "NOTHING_SENT"
    if state.held > ZERO:
        return "DUST"
    closers = [o for o in state.orders if not o.kind.opens and o.filled > ZERO]
    return str(max(closers, key=lambda order: order.id).kind) if closers else "CLOSED"


def _guard_protection(trade: Trade, state: TradeState) -> datetime | None:
    """Watch that the stop covers what is held; past the strategy's limit the position is closed at market."""
    exposed = held_sellable(state) if wants_stop(state) and not state.closing else ZERO
    if exposed == ZERO or coverage(state) >= exposed:
        changes: dict[str, datetime | None] = {}
        if trade.naked_since is not None:
            changes["naked_since"] = None
        if exposed > ZERO and trade.protected_at is None:
            changes["protected_at"] = now()
        if changes:
            Trade.objects.filter(pk=trade.pk).update(**changes)
        return None
    since = trade.naked_since or now()
    if trade.naked_since is None:
        Trade.objects.filter(pk=trade.pk).update(naked_since=since)
    limit = since + timedelta(seconds=trade.protect_within_s)
    if now() < limit:
        return limit
    _alarm(trade, "UNPROTECTED", f"no acknowledged stop within {trade.protect_within_s} s: closed at market")
    request_close(trade, reason="UNPROTECTED")
    return now()


def _guard_exit(trade: Trade, state: TradeState) -> datetime | None:
    """Watch that a close gets through; while it doesn't, whatever the cause, an alarm is repeated every minute."""
    if trade.close_requested_at is None or held_sellable(state) == ZERO:
        return None
    late_at = trade.close_requested_at + EXIT_WITHIN
    if now() < late_at:
        return late_at
    last = Notice.objects.filter(trade=trade, code="EXIT_STUCK").order_by("-id").first()
    if last is not None and now() < last.at + REMIND_EVERY:
        return last.at + REMIND_EVERY
    exits = [order for order in _orders(trade) if order.role == LegKind.EXIT]
    state_of_it = f"{exits[-1].client_order_id} is {exits[-1].status} {exits[-1].reason}" if exits else "no order yet"
    waited = (now() - trade.close_requested_at).total_seconds()
    _alarm(trade, "EXIT_STUCK", f"asked to close {waited:.0f} s ago, still holds {tidy(state.held)}: {state_of_it}")
    return now() + REMIND_EVERY
