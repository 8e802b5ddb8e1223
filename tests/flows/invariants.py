"""What must hold whenever the dust has settled, checked against the paper venue's own rows."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from exchange.clients import get_client
from exchange.models import Account
from exchange.paper_rows import PaperFill, PaperOrder
from exchange.types import ZERO, Direction, PositionSide
from ledger.domain.desired import held_sellable, wants_stop
from ledger.models import Fill, Order, Trade
from ledger.trade_view import load_rules, load_trade, trade_state
from signals.models import Signal

ENDS = {"DONE", "INVALID", "DUPLICATE", "REFUSED", "EXPIRED", "REJECTED_BY_PERSON", "FAILED"}


def assert_in_order(account: Account, *, signals_ended: bool = True) -> None:
    """Check the design's invariants for one paper account at rest."""
    _no_order_twice(account)
    _every_order_known(account)
    _fills_equal(account)
    _positions_equal(account)
    _no_orphans(account)
    _positions_covered(account)
    if signals_ended:
        _signals_ended(account)


def _no_order_twice(account: Account) -> None:
    names = Counter(PaperOrder.objects.filter(account=account).values_list("client_order_id", flat=True))
    assert [name for name, times in names.items() if times > 1] == []


def _every_order_known(account: Account) -> None:
    venue = set(
        PaperOrder.objects.filter(account=account, client_order_id__startswith="tv-").values_list(
            "client_order_id", flat=True
        )
    )
    ours = set(Order.objects.filter(account=account).values_list("client_order_id", flat=True))
    assert venue - ours == set()


def _fills_equal(account: Account) -> None:
    venue = PaperFill.objects.filter(account=account)
    ours = Fill.objects.filter(account=account)
    assert sorted((_name(f.client_order_id), f.quantity, f.price, f.fee) for f in venue) == sorted(
        (_name(f.order.client_order_id), f.quantity, f.price, f.fee) for f in ours.select_related("order")
    )


def _name(client_order_id: str) -> str:
    # What somebody else sent is booked under a name that we give it.
    return client_order_id if client_order_id.startswith("tv-") else "not ours"


def _positions_equal(account: Account) -> None:
    held: dict[tuple[str, str], Decimal] = {}
    for trade in Trade.objects.filter(account=account, market="USDM"):
        key = (trade.symbol, trade.position_side)
        held[key] = held.get(key, ZERO) + trade.quantity * Direction(trade.direction).sign
    venue = {(p.symbol, str(p.position_side)): p.quantity for p in get_client(account).get_positions()}
    assert {key: q for key, q in held.items() if q} == {key: q for key, q in venue.items() if q}


def _no_orphans(account: Account) -> None:
    live = set(Trade.objects.filter(account=account, status__in=Trade.LIVE).values_list("public_id", flat=True))
    resting = PaperOrder.objects.filter(account=account, open=True, client_order_id__startswith="tv-")
    assert [o.client_order_id for o in resting if o.client_order_id.split("-")[1] not in live] == []


def _positions_covered(account: Account) -> None:
    client = get_client(account)
    for trade in Trade.objects.filter(account=account, status__in=Trade.LIVE):
        full = load_trade(trade.pk)
        state = trade_state(full, rules=load_rules(full), capabilities=client.capabilities)
        sellable = held_sellable(state)
        stops = PaperOrder.objects.filter(
            account=account, open=True, client_order_id__contains=f"-{trade.public_id}-sl", type="STOP_MARKET"
        )
        covered = sum((stop.quantity for stop in stops), ZERO)
        expected = sellable if wants_stop(state) else ZERO
        assert covered == expected, (trade.public_id, covered, expected)
        assert all(stop.position_side in (trade.position_side, PositionSide.BOTH) for stop in stops)


def _signals_ended(account: Account) -> None:
    waiting = Signal.objects.filter(strategy__account=account).exclude(status__in=ENDS)
    assert [(s.pk, s.status) for s in waiting] == []
    assert [s.pk for s in Signal.objects.filter(strategy__account=account) if not s.reason_code] == []
