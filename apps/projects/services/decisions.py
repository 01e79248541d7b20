"""Commands of those who decide: take, vote, return, revoke; and the life of a project that was decided."""

from datetime import date, datetime
from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.selectors import stewards_of
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import settle
from apps.projects import policies as may
from apps.projects.models import AccessRequest, Amendment, Edition, Project, TeamMember, Vote
from apps.projects.services.editions import end_waiting, take_up, waiting
from apps.projects.services.judging import note_judge
from apps.projects.services.telling import key_of, tell_team
from apps.projects.states import AMENDMENT, PROJECT, REQUEST, waits

P, R = Project.Status, AccessRequest.Status


@command("projects.request.taken", policy=may.may_decide)
def take(request: AccessRequest, *, by: Member) -> None:
    """Say that one looks at this request, so that no other steward does the same work."""
    _demand_waiting(request)
    if request.taken_by_id == by.pk:
        raise WrongState("You have this request already.")
    request.taken_by, request.taken_at = by, timezone.now()
    note_judge(request.project, by)
    request.save(update_fields=["taken_by", "taken_at"])


@command("projects.request.let_go", policy=may.may_decide)
def let_go(request: AccessRequest, *, by: Member) -> None:
    """Leave the request to the other stewards."""
    if request.taken_by_id != by.pk:
        raise WrongState("You have not taken this request.")
    request.taken_by = request.taken_at = None
    request.save(update_fields=["taken_by", "taken_at"])


@command("projects.request.approved", policy=may.may_decide, fresh=True)
def approve(request: AccessRequest, *, by: Member, edition: int, ends_on: date, conditions: str = "") -> None:
    """Say yes for one's center to the edition that is asked for; with the last yes of its quorum the data is approved.

    `edition` is the number of the one that was read: a yes to it is none to a later one. Of several yeses the earliest
    end counts, and every condition. What it amends is replaced at that moment.
    """
    asked = _edition_asked(request)
    _demand_read(asked, edition)
    last = asked.ends_on
    if not timezone.now().date() < ends_on or (last and ends_on > last):
        until = f" to the project's last one, {last:%-d %B %Y}" if last else " on"
        raise Invalid(fields={"ends_on": f"Choose a day from tomorrow{until}."})
    _demand_something_to_amend(request)
    _vote(request, asked, by=by, is_yes=True, conditions=conditions, ends_on=ends_on)
    yeses = _yeses(request, asked)
    quorum = max(request.quorum, request.version.dataset.quorum)
    note(yeses=len(yeses), quorum=quorum, edition=asked.number)
    if len(yeses) < quorum:
        return
    request.ends_on = min(vote.ends_on for vote in yeses if vote.ends_on)
    request.conditions = "\n\n".join(dict.fromkeys(vote.conditions for vote in yeses if vote.conditions))
    if replaced := request.amends:
        REQUEST.follow("replace", replaced)
        replaced.replaced_at = replaced.status_at
        replaced.save()
    _decide(request, "approve", at=replaced.status_at if replaced else None)


@command("projects.request.refused", policy=may.may_decide, fresh=True)
def refuse(request: AccessRequest, *, by: Member, reason: str, edition: int | None = None) -> None:
    """Say no for one's center, and why; one no refuses. An approval that was given before stays as it is.

    Where `edition` tells which one was read, a later one is not refused unread.
    """
    asked = _edition_asked(request)
    if edition is not None:
        _demand_read(asked, edition)
    _vote(request, asked, by=by, is_yes=False, reason=reason)
    note(edition=asked.number)
    request.answer = reason
    _decide(request, "refuse")


@PROJECT.move("return")
def return_to_lead(project: Project, *, by: Member, reason: str) -> None:
    """Give the proposal back, saying what to change. Votes given so far count no more; what was decided stays."""
    project.reason = reason
    note_judge(project, by)
    end_waiting(waiting(project), keep_new=True)
    tell_team(project, f"{project}: your proposal needs a change", f"{by} writes: {reason}")


@AMENDMENT.move("return")
def return_amendment(amendment: Amendment, *, by: Member, reason: str) -> None:
    """Give the change back, saying what should be different; what holds goes on meanwhile."""
    project = amendment.project
    amendment.reason = reason
    note_judge(project, by)
    end_waiting(waiting(project), keep_new=True)
    tell_team(project, f"{amendment}: it needs to be different", f"{by} writes: {reason}")


@REQUEST.move("revoke")
def revoke(request: AccessRequest, *, by: Member, reason: str) -> None:
    """End the approval of this data, whichever version, at once, saying why; what runs stops, what waits is dropped."""
    request.revoked_at, request.revoked_by, request.answer = timezone.now(), by, reason
    project = request.project
    note_judge(project, by)
    of_this_data = project.requests.select_for_update(no_key=True, of=("self",)).filter(
        version__dataset=request.version.dataset_id
    )
    others = list(of_this_data.filter(status=R.APPROVED).exclude(pk=request.pk))
    for other in others:
        REQUEST.follow("revoke_too", other)
        other.revoked_at, other.revoked_by, other.answer = request.revoked_at, by, reason
        other.save()
    dropped = list(of_this_data.filter(status=R.WAITING))
    end_waiting(dropped)
    note(dropped=[str(one.pk) for one in dropped], revoked=[str(one.pk) for one in others])
    _follow_up(project)
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


def _edition_asked(request: AccessRequest) -> Edition:
    """What this request asks the owner to agree to; the project is held already, so nothing of it moves."""
    _demand_waiting(request)
    if request.project.status in (P.CLOSED, P.WITHDRAWN):
        raise WrongState(f"The project is {request.project.get_status_display().lower()}. Nothing waits to be decided.")
    assert request.edition is not None  # a constraint holds it
    return request.edition


def _demand_read(asked: Edition, edition: int) -> None:
    if edition != asked.number:
        raise WrongState("The text was sent anew since you opened it. Read it again, then decide.")


def _demand_waiting(request: AccessRequest) -> None:
    if request.status != R.WAITING:
        raise WrongState(f"This request is {request.get_status_display().lower()}. Look at it again.")


def _demand_something_to_amend(request: AccessRequest) -> None:
    if request.amends and request.amends.status != R.APPROVED:
        state = request.amends.get_status_display().lower()
        raise WrongState(f"The approval that this would take the place of is {state}, so a yes can't bring it back.")


def _vote(request: AccessRequest, edition: Edition, *, by: Member, **said: Any) -> None:
    note_judge(request.project, by)
    Vote.objects.create(request=request, round=edition.number, steward=by, **said)


def _yeses(request: AccessRequest, edition: Edition) -> list[Vote]:
    """Those of people who are the owner's stewards now, and never were on the team."""
    stewards = stewards_of(request.version.dataset)
    were_on_team = TeamMember.objects.filter(project=request.project_id).values("member")
    said = request.votes.filter(round=edition.number, is_yes=True, steward__in=stewards)
    return list(said.exclude(steward__in=were_on_team).order_by("voted_at"))


def _decide(request: AccessRequest, step: str, *, at: datetime | None = None) -> None:
    before = request.status
    REQUEST.follow(step, request)
    note(**{"from": before, "to": request.status})
    settle(Member.objects.filter(notices__key=key_of(request)), key=key_of(request))
    request.decided_at = request.status_at = at or request.status_at
    request.taken_by = request.taken_at = None
    request.save()
    words = f"{request.version.dataset} is {request.get_status_display().lower()} for {request.project}"
    tell_team(request.project, words, request.answer or request.conditions)
    _follow_up(request.project)


def _follow_up(project: Project) -> None:
    """Once no owner's word is missing, the proposal or the change is decided, and the project reads as agreed."""
    if waits(project):
        return
    change = project.amendments.select_for_update(no_key=True).filter(status=Amendment.Status.SUBMITTED).first()
    if change:
        AMENDMENT.follow("decide", change)
        change.save()
        note(amendment=change.status)
        tell_team(project, f"{change} is decided", "Its page shows what each owner said.")
    elif project.status == P.SUBMITTED:
        PROJECT.follow("decide", project)
        note(project=P.DECIDED)
    else:
        return
    take_up(project)
    project.save()
