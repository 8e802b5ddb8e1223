from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.clients import get_client
from exchange.models import Venue
from exchange.paper_prices import set_liquidity, set_price
from exchange.types import Market
from tests.exchange.adapters.contract import SYMBOL, AdapterContract, ContractVenue
from tests.factories import AccountFactory


def make_venue(venue: Venue, *, hedge: bool = False) -> ContractVenue:
    account = AccountFactory(venue=venue, hedge_mode=hedge, paper_balances={"USDT": "100000"})
    market: Market = venue.market
    set_price(market, SYMBOL, Decimal(60000))
    return ContractVenue(
        client=get_client(account),
        move=lambda price: set_price(market, SYMBOL, Decimal(price)),
        limit_fills=lambda quantity: set_liquidity(market, SYMBOL, Decimal(quantity)),
    )


@pytest.mark.django_db
class TestPaperSpot(AdapterContract):
    @pytest.fixture
    def venue(self) -> ContractVenue:
        return make_venue(Venue.PAPER_SPOT)


@pytest.mark.django_db
class TestPaperFuturesOneWay(AdapterContract):
    @pytest.fixture
    def venue(self) -> ContractVenue:
        return make_venue(Venue.PAPER_USDM)


@pytest.mark.django_db
class TestPaperFuturesHedge(AdapterContract):
    @pytest.fixture
    def venue(self) -> ContractVenue:
        return make_venue(Venue.PAPER_USDM, hedge=True)
