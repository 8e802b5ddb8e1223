from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ledger.models import Order
from signals.models import Signal
from tests.flows.house import House
from tests.tvtrader.commands.background import workers

FIELDS = {"sizing_method": "quote_amount", "sizing_amount": Decimal(1000), "stop_pct": Decimal(1)}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(name="hook", strategy_fields=FIELDS)
    monkeypatch.setenv("HOOK_SECRET", made.secret)
    return made


@pytest.fixture
def alert(tmp_path: Path) -> Any:
    def write(body: str) -> str:
        file = tmp_path / "alert.json"
        file.write_text(body)
        return str(file)

    return write


def send(file: str, url: str, *arguments: str, status: int = 0) -> str:
    out = StringIO()
    command = ["send_alert", "hook", file, "--url", url, "--secret-env", "HOOK_SECRET", *arguments]
    if status:
        with pytest.raises(SystemExit) as caught:
            call_command(*command, stdout=out, stderr=out)
        assert caught.value.code == status
    else:
        call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


def test_an_alert_is_followed_to_its_protected_position(house: House, alert: Any, live_server: Any) -> None:
    with workers():
        said = send(alert('{"action": "entry", "side": "long", "symbol": "BTCUSDT"}'), live_server.url)

    lines = said.splitlines()
    assert lines[0].startswith("202 signal ")
    assert [line.split()[-1] for line in lines if line.endswith(("received", "planned", "sent", "filled", "done"))] == [
        "received", "planned", "sent", "filled", "done",
    ]  # fmt: skip
    # 1000 USDT at 50000 are 0.02; 1 % below 50000 is 49500.
    entry = Order.objects.get(role="ENTRY")
    stop = Order.objects.get(role="SL")
    assert (entry.quantity, entry.status, stop.trigger_price) == (Decimal("0.020"), "FILLED", Decimal("49500.0"))
    for order in (entry, stop):
        assert order.client_order_id in said
    assert house.secret not in said


def test_a_refusal_is_told_with_its_remedy(house: House, alert: Any, live_server: Any) -> None:
    with workers():
        body = '{"action": "entry", "side": "long", "symbol": "BTCUSDT", "stop_loss": 51000}'
        said = send(alert(body), live_server.url, status=1)

    assert Signal.objects.get().status == "REFUSED"
    assert "REFUSED " in said
    assert "51000" in said
    assert not Order.objects.exists()


def test_an_invalid_alert_is_told_with_field_and_remedy(house: House, alert: Any, live_server: Any) -> None:
    said = send(alert('{"action": "entry", "side": "up", "symbol": "BTCUSDT"}'), live_server.url, status=1)

    assert said.startswith("400 ")
    assert "(side)" in said.splitlines()[0]


def test_broken_json_is_told_by_the_service(house: House, alert: Any, live_server: Any) -> None:
    said = send(alert('{"action": "entry"'), live_server.url, status=1)

    assert said.startswith("400 ")
    assert house.secret not in said


def test_a_wrong_secret_stores_nothing(house: House, alert: Any, live_server: Any) -> None:
    said = send(alert('{"token": "wrong", "action": "entry"}'), live_server.url, status=1)

    assert said.splitlines() == ["401 the endpoint refuses the secret"]
    assert not Signal.objects.exists()


def test_without_a_worker_it_ends_by_itself(house: House, alert: Any, live_server: Any) -> None:
    body = '{"action": "entry", "side": "long", "symbol": "BTCUSDT"}'

    said = send(alert(body), live_server.url, "--wait", "0", status=3)

    assert "does a worker run?" in said
    assert Signal.objects.get().status == "RECEIVED"


def test_the_second_delivery_is_a_duplicate_and_follows_the_first(house: House, alert: Any, live_server: Any) -> None:
    file = alert(json.dumps({"action": "entry", "side": "long", "symbol": "BTCUSDT"}))
    with workers():
        send(file, live_server.url)
        said = send(file, live_server.url)

    first = Signal.objects.order_by("id").first()
    assert first is not None
    assert said.startswith(f"200 duplicate of signal {first.pk}")
    assert Order.objects.filter(role="ENTRY").count() == 1


def test_no_service_is_a_usage_error(house: House, alert: Any) -> None:
    with pytest.raises(CommandError, match="does the service run") as caught:
        call_command("send_alert", "hook", alert("{}"), "--url", "http://127.0.0.1:9", "--secret-env", "HOOK_SECRET")

    assert caught.value.returncode == 2
    assert house.secret not in str(caught.value)


def test_an_unknown_endpoint_and_file_are_usage_errors(house: House, alert: Any) -> None:
    with pytest.raises(CommandError, match="there is no endpoint hok; known: hook") as caught:
        call_command("send_alert", "hok", alert("{}"))
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="can't be read") as caught:
        call_command("send_alert", "hook", "/nowhere/alert.json")
    assert caught.value.returncode == 2
