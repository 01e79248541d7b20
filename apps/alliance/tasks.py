"""Celery's doors into the alliance: the clock's duties and the mails that need a link."""

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage

from apps.alliance import selectors
from apps.alliance.actors import CLOCK
from apps.alliance.invitations import link_for
from apps.alliance.models import Center, Invitation
from apps.alliance.services import grants, reminders, training
from apps.alliance.signin import tasks as signin_tasks  # noqa: F401  (Celery finds them through this module)
from apps.core.errors import PortalError

BATCH = 500


@shared_task(name="alliance.close_what_lapsed")
def close_what_lapsed() -> None:
    """Close grants and trainings whose time is over; whoever asks meanwhile is refused by the dates already."""
    for grant in selectors.lapsed_grants()[:BATCH]:
        _quietly(lambda grant=grant: grants.lapse(grant, by=CLOCK))
    for record in selectors.lapsed_training()[:BATCH]:
        _quietly(lambda record=record: training.lapse(record, by=CLOCK))


@shared_task(name="alliance.remind_of_endings")
def remind_of_endings() -> None:
    """Tell people, and whoever can act, of what ends in at most 60, 30, 14, 7 or 1 days; each only once."""
    for member in selectors.with_something_ending()[:BATCH]:
        _quietly(lambda member=member: reminders.remind(member, by=CLOCK))


@shared_task(name="alliance.mail_invitation")
def mail_invitation(pk: str) -> None:
    """Mail the link of an invitation that is still open."""
    invitation = Invitation.objects.select_related("member__center", "invited_by").get(pk=pk)
    if invitation.accepted_at or invitation.withdrawn_at:
        return
    host = invitation.invited_by or "The alliance"
    EmailMessage(
        subject=f"{invitation.member.center} invites you to the alliance's portal",
        body=(
            f"Dear {invitation.member.name},\n\n{host} invites you to join {invitation.member.center} in the portal. "
            f"The link is for you alone and works until {invitation.ends_at:%-d %B %Y, %H:%M} UTC:\n\n"
            f"{settings.BASE_URL}{link_for(invitation)}\n\n"
            "If you did not expect this, do nothing; no account exists yet.\n"
        ),
        to=[invitation.member.email],
        headers={"Message-ID": f"<{invitation.pk}@caia.portal>"},
    ).send()


@shared_task(name="alliance.mail_rejection")
def mail_rejection(pk: str) -> None:
    """Mail the contact of a center whose application was rejected, and why; it may have no people here yet."""
    center = Center.objects.get(pk=pk)
    word = selectors.last_word(center)
    if center.status != Center.Status.REJECTED or word is None:
        return
    EmailMessage(
        subject=f"{center}'s application to the alliance is rejected",
        body=(
            f"Dear {center.contact_name},\n\nthe alliance rejected the application of {center.legal_name}: "
            f"{word.reason}\n\nThe center can apply again; any of the alliance's managers takes it up.\n"
        ),
        to=[center.contact_email],
        headers={"Message-ID": f"<{word.pk}@caia.portal>"},
    ).send()


def _quietly(act: object) -> None:
    """A rival may have closed it in the meantime; the refusal is recorded and the rest goes on."""
    try:
        act()  # type: ignore[operator]
    except PortalError:
        return
