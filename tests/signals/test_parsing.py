from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signals import numerals, parsing
from signals.problems import Problem
from tests.signals.hostile_bodies import BODIES, Body

D = Decimal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def problem_of(body: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        parsing.parse(body)
    return caught.value


def test_the_corpus_is_large() -> None:
    assert len(BODIES) >= 150
    assert len({body.name for body in BODIES}) == len(BODIES)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_hostile_body_is_refused_by_name_or_read(body: Body) -> None:
    if body.code is None:
        assert isinstance(parsing.parse(body.data), dict)
        return

    problem = problem_of(body.data)

    assert problem.code == body.code
    assert problem.message
    assert problem.remedy
    assert problem.field.isascii()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a":1,"price":NaN}', "price"),
        (b'{"a":1,"price":na}', "price"),
        (b'{"a":1,"price":1e400}', "price"),
        (b'{"a":1,"price":50000*1.02,"b":2}', "price"),
        (b'{"a":1,"price":{{close}}}', "price"),
        (b'{"a":1,"price":"{{close}}"}', "price"),
        (b'{"a":1,"a":2}', "a"),
        (b'{"a":"\\u0000"}', "a"),
        (b'{"a":[{"b":"\\ud800"}]}', "a"),
        (b'{"ticker":BTCPERP}', "ticker"),
    ],
)
def test_the_field_is_named(body: bytes, field: str) -> None:
    assert problem_of(body).field == field


def test_numbers_keep_their_digits() -> None:
    payload = parsing.parse(b'{"a":0.10,"b":12345678901234567890.123456789012345678,"c":1e-7,"d":-5,"e":[1.5]}')

    assert str(payload["a"]) == "0.10"
    assert payload["b"] == D("12345678901234567890.123456789012345678")
    assert payload["c"] == D("0.0000001")
    assert payload["d"] == D(-5)
    assert isinstance(payload["e"][0], D)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"), ("5", "5"), ("-5", "-5"), ("007", "7"), ("0.5", "0.5"), ("9" * 20, "9" * 20),
        ("0." + "0" * 17 + "1", "0." + "0" * 17 + "1"), ("1e5", "100000"), ("1E+5", "100000"), ("1.5e-3", "0.0015"),
        ("1e19", "1" + "0" * 19), ("1e-18", "0." + "0" * 17 + "1"),
    ],
)  # fmt: skip
def test_a_number_is_taken_exactly(text: str, value: str) -> None:
    number = numerals.from_text(text)

    assert number is not None
    assert format(number, "f") == value.lstrip() or number == D(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+5",
        " 5",
        "5 ",
        "5\n",
        "1_000",
        "1,000",
        "\uff11\uff12",
        "٣",
        "²",
        "½",
        ".5",
        "5.",
        "0x10",
        "1e",
        "e5",
        "1e400",
        "1e20",
        "1e-19",
        "1e999999999999",
        "NaN",
        "nan",
        "sNaN",
        "Infinity",
        "-inf",
        "1" * 21,
        "0." + "1" * 19,
        "--5",
        "5-",
        "1e5.5",
        "True",
    ],
)
def test_what_python_would_call_a_number_is_none(text: str) -> None:
    assert numerals.from_text(text) is None


@pytest.mark.parametrize("value", [True, False, None, 5.0, [], {}, b"5", D("NaN"), D("Infinity")])
def test_only_numbers_and_texts_are_numbers(value: object) -> None:
    assert numerals.from_value(value) is None


@given(st.binary(max_size=300))
@example(b'{"a":"\\')
@example(b'{"a":1e5e5}')
@example(b"{{{{{{{{{")
def test_any_bytes_give_an_object_or_a_problem(body: bytes) -> None:
    try:
        payload = parsing.parse(body)
    except Problem:
        return
    assert isinstance(payload, dict)


@given(st.text(alphabet='{}[]":,\\u0d8 -.eE+nNatIf/*\x00x1', max_size=80))
def test_any_text_of_json_letters_gives_an_object_or_a_problem(text: str) -> None:
    try:
        payload = parsing.parse(text.encode())
    except Problem:
        return
    # What we take, the standard library takes too.
    assert set(payload) == set(json.loads(text))


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_real_objects_give_an_object_or_a_problem(payload: dict[str, Any]) -> None:
    for ascii_only in (True, False):
        try:
            body = json.dumps(payload, ensure_ascii=ascii_only).encode()
        except UnicodeEncodeError:
            continue
        try:
            read = parsing.parse(body)
        except Problem:
            continue
        assert list(read) == list(payload)


@pytest.mark.parametrize(
    "unit",
    [b"[", b"{", b'{"a":', b'"', b"\\", b'"\\', b" ", b"{{", b"}}", b"//", b'"a":', b"1", b"-", b"e", b"{{x", b'{"a"',
     b'"a" ', b"\\u0000", b'"\\ud800",', b"a:", b'"token":"', b"token:'"],
)  # fmt: skip
@pytest.mark.parametrize("prefix", [b"", b'{"a":', b'{"a":"', b'{"token":"x","a":['])
def test_the_worst_64_kib_are_read_in_linear_time(unit: bytes, prefix: bytes) -> None:
    body = (prefix + unit * (parsing.MAX_BYTES // len(unit)))[: parsing.MAX_BYTES]
    started = time.process_time()

    problem_of(body)

    # 0.02 s of processor where it is linear; anything quadratic needs minutes.
    assert time.process_time() - started < 5


def test_a_body_above_the_limit_is_refused() -> None:
    assert problem_of(b" " * (parsing.MAX_BYTES + 1)).code == "BODY_TOO_LARGE"


def test_the_fingerprint_is_of_the_content() -> None:
    base = parsing.fingerprint(parsing.parse(b'{"a":1,"b":{"c":"x","d":[1,2]}}'))

    assert parsing.fingerprint(parsing.parse(b'{ "b" : {"d":[1,2],"c":"\\u0078"}, "a":1 }')) == base
    for other in (
        b'{"a":"1","b":{"c":"x","d":[1,2]}}',
        b'{"a":1.0,"b":{"c":"x","d":[1,2]}}',
        b'{"a":1,"b":{"c":"x","d":[2,1]}}',
        b'{"a":1,"b":{"c":"X","d":[1,2]}}',
        b'{"a":1,"b":{"c":"x","d":["n1",2]}}',
        b'{"a":true,"b":{"c":"x","d":[1,2]}}',
        b'{"a":null,"b":{"c":"x","d":[1,2]}}',
    ):
        assert parsing.fingerprint(parsing.parse(other)) != base
    assert parsing.fingerprint(parsing.parse(b'{"a":1,"b":{"c":"x","d":[1,2]}}'), scope="study") != base


def test_secrets_are_taken_out_of_the_payload() -> None:
    payload = {"token": "a", "passphrase": "b", "client_secret": "c", "symbol": "BTCUSDT"}

    assert parsing.without_secrets(payload) == {"symbol": "BTCUSDT"}
