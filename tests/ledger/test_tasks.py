from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.clients import get_client, override
from ledger.models import EquitySnapshot
from ledger.tasks import snapshot_equity
from tests.fakes import FaultyClient, Kind
from tests.flows.house import House

pytestmark = pytest.mark.django_db(transaction=True)


def test_equity_is_written_down_and_one_silent_account_does_not_stop_the_others() -> None:
    silent = House(name="silent")
    house = House(name="talks", strategy_fields={"leverage": 10})
    house.send(symbol="BTCUSDT", action="buy", base_amount="0.1")
    house.price("50100")
    client = FaultyClient(get_client(silent.account))
    client.fail("get_balances", Kind.FAIL_QUERY)

    with override(silent.account.name, client):
        snapshot_equity()

    rows = EquitySnapshot.objects.all()
    assert [(row.account.name, row.asset, row.total, row.unrealized_pnl) for row in rows] == [
        ("talks-account", "USDT", Decimal(10000), Decimal(10))
    ]
