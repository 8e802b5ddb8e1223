"""A venue of each market with its symbols, and an endpoint of each dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from exchange.models import TickerAlias, Venue
from signals import parsing
from signals.interpret import Interpretation, interpret
from signals.models import Endpoint, EndpointRoute
from signals.problems import Problem
from tests.factories import AccountFactory, EndpointFactory, InstrumentFactory, StrategyFactory

FUTURES = ("BTCUSDT", "ETHUSDT", "LINKUSDT", "ADAUSDT", "1000PEPEUSDT")
SPOT = ("BTCUSDT", "ADAUSDT", "ADABTC", "ETHBTC")
NOW = datetime(2026, 6, 15, 23, 31, 30, tzinfo=UTC)

Ask = Callable[..., Interpretation]


@pytest.fixture
def endpoint_of(db: None) -> Callable[..., Endpoint]:
    for symbol in FUTURES:
        InstrumentFactory(symbol=symbol)
    for symbol in SPOT:
        InstrumentFactory(venue=Venue.PAPER_SPOT, symbol=symbol)
    TickerAlias.objects.create(venue=Venue.PAPER_USDM, ticker="BTCPERP", symbol="BTCUSDT")
    made: dict[tuple[str, Any], Endpoint] = {}

    def endpoint_of(dialect: str, *, venue: Venue | None = None, strict: bool | None = None) -> Endpoint:
        venue = venue or (Venue.PAPER_SPOT if dialect == "spot" else Venue.PAPER_USDM)
        if (dialect, venue) not in made:
            strategy = StrategyFactory(account=AccountFactory(venue=venue), max_leverage=50)
            made[dialect, venue] = EndpointFactory(dialect=dialect, strategy=strategy)
            EndpointRoute.objects.create(endpoint=made[dialect, venue], label="Testing", strategy=strategy)
        endpoint = made[dialect, venue]
        endpoint.strict = strict
        return endpoint

    return endpoint_of


@pytest.fixture
def ask(endpoint_of: Callable[..., Endpoint]) -> Ask:
    """Interpret a payload at an endpoint of a dialect, numbers passing through JSON as in life."""

    def ask(dialect: str, payload: Any, *, route: str = "webhook", now: datetime = NOW, **how: Any) -> Interpretation:
        body = payload if isinstance(payload, str) else json.dumps(payload)
        return interpret(
            endpoint=endpoint_of(dialect, **how), payload=parsing.parse(body.encode()), route=route, now=now
        )

    return ask


@pytest.fixture
def refused(ask: Ask) -> Callable[..., Problem]:
    """Interpret a payload that must be refused and return why."""

    def refused(*args: Any, **kwargs: Any) -> Problem:
        with pytest.raises(Problem) as caught:
            ask(*args, **kwargs)
        assert caught.value.message
        assert caught.value.remedy
        return caught.value

    return refused
