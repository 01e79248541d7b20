"""The first hour on a server: name the first center and the person who manages it and the alliance."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.alliance.actors import FOUNDER
from apps.alliance.forms import CenterApplicationForm
from apps.alliance.invitations import link_for
from apps.alliance.selectors import open_invitation, the_alliance
from apps.alliance.services import founding
from apps.core.errors import PortalError
from apps.core.gateways import Objects

FACTS = {
    "--center": ("short_name", "how everybody calls the center"),
    "--legal-name": ("legal_name", "its full name"),
    "--domain": ("email_domains", "e-mail domains of its people, separated by commas"),
    "--contact-name": ("contact_name", "its contact for the alliance"),
    "--contact-email": ("contact_email", "the contact's address"),
}


class Command(BaseCommand):
    """Works once, while nobody manages the alliance; prints the link of the first invitation."""

    help = "Found the alliance: its first center and first manager."

    def add_arguments(self, parser: CommandParser) -> None:
        for option, (name, words) in FACTS.items():
            parser.add_argument(option, dest=name, required=True, help=words)
        parser.add_argument("--email", required=True, help="work address of the first manager")
        parser.add_argument("--name", required=True, help="the first manager's full name")

    def handle(self, *args: Any, **options: Any) -> None:
        form = CenterApplicationForm({name: options[name] for name, _ in FACTS.values()} | {"smallest_count": 10})
        if form.is_valid() and options["email"].rpartition("@")[2].lower() not in form.cleaned_data["email_domains"]:
            raise CommandError(
                "The manager's address must be one of the center's domains, or nobody could invite them."
            )
        if not form.is_valid():
            wrong = [f"{field}: {' '.join(map(str, words))}" for field, words in form.errors.items()]
            raise CommandError(" ".join(wrong))
        try:
            Objects().ensure_bucket()
            center = founding.found_center(the_alliance(), by=FOUNDER, **form.cleaned_data)
            member = founding.found_manager(center, by=FOUNDER, email=options["email"], name=options["name"])
        except PortalError as error:
            raise CommandError(str(error)) from error
        invitation = open_invitation(member)
        assert invitation
        self.stdout.write(f"{center} is founded. {member.name} joins by this link, within 14 days:")
        self.stdout.write(f"{settings.BASE_URL}{link_for(invitation)}")
