"""Who can use what now: all that one person can, and all that anybody can, set beside what the clock saw last."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.alliance.models import Member
from apps.projects.access import AccessDecision, decide
from apps.projects.facts import Asked
from apps.projects.models import AccessInterval, AccessRequest, Project, TeamMember

AT_ONCE = 10_000  # questions in one query
PROJECTS = 200  # in one page of the sweep
P, R = Project.Status, AccessRequest.Status


@dataclass(frozen=True)
class Usable:
    """Data that somebody can use now in one of their projects; `until`: the first moment at which it ends."""

    project: UUID
    project_title: str
    dataset_slug: str
    dataset_title: str
    version: UUID | None
    until: datetime | None


def approved_for(member: Member) -> QuerySet[AccessRequest]:
    """What owners approved for the running projects on whose team the member is; whether it may be used is asked."""
    teams = TeamMember.objects.filter(member=member, until=None).values("project")
    today = timezone.now().date()
    return AccessRequest.objects.filter(
        project__in=teams, project__status=P.ACTIVE, status=R.APPROVED, ends_on__gte=today
    )


def data_of(member: Member) -> list[Usable]:
    """All data that this member may use now, project by project: one query for what comes into question, one for it."""
    approved = approved_for(member).order_by("project__title", "project_id", "version__dataset__title", "version_id")
    data = ("version__dataset_id", "version__dataset__slug", "version__dataset__title")
    columns = ("project_id", "project__title", *data)
    rows = list(dict.fromkeys(approved.values_list(*columns)))
    asked = [Asked(member.pk, project, dataset) for project, _, dataset, _, _ in rows]
    return [
        Usable(project, title, slug, name, decision.version, decision.until)
        for (project, title, _, slug, name), decision in zip(rows, decide(asked) if asked else [], strict=True)
        if decision
    ]


def with_decisions(member: Member, rows: Iterable[AccessRequest]) -> None:
    """Each of these approvals gets `decision`, and `is_usable`: whether this member may use its version now."""
    found = list(rows)
    asked = [Asked(member.pk, row.project_id, row.version.dataset_id) for row in found]
    for row, decision in zip(found, decide(asked) if asked else [], strict=True):
        row.decision = decision  # type: ignore[attr-defined]
        row.is_usable = bool(decision) and decision.version == row.version_id  # type: ignore[attr-defined]


@dataclass
class Change:
    """In one project: who can use which version since now, and whose use is over, with the decision that says why."""

    began: list[tuple[UUID, UUID]] = field(default_factory=list)  # member, version
    ended: list[tuple[AccessInterval, AccessDecision]] = field(default_factory=list)


def sweep() -> Iterator[dict[UUID, Change]]:
    """All that differs from what the clock saw last, a page of projects at a time, so that little is held at once."""
    is_held = AccessInterval.objects.filter(project=OuterRef("pk"), until=None)
    concerned = Project.objects.filter(Q(status=P.ACTIVE) | Exists(is_held)).order_by("pk")
    last = None
    while page := list((concerned.filter(pk__gt=last) if last else concerned).values_list("pk", flat=True)[:PROJECTS]):
        yield changes(page)
        last = page[-1]


def changes(of: Collection[UUID]) -> dict[UUID, Change]:
    """By project, what differs in these projects from what the clock saw last."""
    seen: dict[Asked, list[AccessInterval]] = defaultdict(list)
    intervals = AccessInterval.objects.filter(until=None, project__in=of).select_related("version__dataset", "member")
    for one in intervals:
        seen[Asked(one.member_id, one.project_id, one.version.dataset_id)].append(one)
    asked = sorted({*seen, *_possible(of)})
    found: dict[UUID, Change] = defaultdict(Change)
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        for question, decision in zip(part, decide(part), strict=True):
            _compare(found, question, decision, seen.get(question, []))
    return dict(found)


def _possible(of: Collection[UUID]) -> set[Asked]:
    """Everybody on the team of an active project, with each dataset that was approved for it."""
    active = Project.objects.filter(status=P.ACTIVE, pk__in=of)
    people = defaultdict(list)
    team = TeamMember.objects.filter(project__in=active, until=None)
    for project, member in team.values_list("project_id", "member_id"):
        people[project].append(member)
    approved = AccessRequest.objects.filter(project__in=active, status=R.APPROVED)
    return {
        Asked(member, project, dataset)
        for project, dataset in approved.values_list("project_id", "version__dataset_id")
        for member in people[project]
    }


def _compare(found: dict[UUID, Change], question: Asked, decision: AccessDecision, seen: list[AccessInterval]) -> None:
    for one in seen:
        if not decision or decision.version != one.version_id:
            found[question.project].ended.append((one, decision))
    version = decision.version
    if decision and version and version not in {one.version_id for one in seen}:
        found[question.project].began.append((question.member, version))
