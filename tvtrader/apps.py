"""App configuration of the house itself."""

from django.apps import AppConfig


class TvtraderConfig(AppConfig):
    """Composition: settings, processes, health and the console's dashboard."""

    name = "tvtrader"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tvtrader import checks  # noqa: F401  # importing registers the checks
