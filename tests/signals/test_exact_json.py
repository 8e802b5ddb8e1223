"""Numbers of an alert go through untouched."""

from __future__ import annotations

import io

import pytest
from rest_framework.exceptions import ParseError

from signals.exact_json import ExactJSONParser, dumps, loads


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 0.100}', '{"a": 1e400}', '{"a": -0.00}', '{"a": 12345678901234567890.123456789012345678901234567890}',
        '{"a": [1, 2.50, {"b": 3E+2}]}', '{"a": "0.100"}', '{"a": true, "b": null}', "1.10", '"1.10"',
    ],
)  # fmt: skip
def test_what_was_read_is_written_as_it_was(text: str) -> None:
    assert dumps(loads(text)) == text


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": -Infinity}', "", "{"])
def test_what_is_ambiguous_or_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(text)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"[" * 100_000, b'{"a": 1, "a": 1}'])
def test_a_bad_request_stays_a_bad_request(body: bytes) -> None:
    with pytest.raises(ParseError):
        ExactJSONParser().parse(io.BytesIO(body))
