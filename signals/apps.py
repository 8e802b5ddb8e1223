"""App configuration of signals."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    """What we are told and what it means."""

    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"
