"""Make the portal known to the workspaces' Hub, and the Hub to the portal."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.alliance.selectors import the_alliance
from apps.workspaces import keys
from apps.workspaces.actors import INSTALLER
from apps.workspaces.services import hub


class Command(BaseCommand):
    """`manage.py register_hub` makes what is missing and changes what differs; again it does nothing."""

    help = "Make the key of the portal's sign-in and register the Hub as its one client."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.HAS_WORKSPACES:
            self.stdout.write("Workspaces are not set up: their settings are not stated. Nothing was done.")
            return
        if not settings.OIDC_KEY.exists() and keys.made(settings.OIDC_KEY):
            self.stdout.write(f"Made {settings.OIDC_KEY}. The portal reads it at its start.")
        facts = {"secret": settings.HUB_CLIENT_SECRET, "redirect_uri": f"{settings.WORKSPACES_URL}/hub/oauth_callback"}
        if hub.is_registered(**facts):
            self.stdout.write("The Hub is registered already.")
            return
        hub.register(the_alliance(), by=INSTALLER, **facts)
        self.stdout.write("The Hub is registered.")
