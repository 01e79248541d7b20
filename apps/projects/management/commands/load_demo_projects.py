"""Let the demo's researchers propose projects, and the owners of the data decide on them."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.core.errors import PortalError
from apps.projects.demo import Story


class Command(BaseCommand):
    """`manage.py load_demo_projects` leaves every project that is there already as it is."""

    help = "Propose, decide and run the demo's projects (demo mode only)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo's projects only load in demo mode (CAIA_DEMO=1).")
        try:
            for line in Story(timezone.now()).tell():
                self.stdout.write(line)
        except PortalError as error:
            raise CommandError(str(error)) from error
