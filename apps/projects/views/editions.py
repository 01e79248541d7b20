"""The page of every text of a project that was ever sent, each beside the one before it."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.alliance.requests import MemberRequest
from apps.core.listing import Column, listing
from apps.projects import selectors
from apps.projects.differences import differences
from apps.projects.views.proposals import project_or_404


@require_safe
@login_required
def editions(request: MemberRequest, pk: UUID) -> HttpResponse:
    """What was sent to the owners, when and by whom, what differed from the time before, and who said what to it."""
    project = project_or_404(request, pk)
    columns = [Column("Edition", "number")]
    page = listing(selectors.editions_of(project), request.GET, columns=columns, order="-number")
    told = selectors.answered(page.rows)
    for one, before, requests in told:
        one.differences = differences(before, one) if before else []  # type: ignore[attr-defined]
        one.has_before, one.answers = before is not None, requests  # type: ignore[attr-defined]
    return render(request, "projects/editions.html", {"project": project, "listing": page})
