"""Pages of a proposal: begin it, write it, choose its data and its team, send it, take it back."""

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
from apps.catalog.models import Dataset
from apps.catalog.selectors import newest_version, visible_datasets
from apps.core.commands import demand
from apps.core.errors import Invalid, NotFound
from apps.core.views import act, form_page, typed_in
from apps.projects import selectors
from apps.projects.forms import SECTIONS, AskForm, ProposeForm, ReasonForm, TeamForm, WhyForm
from apps.projects.models import AccessRequest, Project, Written
from apps.projects.purposes import CLAIMS
from apps.projects.questions import QUESTIONS
from apps.projects.services import proposals as services
from apps.projects.states import PROJECT
from apps.projects.views.sections import section_page


def project_or_404(request: MemberRequest, pk: UUID) -> Project:
    """The project, if this person may see it."""
    return get_object_or_404(selectors.visible_to(request.user), pk=pk)


def missing_of(project: Project) -> list[str]:
    """What it still lacks, in words."""
    requests = selectors.requests_of(project)
    asked = [one for one in requests if one.status == AccessRequest.Status.DRAFT]
    is_approved = any(one.status == AccessRequest.Status.APPROVED for one in requests)
    return services.missing_parts(project, asked, timezone.now().date(), needs_data=not is_approved)


# ── begin ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def propose(request: MemberRequest) -> HttpResponse:
    """Begin a proposal with its title; `?add=` names a dataset that it shall ask for."""
    center = request.user.center
    wanted = visible_datasets(request.user).filter(slug=request.GET.get("add", "").replace("\x00", "")).first()

    def then(made: Project) -> str:
        if wanted:
            return f"{reverse('projects:datasets', args=[made.pk])}?add={wanted.slug}"
        return reverse("projects:write", args=[made.pk])

    return form_page(
        request,
        ProposeForm(typed_in(request)),
        lambda typed: services.propose(center, by=request.user, **typed),
        template="projects/propose.html",
        then=then,
        said=lambda made: f"{made.reference} is begun. The owners of the data read it once you send it.",
        wanted=wanted,
    )


@require_safe
@login_required
def ask(request: MemberRequest, slug: str) -> HttpResponse:
    """Choose the proposal in which one asks for a dataset, or begin one."""
    dataset = get_object_or_404(visible_datasets(request.user), slug=slug)
    if newest_version(dataset) is None:
        raise NotFound("No version of this dataset is published, so nobody can ask for it now.")
    drafts = list(selectors.open_proposals(request.user)[: services.MOST_DRAFTS])
    return render(request, "projects/ask.html", {"dataset": dataset, "drafts": drafts})


# ── write ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def write(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Write a proposal section by section; what is there is kept, even when it is not complete."""
    project = _writable(request, pk, "projects.project.written")
    return section_page(
        request,
        project,
        lambda parts: services.write(project, by=request.user, **parts),
        address=reverse("projects:write", args=[pk]),
        template="projects/write.html",
        project=project,
        missing=missing_of(project),
    )


# ── data ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def datasets(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The data that a proposal asks for: search the catalog, add with a reason, drop."""
    project = _writable(request, pk, "projects.request.added")
    words = request.GET.get("q", "").replace("\x00", "")[:100]
    added = request.GET.get("add", "")
    found = selectors.datasets_to_ask_for(request.user, project, words)
    wanted = [one for one in found if one.slug == added]
    return form_page(
        request,
        AskForm(typed_in(request), member=request.user),
        lambda typed: _ask_for(project, typed["dataset"], typed["reason"], request),
        template="projects/datasets.html",
        then=reverse("projects:datasets", args=[pk]),
        said=lambda made: f"{made.version.dataset} is in the proposal.",
        project=project,
        requests=selectors.requests_of(project),
        found=wanted or found,
        is_wanted=bool(wanted),
        words=words,
    )


def _ask_for(project: Project, dataset: Dataset, reason: str, request: MemberRequest) -> AccessRequest:
    version = newest_version(dataset)
    if version is None:
        raise Invalid(fields={"dataset": "No version of it is published now. Choose other data."})
    made: AccessRequest = services.ask_for(project, by=request.user, version=version, reason=reason)
    return made


@require_POST
@login_required
def request_reason(request: MemberRequest, pk: UUID, asked: UUID) -> HttpResponse:
    """Change why the project needs a dataset."""
    found = get_object_or_404(project_or_404(request, pk).requests, pk=asked)
    form = WhyForm(request.POST)
    demand("projects.request.reasoned", by=request.user, target=found)
    if form.is_valid():
        services.give_reason(found, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"The reason for {found.version.dataset} is kept.")
    else:
        messages.error(request, "Nothing was kept: say why the project needs it, in at most 2,000 characters.")
    return redirect("projects:datasets", pk=pk)


@require_POST
@login_required
def request_drop(request: MemberRequest, pk: UUID, asked: UUID) -> HttpResponse:
    """Take a dataset out of the proposal."""
    found = get_object_or_404(project_or_404(request, pk).requests, pk=asked)
    services.drop(found, by=request.user)
    messages.success(request, f"{found.version.dataset} is out of the proposal.")
    return redirect("projects:datasets", pk=pk)


# ── team ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def team(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Who works on the project: search among the people of all centers, add, remove."""
    project = project_or_404(request, pk)
    demand("projects.team_member.removed", by=request.user, target=project)
    words = request.GET.get("q", "").replace("\x00", "")[:100]
    return form_page(
        request,
        TeamForm(typed_in(request), project=project),
        lambda typed: services.add_to_team(project, by=request.user, member=typed["member"]),
        template="projects/team.html",
        then=reverse("projects:team", args=[pk]),
        said=lambda made: f"{made.member} is on the team.",
        project=project,
        team=selectors.team_of(project),
        is_open=services.is_open(project),
        found=selectors.people_found(project, words),
        words=words,
    )


@require_POST
@login_required
def team_remove(request: MemberRequest, pk: UUID, person: UUID) -> HttpResponse:
    """Take somebody off the team."""
    project = project_or_404(request, pk)
    on_team = get_object_or_404(project.team.select_related("member"), member=person, until=None)
    return act(
        request,
        lambda: services.remove_from_team(project, by=request.user, member=on_team.member),
        then=reverse("projects:team", args=[pk]),
        said=f"{on_team.member} is no longer on the team.",
    )


# ── send, take back ─────────────────────────────────────────────────────────────────────────────────────────────────
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def submit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Read the proposal through and send it to the owners of the data."""
    project = project_or_404(request, pk)
    PROJECT.demand("submit", by=request.user, target=project)
    if request.method == "POST":
        return act(
            request,
            lambda: services.submit(project, by=request.user),
            then=reverse("projects:project", args=[pk]),
            said=f"{project.reference} is with the owners of the data. You hear what each decides.",
            otherwise=reverse("projects:submit", args=[pk]),
        )
    context: dict[str, Any] = {
        "project": project,
        "requests": selectors.requests_of(project),
        "team": selectors.team_of(project),
        "missing": missing_of(project),
        **told_of(project),
    }
    return render(request, "projects/submit.html", context)


@require_POST
@login_required
def withdraw(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take the whole proposal back."""
    project = project_or_404(request, pk)
    form = ReasonForm(request.POST)
    services.withdraw(project, by=request.user, reason=form.cleaned_data["reason"] if form.is_valid() else "")
    messages.success(request, f"{project.reference} is withdrawn. Nobody decides on it any more.")
    return redirect("projects:project", pk=pk)


def told_of(text: Written) -> dict[str, Any]:
    """A text with purpose and risks as questions and their answers, for a page that shows the whole proposal."""
    purpose = SECTIONS[1]
    words = dict(purpose.base_fields["kind"].choices)  # type: ignore[attr-defined]
    said = purpose.told_by(text)
    claims = [(question, text.purpose[name]) for name, question in CLAIMS.items() if name in text.purpose]
    risks = [(one.words, text.risks.get(one.key)) for one in QUESTIONS]
    kind = words.get(said["kind"], "")
    named = said["diseases"].splitlines()
    asked = {"kind": kind, "diseases": named, "countries": said["countries"], "claims": claims, "risks": risks}
    return {"text": text, **asked}


def _writable(request: MemberRequest, pk: UUID, event: str) -> Project:
    """The project, for its lead, while it can be written."""
    project = project_or_404(request, pk)
    demand(event, by=request.user, target=project)
    if event == "projects.project.written":
        services.demand_proposal_open(project)
    else:
        services.demand_open(project)
    return project
