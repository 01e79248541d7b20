"""The access decision for oneself, as all that one may use; and for auditors, as it was at any moment."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.alliance.models import Member
from apps.alliance.requests import MemberRequest
from apps.alliance.roles import Role
from apps.core.errors import NotFound
from apps.core.listing import Column, listing
from apps.core.reads import record_read
from apps.projects import audits
from apps.projects.access import AccessDecision, may_use
from apps.projects.events import ACCESS_REPLAYED
from apps.projects.held import approved_for, with_decisions
from apps.projects.queue import lines_for_page
from apps.projects.steward_forms import ReplayForm


@require_safe
@login_required
def my_data(request: MemberRequest) -> HttpResponse:
    """The data that owners approved for one's projects, and whether one may use it now."""
    columns = [Column("Data"), Column("In the project", "project__title"), Column("May I use it?"), Column("Until")]
    approved = approved_for(request.user).select_related("project", "version__dataset")
    page = listing(approved, request.GET, columns=columns, order="project__title")
    with_decisions(request.user, page.rows)
    return render(request, "projects/my_data.html", {"listing": page})


@require_safe
@login_required
def audited(request: MemberRequest) -> HttpResponse:
    """The projects whose decisions one may look back on."""
    if not request.user.holds_anywhere(Role.AUDITOR):
        raise NotFound("Only auditors look back on access decisions.")
    columns = [Column("Project", "number"), Column("Lead"), Column("State"), Column("Since", "status_at")]
    sent = audits.audited_projects(request.user).filter(submitted_at__isnull=False)
    page = listing(sent, request.GET, columns=columns, order="-number")
    return render(request, "projects/audited.html", {"listing": page})


@require_safe
@login_required
def replay(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Whether somebody could use the data then, line by line with the record behind each; the look is recorded."""
    project = get_object_or_404(audits.audited_projects(request.user), pk=pk)
    form = ReplayForm(
        request.GET or None,
        people=audits.people_of(project),
        datasets=audits.audited_datasets(request.user, project),
    )
    context: dict[str, Any] = {"project": project, "form": form}
    if form.is_bound and form.is_valid():
        person, dataset, at = (form.cleaned_data[name] for name in ("person", "dataset", "at"))
        record_read(
            ACCESS_REPLAYED,
            by=request.user,
            target=project,
            member=str(person.pk),
            dataset=str(dataset.pk),
            at=at.isoformat(),
        )
        decision = may_use(person, dataset, project, at)
        context |= {
            "person": person,
            "dataset": dataset,
            "at": at,
            "decision": decision,
            "lines": _lines(decision, person),
        }
    return render(request, "projects/access_replay.html", context)


def _lines(decision: AccessDecision, person: Member) -> list[dict[str, Any]]:
    """Each line with the record it rests on as a link into the record; nobody mends the past."""
    shown = lines_for_page(decision, person, {})
    for told, line in zip(shown, decision.lines, strict=True):
        told["mend"] = ""
        if line.rests_on:
            label, _, ref = line.rests_on.partition(":")
            told["detail"] = " · ".join(filter(None, [line.detail, f"{label} {ref}"]))
            told["record"] = ""
            told["url"] = f"{reverse('home:record')}?about={ref}"
    return shown
