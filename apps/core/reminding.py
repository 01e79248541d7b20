"""When people are told in time of what ends: so many days before, of each day once."""

from datetime import date, timedelta
from typing import Any

from django.db.models import CharField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from apps.audit.models import Event, Outcome

DAYS_BEFORE = (1, 7, 14, 30, 60)
SOON = timedelta(days=max(DAYS_BEFORE))


def milestone(ends_on: date) -> int | None:
    """The latest of the days that was reached; None where none was, or where it is over."""
    left = (ends_on - timezone.now().date()).days
    return None if left < 0 else next((days for days in DAYS_BEFORE if left <= days), None)


def last_reminded(events: QuerySet[Event], model: type[Model]) -> Coalesce:
    """For a query of the model's rows: the day of the last of these events of each, or long ago."""
    told = events.filter(
        outcome=Outcome.SUCCESS,
        target_type=model._meta.label_lower,
        target_ref=Cast(OuterRef("pk"), CharField()),
    )
    return Coalesce(Subquery(told.order_by("-id").values("occurred_at__date")[:1]), Value(date.min))


def is_due(field: str, reminded_on: Any) -> Q:
    """The day in `field` lies ahead, and one of the days before it was reached since `reminded_on`."""
    today, due = timezone.now().date(), Q()
    for soonest, latest in zip((0, *(days + 1 for days in DAYS_BEFORE)), DAYS_BEFORE, strict=False):
        window = (today + timedelta(days=soonest), today + timedelta(days=latest))
        due |= Q(**{f"{field}__range": window, f"{field}__gt": reminded_on + timedelta(days=latest)})
    return due
