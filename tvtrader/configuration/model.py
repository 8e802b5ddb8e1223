"""What passes between reading a file, comparing it with the rows and writing them: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["create", "update", "disable", "delete"]
Section = Literal["accounts", "strategies", "endpoints", "ticker_aliases"]
SECTIONS: tuple[Section, ...] = ("accounts", "strategies", "endpoints", "ticker_aliases")
WORDS: dict[Section, str] = {
    "accounts": "account",
    "strategies": "strategy",
    "endpoints": "endpoint",
    "ticker_aliases": "ticker alias",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing of the configuration, wanted or present: its values by column of the row.

    A wanted item lacks the columns that the file leaves as they are. path: where the file says it, for messages.
    Values may be secrets, so they are not part of the repr.
    """

    section: Section
    name: str
    values: Mapping[str, Any] = field(repr=False)
    path: str = ""


Items = Mapping[tuple[Section, str], Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One column that differs, as text for people; secrets are only said to be set, changed or removed."""

    path: str
    column: str
    text: str
    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row to write."""

    section: Section
    name: str
    action: Action
    fields: tuple[FieldChange, ...] = ()

    def lines(self) -> list[str]:
        """Return the change as lines for a terminal."""
        head = f"{self.action} {WORDS[self.section]} {self.name}"
        return [head, *(f"    {item.path}: {item.text}" for item in self.fields)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A secret that was made at random; the only moment at which anybody can read it."""

    endpoint: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was changed, or with `applied` False what would be; notes say what deserves a look."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    new_secrets: tuple[NewSecret, ...] = ()
    applied: bool = False


class ConfigurationError(Exception):
    """The file can't be applied; `problems` are complete sentences, each beginning with the path in the file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
