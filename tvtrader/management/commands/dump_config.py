"""Prints the present configuration as YAML."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from tvtrader.configuration import dump_text


class Command(BaseCommand):
    """API keys and webhook secrets are never printed."""

    help = "Print the present configuration as YAML, without secrets; apply_config accepts it and changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(dump_text(), ending="")
