"""Fill an empty portal with the demo alliance, or list its people."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.alliance.demo import APPLICANT, CENTERS
from apps.alliance.demo_story import Story
from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.core.gateways import Objects

CANNOT_SIGN_IN = {"invited", "invitation_stale", "suspended", "left"}
INTERRUPTED = 3  # exit code for a half-loaded demo


class Command(BaseCommand):
    """`manage.py load_demo` does nothing where there are people already."""

    help = "Fill an empty portal with the demo alliance (demo mode only)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", action="store_true", help="name the demo people and how to become them")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo alliance only loads in demo mode (CAIA_DEMO=1).")
        if options["list"]:
            return self._list()
        if Center.objects.filter(short_name=APPLICANT.short_name).exists():
            self.stdout.write("The demo alliance is there already.")
            return None
        if Member.objects.exists():
            raise CommandError(
                "People are here, but not the whole demo: its loading was cut off, or these are real people. "
                "For a fresh demo stop the portal, remove its home folder and start again.",
                returncode=INTERRUPTED,
            )
        Objects().ensure_bucket()
        for line in Story(timezone.now()).tell():
            self.stdout.write(line)
        return None

    def _list(self) -> None:
        self.stdout.write(f"Open {settings.BASE_URL} and choose one of these people on the sign-in page:\n")
        for center in CENTERS:
            self.stdout.write(f"\n{center.short_name}")
            for person in center.people:
                if person.story in CANNOT_SIGN_IN:
                    continue
                roles = [role.words for role in person.roles] + [
                    _alliance_words(role) for role in person.alliance_roles
                ]
                self.stdout.write(
                    f"  {person.name:<16} {', '.join(roles) or 'Researcher':<40} {person.email(center.domain)}"
                )


def _alliance_words(role: Role) -> str:
    return role.words if role is Role.ALLIANCE_MANAGER else f"{role.words} of the alliance"
