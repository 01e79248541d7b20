"""Commands on changes of a project that was decided, and on more time for one of its approvals."""

from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.projects import policies as may
from apps.projects.models import AccessRequest, Amendment, Project
from apps.projects.selectors import added_since, touched_by
from apps.projects.services.editions import (
    ask,
    ask_anew,
    end_waiting,
    freeze,
    held_approvals,
    take_up,
    waiting,
)
from apps.projects.services.proposals import demand_complete, keep_parts
from apps.projects.states import AMENDMENT, waits

R = AccessRequest.Status


@command("projects.amendment.begun", policy=may.may_lead, creates=Amendment)
def begin(project: Project, *, by: Member) -> Amendment:
    """Begin a change of a project that was decided; it starts as the project reads now."""
    _demand_running(project)
    number = project.amendments.count() + 1
    return Amendment.objects.create(project=project, number=number, **project.text())


@command("projects.amendment.written", policy=may.may_lead_for)
def write(amendment: Amendment, *, by: Member, **parts: Any) -> None:
    """Keep what was written of the change; the project stays as it is until an owner agrees."""
    if amendment.status not in Amendment.WRITABLE:
        raise WrongState(f"The change is {amendment.get_status_display().lower()}, so it can't be written now.")
    keep_parts(amendment, parts)


@AMENDMENT.move("submit")
def submit(amendment: Amendment, *, by: Member) -> None:
    """Send the change to the owners whom it touches, and to no other; all else stays in force."""
    project = amendment.project
    _demand_running(project)
    new_data = list(project.requests.select_for_update(no_key=True).filter(status=R.DRAFT))
    demand_complete(amendment, new_data, needs_data=False)
    anew = touched_by(amendment, held_approvals(project))
    parts, added = amendment.parts_unlike(project), added_since(project, amendment.created_at).count()
    is_second_time = amendment.submitted_at is not None
    if not anew and not new_data and not is_second_time:
        raise Invalid(
            "No approval is in force that this could change. Ask for data, or propose anew."
            if parts or added
            else "Nothing differs yet. Change the text, add somebody to the team, or ask for more data."
        )
    moment = timezone.now()
    edition = freeze(project, amendment, by=by, moment=moment)
    amendment.submitted_at, amendment.reason = moment, ""
    for request in new_data:
        subject = f"{project} asks for {request.version.dataset}"
        ask(request, edition, moment=moment, subject=subject, text="Decide on it, or ask what is unclear.")
    text = "What you approved holds until you decide. The page shows what differs."
    for one in anew:
        subject = f"{project} wants to change: {one.version.dataset}"
        ask_anew(one, edition, moment=moment, subject=subject, text=text)
    if not waits(project):
        take_up(project)
    project.save()
    note(edition=edition.number, parts=parts, people=added, asked=len(new_data) + len(anew))


@AMENDMENT.move("withdraw")
def withdraw(amendment: Amendment, *, by: Member, reason: str = "") -> None:
    """Take the change back: who joined by it leaves, data that it asked for is no longer asked for."""
    project, moment = amendment.project, timezone.now()
    amendment.reason = reason
    drafts = project.requests.select_for_update(no_key=True).filter(status=R.DRAFT)
    end_waiting([*drafts, *waiting(project)])
    joined = added_since(project, amendment.created_at).exclude(member=project.lead_id)
    joined.update(until=moment, removed_by=by)
    take_up(project)  # an owner may have agreed already, and that stays
    project.save()


@command("projects.renewal.asked", policy=may.may_lead_for, creates=AccessRequest)
def ask_to_renew(request: AccessRequest, *, by: Member) -> AccessRequest:
    """Ask the owner of one dataset for more time on what it approved; until it says yes, the old end counts."""
    _demand_running(request.project)
    if request.status != R.APPROVED:
        raise WrongState(f"This approval is {request.get_status_display().lower()}, so it can't be renewed.")
    edition = request.edition
    assert edition is not None  # a constraint holds it
    if edition.ends_on and request.ends_on and request.ends_on >= edition.ends_on:
        raise Invalid("It lasts as long as the project does. To go on longer, change the project's last day.")
    if request.amended_by.filter(status=R.WAITING).exists():
        raise Invalid("Its owner is asked already. Wait for its word.")
    subject = f"{request.project} asks for more time with {request.version.dataset}"
    text = f"You approved it until {request.ends_on:%-d %B %Y}. Nothing else changes."
    return ask_anew(request, edition, moment=timezone.now(), subject=subject, text=text)


def _demand_running(project: Project) -> None:
    if project.status not in Project.RUNNING:
        raise WrongState(
            f"The project is {project.get_status_display().lower()}. Changes and renewals are for one that was decided."
        )
