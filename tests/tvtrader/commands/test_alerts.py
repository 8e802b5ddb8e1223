from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from django.core.management import CommandError

from tvtrader.management.alerts import addressed

ENV = {"HOOK": 'se"cr\\et-of-hook', "DEMO_WEBHOOK_SECRET": "demo-key"}
DERIVED = hmac.new(b"demo-key", b"demo-native", hashlib.sha256).hexdigest()


def send(body: str, secret_env: str | None = None, env: dict[str, str] | None = None) -> str:
    given = ENV if env is None else env
    path, sent = addressed(body.encode(), endpoint="demo-native", secret_env=secret_env, env=given)
    assert path == "/webhook/e/demo-native"
    return sent.decode()


@pytest.mark.parametrize(
    "body", ["{}", " {\n}", '{"a": 1}', '\n {"a": 0.10, "b": {"token": "x"}}', '{"a":1.0000000000000000001}']
)
def test_a_secret_is_added_without_touching_the_rest(body: str) -> None:
    sent = send(body, "HOOK")

    assert json.loads(sent) == {"token": ENV["HOOK"], **json.loads(body)}
    assert "1.0000000000000000001" not in body or "1.0000000000000000001" in sent


def test_the_files_own_secret_stays() -> None:
    body = '{"passphrase": "my own", "a": 1}'

    assert send(body, "HOOK") == body


def test_a_stand_in_is_replaced_in_its_place() -> None:
    sent = send('{"a": 1, "client_secret" : "<secret>"}', "HOOK")

    assert json.loads(sent) == {"a": 1, "client_secret": ENV["HOOK"]}


def test_demo_secrets_are_derived() -> None:
    assert json.loads(send("{}")) == {"token": DERIVED}


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b"not json", b'{"a": 1', b'{"a": {{close}}}', b"\xff\xfe\xfd", b"[" * 9000]
)
def test_what_is_no_object_goes_to_the_secret_path_as_it_is(body: bytes) -> None:
    assert addressed(body, endpoint="demo-native", secret_env=None, env=ENV) == (f"/webhook/{DERIVED}", body)


def test_an_unknown_secret_is_a_usage_error() -> None:
    with pytest.raises(CommandError, match="--secret-env") as caught:
        send("{}", env={})
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="the environment has no NOPE"):
        send("{}", "NOPE")
