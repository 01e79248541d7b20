"""Pages of workspaces: one's own in a project, all of one's own, the runs of others on one's data, and their code."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.alliance.forms import ReasonForm
from apps.alliance.models import Member
from apps.alliance.requests import MemberRequest
from apps.core.commands import may
from apps.core.listing import Column, Listing, listing
from apps.core.reads import demand_read, record_read
from apps.core.views import act_with_reason
from apps.projects import selectors as projects
from apps.projects.explained import answers_for
from apps.projects.models import Project
from apps.workspaces import limits, selectors, shown
from apps.workspaces.events import CODE_READ
from apps.workspaces.models import Run, Workspace
from apps.workspaces.policies import may_read_code
from apps.workspaces.services import runs as services
from apps.workspaces.states import RUN

RUN_COLUMNS = [Column("Started", "started_at"), Column("State"), Column("Ended"), Column("Why")]


@require_safe
@login_required
def workspaces(request: MemberRequest) -> HttpResponse:
    """My workspaces, and of my running projects those in which I have none yet."""
    columns = [Column("Project"), Column("State"), Column("Since", "created_at"), Column("Files")]
    page = listing(selectors.workspaces_of(request.user), request.GET, columns=columns, order="-created_at")
    active = projects.mine(projects.visible_to(request.user), request.user).filter(status=Project.Status.ACTIVE)
    without = active.exclude(workspaces__member=request.user).order_by("-number")[:10]
    tabs = _tabs("workspaces")
    return render(request, "workspaces/workspaces.html", {"listing": page, "without": list(without), "tabs": tabs})


@require_safe
@login_required
def runs(request: MemberRequest) -> HttpResponse:
    """Other people's runs in projects that I lead, on data that I steward, or that belongs to whom I audit."""
    columns = [Column("Started", "started_at"), Column("Who"), Column("In the project"), Column("State")]
    page = listing(selectors.runs_of_others(request.user), request.GET, columns=columns, order="-started_at")
    return render(request, "workspaces/runs.html", {"listing": page, "tabs": _tabs("runs")})


@require_safe
@login_required
def workspace(request: MemberRequest, pk: UUID) -> HttpResponse:
    """My workspace in a project: how it stands, start, open and stop, or why it can't start."""
    project = get_object_or_404(projects.visible_to(request.user), pk=pk)
    told = _told(request, project)
    is_watched = told["is_live"] and request.headers.get("X-Watching") == "1"
    return render(request, f"workspaces/{'_watched' if is_watched else 'workspace'}.html", told)


def _told(request: MemberRequest, project: Project) -> dict[str, Any]:
    place = Workspace.objects.filter(project=project, member=request.user).first()
    run = place and place.runs.select_related("figures").order_by("-started_at").first()
    is_live = bool(run and run.is_live)
    may_start = None if is_live else may("workspaces.run.started", request.user, project)
    told = {
        "project": project,
        "place": place,
        "run": run,
        "is_live": is_live,
        "may_start": may_start,
        "answers": [] if may_start or is_live else _answers(request.user, project),
        "history": _history(place, request) if place else None,
        "limits": limits,
    }
    return told | (_of_run(run) if run and is_live else {})


def _of_run(run: Run) -> dict[str, Any]:
    """What a live run shows; its page asks again by itself, quickly while something is about to change."""
    return {
        "mounts": selectors.mounts_of(run),
        "uses": shown.uses_of(run.figures),
        "plots": shown.plots_of(run.figures),
        "address": shown.address_of(run.workspace) if shown.is_open(run) else "",
        "is_paused": shown.is_paused(run),
        "every": shown.pace_of(run),
    }


def _answers(member: Member, project: Project) -> list[Any]:
    """The decision line by line, for somebody of its team; none where it is not what stands in the way."""
    if not project.team.filter(member=member, until=None).exists():
        return []
    answers = answers_for(member, project, projects.requests_of(project))
    return [] if any(one.decision for one in answers) else answers


def _history(place: Workspace, request: MemberRequest) -> Listing:
    return listing(place.runs.all(), request.GET, columns=RUN_COLUMNS, order="-started_at")


@require_POST
@login_required
def start(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Start my workspace in the project."""
    project = get_object_or_404(projects.visible_to(request.user), pk=pk)
    services.start(project, by=request.user)
    messages.success(request, "Your workspace starts; that takes some seconds.")
    return redirect("workspaces:workspace", pk=pk)


@require_safe
@login_required
def run(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One run: its data, what its host told, and what one can do about it."""
    found = _run(request, pk)
    page = listing(selectors.told_of(found), request.GET, columns=[Column("When", "seq"), Column("What")], order="-seq")
    for row in page.rows:
        row.sentence = shown.said(row)
    context = {
        "run": found,
        "mounts": selectors.mounts_of(found),
        "uses": shown.uses_of(found.figures) if found.is_live else [],
        "plots": shown.plots_of(found.figures) if found.is_live else [],
        "open_to": RUN.open_to(request.user, found),
        "is_paused": shown.is_paused(found),
        "may_resume": may("workspaces.run.resumed", request.user, found),
        "may_read_code": may_read_code(request.user, found),
        "history": page,
    }
    return render(request, "workspaces/run.html", context)


@require_POST
@login_required
def stop(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End a run, saying why."""
    found = _run(request, pk)
    is_own = found.workspace.member_id == request.user.pk
    own_page = reverse("workspaces:workspace", args=[found.workspace.project_id])
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.stop(found, by=request.user, reason=reason),
        event=RUN.moves["stop"].event,
        target=found,
        then=own_page if is_own else reverse("workspaces:run", args=[pk]),
        said="It stops within seconds; the files stay.",
    )


@require_POST
@login_required
def resume(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Let a paused run go on, saying why."""
    found = _run(request, pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.resume(found, by=request.user, reason=reason),
        event="workspaces.run.resumed",
        target=found,
        then=reverse("workspaces:run", args=[pk]),
        said="It goes on within seconds; its researcher is told.",
    )


@require_safe
@login_required
def code(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The code of a run's cells; the look is recorded."""
    found = _run(request, pk)
    demand_read(CODE_READ, may_read_code(request.user, found), by=request.user, target=found)
    record_read(CODE_READ, by=request.user, target=found, page=request.GET.get("after", "")[:40])
    page = listing(selectors.cells_of(found), request.GET, columns=[Column("When", "seq"), Column("Code")], order="seq")
    return render(request, "workspaces/code.html", {"run": found, "listing": page})


def _run(request: MemberRequest, pk: UUID) -> Run:
    return get_object_or_404(selectors.visible_runs(request.user), pk=pk)


def _tabs(current: str) -> list[dict[str, Any]]:
    rows = [("workspaces", "Mine"), ("runs", "Of others, on my data or in my projects")]
    return [{"label": label, "url": reverse(f"workspaces:{name}"), "current": name == current} for name, label in rows]
