"""JSON whose numbers stay the text that they were: nothing is rounded by a float on the way through."""

from __future__ import annotations

import codecs
import json
import secrets
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# Stands around each number while it is a string; drawn at start, so that nobody can put it into a body.
_MARK = secrets.token_hex(8)


def loads(text: str) -> Any:
    """Read JSON with numbers as marked strings for `dumps`. Raises ValueError, also for a key that comes twice."""
    return json.loads(text, parse_float=_marked, parse_int=_marked, parse_constant=_refuse, object_pairs_hook=_object)


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Write what `loads` read, its numbers as they were written there."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


def _marked(digits: str) -> str:
    return f"{_MARK}{digits}{_MARK}"


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key comes twice")
    return result


class ExactJSONParser(JSONParser):
    """DRF's parser with the numbers as `loads` leaves them."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        encoding = (parser_context or {}).get("encoding", "utf-8")
        try:
            return loads(codecs.getreader(encoding)(stream).read())
        except (ValueError, LookupError, RecursionError) as exc:
            raise ParseError(f"This is no JSON: {exc}.") from exc
