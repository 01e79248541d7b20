"""Celery's doors into projects: the clock's duties."""

from datetime import datetime, timedelta
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from apps.core.sweeps import quietly
from apps.projects.actors import ACCESS_CLOCK
from apps.projects.ended import touched
from apps.projects.held import changes, pages
from apps.projects.models import Project
from apps.projects.selectors import to_remind_of
from apps.projects.services import closing, ending

BATCH = 500
SWEEPING, SWEPT, LOOKED = "projects:sweeping", "projects:swept", "projects:looked"
FIRST = timedelta(minutes=10)  # how far back the first look goes for what can have ended
OVERLAP = timedelta(minutes=1)  # a change is seen once it is committed, which may be after its moment
AT_ONCE = 500  # projects


@shared_task(name="projects.keep_access")
def keep_access() -> None:
    """Write down whose access began or ended since the last look; whoever asks meanwhile is answered already.

    One look at a time: where the last still goes on, this one is left out. A killed one's claim outlives it by seconds.
    """
    if not cache.add(SWEEPING, 1, settings.CELERY_TASK_TIME_LIMIT + 5):
        return
    try:
        _keep_access()
    finally:
        cache.delete(SWEEPING)


def _keep_access() -> None:
    """What can have ended is looked at first, and again before each page of all projects: a whole look takes a minute.

    Where the last whole look was killed, this one goes on: no project waits for ever behind those that come before it.
    """
    _end_what_ended()
    for page in pages(after=cache.get(SWEPT)):
        _write_down(page)
        cache.set(SWEPT, str(page[-1]))
        _end_what_ended()
    cache.delete(SWEPT)


def _end_what_ended() -> None:
    """Of what was touched since the last such look; where that is not known, since a while ago."""
    now = timezone.now()
    since = datetime.fromisoformat(cache.get(LOOKED) or (now - FIRST).isoformat())
    of = touched(since - OVERLAP)
    for start in range(0, len(of), AT_ONCE):
        _write_down(of[start : start + AT_ONCE])
    cache.set(LOOKED, now.isoformat(), None)


def _write_down(page: list[UUID]) -> None:
    changed = changes(page)
    projects = list(Project.objects.filter(pk__in=changed))
    for project in projects:
        if changed[project.pk].ended:
            quietly(ending.end, project, by=ACCESS_CLOCK)
    for project in projects:
        if changed[project.pk].began:
            quietly(ending.begin, project, by=ACCESS_CLOCK)


@shared_task(name="projects.remind_of_endings")
def remind_of_endings() -> None:
    """Tell each lead what of their projects ends in at most 60, 30, 14, 7 or 1 days; each only once."""
    for project in to_remind_of()[:BATCH]:
        quietly(closing.remind, project, by=ACCESS_CLOCK)
