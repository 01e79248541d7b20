"""The access decision as <c-decision> shows it: each line with who can mend it, and the page on which they do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from apps.alliance.models import Member
from apps.catalog.models import Dataset
from apps.projects.access import AccessDecision, Line, decide
from apps.projects.facts import Asked
from apps.projects.models import AccessRequest, Project


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
    url: str = ""


@dataclass(frozen=True)
class Answer:
    """The decision about one dataset, for one person."""

    dataset: Dataset
    number: int
    decision: AccessDecision
    verdict: str
    lines: list[Shown]


def answers_for(member: Member, project: Project, requests: list[AccessRequest], *, is_lead: bool) -> list[Answer]:
    """Whether this person may use each dataset of the project now, by one query; `is_lead`: of the one who looks."""
    newest = {one.version.dataset_id: one for one in sorted(requests, key=lambda one: one.created_at)}
    chosen = list(newest.values())
    decisions = decide([Asked(member.pk, project.pk, one.version.dataset_id) for one in chosen])
    return [
        Answer(
            one.version.dataset,
            one.version.number,
            decision,
            _verdict(decision),
            [_shown(line, project, decision, is_lead=is_lead) for line in decision.lines],
        )
        for one, decision in zip(chosen, decisions, strict=True)
    ]


def _verdict(decision: AccessDecision) -> str:
    if decision:
        return f"Yes, until {_last_day(decision.until)}" if decision.until else "Yes"
    return f"Not yet: {len(decision.missing)} of {len(decision.lines)} missing"


def _last_day(until: datetime) -> str:
    """The last day on which it holds; `until` is the first moment at which it does not."""
    return f"{until - timedelta(microseconds=1):%-d %b %Y}"


def _shown(line: Line, project: Project, decision: AccessDecision, *, is_lead: bool) -> Shown:
    mend, url = ("", "") if line.met else _mending(line, project, decision, is_lead=is_lead)
    until = _last_day(line.until) if line.until else ""
    return Shown(line.words, line.detail, line.met, line.waiting, until, mend, url, "" if line.met else line.mender)


def _mending(line: Line, project: Project, decision: AccessDecision, *, is_lead: bool) -> tuple[str, str]:
    """What to do about it, and where."""
    page = reverse("projects:project", args=[project.pk])
    by_lead = page if is_lead else f"{page}#remarks"
    ways = {
        "center": ("Wait for the alliance", ""),
        "membership": ("Ask to be vouched for", ""),
        "training": ("Send proof", reverse("alliance:training")),
        "factor": ("Set one up", reverse("mfa_index")),
        "project": ("See where it stands", page),
        "team": ("See the team", reverse("projects:team", args=[project.pk]) if is_lead else f"{page}#team"),
        "version": ("Look at the proposal", by_lead),
        "approval": ("Ask a question" if line.waiting else "See what was said", f"{page}#remarks"),
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
