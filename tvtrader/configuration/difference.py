"""The pure comparison of what a file wants with what is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tvtrader.configuration.fields import TABLES, Key
from tvtrader.configuration.model import SECTIONS, Change, FieldChange, Item, Items

NOTHING: Any = object()
RANDOM = "random"


def compare(wanted: Iterable[Item], present: Items, *, prune: bool) -> tuple[Change, ...]:
    """Return the changes that turn the present into the wanted, in an order in which they can be written.

    prune: what is present but not wanted is disabled; ticker aliases, which have no switch, are deleted.
    """
    changes = []
    named = set()
    for item in wanted:
        named.add((item.section, item.name))
        changes.append(_one(item, present.get((item.section, item.name))))
    if prune:
        changes += [_pruned(item) for key, item in present.items() if key not in named]
    found = [change for change in changes if change]
    return tuple(sorted(found, key=lambda change: SECTIONS.index(change.section)))


def _one(wanted: Item, present: Item | None) -> Change | None:
    if wanted.section == "ticker_aliases":
        return _alias(wanted, present)
    fields = []
    for key in TABLES[wanted.section]:
        if key.column == "name":
            continue
        old = NOTHING if present is None else present.values[key.column]
        if key.column == "secrets":
            change = _secrets(key, wanted, old)
        elif key.column not in wanted.values or wanted.values[key.column] == old:
            change = None
        else:
            change = _field(key, wanted.values[key.column], old)
        if change and not (present is None and _says_nothing(key, change)):
            fields.append(change)
    if present is None:
        return Change(section=wanted.section, name=wanted.name, action="create", fields=tuple(fields))
    if not fields:
        return None
    return Change(section=wanted.section, name=wanted.name, action="update", fields=tuple(fields))


def _says_nothing(key: Key, change: FieldChange) -> bool:
    """Tell whether a new row has this value anyway: the table's defaults are the columns' defaults."""
    return bool(key.default == change.value)


def _field(key: Key, new: Any, old: Any) -> FieldChange:
    if key.secret:
        text = "set" if old in (NOTHING, "") else "changed"
    elif old is NOTHING:
        text = said(key.write(new))
    else:
        text = f"{said(key.write(old))} -> {said(key.write(new))}"
    return FieldChange(path=key.path, column=key.column, text=text, value=new)


def _secrets(key: Key, wanted: Item, old: Any) -> FieldChange | None:
    """Compare digests: the file's secrets become the only valid ones; without any, an endpoint gets a random one."""
    have: frozenset[str] = frozenset() if old is NOTHING else old
    if "secrets" not in wanted.values:
        return None if have else FieldChange(path=key.path, column=key.column, text="a random one", value=RANDOM)
    want: frozenset[str] = wanted.values["secrets"]
    if want == have:
        return None
    parts = [f"{len(want - have)} added"] if want - have else []
    parts += [f"{len(have - want)} removed"] if have - want else []
    return FieldChange(path=key.path, column=key.column, text=", ".join(parts), value=want)


def _alias(wanted: Item, present: Item | None) -> Change | None:
    new = wanted.values["symbol"]
    if present is None:
        field = FieldChange(path="symbol", column="symbol", text=new, value=new)
        return Change(section="ticker_aliases", name=wanted.name, action="create", fields=(field,))
    old = present.values["symbol"]
    if old == new:
        return None
    field = FieldChange(path="symbol", column="symbol", text=f"{old} -> {new}", value=new)
    return Change(section="ticker_aliases", name=wanted.name, action="update", fields=(field,))


def _pruned(present: Item) -> Change | None:
    if present.section == "ticker_aliases":
        return Change(section=present.section, name=present.name, action="delete")
    if not present.values["enabled"]:
        return None
    return Change(section=present.section, name=present.name, action="disable")


def said(value: Any) -> str:
    """Return a value as the file would say it, on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {said(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(said(inner) for inner in value) + "]"
    return str(value)
