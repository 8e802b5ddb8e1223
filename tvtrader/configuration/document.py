"""From the text of a configuration file to wanted items; finds every error at once and names its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exchange.models import Venue
from ledger.domain import validation
from tvtrader.configuration import readers, yamltext
from tvtrader.configuration.fields import ACCOUNT, KEEP, PATHS, REQUIRED, STRATEGY, TABLES, Key
from tvtrader.configuration.model import SECTIONS, WORDS, ConfigurationError, Item, Section

ALIAS_KEYS = ("venue", "ticker", "symbol")
PAPER_COLUMNS = tuple(key.column for key in ACCOUNT if key.path.startswith("paper."))


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The errors found so far, and where `{env: NAME}` is looked up."""

    env: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def bad(self, path: str, exc: readers.Bad) -> None:
        self.problems.append(f"{path}: {exc.message}" + (f"; {exc.remedy}" if exc.remedy else ""))


def read(text: str, *, env: Mapping[str, str]) -> tuple[Item, ...]:
    """Return what the file wants; raises ConfigurationError with every problem that the text alone shows."""
    try:
        document = yamltext.load(text)
    except yamltext.Unreadable as exc:
        raise ConfigurationError([str(exc)]) from None
    reading = _Reading(env=env)
    items: list[Item] = []
    try:
        document = readers.keyed({} if document is None else document, SECTIONS)
    except readers.Bad as exc:
        reading.bad("file", exc)
        document = document if isinstance(document, dict) else {}
    for section in SECTIONS:
        rows = document.get(section)
        if rows is None:
            continue
        if not isinstance(rows, list):
            reading.bad(section, readers.Bad(f"must be a list, not {readers.shown(rows)}"))
            continue
        items += _section(reading, section, rows)
    if reading.problems:
        raise ConfigurationError(reading.problems)
    return tuple(items)


def _section(reading: _Reading, section: Section, rows: list[Any]) -> list[Item]:
    items: dict[str, Item] = {}
    for index, row in enumerate(rows):
        path = f"{section}[{index}]"
        item = _alias(reading, path, row) if section == "ticker_aliases" else _item(reading, section, path, row)
        if item is None:
            continue
        if item.name in items:
            where = items[item.name].path
            reading.problems.append(f"{path}: {WORDS[section]} {item.name} stands twice, first at {where}")
        items[item.name] = item
    return list(items.values())


def _item(reading: _Reading, section: Section, path: str, row: Any) -> Item | None:
    """Read one mapping along the table of its section; None if it has no usable name."""
    table = TABLES[section]
    said = _flatten(reading, path, row, table)
    values: dict[str, Any] = {}
    for key in table:
        if key.path in said:
            try:
                values[key.column] = key.read(_resolved(reading, said[key.path]) if key.secret else said[key.path])
            except readers.Bad as exc:
                reading.bad(f"{path}.{key.path}", exc)
        elif key.default is REQUIRED:
            if isinstance(row, dict):
                reading.bad(f"{path}.{key.path}", readers.Bad("is missing"))
        elif key.default is not KEEP:
            values[key.column] = key.default
    if "name" not in values:
        return None
    if section == "accounts":
        _check_account(reading, path, said, values)
    if section == "strategies":
        _check_strategy(reading, path, values)
    return Item(section=section, name=values.pop("name"), values=values, path=path)


def _flatten(reading: _Reading, path: str, row: Any, table: tuple[Key, ...]) -> dict[str, Any]:
    """Return the row's leaves by dotted path; unknown keys become problems."""
    said: dict[str, Any] = {}
    leaves = {key.path for key in table}

    def walk(prefix: str, value: Any) -> None:
        below = dict.fromkeys(leaf[len(prefix) :].split(".")[0] for leaf in leaves if leaf.startswith(prefix))
        if value is None and prefix:
            return  # an empty section says nothing
        if not isinstance(value, dict):
            reading.bad(f"{path}.{prefix}".rstrip("."), readers.Bad(f"must be a mapping, not {readers.shown(value)}"))
            return
        for word, inner in value.items():
            dotted = prefix + word
            if word not in below:
                try:
                    readers.keyed({word: None}, below)
                except readers.Bad as exc:
                    reading.bad(f"{path}.{dotted}", exc)
            elif dotted in leaves:
                said[dotted] = inner
            else:
                walk(f"{dotted}.", inner)

    walk("", row)
    return said


def _resolved(reading: _Reading, value: Any) -> Any:
    """Return a secret, or a list of them, with `{env: NAME}` replaced by what the environment says."""
    if isinstance(value, list):
        return [_resolved(reading, item) for item in value]
    if not isinstance(value, dict):
        if not isinstance(value, str):
            # Said without the value: it may be half of a secret.
            raise readers.Bad("must be text or {env: NAME}")
        return value
    variable = value.get("env")
    if set(value) != {"env"} or not isinstance(variable, str) or not variable:
        raise readers.Bad("must be text or {env: NAME}")
    found = reading.env.get(variable, "")
    if not found:
        raise readers.Bad(f"the environment has no {variable}", f"set {variable} or {variable}_FILE before applying")
    return found


def _check_account(reading: _Reading, path: str, said: dict[str, Any], values: dict[str, Any]) -> None:
    if "venue" not in values:
        return
    venue = Venue(values["venue"])
    if venue.paper:
        for key in ("api_key", "api_secret", "environment"):
            if key in said:
                reading.bad(f"{path}.{key}", readers.Bad("a paper account has none", "remove it"))
    else:
        for key in (key for key in said if key.startswith("paper.")):
            reading.bad(f"{path}.{key}", readers.Bad(f"is for paper accounts, not for {venue}", "remove it"))
        for column in PAPER_COLUMNS:
            values.pop(column, None)
        if "environment" not in said:
            reading.bad(f"{path}.environment", readers.Bad("is missing", "say live, testnet or demo"))
        if ("api_key" in said) != ("api_secret" in said):
            reading.bad(path, readers.Bad("has one of api_key and api_secret", "give both, or neither"))
    if venue == Venue.PAPER_SPOT and values.get("hedge_mode"):
        reading.bad(f"{path}.paper.hedge_mode", readers.Bad("spot holds no positions", "remove it"))


def _check_strategy(reading: _Reading, path: str, values: dict[str, Any]) -> None:
    """Hold the strategy to the same rules as the console's form does; what could not be read has been told."""
    whole = {key.column: values.get(key.column, key.default) for key in STRATEGY}
    unread = {key.column for key in STRATEGY if key.column not in values}
    for column, messages in validation.find_problems(whole).items():
        if column not in unread:
            reading.problems += [f"{path}.{PATHS[column]}: {message}" for message in messages]


def _alias(reading: _Reading, path: str, row: Any) -> Item | None:
    try:
        found = readers.keyed(row, ALIAS_KEYS)
    except readers.Bad as exc:
        reading.bad(path, exc)
        return None
    values: dict[str, str] = {}
    for key, read in (
        ("venue", readers.choice(Venue.values, kind="venue", later={"ccxt:": f"use one of {', '.join(Venue.values)}"})),
        ("ticker", readers.ticker),
        ("symbol", readers.symbol),
    ):
        try:
            values[key] = read(readers.required(found, key))
        except readers.Bad as exc:
            reading.bad(f"{path}.{key}", exc)
    if len(values) < len(ALIAS_KEYS):
        return None
    if values["ticker"] == values["symbol"]:
        reading.bad(f"{path}.ticker", readers.Bad(f"{values['ticker']} is the symbol itself", "remove the alias"))
    return Item(section="ticker_aliases", name=f"{values['venue']}:{values['ticker']}", values=values, path=path)
