"""What is stored comes back equal, digit for digit, and nothing else is taken for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from cattrs import BaseValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.types import Direction, OrderType
from ledger.domain.context import Context
from ledger.domain.plan import Decision, LegKind, LegPlan, TradePlan
from ledger.domain.policy import Sizing, SizingMethod, StrategyPolicy
from signals.codec import dump, load
from signals.intents import Action, Intent
from signals.planner import plan
from tests.signals.examples.cases import CASES
from tests.signals.examples.generators import contexts, intents, likely_entries

relaxed = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def over_the_wire(value: object) -> Any:
    return json.loads(json.dumps(dump(value)))


@relaxed
@given(intents(Decimal("123.456")))
def test_intent_comes_back(intent: Intent) -> None:
    assert load(Intent, over_the_wire(intent)) == intent


@relaxed
@given(contexts())
def test_context_comes_back(context: Context) -> None:
    assert load(Context, over_the_wire(context)) == context


@relaxed
@given(likely_entries())
def test_decision_and_plan_come_back(entry: tuple[Intent, Context]) -> None:
    decision = plan(*entry)

    assert load(Decision, over_the_wire(decision)) == decision
    if decision.plan:
        assert load(TradePlan, over_the_wire(decision.plan)) == decision.plan


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_decision_of_each_example_comes_back(case: Any) -> None:
    decision = plan(case.intent, case.context)

    assert load(Decision, over_the_wire(decision)) == decision


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e20"), max_value=Decimal("1e20")))
def test_decimals_are_plain_digits(number: Decimal) -> None:
    stored = dump(Sizing(method=SizingMethod.MARGIN, amount=number))["amount"]

    assert isinstance(stored, str)
    assert "e" not in stored.lower()
    assert Decimal(stored) == number


def test_digits_of_a_venue_stay_as_they_are() -> None:
    leg = LegPlan(kind=LegKind.ENTRY, order_type=OrderType.LIMIT, quantity=Decimal("0.100"), price=Decimal("1E+3"))

    assert dump(leg)["quantity"] == "0.100"
    assert dump(leg)["price"] == "1000"


def test_times_are_stored_in_utc() -> None:
    there = datetime(2026, 6, 16, 1, 31, 22, 5, tzinfo=timezone(timedelta(hours=2)))
    intent = Intent(action=Action.OPEN, symbol="BTCUSDT", at=there)

    assert dump(intent)["at"] == "2026-06-15T23:31:22.000005+00:00"
    assert load(Intent, over_the_wire(intent)).at == datetime(2026, 6, 15, 23, 31, 22, 5, tzinfo=UTC)


def test_sets_are_sorted_and_enums_are_plain_text() -> None:
    stored = dump(StrategyPolicy(name="x", symbols=frozenset({"ETHUSDT", "BTCUSDT", "ADAUSDT"})))

    assert stored["symbols"] == ["ADAUSDT", "BTCUSDT", "ETHUSDT"]
    assert type(stored["entry_type"]) is str


def test_mapping_by_direction_comes_back() -> None:
    seen = {Direction.LONG: datetime(2026, 1, 1, tzinfo=UTC)}

    assert over_the_wire(seen) == {"LONG": "2026-01-01T00:00:00+00:00"}


def test_fields_of_another_release_are_ignored_and_missing_ones_take_their_default() -> None:
    intent = load(Intent, {"action": "OPEN", "symbol": "BTCUSDT", "field_of_the_future": 1})

    assert intent == Intent(action=Action.OPEN, symbol="BTCUSDT")


@pytest.mark.parametrize(
    "broken",
    [
        {"symbol": "BTCUSDT"},
        {"action": "HOLD", "symbol": "BTCUSDT"},
        {"action": "OPEN", "symbol": 5},
        {"action": "OPEN", "symbol": "BTCUSDT", "price": 1.5},
        {"action": "OPEN", "symbol": "BTCUSDT", "price": "NaN"},
        {"action": "OPEN", "symbol": "BTCUSDT", "price": "Infinity"},
        {"action": "OPEN", "symbol": "BTCUSDT", "price": "ten"},
        {"action": "OPEN", "symbol": "BTCUSDT", "leverage": True},
        {"action": "OPEN", "symbol": "BTCUSDT", "leverage": "7"},
        {"action": "OPEN", "symbol": "BTCUSDT", "no_targets": "false"},
        {"action": "OPEN", "symbol": "BTCUSDT", "at": "2026-01-01T00:00:00"},
        {"action": "OPEN", "symbol": "BTCUSDT", "at": 1577836800},
    ],
)
def test_what_is_not_an_intent_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(BaseValidationError):
        load(Intent, broken)


def test_what_could_not_be_read_back_is_not_stored() -> None:
    with pytest.raises(ValueError, match="finite"):
        dump(Intent(action=Action.OPEN, symbol="BTCUSDT", price=Decimal("NaN")))
    with pytest.raises(ValueError, match="zone"):
        dump(Intent(action=Action.OPEN, symbol="BTCUSDT", at=datetime(2026, 1, 1)))  # noqa: DTZ001  # the point


def test_order_type_of_an_intent_comes_back_as_enum() -> None:
    intent = Intent(action=Action.OPEN, symbol="BTCUSDT", order_type=OrderType.LIMIT)

    assert load(Intent, over_the_wire(intent)).order_type is OrderType.LIMIT
