"""Celery's doors into projects: the clock's duty."""

from collections.abc import Callable
from typing import Any

from celery import shared_task

from apps.alliance.actors import CLOCK
from apps.core.errors import PortalError
from apps.projects.held import sweep
from apps.projects.models import Project
from apps.projects.services import ending


@shared_task(name="projects.keep_access")
def keep_access() -> None:
    """Write down whose access began or ended since the last look; whoever asks meanwhile is answered already."""
    for changed in sweep():
        for project in Project.objects.filter(pk__in=changed):
            if changed[project.pk].ended:
                _quietly(ending.end, project)
            if changed[project.pk].began:
                _quietly(ending.begin, project)


def _quietly(act: Callable[..., Any], project: Project) -> None:
    """A rival may have been faster; the refusal is recorded and the rest goes on."""
    try:
        act(project, by=CLOCK)
    except PortalError:
        return
