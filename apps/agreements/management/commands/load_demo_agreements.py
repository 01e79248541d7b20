"""Let the demo alliance's centers agree on the use of their data."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.agreements.demo import Story


class Command(BaseCommand):
    """`manage.py load_demo_agreements` does nothing where there are agreements already."""

    help = "Draft, send and sign the demo's agreements (demo mode only)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo's agreements only load in demo mode (CAIA_DEMO=1).")
        for line in Story(timezone.now()).tell():
            self.stdout.write(line)
