from django.apps import AppConfig


class AgreementsConfig(AppConfig):
    """Data-use agreements: templates, versions, signatures, expiry, terms of use."""

    name = "apps.agreements"
    label = "agreements"
    default_auto_field = "django.db.models.BigAutoField"
