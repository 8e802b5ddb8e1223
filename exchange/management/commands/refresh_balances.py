"""Fetch the balances of the accounts now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.errors import ExchangeError
from exchange.models import Account
from exchange.services import refresh_balances


class Command(BaseCommand):
    help = "Fetch balances now and print what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="name of one account; default: all")

    def handle(self, *args: Any, account: str | None = None, **options: Any) -> None:
        accounts = Account.objects.order_by("name")
        if account is not None:
            accounts = accounts.filter(name=account)
            if not accounts:
                raise CommandError(f"there is no account named {account!r}")
        failed = False
        for row in accounts:
            try:
                _, changes = refresh_balances(row)
            except ExchangeError as exc:
                failed = True
                self.stderr.write(f"{row.name}: {exc}")
                continue
            for change in changes:
                self.stdout.write(f"{row.name}: {change}")
            self.stdout.write(f"{row.name}: {len(changes)} changes")
        if failed:
            raise CommandError("not every account answered")
