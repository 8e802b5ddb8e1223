"""Switches an account, a strategy or the whole house on again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchange.models import HouseState, TradingState
from ledger.services import controls
from tvtrader.management.targets import Target, add_target, called, find_target, operator


class Command(BaseCommand):
    """Alerts that were refused meanwhile stay refused."""

    help = "Let a halted account, strategy or the whole house trade again."

    def add_arguments(self, parser: CommandParser) -> None:
        add_target(parser)
        parser.add_argument("--reason", default="", help="why, for the record")

    def handle(self, *args: Any, **options: Any) -> None:
        target = find_target(options)
        controls.resume(target, reason=options["reason"], by=operator())
        self.stdout.write(f"{called(target)} may trade again")
        for line in _still_off(target):
            self.stdout.write(f"note: {line}")


def _still_off(target: Target) -> list[str]:
    """Return what above or in the target still keeps it from opening trades."""
    lines = []
    if target is not None and HouseState.get().state != TradingState.ACTIVE:
        lines.append("the whole house is still halted: `manage.py resume` without a name")
    account = getattr(target, "account", None)
    if account is not None and account.state != TradingState.ACTIVE:
        lines.append(f"its account is still halted: `manage.py resume --account {account}`")
    if not getattr(target, "enabled", True):
        lines.append("it is disabled in the configuration")
    return lines
