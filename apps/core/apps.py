from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The kernel: commands, machines, decisions, outbox. No domain words."""

    name = "apps.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"
