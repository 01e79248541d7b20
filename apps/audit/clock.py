"""The clock of every stored moment; looked up at each call, so that tests and the demo can turn it."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """This moment, in UTC."""
    return timezone.now()
