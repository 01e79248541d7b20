"""The projects in which an access can have ended since a moment: what the clock looks at first, every few seconds.

Two questions that take milliseconds, however many projects there are: of whom or what did the record tell since then,
and which bases had their last day since then. Whatever this leaves out (a row that was changed past the gate, a
training that is asked of everybody since now) the look at every project finds, which goes on behind it.
"""

from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.agreements.models import ScopeLine
from apps.alliance.models import TrainingRecord, Vouch
from apps.audit.ids import first_at
from apps.audit.models import Outcome
from apps.audit.selectors import entries
from apps.projects.models import AccessInterval, AccessRequest, Amendment

MOST = 5_000  # events since the last look; of more, the newest


def touched(since: datetime) -> list[UUID]:
    """The projects with an open access whose person, center, data, agreement or own state may differ since then."""
    refs = _told_of(since)
    concerned = _of_record(refs) if refs else Q(pk=None)
    if (first := since.date()) < timezone.now().date():
        concerned |= _of_last_day(first)
    found = AccessInterval.objects.filter(concerned, until=None).order_by("project").distinct()
    return list(found.values_list("project", flat=True))


def _told_of(since: datetime) -> list[UUID]:
    """What the record tells of since then: the target of each success, where it has an id of the portal's own."""
    told = (
        entries().filter(id__gte=first_at(since), outcome=Outcome.SUCCESS).values_list("target_ref", flat=True)[:MOST]
    )
    return sorted({ref for given in told if (ref := _ref(given))})


def _ref(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


def _of_record(refs: list[UUID]) -> Q:
    """The open accesses that rest on any of these rows."""
    agreed = ScopeLine.objects.filter(
        Q(version__in=refs) | Q(version__agreement__in=refs),
        dataset=OuterRef("version__dataset"),
        version__agreement__receiving=OuterRef("member__center"),
    )
    asked = AccessRequest.objects.filter(pk__in=refs).values("project")
    changed = Amendment.objects.filter(pk__in=refs).values("project")
    rows = Q(project__in=refs) | Q(project__in=asked) | Q(project__in=changed)
    people = Q(member__in=refs) | Q(member__center__in=refs)
    for proof in (Vouch, TrainingRecord):
        people |= Q(member__in=proof.objects.filter(pk__in=refs).values("member"))
    data = Q(version__in=refs) | Q(version__dataset__in=refs)
    return rows | people | data | Q(Exists(agreed))


def _of_last_day(first: date) -> Q:
    """The open accesses of which any basis had its last day from this day on and before today."""
    days = (first, timezone.now().date())
    over = {"ends_on__gte": days[0], "ends_on__lt": days[1]}
    approved = AccessRequest.objects.filter(status=AccessRequest.Status.APPROVED)
    of_text = Q(edition__ends_on__gte=days[0], edition__ends_on__lt=days[1])
    of_ethics = Q(edition__ethics_until__gte=days[0], edition__ethics_until__lt=days[1])
    trained = TrainingRecord.objects.filter(valid_until__gte=days[0], valid_until__lt=days[1])
    agreed = ScopeLine.objects.filter(
        dataset=OuterRef("version__dataset"),
        version__agreement__receiving=OuterRef("member__center"),
        version__ends_on__gte=days[0],
        version__ends_on__lt=days[1],
    )
    return (
        Q(member__in=Vouch.objects.filter(**over).values("member"))
        | Q(member__in=trained.values("member"))
        | Q(project__in=approved.filter(Q(**over) | of_text | of_ethics).values("project"))
        | Q(Exists(agreed))
    )
