from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.clients import get_client, override
from exchange.models import Venue
from exchange.paper_prices import set_price
from exchange.port import ExchangeClient
from exchange.registry import UnknownVenue, adapter
from exchange.types import OrderRequest, OrderStatus, OrderType, Side
from tests.factories import AccountFactory
from tests.fakes import FaultyClient


@pytest.mark.django_db
def test_a_market_order_fills_with_slippage_and_fee() -> None:
    account = AccountFactory()
    set_price("USDM", "BTCUSDT", Decimal(60000))
    client: ExchangeClient = get_client(account)

    report = client.submit_order(
        OrderRequest(
            client_order_id="tv-1-entry-1",
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.MARKET,
            quantity=Decimal("0.01"),
        )
    )

    assert report.status is OrderStatus.FILLED
    (fill,) = report.fills
    assert (fill.price, fill.fee, fill.fee_asset) == (Decimal("60006.0"), Decimal("0.30003"), "USDT")


@pytest.mark.django_db
def test_one_client_per_account_until_its_settings_change() -> None:
    account = AccountFactory()

    first = get_client(account)

    assert get_client(account) is first
    account.api_key = "other"
    assert get_client(account) is not first


@pytest.mark.django_db
def test_a_test_may_put_its_own_client_in_the_place_of_the_real_one() -> None:
    account = AccountFactory()
    fake = FaultyClient(get_client(account))

    with override(account.name, fake):
        assert get_client(account) is fake

    assert get_client(account) is not fake


@pytest.mark.django_db
def test_a_venue_without_adapter_says_what_to_do() -> None:
    account = AccountFactory(venue=Venue.BINANCE_SPOT)

    with pytest.raises(UnknownVenue, match=r"no adapter is installed for the venue 'binance_spot'.*paper_spot"):
        get_client(account)
    with pytest.raises(UnknownVenue, match="give the account one of"):
        adapter("kraken_spot")
