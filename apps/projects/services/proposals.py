"""Commands on proposals: begin, write, ask for data, gather a team, submit, take back."""

from datetime import date
from typing import Any

from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.catalog.models import DatasetVersion
from apps.core.commands import command, note
from apps.core.errors import Invalid, NotFound, WrongState
from apps.projects import policies as may
from apps.projects.models import AccessRequest, Amendment, Edition, Project, Remark, TeamMember, Written
from apps.projects.purposes import missing_answers, read_purpose
from apps.projects.questions import QUESTIONS
from apps.projects.selectors import untold
from apps.projects.services.editions import (
    ask,
    ask_anew,
    end_open,
    freeze,
    held_approvals,
    take_up,
)
from apps.projects.services.judging import note_judge
from apps.projects.services.telling import tell_stewards, tell_team
from apps.projects.states import PROJECT, REQUEST, waits

P, R = Project.Status, AccessRequest.Status
MOST_DATASETS, MOST_PEOPLE, MOST_DRAFTS = 50, 100, 50
WRITTEN = {
    "title": "a title",
    "lay_summary": "a summary for the public",
    "public_benefit": "the benefit for the public",
    "methods": "the methods",
    "outputs": "the outputs that shall leave",
}
FIELDS = tuple(field.name for field in Written._meta.fields)


@command("projects.project.proposed", policy=may.may_propose, creates=Project)
def propose(center: Center, *, by: Member, title: str) -> Project:
    """Begin a proposal; its author leads it."""
    if Project.objects.filter(lead=by, status=P.DRAFT).count() >= MOST_DRAFTS:
        raise Invalid(f"You have {MOST_DRAFTS} drafts already. Submit or withdraw one of them first.")
    project = Project.objects.create(center=center, lead=by, title=title)
    project.refresh_from_db(fields=["number"])
    TeamMember.objects.create(project=project, member=by, added_by=by)
    return project


@command("projects.project.written", policy=may.may_lead)
def write(project: Project, *, by: Member, **parts: Any) -> None:
    """Keep what was written of the proposal; only what is given changes, and nothing must be complete yet."""
    demand_proposal_open(project)
    keep_parts(project, parts)


def keep_parts(written: Project | Amendment, parts: dict[str, Any]) -> None:
    """Keep these parts of a text, each in its shape; the event names them."""
    unknown = set(parts) - set(FIELDS)
    if unknown:
        raise Invalid(f"A proposal has no {', '.join(sorted(unknown))}.")
    if "purpose" in parts:
        parts["purpose"] = read_purpose(parts["purpose"])
    if "risks" in parts:
        parts["risks"] = _answers(parts["risks"])
    changed = [name for name, value in parts.items() if getattr(written, name) != value]
    for name in changed:
        setattr(written, name, parts[name])
    written.save(update_fields=changed)
    note(parts=sorted(changed))


@command("projects.request.added", policy=may.may_lead, creates=AccessRequest)
def ask_for(project: Project, *, by: Member, version: DatasetVersion, reason: str) -> AccessRequest:
    """Put a dataset into the proposal, with why the project needs it."""
    demand_open(project)
    version = DatasetVersion.objects.select_for_update(no_key=True).select_related("dataset").get(pk=version.pk)
    if version.status != DatasetVersion.Status.PUBLISHED:
        raise WrongState(f"{version} is {version.get_status_display().lower()}. Ask for a published version.")
    if project.requests.filter(version=version, status=R.APPROVED).exists():
        raise Invalid(f"{version} is approved already. Ask to renew it, or say in a change what you need.")
    if project.requests.exclude(status__in=[R.DROPPED, R.REPLACED]).count() >= MOST_DATASETS:
        raise Invalid(f"A proposal asks for at most {MOST_DATASETS} datasets.")
    note(version=str(version.pk))
    return AccessRequest.objects.create(project=project, version=version, reason=reason)


@command("projects.request.reasoned", policy=may.may_lead_for)
def give_reason(request: AccessRequest, *, by: Member, reason: str) -> None:
    """Say why the project needs this data."""
    demand_open(request.project)
    if request.status != R.DRAFT:
        raise WrongState(f"This request is {request.get_status_display().lower()}, so its reason stays.")
    request.reason = reason
    request.save(update_fields=["reason"])


@REQUEST.move("drop")
def drop(request: AccessRequest, *, by: Member) -> None:
    """Take a dataset out of the proposal."""
    demand_open(Project.objects.select_for_update().get(pk=request.project_id))


@command("projects.team_member.added", policy=may.may_lead, creates=TeamMember)
def add_to_team(project: Project, *, by: Member, member: Member) -> TeamMember:
    """Put somebody on the team, while the proposal or a change is being written."""
    demand_open(project)
    member = Member.objects.select_related("center").get(pk=member.pk)
    if not (standing := member.standing()):
        raise Invalid(fields={"member": standing.reason.replace("Your", "Their", 1)})
    if not (apart := may.may_join(member, project)):
        raise Invalid(fields={"member": apart.reason})
    if project.team.filter(until=None).count() >= MOST_PEOPLE:
        raise Invalid(f"A team has at most {MOST_PEOPLE} people.")
    note(member=str(member.pk))
    return TeamMember.objects.create(project=project, member=member, added_by=by)


@command("projects.team_member.removed", policy=may.may_lead)
def remove_from_team(project: Project, *, by: Member, member: Member) -> None:
    """Take somebody off the team, at any time: what they had open for the project ends."""
    if member.pk == project.lead_id:
        raise Invalid("The lead stays on the team. Close the project, or hand it over.")
    found = project.team.select_for_update(no_key=True).filter(member=member, until=None).first()
    if found is None:
        raise NotFound(f"{member} is not on this team.")
    found.until, found.removed_by = timezone.now(), by
    found.save(update_fields=["until", "removed_by"])
    note(member=str(member.pk))


@PROJECT.move("submit")
def submit(project: Project, *, by: Member) -> None:
    """Send the proposal to the owners of the data; each decides for its own, anew where it agreed to another text."""
    requests = list(project.requests.select_for_update(no_key=True).filter(status=R.DRAFT))
    approved = held_approvals(project)
    demand_complete(project, requests, needs_data=not approved)
    anew = untold(approved, project)
    moment = timezone.now()
    edition = freeze(project, project, by=by, moment=moment)
    project.reason = ""
    for request in requests:
        subject = f"{project} asks for {request.version.dataset}"
        ask(request, edition, moment=moment, subject=subject, text="Decide on it, or ask what is unclear.")
    asked_anew = [_ask_anew(one, edition) for one in anew]
    if not waits(project):
        take_up(project)
    note(round=project.round, requests=[str(request.pk) for request in (*requests, *asked_anew)])


def _ask_anew(approved: AccessRequest, edition: Edition) -> AccessRequest:
    subject = f"{edition.title} changed: {approved.version.dataset}"
    text = "You approved an earlier text, and that holds until you decide on this one. The page shows what differs."
    return ask_anew(approved, edition, moment=edition.submitted_at, subject=subject, text=text)


@PROJECT.move("withdraw")
def withdraw(project: Project, *, by: Member, reason: str = "") -> None:
    """Take the whole proposal back, if one likes with a reason."""
    project.reason = reason
    end_open(project)


@command("projects.remark.said", policy=may.may_remark, creates=Remark)
def remark(
    project: Project, *, by: Member, text: str, request: AccessRequest | None = None, answers: Remark | None = None
) -> Remark:
    """Ask or answer something, in the open between the team and the stewards who are asked."""
    if (request is not None and request.project_id != project.pk) or (answers and answers.project_id != project.pk):
        raise NotFound("That belongs to another project.")
    said = Remark.objects.create(project=project, request=request, answers=answers, by=by, text=text)
    if project.team.filter(member=by, until=None).exists():
        for asked in project.requests.filter(status=R.WAITING):
            tell_stewards(asked, f"{by} wrote on {project}", text, key=f"remark:{said.pk}")
    else:
        note_judge(project, by)
        tell_team(project, f"{by} asks about {project}", text, key=f"remark:{said.pk}")
    return said


def demand_open(project: Project) -> None:
    """Refuse to change team or data while others decide on them; a change that is being written opens them again."""
    if not is_open(project):
        demand_proposal_open(project)


def is_open(project: Project) -> bool:
    """Whether team and data can be changed now: while the proposal or a change of it is being written."""
    writing = project.amendments.filter(status__in=Amendment.WRITABLE)
    return project.status in Project.WRITABLE or writing.exists()


def demand_proposal_open(project: Project) -> None:
    """Refuse to change what others are deciding on, or decided."""
    if project.status not in Project.WRITABLE:
        raise WrongState(
            f"The proposal is {project.get_status_display().lower()}, so it can't be changed now. "
            "A data steward can give it back to you; once it is decided, you can change something."
        )


def _answers(given: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Each known question's yes or no, with words."""
    kept: dict[str, dict[str, str]] = {}
    for question in QUESTIONS:
        answer = given.get(question.key) or {}
        if answer.get("answer") in {"yes", "no"}:
            kept[question.key] = {"answer": answer["answer"], "words": str(answer.get("words", ""))[:2000]}
    return kept


def missing_parts(
    written: Written, requests: list[AccessRequest], today: date, *, needs_data: bool = True
) -> list[str]:
    """What a text still needs before the owners can decide, each in words."""
    missing = [words for name, words in WRITTEN.items() if not getattr(written, name).strip()]
    missing += missing_answers(written.purpose)
    if written.ends_on is None or written.ends_on <= today:
        missing.append("a last day that lies ahead")
    if not written.ethics_reference or written.ethics_until is None or written.ethics_until < today:
        missing.append("an ethics approval that is valid today")
    for question in QUESTIONS:
        answer = written.risks.get(question.key)
        if answer is None:
            missing.append(f"an answer to “{question.words}”")
        elif answer["answer"] == question.asks_more and not answer["words"].strip():
            missing.append(f"a few words on “{question.words}”")
    if needs_data and not requests:
        missing.append("at least one dataset")
    missing += [f"why it needs {request.version.dataset}" for request in requests if not request.reason.strip()]
    return missing


def demand_complete(written: Written, requests: list[AccessRequest], *, needs_data: bool) -> None:
    """Refuse to send what lacks something, saying all of it."""
    if missing := missing_parts(written, requests, timezone.now().date(), needs_data=needs_data):
        raise Invalid(f"The proposal is not complete. It lacks {'; '.join(missing)}.")
    for request in requests:
        if request.version.status != DatasetVersion.Status.PUBLISHED:
            raise Invalid(f"{request.version} was withdrawn. Ask for a newer version.")
