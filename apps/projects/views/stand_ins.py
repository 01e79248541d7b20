"""Pages on who stands in for a steward who is away."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.alliance.requests import MemberRequest
from apps.core.commands import demand, may
from apps.core.listing import Column, listing
from apps.core.views import form_page, typed_in
from apps.projects import stand_ins as reads
from apps.projects.services import stand_ins as services
from apps.projects.steward_forms import StandInForm

COLUMNS = [
    Column("Away"),
    Column("Stand-in"),
    Column("From", "starts_on"),
    Column("Until", "ends_on"),
    Column("State"),
    Column(""),
]
WORDS = {"coming": "Begins later", "in_force": "Stands in now", "over": "Over", "ended": "Ended before"}


@require_safe
@login_required
def stand_ins(request: MemberRequest) -> HttpResponse:
    """Who stands in for whom, now, later and before."""
    page = listing(reads.visible_stand_ins(request.user), request.GET, columns=COLUMNS, order="-starts_on")
    for row in page.rows:
        row.state = reads.state_of(row)
        row.state_words = WORDS[row.state]
        is_open = row.state in {"coming", "in_force"}
        row.may_end = is_open and may("projects.stand_in.ended", request.user, row)
    may_name = reads.who_can_be_away(request.user).exists()
    return render(request, "projects/stand_ins.html", {"listing": page, "may_name": may_name})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def stand_in_name(request: MemberRequest) -> HttpResponse:
    """Name who looks after what a steward took while that one is away."""
    people = reads.who_can_be_away(request.user)
    if not people.exists():
        demand("projects.stand_in.named", by=request.user, target=request.user)
    form = StandInForm(
        typed_in(request),
        people=people,
        deputies=reads.who_can_stand_in(request.user),
        initial={"away": request.user.pk, "starts_on": timezone.now().date()},
    )

    def ask(typed: dict[str, Any]) -> Any:
        return services.name_stand_in(typed.pop("away"), by=request.user, **typed)

    return form_page(
        request,
        form,
        ask,
        template="projects/stand_in_name.html",
        then=reverse("access:stand_ins"),
        said=lambda made: f"{made.stand_in} stands in for {made.away} until {made.until}, and is told.",
    )


@require_POST
@login_required
def stand_in_end(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End it at once."""
    found = get_object_or_404(reads.visible_stand_ins(request.user), pk=pk)
    services.end_stand_in(found, by=request.user)
    messages.success(request, f"{found.stand_in} no longer stands in for {found.away}.")
    return redirect("access:stand_ins")
