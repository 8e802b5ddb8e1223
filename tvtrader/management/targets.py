"""The target of the operator's commands: one account, one strategy, or the whole house."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Model

from exchange.models import Account
from ledger.models import Strategy
from tvtrader.configuration.state import accounts_without_keys, strategies_without_keys

Target = Account | Strategy | None


def add_target(parser: CommandParser) -> None:
    """Add --account and --strategy, of which at most one may be given."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--account", metavar="NAME", help="only this account")
    group.add_argument("--strategy", metavar="NAME", help="only this strategy")


def find_target(options: Mapping[str, Any]) -> Target:
    """Return the row that the options name, None for the whole house; raises CommandError for an unknown name."""
    found: Target = None
    if options["account"]:
        found = _find(Account, options["account"])
    elif options["strategy"]:
        found = _find(Strategy, options["strategy"])
    return found


def _find(model: Any, name: str) -> Any:
    # These commands need no keys, and must work when the keys can't be decrypted.
    rows: Any = accounts_without_keys() if model is Account else strategies_without_keys()
    row: Model | None = rows.filter(name=name).first()
    if row is None:
        known = ", ".join(model.objects.order_by("name").values_list("name", flat=True)) or "none"
        raise CommandError(f"there is no {model._meta.verbose_name} {name}; known: {known}")
    return row


def called(target: Target) -> str:
    """Return the target's name as a sentence uses it."""
    if target is None:
        return "the whole house"
    return f"{'account' if isinstance(target, Account) else 'strategy'} {target}"


def operator() -> str:
    """Return who is at the terminal, for the record."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user may have no name
        return "command line"
