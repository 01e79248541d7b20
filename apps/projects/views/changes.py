"""Pages of a project that was decided: change something, ask for more time, hand it over, close it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.alliance.forms import ReasonForm
from apps.alliance.requests import MemberRequest
from apps.core.commands import demand
from apps.core.views import act, form_page, typed_in
from apps.projects import selectors
from apps.projects.change_forms import CloseOutForm, HandOverForm
from apps.projects.closing import points_of
from apps.projects.differences import differences, people_since
from apps.projects.models import AccessRequest, Amendment, Project
from apps.projects.services import amendments, closing
from apps.projects.services.proposals import missing_parts
from apps.projects.states import AMENDMENT
from apps.projects.views.proposals import project_or_404
from apps.projects.views.sections import section_page

P, R = Project.Status, AccessRequest.Status


# ── change something ────────────────────────────────────────────────────────────────────────────────────────────────
@require_POST
@login_required
def change_begin(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Begin a change, or go on with the one that is open."""
    project = project_or_404(request, pk)
    return act(
        request,
        lambda: amendments.begin(project, by=request.user),
        then=reverse("projects:change", args=[pk]),
        otherwise=reverse("projects:project", args=[pk]),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Write a change section by section; the project stays as it is meanwhile."""
    found = _amendment_or_404(request, pk)
    AMENDMENT.demand("submit", by=request.user, target=found)
    return section_page(
        request,
        found,
        lambda parts: amendments.write(found, by=request.user, **parts),
        address=reverse("projects:change", args=[pk]),
        template="projects/change.html",
        **_told(found),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change_submit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Read a change through, see whom it touches, and send it."""
    found = _amendment_or_404(request, pk)
    AMENDMENT.demand("submit", by=request.user, target=found)
    if request.method == "POST":
        return act(
            request,
            lambda: amendments.submit(found, by=request.user),
            then=reverse("projects:project", args=[pk]),
            said="The change is with the owners whom it touches. You hear what each decides.",
            otherwise=reverse("projects:change_submit", args=[pk]),
        )
    touched = selectors.touched_by(found, selectors.approvals_in_force(found.project))
    return render(request, "projects/change_submit.html", {**_told(found), "touched": touched})


@require_POST
@login_required
def change_withdraw(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take a change back, with a reason if one likes."""
    found = _amendment_or_404(request, pk)
    amendments.withdraw(found, by=request.user, reason=reason_typed(request))
    messages.success(request, "The change is taken back. The project goes on as it was.")
    return redirect("projects:project", pk=pk)


def reason_typed(request: MemberRequest) -> str:
    """The reason where one was given; none is asked for."""
    form = ReasonForm(request.POST)
    return str(form.cleaned_data["reason"]) if form.is_valid() else ""


def _amendment_or_404(request: MemberRequest, pk: UUID) -> Amendment:
    """The change of this project that is open."""
    return get_object_or_404(selectors.open_amendments(project_or_404(request, pk)))


def _told(found: Amendment) -> dict[str, Any]:
    """What a change is about, and what it still lacks."""
    asked = [one for one in selectors.requests_of(found.project) if one.status == R.DRAFT]
    return {
        "project": found.project,
        "amendment": found,
        "requests": asked,
        "missing": missing_parts(found, asked, timezone.now().date(), needs_data=False),
        "differences": differences(found.project, found),
        "people": people_since(found.project, found.created_at),
    }


# ── more time ───────────────────────────────────────────────────────────────────────────────────────────────────────
@require_POST
@login_required
def renew(request: MemberRequest, pk: UUID, asked: UUID) -> HttpResponse:
    """Ask the owner of one dataset for more time."""
    found = get_object_or_404(project_or_404(request, pk).requests.select_related("version__dataset"), pk=asked)
    return act(
        request,
        lambda: amendments.ask_to_renew(found, by=request.user),
        then=reverse("projects:project", args=[pk]),
        said=f"The stewards of {found.version.dataset} are asked. Until they decide, the old end counts.",
    )


# ── another lead, and the end ───────────────────────────────────────────────────────────────────────────────────────
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def hand_over(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Make somebody else of the team the lead."""
    project = project_or_404(request, pk)
    demand("projects.project.handed_over", by=request.user, target=project, fresh=True)
    form = HandOverForm(typed_in(request), project=project)
    choices: Any = form.fields["to"]
    return form_page(
        request,
        form,
        lambda typed: closing.hand_over(project, by=request.user, **typed),
        template="projects/hand_over.html",
        then=reverse("projects:project", args=[pk]),
        said=f"{project.reference} has another lead; the team and the stewards are told.",
        project=project,
        has_anybody=choices.queryset.exists(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def close(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End a project for good: its lead point by point, a manager of its center with a reason."""
    project = project_or_404(request, pk)
    demand("projects.project.closed", by=request.user, target=project, fresh=True)
    points = points_of(project)
    confirms = project.lead_id == request.user.pk and project.status != P.DECIDED
    typed = typed_in(request)
    to_confirm = [point for point in points if point.done is None]
    return form_page(
        request,
        CloseOutForm(typed, points=to_confirm) if confirms else ReasonForm(typed),
        lambda said: closing.close(project, by=request.user, **said),
        template="projects/close.html",
        then=reverse("projects:project", args=[pk]),
        said="The project is closed; its team is told.",
        project=project,
        points=[point for point in points if point.done is not None],
        is_lead=confirms,
    )
