from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Safe data: datasets, their versions, the files in object storage, and on what terms they may be used."""

    name = "apps.catalog"
    label = "catalog"
    default_auto_field = "django.db.models.BigAutoField"
