"""Applying a file and dumping the present: read, check, compare, write, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from exchange.models import Instrument, Venue
from exchange.services import refresh_instruments
from tvtrader.configuration import checks, difference, document, state
from tvtrader.configuration.fields import TABLES, Key
from tvtrader.configuration.model import SECTIONS, ConfigurationError, Item, Report
from tvtrader.configuration.yamltext import Block, dump

LARGEST = 1_000_000


def apply_file(path: str | Path, *, env: Mapping[str, str], check: bool = False, prune: bool = False) -> Report:
    """Make the rows match the file and return what changed; a second call changes nothing.

    env: where `{env: NAME}` is looked up. check: only compare. prune: disable what the file no longer names.
    Raises ConfigurationError with every problem found, before anything is written; OSError if it can't be read.
    """
    with Path(path).open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ConfigurationError([f"the file is larger than {LARGEST} bytes"])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(["the file is not UTF-8 text; save it as UTF-8"]) from None
    return apply_text(text, env=env, check=check, prune=prune)


def apply_text(text: str, *, env: Mapping[str, str], check: bool = False, prune: bool = False) -> Report:
    """Do what apply_file does, with the file's text."""
    said = document.read(text, env=env)
    with transaction.atomic():
        present = state.read_present(with_keys=True)
        wanted, texts = state.resolve_secrets(said)
        checks.check(wanted, present)
        changes = difference.compare(wanted, present, prune=prune)
        if check:
            return Report(changes=changes)
        made = state.write(changes, texts)
    load_paper_instruments()
    return Report(changes=changes, notes=checks.list_notes(wanted), new_secrets=tuple(made), applied=True)


def load_paper_instruments() -> None:
    """Load the rules that paper venues bring along where there are none yet, so that a new house can trade at once."""
    loaded = set(Instrument.objects.values_list("venue", flat=True).distinct())
    for account in state.accounts_without_keys().filter(venue__in=[v for v in Venue if v.paper]).order_by("id"):
        if account.venue not in loaded:
            refresh_instruments(account)
            loaded.add(account.venue)


def dump_text() -> str:
    """Return the present configuration as YAML that changes nothing when applied; secrets and keys are left out."""
    present = state.read_present(with_keys=False)
    sections = Block()
    for section in SECTIONS:
        items = [item for item in present.values() if item.section == section]
        if section == "ticker_aliases":
            sections[section] = [dict(item.values) for item in items]
        else:
            sections[section] = [_written(item, TABLES[section]) for item in items]
    return HEADER + dump(sections)


HEADER = "# Without API keys and webhook secrets: what is stored of them stays when this file is applied.\n"


def _written(item: Item, table: tuple[Key, ...]) -> Block:
    row = Block(name=item.name)
    for key in table:
        if key.secret or key.column == "name" or _foreign(item, key):
            continue
        target: dict[str, Any] = row
        *sections, leaf = key.path.split(".")
        for word in sections:
            target = target.setdefault(word, {})
        target[leaf] = key.write(item.values[key.column])
    return row


def _foreign(item: Item, key: Key) -> bool:
    """Tell whether the key is not for this account's venue."""
    if item.section != "accounts":
        return False
    venue = Venue(item.values["venue"])
    if key.path == "paper.hedge_mode":
        return venue is not Venue.PAPER_USDM
    return not venue.paper if key.path.startswith("paper.") else venue.paper and key.path == "environment"
