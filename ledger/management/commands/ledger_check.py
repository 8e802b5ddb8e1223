"""`manage.py ledger_check`: prove the ledger against its fills and the venue; changes nothing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.models import Account
from ledger.services.checks import check_account


class Command(BaseCommand):
    """Print each difference as one line; exit status 1 if there is any."""

    help = "Refold every trade from its fills and compare with the venue. Exit status 1 if anything differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="only this account")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = Account.objects.order_by("name")
        if options["account"]:
            accounts = accounts.filter(name=options["account"])
            if not accounts.exists():
                names = ", ".join(Account.objects.values_list("name", flat=True)) or "none"
                raise CommandError(f"There is no account {options['account']!r}. There are: {names}.")
        total = 0
        for account in accounts:
            found = 0
            for difference in check_account(account, progress=self._progress):
                self.stdout.write(difference.line())
                found += 1
            self.stdout.write(f"{account}: {'agrees with the venue' if not found else f'{found} differences'}")
            total += found
        if total:
            raise CommandError(f"{total} difference{'s' if total > 1 else ''} found.")

    def _progress(self, message: str) -> None:
        # Apart from the findings, so that those can be piped.
        self.stderr.write(message)
