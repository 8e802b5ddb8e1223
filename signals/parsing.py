"""From the bytes of a request to a JSON object, or a Problem: never another exception, in linear time.

The Content-Type is not looked at: TradingView sends `text/plain` whenever its text is not JSON, and that alert must
be answered with the reason, not with 415.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from signals import numerals
from signals.problems import Problem, shown

MAX_BYTES = 65_536
MAX_DEPTH = 8
MAX_TEXT = 2_000
MAX_NAME = 128
SECRET_FIELDS = ("token", "passphrase", "client_secret")

# Possessive quantifiers: a hostile body can't make these backtrack.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_PLACEHOLDER = re.compile(r"\{\{[^{}]{1,80}\}\}")
_LAST_NAME = re.compile(r'"([^"\\]{1,64})"\s*:[^,{}\[\]"]*$')
_NOT_A_NUMBER = re.compile(r"[-+]?(?:nan|na|inf|infinity|none|undefined)\b", re.IGNORECASE)
_PINE_REMEDY = "A Pine plot had no value: use nz(), or send the alert only when the value exists."


def parse(body: bytes, *, limit: int = MAX_BYTES) -> dict[str, Any]:
    """Return the body's JSON object, its numbers as Decimal. limit: in bytes.

    Raises Problem for anything that isn't one unambiguous JSON object with expanded placeholders.
    """
    if len(body) > limit:
        raise Problem("BODY_TOO_LARGE", "", f"the body is larger than {limit} bytes", "Send a shorter alert text.")
    text = _decode(body)
    _check_depth(text)
    payload = _load(text)
    if not isinstance(payload, dict):
        kind = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}.get(
            type(payload), "a number"
        )
        raise Problem(
            "NOT_AN_OBJECT", "", f"the body must be a JSON object, this is {kind}", "Put the fields between { and }."
        )
    for name, value in _leaves(payload, ""):
        _check_text(name, value)
    return payload


def without_secrets(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload without the fields that authenticate it."""
    return {name: value for name, value in payload.items() if name not in SECRET_FIELDS}


def fingerprint(payload: dict[str, Any], *, scope: str = "") -> str:
    """Return the SHA-256 of a payload's content: order of fields doesn't count, the digits of numbers do."""
    canonical = json.dumps(_tagged(payload), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(f"{scope}\n{canonical}".encode()).hexdigest()


def _tagged(value: Any) -> Any:
    # Tags keep the number 1 and the text "1" apart without letting a number pass through float.
    if isinstance(value, dict):
        return {name: _tagged(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, str):
        return f"s{value}"
    return f"n{value}" if isinstance(value, Decimal) else value


def _decode(body: bytes) -> str:
    if not body.strip():
        raise Problem("EMPTY_BODY", "", "the body is empty", "Write the alert's JSON into TradingView's Message box.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Problem(
            "NOT_UTF8", "", f"the body is not UTF-8 text (byte {exc.start})", "Send the alert text as plain UTF-8."
        ) from None
    if "\x00" in text:
        raise Problem("NUL_CHARACTER", "", "the body contains a NUL character", "Remove it from the alert text.")
    return text


def _check_depth(text: str) -> None:
    """Count brackets outside of strings before any parser recurses into them."""
    depth = 0
    for match in _TOKENS.finditer(text):
        first = text[match.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Problem("TOO_DEEP", "", f"the JSON is nested deeper than {MAX_DEPTH} levels", "Send flat fields.")
        elif first in "]}":
            depth -= 1


class _Found(Exception):
    """Carries a problem out of the JSON decoder's hooks, with the token that it is about."""

    def __init__(self, problem: Problem, token: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.token = token


def _load(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_number,
            parse_int=_number,
            parse_constant=_constant,
        )
    except _Found as found:
        problem, field = found.problem, found.problem.field
        if found.token and not field:
            field = _field_of(text, found.token)
        raise Problem(problem.code, field, problem.message, problem.remedy) from None
    except json.JSONDecodeError as exc:
        raise _explain(text, exc) from None


def _number(token: str) -> Decimal:
    try:
        return numerals.from_json(token)
    except Problem as problem:
        raise _Found(problem, token) from None


def _constant(word: str) -> NoReturn:
    raise _Found(Problem("NOT_A_NUMBER", "", f"{word} is not a number", _PINE_REMEDY), word)


def _field_of(text: str, token: str) -> str:
    """Name the field whose value is this token, if one can be found."""
    match = re.search(r'"([^"\\]{1,64})"\s{0,20}:\s{0,20}' + re.escape(token), text)
    return _ascii_name(match.group(1)) if match else ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Found(
                Problem(
                    "DUPLICATE_FIELD",
                    _ascii_name(name),
                    f"the field {shown(name)} stands twice",
                    "Send each field once.",
                )
            )
        found[name] = value
    return found


def _ascii_name(name: str) -> str:
    return name[:64].encode("ascii", "replace").decode()


def _explain(text: str, exc: json.JSONDecodeError) -> Problem:
    """Turn the decoder's complaint into what a writer of alerts did."""
    rest = text[exc.pos : exc.pos + 80].lstrip()
    field = _name_before(text, exc.pos)
    place = f"line {exc.lineno}, column {exc.colno}"
    placeholder = _PLACEHOLDER.search(text)
    if placeholder:
        return _unexpanded(_name_before(text, placeholder.start()), placeholder.group())
    if exc.msg == "Extra data":
        return Problem(
            "TRAILING_DATA", "", f"text follows the JSON object at {place}", "Send one JSON object and nothing else."
        )
    calculates = rest[:1] in {*"*/+-%"} and not rest.startswith(("//", "/*"))
    if calculates and text[max(0, exc.pos - 40) : exc.pos].rstrip()[-1:].isdigit():
        return Problem(
            "ARITHMETIC", field, f"{field} contains a calculation at {place}: this is not JSON",
            "TradingView does not calculate in alert texts: compute the value in Pine and send it with {{plot(...)}}.",
        )  # fmt: skip
    if rest.startswith(("//", "/*", "#")):
        return Problem(
            "COMMENT", field, f"a comment stands at {place}: JSON has none", "Remove comments from the text."
        )
    if _NOT_A_NUMBER.match(rest):
        word = re.split(r"[^A-Za-z+-]", rest, maxsplit=1)[0][:20]
        return Problem("NOT_A_NUMBER", field, f"{word} is not a JSON value ({place})", _PINE_REMEDY)
    remedy = "Send one JSON object: names and texts in double quotes, a comma between fields, none after the last."
    return Problem("NOT_JSON", field, f"the body is not JSON at {place}: {exc.msg}", remedy)


def _name_before(text: str, position: int) -> str:
    """Return the name of the field whose value stands at a position, "" if that can't be told."""
    match = _LAST_NAME.search(text[max(0, position - 300) : position])
    return _ascii_name(match.group(1)) if match else ""


def _unexpanded(field: str, placeholder: str) -> Problem:
    return Problem(
        "UNEXPANDED_PLACEHOLDER", field, f"TradingView did not expand {shown(placeholder)}",
        "Check its spelling; placeholders of strategies work only in alerts on the strategy itself.",
    )  # fmt: skip


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield every text of the payload, names too, with the field it stands in."""
    if isinstance(value, dict):
        for key, item in value.items():
            if len(key) > MAX_NAME:
                raise Problem(
                    "NAME_TOO_LONG", _ascii_name(key), f"a field's name is longer than {MAX_NAME}", "Shorten it."
                )
            yield _ascii_name(key), key
            yield from _leaves(item, name or _ascii_name(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    elif isinstance(value, str):
        yield name, value


def _check_text(field: str, text: str) -> None:
    if "\x00" in text:
        raise Problem("NUL_CHARACTER", field, "a text contains a NUL character", "Remove it from the alert text.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Problem(
            "LONE_SURROGATE", field, "a text contains half of a surrogate pair", "Remove the \\ud800-like escape."
        ) from None
    if len(text) > MAX_TEXT:
        raise Problem("TEXT_TOO_LONG", field, f"a text is longer than {MAX_TEXT} characters", "Shorten it.")
    placeholder = _PLACEHOLDER.search(text)
    if placeholder:
        raise _unexpanded(field, placeholder.group())
