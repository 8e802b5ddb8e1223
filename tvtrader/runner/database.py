"""Brings the tables up to date before anything else runs."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection, transaction


def migrate() -> None:
    """Apply the missing migrations; on SQLite all of them or, should the process die meanwhile, none."""
    if connection.vendor != "sqlite":
        call_command("migrate", interactive=False, verbosity=0)
        return
    # Django writes down some migrations only after their tables are committed: a death between the two would leave
    # a database that no later start can migrate. Inside a transaction the checks could not be switched off any more.
    with connection.constraint_checks_disabled(), transaction.atomic(durable=True):
        call_command("migrate", interactive=False, verbosity=0)
