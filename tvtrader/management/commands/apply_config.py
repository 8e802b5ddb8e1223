"""Makes accounts, strategies, endpoints and ticker aliases match a YAML file."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tvtrader.configuration import ConfigurationError, Report, apply_file
from tvtrader.environment import Environment


class Command(BaseCommand):
    """Exit status 1: the file can't be applied, or with --check something would change."""

    help = "Make accounts, strategies, webhook endpoints and ticker aliases match a YAML file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the configuration file")
        parser.add_argument("--check", action="store_true", help="only print the difference; status 1 if there is one")
        parser.add_argument("--prune", action="store_true", help="disable what the file no longer names")

    def handle(self, *args: Any, **options: Any) -> None:
        check = options["check"]
        try:
            report = apply_file(options["file"], env=Environment.ENVIRON, check=check, prune=options["prune"])
        except OSError as exc:
            raise CommandError(f"{options['file']} can't be read: {exc.strerror}") from None
        except ConfigurationError as exc:
            lines = [f"nothing was changed; problems in {options['file']}:", *(f"  {line}" for line in exc.problems)]
            raise CommandError("\n".join(lines)) from None
        self._print(report, check)
        if check and report.changes:
            raise SystemExit(1)

    def _print(self, report: Report, check: bool) -> None:
        for change in report.changes:
            for line in change.lines():
                self.stdout.write(line)
        if not report.changes:
            self.stdout.write("nothing to change")
        elif check:
            self.stdout.write(f"{len(report.changes)} would change; nothing was written")
        else:
            self.stdout.write(f"{len(report.changes)} changed")
        for note in report.notes:
            self.stdout.write(f"note: {note}")
        for secret in report.new_secrets:
            self.stdout.write(f"secret of endpoint {secret.endpoint}, shown only now: {secret.value}")
