from django.apps import AppConfig


class HomeConfig(AppConfig):
    """What waits for me, search, notices, the record's page, the gallery of components."""

    name = "apps.home"
    label = "home"
