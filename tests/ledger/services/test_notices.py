from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from exchange.models import Account
from exchange.types import Balance, MarginType, PositionSide, VenuePosition
from ledger.models import EquitySnapshot, Notice
from ledger.services.equity import snapshot
from ledger.services.notices import notify
from tests.factories import T0, AccountFactory, InstrumentFactory, TradeFactory

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("level", "logged"), [("INFO", "info"), ("WARNING", "warning"), ("ALARM", "error")])
def test_a_notice_is_a_row_and_a_log_line(level: str, logged: str, caplog: pytest.LogCaptureFixture) -> None:
    trade = TradeFactory()

    with caplog.at_level("INFO", logger="ledger.services.notices"):
        notice = notify(level=level, code="STOP_LATE", message="late", trade=trade)

    assert Notice.objects.get() == notice
    assert notice.account == trade.account
    lines: list[Any] = [record.msg for record in caplog.records]
    assert [(line["level"], line["code"], line["trade"]) for line in lines] == [(logged, "STOP_LATE", trade.public_id)]


def test_a_long_message_is_cut_to_the_column() -> None:
    assert len(notify(level="INFO", code="X", message="m" * 900).message) == 500


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"), transaction.atomic():
        notify(level="LOUD", code="X", message="m")

    assert not Notice.objects.exists()


def _position(pnl: str) -> VenuePosition:
    return VenuePosition(
        symbol="BTCUSDT",
        position_side=PositionSide.BOTH,
        quantity=D("-0.1"),
        entry_price=D(60000),
        mark_price=D(59000),
        unrealized_pnl=D(pnl),
        leverage=10,
        margin_type=MarginType.ISOLATED,
        margin=D(600),
        liquidation_price=None,
    )


def _account() -> Account:
    InstrumentFactory()
    return AccountFactory()


def test_snapshot_keeps_funds_and_unrealized_pnl_by_asset() -> None:
    account = _account()
    funds = [
        Balance(asset="USDT", free=D(9400), total=D("10000.00000001")),
        Balance(asset="BNB", free=D(0), total=D(0)),
    ]

    snapshot(account, funds, [_position("100"), _position("-20.5")], T0)

    row = EquitySnapshot.objects.get()
    assert (row.asset, row.free, row.total, row.unrealized_pnl) == (
        "USDT", D(9400), D("10000.00000001"), D("79.5"),
    )  # fmt: skip


def test_an_asset_that_ran_out_is_shown_once_more_as_zero() -> None:
    account = _account()
    bnb = Balance(asset="BNB", free=D(1), total=D(1))

    snapshot(account, [bnb], [], T0)
    for minute in (1, 2):
        snapshot(account, [], [], T0.replace(minute=minute))

    assert [(row.at.minute, row.total) for row in EquitySnapshot.objects.all()] == [(0, D(1)), (1, D(0))]
