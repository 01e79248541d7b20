"""Pages of projects: the list, one project, what is said on it, its life, and why one can't use its data yet."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.agreements.timelines import days_words
from apps.alliance.models import Member
from apps.alliance.requests import MemberRequest
from apps.alliance.roles import Role
from apps.alliance.selectors import audits_everything
from apps.core.commands import demand, may
from apps.core.errors import NotFound
from apps.core.listing import Column, Listing, listing
from apps.core.views import act_with_reason, form_page
from apps.projects import selectors
from apps.projects.audits import audited_projects
from apps.projects.differences import differences, people_since
from apps.projects.explained import answers_for
from apps.projects.forms import ProjectFilters, ReasonForm, RemarkForm
from apps.projects.models import AccessRequest, Amendment, CloseOut, Project, Remark
from apps.projects.services import decisions, proposals
from apps.projects.states import AMENDMENT, PROJECT
from apps.projects.timelines import ENDED, timeline_of
from apps.projects.turns import turns_of
from apps.projects.views.proposals import missing_of, project_or_404, told_of

R = AccessRequest.Status
WHOSE = {
    Project.Status.DRAFT: "its lead",
    Project.Status.RETURNED: "its lead",
    Project.Status.DECIDED: "its lead",
    Project.Status.SUBMITTED: "the owners of the data",
    Project.Status.SUSPENDED: "a manager of its center",
}
LEADS = {status for status, whose in WHOSE.items() if whose == "its lead"}


@require_safe
@login_required
def projects(request: MemberRequest) -> HttpResponse:
    """The projects that one may see."""
    filters = ProjectFilters(request.GET or None)
    asked = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    found = selectors.visible_to(request.user)
    if words := asked.get("words"):
        found = selectors.matching(found, words)
    if status := asked.get("status"):
        found = found.filter(status=status)
    if asked.get("whose"):
        found = selectors.mine(found, request.user)
    columns = [
        Column("Project", "number"),
        Column("Lead"),
        Column("State"),
        Column("Since", "status_at"),
        Column("Whose turn"),
    ]
    page = listing(found, request.GET, columns=columns, order="-number", filters=filters)
    for row in page.rows:
        is_own = row.lead_id == request.user.pk and row.status in LEADS
        row.whose = "you" if is_own else WHOSE.get(row.status, "")
    audits = request.user.holds_anywhere(Role.AUDITOR)
    return render(request, "projects/projects.html", {"listing": page, "audits": audits})


@require_safe
@login_required
def project(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One project: what it wants, with whom and what, where it stands, what is said on it."""
    return render(request, "projects/project.html", _told(request, project_or_404(request, pk)))


def _told(request: MemberRequest, found: Project) -> dict[str, Any]:
    """All that the project's page shows."""
    team, is_open = selectors.team_of(found), found.status in Project.WRITABLE
    is_on_team = any(one.member_id == request.user.pk for one in team)
    requests = selectors.requests_of(found, unsent=is_on_team or is_open)
    usual = selectors.usual_days({one.version.dataset.center_id for one in requests})
    for one in requests:
        one.usually = days_words(usual.get(one.version.dataset.center_id))  # type: ignore[attr-defined]
        one.tells_why = _reads_reasons(request.user, found, one, is_on_team=is_on_team)  # type: ignore[attr-defined]
    missing = missing_of(found) if is_open else []
    is_living = is_on_team and found.status not in ENDED
    answers = answers_for(request.user, found, requests) if is_living else []
    answered = _answered(found, request.GET.get("answer", ""))
    open_to = PROJECT.open_to(request.user, found)
    return {
        "project": found,
        "requests": requests,
        "team": team,
        "steps": timeline_of(found, requests),
        "turns": turns_of(found, requests, missing=missing, answers=answers, usual=usual, by=request.user),
        "answers": answers,
        "usable": sum(bool(one.decision) for one in answers),
        "open_to": open_to,
        "is_anything_open": any(open_to.values()),
        "is_lead": found.lead_id == request.user.pk,
        "is_on_team": is_on_team,
        "is_open": is_open,
        "missing": missing,
        "may_remark": may("projects.remark.said", request.user, found),
        "may_replay": _may_replay(request.user, found),
        "remarks": _threads(found, request),
        "form": RemarkForm(project=found, initial={"answers": answered.pk if answered else None}),
        "answered": answered,
        **_change(request.user, found, requests),
        **told_of(found),
    }


def _change(member: Member, found: Project, requests: list[AccessRequest]) -> dict[str, Any]:
    """The change that is open, with whose turn it is, for all who see the project; while it is written for its lead."""
    if found.status not in Project.RUNNING:
        return {"closeout": CloseOut.objects.filter(project=found).first()}
    is_lead = found.lead_id == member.pk
    asked_anew = {one.version_id for one in requests if one.status == R.WAITING}
    for one in requests:
        ends_earlier = bool(one.ends_on and found.ends_on and one.ends_on < found.ends_on)
        is_free = one.status == R.APPROVED and one.version_id not in asked_anew
        one.may_be_renewed = is_lead and is_free and ends_earlier  # type: ignore[attr-defined]
    change = selectors.open_amendments(found).first()
    if change is None or (change.status == Amendment.Status.DRAFT and not is_lead):
        return {"is_running": True}
    asked = [one for one in requests if one.status == R.WAITING and not one.is_renewal]
    told = {
        "is_running": True,
        "change": change,
        "change_open_to": AMENDMENT.open_to(member, change),
        "change_waits": asked,
    }
    if change.status == Amendment.Status.RETURNED and not is_lead:  # it is being written again
        return told
    return told | {"differences": differences(found, change), "people": people_since(found, change.created_at)}


def _threads(found: Project, request: MemberRequest) -> Listing:
    """The questions, the newest first, each with its answers."""
    page = listing(selectors.questions_of(found), request.GET, columns=[Column("Said", "said_at")], order="-said_at")
    page.rows = selectors.threaded(page.rows)
    return page


def _may_replay(member: Member, found: Project) -> bool:
    return member.holds_anywhere(Role.AUDITOR) and audited_projects(member).filter(pk=found.pk).exists()


def _reads_reasons(member: Member, found: Project, asked: AccessRequest, *, is_on_team: bool) -> bool:
    """Whether this person reads why an owner said no; the stewards of the other owners see the state alone."""
    is_near = member.center_id in (found.center_id, asked.version.dataset.center_id)
    return is_near or is_on_team or audits_everything(member)


def _answered(found: Project, typed: str) -> Remark | None:
    """The remark that is being answered, if it is one of this project's."""
    try:
        return selectors.remarks_of(found).filter(pk=UUID(typed)).first()
    except ValueError:
        return None


@require_POST
@login_required
def remark(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Ask or answer, in the open between the team and the stewards."""
    found = project_or_404(request, pk)
    demand("projects.remark.said", by=request.user, target=found)
    form = RemarkForm(request.POST, project=found)
    return form_page(
        request,
        form,
        lambda typed: proposals.remark(found, by=request.user, **typed),
        template="projects/project.html",
        then=f"{reverse('projects:project', args=[pk])}#remarks",
        said="It is said; those who are concerned are told.",
        **{name: value for name, value in _told(request, found).items() if name != "form"},
    )


@require_POST
@login_required
def start(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Begin the work with what was approved."""
    found = project_or_404(request, pk)
    decisions.start(found, by=request.user)
    messages.success(request, f"{found.reference} is active. Its team may use what was approved, on the terms of each.")
    return redirect("projects:project", pk=pk)


@require_POST
@login_required
def suspend(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Halt a project at once."""
    return _moved(request, pk, "suspend", decisions.suspend, "The project is suspended; its team is told why.")


@require_POST
@login_required
def reinstate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Let a suspended project go on."""
    return _moved(request, pk, "reinstate", decisions.reinstate, "The project goes on; its team is told why.")


def _moved(request: MemberRequest, pk: UUID, name: str, ask: Callable[..., Any], said: str) -> HttpResponse:
    found = project_or_404(request, pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: ask(found, by=request.user, reason=reason),
        event=PROJECT.moves[name].event,
        target=found,
        then=reverse("projects:project", args=[pk]),
        said=said,
    )


@require_safe
@login_required
def access(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Why somebody can or can't use each dataset of the project: oneself, and for the lead anybody of the team."""
    found = project_or_404(request, pk)
    is_lead = found.lead_id == request.user.pk
    person, team = request.user, []
    if is_lead:
        team = [one.member for one in selectors.team_of(found)]
        if chosen := request.GET.get("person", ""):
            by_id = {str(one.pk): one for one in team}
            if chosen not in by_id:
                raise NotFound("Nobody of this team has this address.")
            person = by_id[chosen]
    asked: list[AccessRequest] = selectors.requests_of(found)
    context = {
        "project": found,
        "answers": answers_for(person, found, asked, looks=request.user),
        "person": person,
        "is_own": person.pk == request.user.pk,
        "tabs": [
            {
                "label": str(one),
                "url": f"{reverse('projects:access', args=[pk])}?person={one.pk}",
                "current": one.pk == person.pk,
            }
            for one in team
        ],
    }
    return render(request, "projects/access.html", context)
