"""Readers of single values: each takes what the file says and returns what the row holds, or says what is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

Reader = Callable[[Any], Any]

NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)
NAME = re.compile(r"[-a-zA-Z0-9_]{1,64}", re.ASCII)
SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}", re.ASCII)
TICKER = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,39}", re.ASCII)


class Bad(Exception):
    """A value that can't be used: what is wrong with it, and what to write instead. Never quotes secrets."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def shown(value: Any) -> str:
    """Return a value as a message quotes it, short."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}...'"


def text_of(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Bad(f"must be text, not {shown(value)}")
    return value


def name(value: Any) -> str:
    found = text_of(value)
    if not NAME.fullmatch(found):
        raise Bad(f"{shown(found)} is not a name", "use letters, digits, - and _, at most 64")
    return found


def symbol(value: Any) -> str:
    found = text_of(value)
    if not SYMBOL.fullmatch(found):
        raise Bad(
            f"{shown(found)} is not a symbol of a venue",
            "write it as the venue does, e.g. BTCUSDT, without exchange prefix or .P",
        )
    return found


def ticker(value: Any) -> str:
    found = text_of(value).upper()
    if not TICKER.fullmatch(found):
        raise Bad(f"{shown(found)} is not a ticker", "write it as alerts do, without the exchange prefix, e.g. BTCPERP")
    return found


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Bad(f"must be true or false, not {shown(value)}")
    return value


def number(
    *, above: str | None = None, least: str | None = None, below: str | None = None, most: str | None = None
) -> Reader:
    """Return a reader of plain decimal digits within bounds; `above` and `below` are exclusive."""

    def read(value: Any) -> Decimal:
        if not isinstance(value, str) or not NUMBER.fullmatch(value):
            raise Bad(f"{shown(value)} is not a number", "write plain digits, e.g. 0.25")
        found = Decimal(value)
        if above is not None and found <= Decimal(above):
            raise Bad(f"must be above {above}, not {value}")
        if least is not None and found < Decimal(least):
            raise Bad(f"must be at least {least}, not {value}")
        if below is not None and found >= Decimal(below):
            raise Bad(f"must be below {below}, not {value}")
        if most is not None and found > Decimal(most):
            raise Bad(f"must be at most {most}, not {value}")
        return found

    return read


def whole(*, least: int, most: int) -> Reader:
    """Return a reader of whole numbers within bounds, both inclusive."""

    def read(value: Any) -> int:
        if not isinstance(value, str) or not WHOLE.fullmatch(value):
            raise Bad(f"{shown(value)} is not a whole number")
        found = int(value)
        if not least <= found <= most:
            raise Bad(f"must be between {least} and {most}, not {value}")
        return found

    return read


def choice(words: Iterable[str], *, kind: str = "", later: Mapping[str, str] | None = None) -> Reader:
    """Return a reader of one of some words; `later` names words that exist but not in this version, and why."""
    known = list(words)

    def read(value: Any) -> str:
        found = text_of(value)
        if found in known:
            return found
        for word, remedy in (later or {}).items():
            if found == word or (word.endswith(":") and found.startswith(word)):
                raise Bad(f"{shown(found)} is not available in this version", remedy)
        near = nearest(found, known)
        hint = f"did you mean {near}? " if near else ""
        raise Bad(f"{shown(found)} is not a {kind or 'known word'}", f"{hint}use one of {', '.join(known)}")

    return read


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, or an empty text."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def optional(reader: Reader, empty: Any = None) -> Reader:
    """Return a reader for which null means `empty`."""
    return lambda value: empty if value is None else reader(value)


def unique_list(reader: Reader) -> Reader:
    """Return a reader of a list without repetitions."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Bad(f"must be a list, not {shown(value)}", "write [A, B]")
        found = []
        for index, item in enumerate(value):
            try:
                one = reader(item)
            except Bad as exc:
                raise Bad(f"item {index + 1}: {exc.message}", exc.remedy) from None
            if one in found:
                raise Bad(f"item {index + 1}: {shown(one)} stands twice")
            found.append(one)
        return found

    return read


def keyed(value: Any, known: Iterable[str]) -> dict[str, Any]:
    """Return a mapping that has only known keys; raises Bad with the key that was probably meant."""
    if not isinstance(value, dict):
        raise Bad(f"must be a mapping, not {shown(value)}")
    words = list(known)
    for key in value:
        if key not in words:
            near = nearest(key, words)
            remedy = f"did you mean {near}?" if near else f"known keys: {', '.join(words)}"
            raise Bad(f"unknown key {shown(key)}", remedy)
    return value


def required(found: Mapping[str, Any], key: str) -> Any:
    """Return what the mapping has under the key; raises Bad if it has none."""
    if key not in found:
        raise Bad("is missing")
    return found[key]
