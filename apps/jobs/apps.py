from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Safe settings: long work next to the approved data, which waits its turn and survives whatever carries it."""

    name = "apps.jobs"
    label = "jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hear of each access that ends."""
        from apps.jobs.services.watching import when_access_ends
        from apps.projects.services.ending import HOOKS

        HOOKS.append(when_access_ends)
