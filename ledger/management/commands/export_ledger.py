"""`manage.py export_ledger`: trades, orders or fills into a CSV file."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from exchange.models import Account
from ledger.services.exports import EXPORTS


class Command(BaseCommand):
    """Write one kind of rows; the file appears complete or not at all."""

    help = "Export trades, orders or fills as CSV (UTF-8, times in UTC)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(EXPORTS))
        parser.add_argument("file", metavar="FILE", help="the file to write, - for the terminal")
        parser.add_argument("--account", metavar="NAME", help="only this account")
        parser.add_argument("--since", metavar="WHEN", help="a day or time in UTC, e.g. 2026-03-01 or 2026-03-01T12:00")

    def handle(self, *args: Any, **options: Any) -> None:
        account = None
        if options["account"]:
            account = Account.objects.filter(name=options["account"]).first()
            if account is None:
                raise CommandError(f"There is no account {options['account']!r}.")
        since = _moment(options["since"]) if options["since"] else None
        export = EXPORTS[options["kind"]]
        if options["file"] == "-":
            export(sys.stdout, account=account, since=since)
            return
        target = Path(options["file"])
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", newline="", dir=target.parent, prefix=f".{target.name}-", delete=False
            ) as half:
                partial = Path(half.name)
                try:
                    count = export(half, account=account, since=since)
                except BaseException:
                    partial.unlink()
                    raise
            partial.replace(target)
        except OSError as exc:
            raise CommandError(f"{target} can't be written: {exc}") from exc
        self.stdout.write(f"{count} {options['kind']} written to {target}")


def _moment(text: str) -> datetime:
    """Return the time that the text names; a day means its start, a time without a zone is UTC."""
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time()) if day else parse_datetime(text)
    except ValueError as exc:
        raise CommandError(f"--since {text}: {exc}") from exc
    if moment is None:
        raise CommandError(f"--since {text} is no day or time: write 2026-03-01 or 2026-03-01T12:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
