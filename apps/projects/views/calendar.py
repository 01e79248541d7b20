"""What ends when, as a list and as a file for one's own calendar."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.alliance.requests import MemberRequest
from apps.core.errors import NotFound
from apps.core.listing import Listing, gathered
from apps.projects.endings import Ending, endings_for, endings_of
from apps.projects.icalendar import file_of
from apps.projects.models import Project
from apps.projects.selectors import visible_to

LABELS = ("What", "Concerns", "Last day", "Renewal")


@require_safe
@login_required
def calendar(request: MemberRequest) -> HttpResponse:
    """Everything with a last day that one's projects or data rest on, or that one of them rests on."""
    project = _project(request)
    found = endings_of(project, request.user) if project else endings_for(request.user)
    return render(request, "projects/calendar.html", {"listing": _page(found, request.GET), "project": project})


@require_safe
@login_required
def calendar_file(request: MemberRequest) -> HttpResponse:
    """The same as a file; it is taken by somebody who is signed in, since no address may hold a secret."""
    project, now = _project(request), timezone.now()
    found = endings_of(project, request.user) if project else endings_for(request.user)
    name = f"What ends in {project.reference}, CAIA portal" if project else "What ends, CAIA portal"
    response = HttpResponse(file_of(found, at=now, name=name), content_type="text/calendar; charset=utf-8")
    part = f"{project.reference}-" if project else ""
    response["Content-Disposition"] = f'attachment; filename="caia-endings-{part}{now:%Y-%m-%d}.ics"'
    return response


def _project(request: MemberRequest) -> Project | None:
    """The one that is asked about, if any; one that the reader may not see is not there."""
    asked = request.GET.get("project", "")
    if not asked:
        return None
    try:
        return get_object_or_404(visible_to(request.user), pk=UUID(asked))
    except ValueError:
        raise NotFound("There is no such project.") from None


def _page(endings: list[Ending], query: QueryDict) -> Listing:
    return gathered(endings, [f"{one.on} {one.key}" for one in endings], query, labels=LABELS)
