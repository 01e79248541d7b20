"""Celery's doors into the kernel."""

import uuid

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from apps.core import notices, outbox
from apps.core.models import Notice

HEARTBEAT = "core:beat"


@shared_task(name="core.deliver")
def deliver(pk: str) -> None:
    """Carry out one message of the outbox."""
    outbox.deliver(uuid.UUID(pk))


@shared_task(name="core.sweep_outbox")
def sweep_outbox() -> None:
    """Carry out what Redis or a killed worker lost."""
    for pk in outbox.waiting(timezone.now()):
        outbox.deliver(pk)


@shared_task(name="core.mail_notice")
def mail_notice(pk: str) -> None:
    """Mail one notice."""
    notices.mail_notice(Notice.objects.select_related("to").get(pk=pk))


@shared_task(name="core.note_beat")
def note_beat() -> None:
    """Leave a sign that beat sends and a worker consumes."""
    cache.set(HEARTBEAT, timezone.now().timestamp(), timeout=120)
