"""No secret reaches a log line, whoever writes it."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from tvtrader import logging as house_logging


@pytest.fixture(autouse=True)
def own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house_logging, "_secrets", set())


def line(message: str, *args: Any, exc_info: Any = None) -> dict[str, Any]:
    record = logging.LogRecord("ledger", logging.ERROR, __file__, 1, message, args, exc_info)
    written: dict[str, Any] = json.loads(house_logging.formatter().format(record))
    return written


def test_a_line_is_json_with_a_utc_time() -> None:
    written = line("order %s", "tv-1")

    assert written["event"] == "order tv-1"
    assert written["level"] == "error"
    assert written["at"].endswith("Z")


def test_registered_values_disappear_from_messages_and_tracebacks() -> None:
    house_logging.register_secrets("very-secret-key")
    try:
        raise ValueError("bad key very-secret-key")
    except ValueError:
        written = line("refused very-secret-key", exc_info=sys.exc_info())

    assert "very-secret-key" not in json.dumps(written)
    assert "ValueError" in written["exception"]


def test_the_password_of_a_registered_url_disappears_alone_too() -> None:
    house_logging.register_secrets("postgres://user:hunter2hunter2@db/name")

    assert "hunter2" not in house_logging.redact_text("auth failed for hunter2hunter2")


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apiKey",
        "api_secret",
        "token",
        "passphrase",
        "client_secret",
        "Authorization",
        "X-Admin-Key",
        "password",
    ],
)
def test_values_under_telling_names_are_hidden_at_any_depth(name: str) -> None:
    event = house_logging.redact(None, "info", {"event": "x", "headers": [{name: "value-1"}], name: "value-2"})

    assert "value-" not in json.dumps(event)


def test_bodies_are_never_logged() -> None:
    event = house_logging.redact(None, "info", {"event": "alert", "body": '{"action": "buy"}'})

    assert event["body"] == house_logging.HIDDEN


def test_the_secret_in_a_webhook_path_is_hidden_and_the_public_name_is_not() -> None:
    assert house_logging.redact_text("Not Found: /webhook/abc123?x=1") == "Not Found: /webhook/[hidden]?x=1"
    assert house_logging.redact_text("POST /webhook/e/mean-reversion") == "POST /webhook/e/mean-reversion"


def test_signed_queries_lose_their_signature() -> None:
    shown = house_logging.redact_text("GET /fapi/v1/order?symbol=BTCUSDT&signature=deadbeef&x=1")

    assert shown == "GET /fapi/v1/order?symbol=BTCUSDT&signature=[hidden]&x=1"


def test_ordinary_words_and_numbers_stay() -> None:
    house_logging.register_secrets("", "abc")
    event = house_logging.redact(None, "info", {"event": "abc filled", "quantity": "0.004", "attempts": 3})

    assert event == {"event": "abc filled", "quantity": "0.004", "attempts": 3}


def test_a_command_tells_its_reader_only_what_is_wrong() -> None:
    stderr = house_logging.config(level="INFO", person=True)["handlers"]["stderr"]

    assert (stderr["level"], stderr["formatter"]) == ("WARNING", "plain")
    assert house_logging.config(level="INFO")["handlers"]["stderr"]["formatter"] == "json"
