from django.apps import AppConfig


class HomeConfig(AppConfig):
    """What waits for me, search, notices, the record's page, the gallery of components."""

    name = "apps.home"
    label = "home"

    def ready(self) -> None:
        """The record is watched like the platform's other parts."""
        from apps.core import health
        from apps.home.watch import record_part

        health.MORE["record"] = record_part
