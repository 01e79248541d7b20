"""First looks at a project's data, for those who may use it now: the access decision is asked each time."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.alliance.requests import MemberRequest
from apps.catalog import looks
from apps.catalog.events import DATA_LOOKED_AT
from apps.catalog.models import DatasetVersion
from apps.core.decisions import allow_if
from apps.core.reads import demand_read
from apps.core.views import picture
from apps.projects.access import may_use
from apps.projects.models import Project
from apps.projects.selectors import requests_of
from apps.projects.views.proposals import project_or_404


@require_safe
@login_required
def look(request: MemberRequest, pk: UUID, slug: str) -> HttpResponse:
    """Data of the project at first sight, before one opens a workspace for it; the look is recorded."""
    project, version = _usable(request, pk, slug)
    listed, shown = looks.opened(version, request.GET.get("of", ""), by=request.user, project=str(pk))
    context = {
        "project": project,
        "version": version,
        "dataset": version.dataset,
        "looks": listed,
        "shown": shown,
        "picture_url": reverse("projects:look_picture", args=[pk, slug, shown.look.pk]) if shown else "",
    }
    return render(request, "projects/look.html", context)


@require_safe
@login_required
def look_picture(request: MemberRequest, pk: UUID, slug: str, of: UUID) -> HttpResponse:
    """The picture of a first look; seeing it is recorded."""
    _, version = _usable(request, pk, slug)
    return picture(looks.picture_of(version, of, by=request.user, project=str(pk)))


def _usable(request: MemberRequest, pk: UUID, slug: str) -> tuple[Project, DatasetVersion]:
    """The project, and the version that this person may use in it now; the refusal is recorded."""
    project = project_or_404(request, pk)
    asked = [one.version for one in requests_of(project) if one.version.dataset.slug == slug]
    if not asked:
        raise Http404
    decision = may_use(request.user, asked[0].dataset, project)
    found = next((one for one in asked if one.pk == decision.version), asked[-1])
    missing = "; ".join(line.words for line in decision.missing)
    words = f"You can't use this data in this project now. Not met: {missing}. The project's page says who can help."
    demand_read(DATA_LOOKED_AT, allow_if(bool(decision), otherwise=words), by=request.user, target=found)
    return project, found
