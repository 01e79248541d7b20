"""Commands of those who decide: take, vote, return, revoke; and the life of a project that was decided."""

from datetime import date

from django.utils import timezone

from apps.alliance.models import Member
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import settle
from apps.projects import policies as may
from apps.projects.models import AccessRequest, Project, Vote
from apps.projects.services.telling import key_of, tell_team
from apps.projects.states import PROJECT, REQUEST

P, R = Project.Status, AccessRequest.Status


@command("projects.request.taken", policy=may.may_decide)
def take(request: AccessRequest, *, by: Member) -> None:
    """Say that one looks at this request, so that no other steward does the same work."""
    _demand_waiting(request)
    if request.taken_by_id == by.pk:
        raise WrongState("You have this request already.")
    request.taken_by, request.taken_at = by, timezone.now()
    request.save(update_fields=["taken_by", "taken_at"])


@command("projects.request.let_go", policy=may.may_decide)
def let_go(request: AccessRequest, *, by: Member) -> None:
    """Leave the request to the other stewards."""
    if request.taken_by_id != by.pk:
        raise WrongState("You have not taken this request.")
    request.taken_by = request.taken_at = None
    request.save(update_fields=["taken_by", "taken_at"])


@command("projects.request.approved", policy=may.may_decide, fresh=True)
def approve(request: AccessRequest, *, by: Member, ends_on: date, conditions: str = "") -> None:
    """Say yes for one's center; with the last yes that its quorum asks for, the data is approved.

    Of several yeses the earliest end counts, and every condition.
    """
    project = _locked_project(request)
    last = project.ends_on
    if not timezone.now().date() < ends_on or (last and ends_on > last):
        raise Invalid(fields={"ends_on": f"Choose a day from tomorrow to the project's last one, {last:%-d %B %Y}."})
    Vote.objects.create(
        request=request, round=project.round, steward=by, is_yes=True, conditions=conditions, ends_on=ends_on
    )
    yeses = list(request.votes.filter(round=project.round, is_yes=True).order_by("voted_at"))
    quorum = request.version.dataset.quorum
    note(yeses=len(yeses), quorum=quorum)
    if len(yeses) < quorum:
        return
    request.ends_on = min(vote.ends_on for vote in yeses if vote.ends_on)
    request.conditions = "\n\n".join(vote.conditions for vote in yeses if vote.conditions)
    _decide(request, "approve")
    _decide_project(project)


@command("projects.request.refused", policy=may.may_decide, fresh=True)
def refuse(request: AccessRequest, *, by: Member, reason: str) -> None:
    """Say no for one's center, and why; one no refuses."""
    project = _locked_project(request)
    Vote.objects.create(request=request, round=project.round, steward=by, is_yes=False, reason=reason)
    request.answer = reason
    _decide(request, "refuse")
    _decide_project(project)


@PROJECT.move("return")
def return_to_lead(project: Project, *, by: Member, reason: str) -> None:
    """Give the proposal back, saying what to change. Votes given so far count no more; what was decided stays."""
    project.reason = reason
    for request in project.requests.select_for_update(no_key=True).filter(status=R.WAITING):
        settle(Member.objects.filter(notices__key=key_of(request)), key=key_of(request))
        REQUEST.follow("come_back", request)
        request.waits_since = request.taken_by = request.taken_at = None
        request.save(update_fields=["status", "status_at", "waits_since", "taken_by", "taken_at"])
    tell_team(project, f"{project}: your proposal needs a change", f"{by} writes: {reason}")


@REQUEST.move("revoke")
def revoke(request: AccessRequest, *, by: Member, reason: str) -> None:
    """End the approval at once, saying why; what runs on this data stops."""
    request.revoked_at, request.revoked_by, request.answer = timezone.now(), by, reason
    project = request.project
    tell_team(project, f"{request.version.dataset} may no longer be used in {project}", f"{by} writes: {reason}")


@PROJECT.move("start")
def start(project: Project, *, by: Member) -> None:
    """Begin the work with what was approved."""
    if not project.requests.filter(status=R.APPROVED).exists():
        raise WrongState("No owner approved its data, so there is nothing to begin with. Propose anew.")
    if project.ends_on and project.ends_on < timezone.now().date():
        raise WrongState("The project's last day is over. Propose it anew.")


@PROJECT.move("suspend")
def suspend(project: Project, *, by: Member, reason: str) -> None:
    """Halt the project at once; what runs in it stops."""
    project.reason = reason
    tell_team(project, f"{project} is suspended", f"{by} writes: {reason}")


@PROJECT.move("reinstate")
def reinstate(project: Project, *, by: Member, reason: str) -> None:
    """Let the project go on."""
    project.reason = reason
    tell_team(project, f"{project} goes on", f"{by} writes: {reason}")


@PROJECT.move("close")
def close(project: Project, *, by: Member, reason: str) -> None:
    """End the project for good; its data can no longer be reached."""
    project.reason = reason
    tell_team(project, f"{project} is closed", f"{by} writes: {reason}")


def _locked_project(request: AccessRequest) -> Project:
    """The request's project, held, so that the last of its decisions sees all the others."""
    _demand_waiting(request)
    project = Project.objects.select_for_update().get(pk=request.project_id)
    if project.status != P.SUBMITTED:
        raise WrongState(f"The proposal is {project.get_status_display().lower()}, so nothing waits to be decided.")
    return project


def _demand_waiting(request: AccessRequest) -> None:
    if request.status != R.WAITING:
        raise WrongState(f"This request is {request.get_status_display().lower()}. Look at it again.")


def _decide(request: AccessRequest, step: str) -> None:
    before = request.status
    REQUEST.follow(step, request)
    note(**{"from": before, "to": request.status})
    settle(Member.objects.filter(notices__key=key_of(request)), key=key_of(request))
    request.decided_at = request.status_at
    request.taken_by = request.taken_at = None
    request.save()
    words = f"{request.version.dataset} is {request.get_status_display().lower()} for {request.project}"
    tell_team(request.project, words, request.answer or request.conditions)


def _decide_project(project: Project) -> None:
    """Once no owner's word is missing, it is the lead's turn again."""
    if project.requests.filter(status=R.WAITING).exists():
        return
    PROJECT.follow("decide", project)
    project.save(update_fields=["status", "status_at"])
    note(project=P.DECIDED)
