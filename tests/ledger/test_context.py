from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from ledger.context import reserved_funds
from ledger.models import Trade
from tests.factories import T0, LegFactory, OrderFactory, TradeFactory

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def bound(trade: Trade) -> Decimal:
    live = Trade.objects.prefetch_related("legs__orders").filter(pk=trade.pk)
    return reserved_funds(list(live), as_of=T0).get("USDT", Decimal(0))


@pytest.mark.parametrize(
    ("status", "acknowledged_at", "reserved"),
    [
        ("INITIALIZED", None, 500),
        ("SUBMITTING", None, 500),
        ("UNKNOWN", None, 500),
        ("ACCEPTED", T0 - SECOND, 0),  # the balance shows it
        ("ACCEPTED", T0, 500),
        ("FILLED", T0 + SECOND, 500),
        ("FILLED", T0 - SECOND, 0),
        ("REJECTED", None, 0),
        ("DENIED", None, 0),
    ],
)
def test_what_the_balance_cannot_show_yet_is_bound(status: str, acknowledged_at: object, reserved: int) -> None:
    leg = LegFactory(kind="ENTRY", reserve=Decimal(500), trade=TradeFactory(reserve_asset="USDT"))
    OrderFactory(trade=leg.trade, leg=leg, role="ENTRY", status=status, acknowledged_at=acknowledged_at)

    assert bound(leg.trade) == reserved


def test_a_planned_entry_without_an_order_is_bound() -> None:
    leg = LegFactory(kind="ENTRY", reserve=Decimal(500), trade=TradeFactory(reserve_asset="USDT"))

    assert bound(leg.trade) == 500
