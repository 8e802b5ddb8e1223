from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import scrubbing

SECRET = 'canary/"quoted"\\é-secret'


def spellings(secret: str) -> list[str]:
    """Ways in which JSON can write a text."""
    return [
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        json.dumps(secret).replace("/", "\\/"),
        '"' + "".join(f"\\u{ord(letter):04x}" for letter in secret) + '"',
        '"'
        + "".join(f"\\u{ord(letter):04X}" if n % 2 else json.dumps(letter)[1:-1] for n, letter in enumerate(secret))
        + '"',
    ]


@pytest.mark.parametrize("spelling", spellings(SECRET))
@pytest.mark.parametrize(
    "body", ['{"a":%s}', '{"token":%s}', '{"x":[{"y":%s}]}', "{%s:1}", '{"token" : %s', "token=%s&a=1", "%s"]
)
def test_a_secret_is_gone_however_it_is_written(spelling: str, body: str) -> None:
    text = scrubbing.scrub_text(body % spelling, [SECRET])

    assert spelling[1:-1] not in text
    assert "canary" not in text
    assert "\\u0063" not in text
    assert scrubbing.HIDDEN in text


@pytest.mark.parametrize(
    "body",
    [
        '{"token":"unknown-canary"}',
        '{"token" \n : "unknown-canary", "a":1}',
        '{"passphrase":"unknown-canary',
        "{'client_secret':'unknown-canary'}",
        "{'client_secret':'unknown-canary",
        "client_secret=unknown-canary&symbol=BTCUSDT",
        "token: unknown-canary\nsymbol: BTCUSDT",
        '{"TOKEN":"unknown-canary"}',
        '{"token":unknown-canary}',
        '{"token":"a\\"unknown-canary"}',
    ],
)
def test_what_stands_in_a_secrets_field_is_gone_though_we_do_not_know_it(body: str) -> None:
    assert "canary" not in scrubbing.scrub_text(body, [])


def test_the_rest_stays_as_it_was() -> None:
    body = '{"symbol": "BTCUSDT", "note": "tab\\t\\u00e9 \\"x\\"", "price": 1.50, "token":"abc"}'

    assert scrubbing.scrub_text(body, ["abc"]) == body.replace('"abc"', '"[hidden]"')


def test_nul_characters_are_replaced() -> None:
    assert scrubbing.scrub_text("a\x00b", []) == "a\ufffdb"


def test_values_lose_secrets_in_names_and_texts() -> None:
    value = {"a": "x canary y", "canary": [{"b": "canary"}], "n": 5, "z": None}

    assert scrubbing.scrub_value(value, ["canary", ""]) == {
        "a": "x [hidden] y", "[hidden]": [{"b": "[hidden]"}], "n": 5, "z": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "secrets"),
    [
        (b'{"token":"abc"', ["abc"]),
        (b'{"token" : "abc", "passphrase":"def"', ["abc", "def"]),
        (b'\xff"client_secret":"a\\u0062c"\xff', ["abc"]),
        (b'{"token":"abc","token":"abc"}', ["abc"]),
        (b'{"token":"\xff"}', []),
        (b'{"token":5, "token":null, "token":""}', []),
        (b'"token":"a' * 5000, []),
        (b"", []),
    ],
)
def test_secrets_are_found_in_bodies_that_are_no_json(body: bytes, secrets: list[str]) -> None:
    found = scrubbing.secrets_in_bytes(body)

    assert found[: len(secrets)] == secrets
    assert len(found) <= scrubbing.MOST_CANDIDATES


@given(st.binary(max_size=200))
def test_any_bytes_can_be_searched_and_scrubbed(body: bytes) -> None:
    found = scrubbing.secrets_in_bytes(body)

    text = scrubbing.scrub_text(body.decode("utf-8", "replace"), found)

    assert "\x00" not in text
    for secret in found:
        assert secret not in text.replace(scrubbing.HIDDEN, "") or secret in scrubbing.HIDDEN


@given(st.text(min_size=6, max_size=30), st.text(max_size=20))
def test_no_text_survives_in_a_well_formed_body(secret: str, other: str) -> None:
    try:
        secret.encode()
    except UnicodeEncodeError:
        return
    text = scrubbing.scrub_text(json.dumps({"note": other + secret, "token": secret}), [secret])

    assert secret not in str(list(json.loads(text).values())) or secret in "note, token [hidden]"
