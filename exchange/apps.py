"""App configuration of exchange."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """What venues are and can do."""

    name = "exchange"
    default_auto_field = "django.db.models.BigAutoField"
