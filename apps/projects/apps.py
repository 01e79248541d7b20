from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """Safe projects: proposals, each owner's decision on its data, the team, and who may use what."""

    name = "apps.projects"
    label = "projects"
    default_auto_field = "django.db.models.BigAutoField"
