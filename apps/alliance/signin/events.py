"""What happens at the door, for the record. What somebody typed is never kept."""

from typing import Any

from django.http import HttpRequest

from apps.alliance.models import Alliance, Member
from apps.alliance.signin.proofs import facts, mark_of
from apps.audit.models import Outcome
from apps.audit.source import coming_from
from apps.core.actors import Nobody
from apps.core.sightings import record_sighting

SESSION_OPENED = "alliance.session.opened"
SESSION_REFUSED = "alliance.session.refused"
SESSION_CLOSED = "alliance.session.closed"
SESSION_PROVED = "alliance.session.proved"
FACTOR_ADDED = "alliance.factor.added"
FACTOR_RENAMED = "alliance.factor.renamed"
FACTOR_REMOVED = "alliance.factor.removed"
CODES_SHOWN = "alliance.recovery_codes.shown"
CODES_RENEWED = "alliance.recovery_codes.renewed"
PASSWORD_CHANGED = "alliance.password.changed"
PASSWORD_RESET_ASKED = "alliance.password.reset_asked"


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
