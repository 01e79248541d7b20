"""Reads of the record."""

from django.db.models import QuerySet

from apps.audit.models import Event


def entries() -> QuerySet[Event]:
    """All events, newest first."""
    return Event.objects.all()
