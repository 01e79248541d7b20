"""The access decision as <c-decision> shows it: each line with who can mend it, and the page on which they do."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse

from apps.alliance.models import Member
from apps.alliance.selectors import standing_of_training
from apps.catalog.models import Dataset
from apps.projects.access import AccessDecision, Line, decide, spoken_of
from apps.projects.facts import Asked
from apps.projects.models import AccessRequest, Project
from apps.projects.records import Records, named, records_for

R = AccessRequest.Status
SAID_NO = {R.REFUSED: "refused it", R.REVOKED: "took its approval back"}
OWN_DUTIES = {"membership", "training", "factor", "terms"}  # on pages that only the person can use


@dataclass(frozen=True)
class Shown:
    """One line of the component."""

    words: str
    detail: str
    met: bool
    waiting: bool
    until: str
    mend: str
    mend_url: str
    mender: str
    url: str = ""  # of the record on which it rests
    record: str = ""  # its name, where the detail is no name for it


@dataclass(frozen=True)
class Answer:
    """The decision about one dataset, for one person; `request` and `number`, the version, are those it rests on."""

    request: AccessRequest
    dataset: Dataset
    number: int
    decision: AccessDecision
    verdict: str
    lines: list[Shown]
    newer: str = ""  # of a newer version that is asked for beside the one in force


def answers_for(
    member: Member, project: Project, requests: list[AccessRequest], *, looks: Member | None = None
) -> list[Answer]:
    """Whether this person may use each dataset of the project now; `looks` is who reads it, if not they themselves."""
    reader = looks or member
    newest = {one.version.dataset_id: one for one in sorted(requests, key=lambda one: one.created_at)}
    asked = list(newest.values())
    decisions = decide([Asked(member.pk, project.pk, one.version.dataset_id) for one in asked])
    by_id: dict[UUID | None, AccessRequest] = {one.pk: one for one in requests}
    chosen = [by_id.get(decision.request, one) for one, decision in zip(asked, decisions, strict=True)]
    spoken = [_with_who_said_no(one, decision) for one, decision in zip(chosen, decisions, strict=True)]
    told = _with_proof_that_was_sent(member, spoken)
    records = records_for(reader, project, [(member, one) for one in told], [one.version for one in requests])
    return [
        Answer(
            one,
            one.version.dataset,
            decision.number or one.version.number,
            decision,
            _verdict(decision),
            [_shown(line, project, decision, of=member, reader=reader, records=records) for line in decision.lines],
            _newer(last, decision),
        )
        for one, last, decision in zip(chosen, asked, told, strict=True)
    ]


def _newer(last: AccessRequest, decision: AccessDecision) -> str:
    """Where the decision rests on an older version: what became of the one that was asked for since."""
    if not is_approved(decision) or last.version_id == decision.version:
        return ""
    center, number = last.version.dataset.center, last.version.number
    goes_on = f"version {decision.number} counts"
    if last.status == R.WAITING:
        return f"Version {number} waits for the data stewards of {center}; until they approve it, {goes_on}."
    if last.status == R.DRAFT:
        return f"Version {number} is in a change that was not sent yet; until {center} approves it, {goes_on}."
    if last.status == R.REFUSED:
        return f"{center} refused version {number}; {goes_on} as before."
    return f"Version {number} is no longer approved; {goes_on}."


def is_approved(decision: AccessDecision) -> bool:
    """Whether the owner's approval is in force, whatever else is missing."""
    return any(line.met for line in decision.lines if line.key == "approval")


def _with_who_said_no(request: AccessRequest, decision: AccessDecision) -> AccessDecision:
    """The owner's no by its name; why, the project's page tells those who may read it."""
    if request.status not in SAID_NO or is_approved(decision):  # a no to a change leaves what was approved before
        return decision
    words = f"{request.version.dataset.center} {SAID_NO[R(request.status)]}"
    lines = (line._replace(detail=words) if line.key == "approval" else line for line in decision.lines)
    return replace(decision, lines=tuple(lines))


def _with_proof_that_was_sent(member: Member, decisions: list[AccessDecision]) -> list[AccessDecision]:
    """Where every training that is missing was sent already, it is a center manager's turn, and not the person's."""
    if all(line.met for decision in decisions for line in decision.lines if line.key == "training"):
        return decisions
    missing = {standing for _, _, standing in standing_of_training(member)} - {"valid"}
    if missing != {"waiting"}:
        return decisions
    return [replace(one, lines=tuple(_sent(line, member) for line in one.lines)) for one in decisions]


def _sent(line: Line, member: Member) -> Line:
    if line.key != "training" or line.met:
        return line
    return line._replace(detail=f"{line.detail}; the proof is sent", mender=_managers(member), waiting=True)


def _managers(member: Member) -> str:
    return f"a center manager of {member.center}"


def _verdict(decision: AccessDecision) -> str:
    if decision:
        return f"Yes, until {_last_day(decision.until)}" if decision.until else "Yes"
    return f"Not yet: {len(decision.missing)} of {len(decision.lines)} missing"


def _last_day(until: datetime) -> str:
    """The last day on which it holds; `until` is the first moment at which it does not."""
    return f"{until - timedelta(microseconds=1):%-d %b %Y}"


def _shown(
    line: Line, project: Project, decision: AccessDecision, *, of: Member, reader: Member, records: Records
) -> Shown:
    is_own = of.pk == reader.pk
    told = line if is_own else spoken_of(of.name, line)
    until = _last_day(line.until) if line.until else ""
    page, record = records.get(line.rests_on, ""), named(line)
    if line.met:
        return Shown(told.words, told.detail, True, False, until, "", "", "", page, record)
    who = told.mender.partition(", ")[0]
    if who == "the project's lead" and reader.pk == project.lead_id:
        who = "you"
    if not is_own and line.key in OWN_DUTIES:
        mend, url, who = f"{'With' if line.waiting else 'Up to'} {told.mender}", "", ""
    else:
        mend, url = _mending(line, project, decision, is_lead=reader.pk == project.lead_id)
    return Shown(told.words, told.detail, False, line.waiting, until, mend, url, who, page, record)


def _mending(line: Line, project: Project, decision: AccessDecision, *, is_lead: bool) -> tuple[str, str]:
    """What to do about it, and where."""
    page = reverse("projects:project", args=[project.pk])
    by_lead = page if is_lead else f"{page}#remarks"
    ways = {
        "center": ("Wait for the alliance", ""),
        "membership": ("Ask to be vouched for", ""),
        "training": ("See your proof" if line.waiting else "Send proof", reverse("alliance:training")),
        "factor": ("Set one up", reverse("mfa_index")),
        "project": ("See where it stands", page),
        "team": ("See the team", reverse("projects:team", args=[project.pk]) if is_lead else f"{page}#team"),
        "version": ("Look at the proposal", by_lead),
        "approval": ("Ask a question", f"{page}#remarks") if line.waiting else ("See what was said", f"{page}#data"),
        "agreement": ("See the agreements", reverse("agreements:agreements")),
        "purpose": ("Look at the purpose", by_lead),
        "ethics": ("Look at the proposal", by_lead),
        "budget": ("Look at the proposal", by_lead),
    }
    if line.key == "terms":
        version = decision.version
        can_be_read = version and any(one.key == "agreement" and one.met for one in decision.lines)
        if can_be_read:
            return "Read and accept", reverse("agreements:terms_accept", args=[version])
        return "Read them once an agreement is in force", ""
    return ways[line.key]
