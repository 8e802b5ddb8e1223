"""App configuration of ledger."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """What we want, did and own."""

    name = "ledger"
    default_auto_field = "django.db.models.BigAutoField"
