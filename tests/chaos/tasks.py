"""A message of the outbox whose effect is a command, and so is countable: one vouch, one event."""

from celery import shared_task

from apps.alliance.models import Member
from apps.alliance.services import people
from apps.audit.source import coming_from


@shared_task(name="chaos.vouch")
def vouch(pk, by):
    """Vouch for the member: each message must do so exactly once."""
    everyone = Member.objects.select_related("center")
    with coming_from(auth={"method": "chaos", "age_s": 0}):
        people.vouch(everyone.get(pk=pk), by=everyone.get(pk=by))
