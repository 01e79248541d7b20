from django.apps import AppConfig


class AllianceConfig(AppConfig):
    """Safe people: centers, members, roles, training, sign-in."""

    name = "apps.alliance"
    label = "alliance"
    default_auto_field = "django.db.models.BigAutoField"
