"""Takes the secrets of an alert out of everything that will be stored, shown or logged."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from signals.parsing import SECRET_FIELDS

HIDDEN = "[hidden]"
_NAMES = "|".join(SECRET_FIELDS)
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
# Also in bodies that are no JSON: other quotes, none at all, cut off in the middle.
_BY_NAME = re.compile(
    rf"(?i)((?:{_NAMES})[\"']?\s{{0,20}}[:=]\s{{0,20}})(\"(?:[^\"\\]++|\\.)*+\"?|'[^']*+'?|[^\s,}}&\"']++)", re.DOTALL
)
_RAW_SECRET = re.compile(rb'"(?:' + _NAMES.encode() + rb')"\s{0,20}:\s{0,20}("(?:[^"\\]++|\\.)*+")', re.DOTALL)
MOST_CANDIDATES = 4


def secrets_in_bytes(body: bytes) -> list[str]:
    """Return what a body that can't be parsed gives as its secrets, the first few."""
    found = []
    for match in _RAW_SECRET.finditer(body):
        try:
            value = json.loads(match.group(1).decode("utf-8"), strict=False)
        except ValueError:
            continue
        if value and value not in found:
            found.append(value)
    return found[:MOST_CANDIDATES]


def scrub_text(text: str, secrets: Collection[str]) -> str:
    """Return text without the secrets: however JSON may have escaped them, and whatever stands in a secret's field.

    NUL characters are replaced too: PostgreSQL stores none.
    """
    text = _BY_NAME.sub(rf'\1"{HIDDEN}"', text.replace("\x00", "\ufffd"))
    wanted = _longest_first(secrets)
    if not wanted:
        return text

    def clean(match: re.Match[str]) -> str:
        if "\\" not in match.group(1):
            return match.group()
        try:
            value = json.loads(match.group(), strict=False)
        except ValueError:
            return match.group()
        return f'"{HIDDEN}"' if any(secret in value for secret in wanted) else match.group()

    text = _STRING.sub(clean, text)
    for secret in wanted:
        for form in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            text = text.replace(form, HIDDEN)
    return text


def scrub_value(value: Any, secrets: Collection[str]) -> Any:
    """Return a parsed value without the secrets, in its names and its texts, at any depth."""
    if isinstance(value, dict):
        return {_plain(name, secrets): scrub_value(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [scrub_value(item, secrets) for item in value]
    return _plain(value, secrets) if isinstance(value, str) else value


def _plain(text: str, secrets: Collection[str]) -> str:
    for secret in _longest_first(secrets):
        text = text.replace(secret, HIDDEN)
    return text


def _longest_first(secrets: Collection[str]) -> list[str]:
    return sorted((secret for secret in secrets if secret), key=len, reverse=True)
