"""Say whether an account can be used, and what to do where it cannot."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.models import Account
from exchange.services import check_account


class Command(BaseCommand):
    help = "Check keys, permissions, position mode, funds and instruments of an account; exit status 1 with the remedy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the account")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        account = Account.objects.filter(name=name).first()
        if account is None:
            known = ", ".join(Account.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"there is no account named {name!r}; known: {known}")
        checks = check_account(account)
        for check in checks:
            self.stdout.write(f"{'ok  ' if check.ok else 'FAIL'} {check.what}")
            if not check.ok:
                self.stdout.write(f"     remedy: {check.remedy}")
        if not all(check.ok for check in checks):
            raise CommandError(f"{name} cannot be used as it is")
