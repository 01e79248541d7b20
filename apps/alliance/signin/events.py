"""What happens at the door, for the record. What somebody typed is never kept."""

from typing import Any

from django.http import HttpRequest

from apps.alliance.models import Alliance, Member
from apps.alliance.signin.proofs import facts, mark_of
from apps.audit.models import Outcome
from apps.audit.source import coming_from
from apps.core.actors import Nobody
from apps.core.events import sighting
from apps.core.sightings import record_sighting

ABOUT_A_MEMBER = ("alliance.member",)
ABOUT_WHOEVER_IT_WAS = ("alliance.member", "alliance.alliance")

SESSION_OPENED = sighting(
    "alliance.session.opened",
    "Signed in",
    when="A member is in, with every factor that is asked.",
    about=ABOUT_A_MEMBER,
)
SESSION_REFUSED = sighting(
    "alliance.session.refused",
    "Tried to sign in",
    when="Somebody is not let in; the reason says why. About the alliance where no member could be told.",
    about=ABOUT_WHOEVER_IT_WAS,
)
SESSION_CLOSED = sighting(
    "alliance.session.closed",
    "Signed out",
    when="A session ends: signed out, ended from another one, idle, too old, or its owner may not act any more.",
    about=ABOUT_A_MEMBER,
)
SESSION_PROVED = sighting(
    "alliance.session.proved",
    "Proved again who they are",
    when="A factor is shown once more, for a step that asks for a fresh one.",
    about=ABOUT_A_MEMBER,
)
FACTOR_ADDED = sighting(
    "alliance.factor.added",
    "Added a second factor",
    when="A member adds an authenticator app or a passkey.",
    about=ABOUT_A_MEMBER,
)
FACTOR_RENAMED = sighting(
    "alliance.factor.renamed", "Renamed a second factor", when="A member renames a passkey.", about=ABOUT_A_MEMBER
)
FACTOR_REMOVED = sighting(
    "alliance.factor.removed",
    "Removed a second factor",
    when="A member removes an authenticator app or a passkey of their own.",
    about=ABOUT_A_MEMBER,
)
CODES_SHOWN = sighting(
    "alliance.recovery_codes.shown",
    "Saw the recovery codes",
    when="A member looks at their recovery codes.",
    about=ABOUT_A_MEMBER,
)
CODES_RENEWED = sighting(
    "alliance.recovery_codes.renewed",
    "Made new recovery codes",
    when="A member makes new recovery codes; the old ones are void.",
    about=ABOUT_A_MEMBER,
)
IDENTITY_TIED = sighting(
    "alliance.identity.tied",
    "Became known to the center's sign-in service",
    when="A member is in through their center's provider for the first time; its identifier of them counts from then.",
    about=ABOUT_A_MEMBER,
)
PASSWORD_CHANGED = sighting(
    "alliance.password.changed",
    "Changed the password",
    when="A member sets a new password, by the old one or by a link.",
    about=ABOUT_A_MEMBER,
)
PASSWORD_REHASHED = sighting(
    "alliance.password.rehashed",
    "Password stored anew",
    when="A member gives the right password, and the portal now hashes passwords with other parameters than before.",
    about=ABOUT_A_MEMBER,
)
PASSWORD_RESET_ASKED = sighting(
    "alliance.password.reset_asked",
    "Asked for a link to set a new password",
    when="Somebody asks for a link, whether or not the address is a member's.",
    about=ABOUT_WHOEVER_IT_WAS,
)


def saw(event: str, request: HttpRequest, member: Member, **details: Any) -> None:
    """Record what the member did at the door."""
    with coming_from(session=mark_of(request.session.session_key), auth=facts(request, member)):
        record_sighting(event, by=member, target=member, **details)


def refused(request: HttpRequest, member: Member | None, reason: str, **details: Any) -> None:
    """Record that somebody was not let in. For an address that nobody has, the alliance is the target."""
    record_sighting(
        SESSION_REFUSED,
        by=Nobody(),
        target=member or Alliance(pk=1),
        outcome=Outcome.REFUSED,
        reason=reason,
        **details,
    )


def saw_reset_asked(member: Member | None) -> None:
    """Record that somebody asked for a link to set a new password."""
    record_sighting(PASSWORD_RESET_ASKED, by=Nobody(), target=member or Alliance(pk=1))
