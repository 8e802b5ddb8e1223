"""Fetch the instrument rules of the venues now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.errors import ExchangeError
from exchange.models import Account
from exchange.services import refresh_instruments


class Command(BaseCommand):
    help = "Fetch instrument rules now and print what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="name of the account whose venue is asked; default: every venue in use")

    def handle(self, *args: Any, account: str | None = None, **options: Any) -> None:
        accounts = Account.objects.order_by("pk")
        if account is not None:
            accounts = accounts.filter(name=account)
            if not accounts:
                raise CommandError(f"there is no account named {account!r}")
        venues = {row.venue: row for row in reversed(accounts)}
        failed = False
        for venue, row in sorted(venues.items()):
            try:
                changes = refresh_instruments(row)
            except ExchangeError as exc:
                failed = True
                self.stderr.write(f"{venue}: {exc}")
                continue
            for change in changes:
                self.stdout.write(f"{venue}: {change}")
            self.stdout.write(f"{venue}: {len(changes)} changes")
        if failed:
            raise CommandError("not every venue answered")
