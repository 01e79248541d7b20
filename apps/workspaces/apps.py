from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    """Safe settings: an isolated workspace for each member and project, next to the approved data."""

    name = "apps.workspaces"
    label = "workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hear of each access and of each session that ends."""
        from apps.alliance.signin.sessions import ENDED
        from apps.projects.services.ending import HOOKS
        from apps.workspaces.services.hub import when_session_ends
        from apps.workspaces.services.stopping import when_access_ends

        HOOKS.append(when_access_ends)
        ENDED.append(when_session_ends)
