"""A message of the outbox whose effect is a command, and so is countable: one vouch, one event."""

from celery import shared_task

from apps.alliance.models import Member
from apps.alliance.services import people


@shared_task(name="chaos.vouch")
def vouch(pk, by):
    """Vouch for the member: each message must do so exactly once."""
    everyone = Member.objects.select_related("center")
    people.vouch(everyone.get(pk=pk), by=everyone.get(pk=by))
