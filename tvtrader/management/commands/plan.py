"""Prints the orders that an alert would place now; places nothing."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchange.clock import now
from ledger.domain.plan import Outcome
from signals.dry_run import INVALID, dry_run
from tvtrader.management.alerts import find_endpoint, read_alert
from tvtrader.management.tables import table

COLUMNS = ("leg", "type", "side", "position_side", "quantity", "price", "trigger_price", "reduce_only")


class Command(BaseCommand):
    """Exit status 0: a plan; 1: a refusal; 2: the command was used wrongly."""

    help = "Print the orders that an alert would place now, or the refusal; places nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("endpoint", help="the endpoint that the alert would be sent to")
        parser.add_argument("file", help="the alert's text; - reads standard input")
        parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        endpoint = find_endpoint(options["endpoint"])
        answer = dry_run(endpoint=endpoint, body=read_alert(options["file"]), now=now())
        if options["json"]:
            self.stdout.write(json.dumps(answer, indent=2))
        else:
            self._print(answer)
        if answer["outcome"] in (INVALID, Outcome.REFUSE):
            raise SystemExit(1)

    def _print(self, answer: dict[str, Any]) -> None:
        self.stdout.write(f"{answer['outcome']} {answer['code']}".rstrip() + f": {answer['reason']}")
        if answer["field"]:
            self.stdout.write(f"field: {answer['field']}")
        if answer["remedy"]:
            self.stdout.write(f"remedy: {answer['remedy']}")
        for name in ("reference_price", "leverage"):
            if answer[name] is not None:
                self.stdout.write(f"{name.replace('_', ' ')}: {answer[name]}")
        if answer["orders"]:
            head = [column.replace("_", " ") for column in COLUMNS]
            rows = [[_cell(order[column]) for column in COLUMNS] for order in answer["orders"]]
            for line in table(head, rows):
                self.stdout.write(line)
        if answer["ignored_fields"]:
            self.stdout.write(f"ignored fields: {', '.join(answer['ignored_fields'])}")
        for note in answer["notes"]:
            self.stdout.write(f"note: {note}")


def _cell(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
