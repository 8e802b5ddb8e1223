from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from exchange.clients import get_client, override
from exchange.clock import now
from exchange.models import Account, HouseState
from ledger.context import build_context
from signals import dry_run as module
from signals.dry_run import dry_run
from signals.interpret import interpret
from signals.models import Endpoint, Signal
from signals.planner import plan
from signals.preview import preview
from tests.fakes import FaultyClient, Kind
from tests.flows.house import House, work_until_quiet

pytestmark = pytest.mark.django_db

FIELDS = {"sizing_method": "quote_amount", "sizing_amount": Decimal(1000), "stop_pct": Decimal(1)}
ENTRY = {"action": "entry", "side": "long", "symbol": "BTCUSDT"}
KEYS = {
    "outcome", "code", "field", "reason", "remedy", "reference_price", "leverage", "trades", "orders", "notes",
    "intent", "ignored_fields", "strategy",
}  # fmt: skip


@pytest.fixture
def house() -> House:
    made = House(name="hook", strategy_fields=FIELDS)
    # The paper venue opens its books, and the house its switch, at the first question: not a dry run's doing.
    get_client(made.account).get_balances()
    HouseState.get()
    return made


def ask(house: House, alert: dict[str, Any] | bytes) -> dict[str, Any]:
    body = alert if isinstance(alert, bytes) else json.dumps(alert).encode()
    return dry_run(endpoint=house.endpoint, body=body, now=now())


def counts() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def test_an_entry_is_planned_with_its_stop(house: House) -> None:
    answer = ask(house, ENTRY)

    # 1000 USDT at 50000 are 0.02; 1 % below 50000 is 49500.
    assert set(answer) == KEYS
    assert (answer["outcome"], answer["strategy"], answer["reference_price"]) == ("OPEN", "hook", "50000")
    rows = {row["leg"]: row for row in answer["orders"]}
    assert (rows["entry"]["side"], rows["entry"]["type"], rows["entry"]["quantity"]) == ("BUY", "MARKET", "0.020")
    assert (rows["sl"]["side"], rows["sl"]["trigger_price"]) == ("SELL", "49500.0")
    assert answer["intent"]["symbol"] == "BTCUSDT"
    assert json.loads(json.dumps(answer)) == answer


def test_it_says_what_the_planner_says(house: House) -> None:
    at = now()
    found = interpret(endpoint=house.endpoint, payload=dict(ENTRY), route="webhook")
    context = build_context(strategy=house.strategy, symbol="BTCUSDT", received_at=at, now=at)
    decision = plan(found.intent, context)

    answer = dry_run(endpoint=house.endpoint, body=json.dumps(ENTRY).encode(), now=at)

    assert answer["orders"] == preview(decision, context)
    assert (answer["code"], answer["reason"]) == (decision.code, decision.reason)


def test_what_it_promised_is_what_is_then_done(house: House) -> None:
    promised = ask(house, ENTRY)

    signal = house.send(**ENTRY)

    assert signal.plan
    assert signal.plan["orders"] == promised["orders"]
    assert signal.intent == promised["intent"]


@pytest.mark.parametrize(
    "alert",
    [
        ENTRY,
        {"action": "exit", "symbol": "BTCUSDT"},
        {**ENTRY, "symbol": "NOPEUSDT"},
        {**ENTRY, "stop_loss": 51000},
        b"{",
        b"",
        b"\xff",
        b"[" * 3000,
    ],
)
def test_nothing_is_written(house: House, alert: Any) -> None:
    before = counts()

    ask(house, alert)

    assert counts() == before


def test_nothing_is_written_while_a_trade_is_held(house: House) -> None:
    house.send(**ENTRY)
    work_until_quiet()
    before = counts()

    for alert in ({"action": "exit", "symbol": "BTCUSDT"}, {**ENTRY, "side": "short"}, ENTRY):
        ask(house, alert)

    assert counts() == before
    assert house.trade().close_requested_at is None


def test_the_venue_is_only_read(house: House) -> None:
    spy = FaultyClient(get_client(house.account))

    with override(house.account.name, spy):
        ask(house, ENTRY)

    assert {call.method for call in spy.journal} <= {"get_quote", "get_balances", "get_position_mode"}


def test_a_venue_that_does_not_answer_is_a_refusal(house: House) -> None:
    broken = FaultyClient(get_client(house.account))
    broken.fail("get_quote", Kind.FAIL_QUERY)

    with override(house.account.name, broken):
        answer = ask(house, ENTRY)

    assert (answer["outcome"], answer["code"], answer["orders"]) == ("REFUSE", "VENUE_UNREACHABLE", [])


def test_an_account_without_adapter_is_a_refusal(house: House) -> None:
    Account.objects.update(venue="binance_usdm")
    from exchange.models import Instrument

    Instrument.objects.update(venue="binance_usdm")
    house.endpoint = Endpoint.objects.get()

    answer = ask(house, ENTRY)

    assert (answer["outcome"], answer["code"]) == ("REFUSE", "UNKNOWN_VENUE")


def test_a_refusal_carries_the_numbers_and_the_remedy(house: House) -> None:
    answer = ask(house, {**ENTRY, "stop_loss": 51000})

    assert answer["outcome"] == "REFUSE"
    assert "51000" in answer["reason"]
    assert answer["remedy"]


def test_an_alert_that_cannot_be_understood_names_the_field(house: House) -> None:
    answer = ask(house, {**ENTRY, "side": "up"})

    assert set(answer) == KEYS
    assert (answer["outcome"], answer["field"]) == (module.INVALID, "side")
    assert answer["remedy"]


@pytest.mark.parametrize("name", ["token", "passphrase", "client_secret"])
def test_a_secret_is_not_needed_and_never_answered(house: House, name: str) -> None:
    answer = ask(house, {**ENTRY, name: "canary-secret"})

    assert answer["outcome"] == "OPEN"
    assert "canary" not in json.dumps(answer)


def test_digits_of_numbers_survive(house: House) -> None:
    body = b'{"action": "entry", "side": "long", "symbol": "BTCUSDT", "stop_loss": 49000.10}'

    assert ask(house, body)["intent"]["stop_price"] == "49000.10"


def test_an_approval_is_announced_in_a_note(house: House) -> None:
    type(house.strategy).objects.update(mode="approve")
    house.endpoint = Endpoint.objects.get()

    assert any("asks a person first" in line for line in ask(house, ENTRY)["notes"])


def test_a_strategy_that_only_announces_says_so(house: House) -> None:
    type(house.strategy).objects.update(mode="notify")
    house.endpoint = Endpoint.objects.get()

    assert (ask(house, ENTRY)["outcome"], ask(house, ENTRY)["code"]) == ("NOTHING", "NOTIFY_ONLY")


def test_a_disabled_endpoint_is_told(house: House) -> None:
    house.endpoint.enabled = False

    assert any("is disabled" in line for line in ask(house, ENTRY)["notes"])


def test_the_strategy_alert_and_its_subaccount(house: House) -> None:
    other = House(
        name="discord",
        dialect="strategy_alert",
        strategy_fields={"sizing_method": "risk_fraction", "sizing_amount": Decimal("0.01")},
    )
    other.endpoint.routes.create(label="Testing", strategy=house.strategy)
    alert = {
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "action": "buy", "message": "entry", "price": 50000,
        "ticker": "BTCUSDT.P", "exchange": "BINANCE", "long SL": 49000, "long TP": 52000,
    }  # fmt: skip

    plain, routed = ask(other, alert), ask(other, {**alert, "subaccount": "Testing"})

    # Loses 100 of 10000 at the stop: 100 / 1000 = 0.1.
    assert (plain["outcome"], plain["strategy"], plain["orders"][0]["quantity"]) == ("OPEN", "discord", "0.100")
    assert (routed["outcome"], routed["strategy"]) == ("OPEN", "hook")


def test_a_study_is_only_announced_whatever_its_symbol(house: House) -> None:
    discord = House(name="discord", dialect="strategy_alert")
    body = json.dumps({"ticker": "NYSE:F", "action": "buy", "message": "entry", "price": 12}).encode()

    answer = dry_run(endpoint=discord.endpoint, body=body, now=now(), route="study")

    assert (answer["outcome"], answer["code"], answer["orders"]) == ("NOTHING", "ANNOUNCED", [])


def test_an_alert_that_is_too_old_opens_nothing(house: House) -> None:
    old = (now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    answer = ask(house, {**ENTRY, "time": old})

    assert (answer["outcome"], answer["code"]) in {("REFUSE", "STALE"), ("INVALID", "STALE")}


def run_plan(house: House, tmp_path: Path, alert: Any, *arguments: str, status: int = 0) -> str:
    file, out = tmp_path / "alert.json", StringIO()
    file.write_text(json.dumps(alert))
    if status:
        with pytest.raises(SystemExit) as caught:
            call_command("plan", "hook", str(file), *arguments, stdout=out)
        assert caught.value.code == status
    else:
        call_command("plan", "hook", str(file), *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_table(house: House, tmp_path: Path) -> None:
    lines = run_plan(house, tmp_path, ENTRY).splitlines()

    assert lines[0].startswith("OPEN ")
    assert [line.split()[:5] for line in lines if line.startswith(("entry", "sl"))] == [
        ["entry", "MARKET", "BUY", "BOTH", "0.020"],
        ["sl", "STOP_MARKET", "SELL", "BOTH", "0.020"],
    ]
    assert not Signal.objects.exists()


def test_the_command_ends_with_1_on_a_refusal(house: House, tmp_path: Path) -> None:
    said = run_plan(house, tmp_path, {**ENTRY, "side": "up"}, status=1)

    assert said.startswith("INVALID ")
    assert "field: side" in said


def test_the_command_prints_json(house: House, tmp_path: Path) -> None:
    assert set(json.loads(run_plan(house, tmp_path, ENTRY, "--json"))) == KEYS


def test_the_command_ends_with_2_when_used_wrongly(house: House) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("plan", "nobody", "-")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError) as caught:
        call_command("plan", "hook", "/nowhere.json")
    assert caught.value.returncode == 2
