"""What ends when, as a list and as a file for one's own calendar."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.alliance.requests import MemberRequest
from apps.core.listing import Listing, gathered
from apps.projects.endings import Ending, endings_for
from apps.projects.icalendar import file_of

LABELS = ("What", "Concerns", "Last day", "Renewal")


@require_safe
@login_required
def calendar(request: MemberRequest) -> HttpResponse:
    """Everything with a last day that one's projects or data rest on."""
    return render(request, "projects/calendar.html", {"listing": _page(endings_for(request.user), request.GET)})


@require_safe
@login_required
def calendar_file(request: MemberRequest) -> HttpResponse:
    """The same as a file; it is taken by somebody who is signed in, since no address may hold a secret."""
    words = file_of(endings_for(request.user), at=timezone.now(), name="What ends, CAIA portal")
    response = HttpResponse(words, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="caia-endings-{timezone.now():%Y-%m-%d}.ics"'
    return response


def _page(endings: list[Ending], query: QueryDict) -> Listing:
    return gathered(endings, [f"{one.on} {one.key}" for one in endings], query, labels=LABELS)
