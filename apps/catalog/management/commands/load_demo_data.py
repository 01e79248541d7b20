"""Bring the demo's datasets into the catalog of the demo alliance."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.catalog.demo import bring_in_all
from apps.core.errors import PortalError
from apps.core.gateways import Objects


class Command(BaseCommand):
    """`manage.py load_demo_data` goes on where it was stopped; what is there already stays as it is."""

    help = "Bring the demo's open datasets in and publish them (demo mode only)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo's datasets only load in demo mode (CAIA_DEMO=1).")
        try:
            Objects().ensure_bucket()
            for line in bring_in_all(timezone.now()):
                self.stdout.write(line)
        except PortalError as error:
            raise CommandError(str(error)) from error
