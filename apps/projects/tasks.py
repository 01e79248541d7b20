"""Celery's doors into projects: the clock's duties."""

import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from apps.core.errors import PortalError
from apps.projects.actors import ACCESS_CLOCK
from apps.projects.held import changes, pages
from apps.projects.models import Project
from apps.projects.selectors import to_remind_of
from apps.projects.services import closing, ending

logger = logging.getLogger(__name__)
BATCH = 500
SWEEPING, SWEPT = "projects:sweeping", "projects:swept"


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
    """Where the last look was killed, this one goes on: no project waits for ever behind those that come before it."""
    for page in pages(after=cache.get(SWEPT)):
        changed = changes(page)
        for project in Project.objects.filter(pk__in=changed):
            if changed[project.pk].ended:
                _quietly(ending.end, project)
            if changed[project.pk].began:
                _quietly(ending.begin, project)
        cache.set(SWEPT, str(page[-1]))
    cache.delete(SWEPT)


@shared_task(name="projects.remind_of_endings")
def remind_of_endings() -> None:
    """Tell each lead what of their projects ends in at most 60, 30, 14, 7 or 1 days; each only once."""
    for project in to_remind_of()[:BATCH]:
        _quietly(closing.remind, project)


def _quietly(act: Callable[..., Any], project: Project) -> None:
    """One project never stands in the way of the next: a refusal is recorded already, a break stands in the log too."""
    try:
        act(project, by=ACCESS_CLOCK)
    except PortalError:
        return
    except Exception:
        logger.exception("%s broke off for project %s", act.__name__, project.pk)
