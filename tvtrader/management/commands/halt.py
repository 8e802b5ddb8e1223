"""Switches off an account, a strategy or the whole house."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ledger.services import controls
from tvtrader.management.targets import add_target, called, find_target, operator


class Command(BaseCommand):
    """Positions and their stops stay; `flatten` closes them."""

    help = "Open nothing any more and cancel resting entries; exits still pass. Without a name: the whole house."

    def add_arguments(self, parser: CommandParser) -> None:
        add_target(parser)
        parser.add_argument("--reason", default="", help="why, for the record")

    def handle(self, *args: Any, **options: Any) -> None:
        target = find_target(options)
        controls.halt(target, reason=options["reason"], by=operator())
        self.stdout.write(f"{called(target)} is halted: nothing is opened, resting entries are cancelled, exits pass")
