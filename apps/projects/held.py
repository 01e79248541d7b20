"""Who can use what now, set beside what the clock saw last."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from apps.projects.access import AccessDecision, decide
from apps.projects.facts import Asked
from apps.projects.models import AccessInterval, AccessRequest, Project, TeamMember

AT_ONCE = 2000  # questions in one query


@dataclass
class Change:
    """In one project: who can use which version since now, and whose use is over, with the decision that says why."""

    began: list[tuple[UUID, UUID]] = field(default_factory=list)  # member, version
    ended: list[tuple[AccessInterval, AccessDecision]] = field(default_factory=list)


def changes(of: Collection[UUID] | None = None) -> dict[UUID, Change]:
    """By project, what differs from what the clock saw last; of these projects, or of all."""
    seen: dict[Asked, list[AccessInterval]] = defaultdict(list)
    intervals = AccessInterval.objects.filter(until=None).select_related("version__dataset", "member")
    for one in intervals if of is None else intervals.filter(project__in=of):
        seen[Asked(one.member_id, one.project_id, one.version.dataset_id)].append(one)
    asked = sorted({*seen, *_possible(of)})
    found: dict[UUID, Change] = defaultdict(Change)
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        for question, decision in zip(part, decide(part), strict=True):
            _compare(found, question, decision, seen.get(question, []))
    return dict(found)


def _possible(of: Collection[UUID] | None) -> set[Asked]:
    """Everybody on the team of an active project, with each dataset that was approved for it."""
    active = Project.objects.filter(status=Project.Status.ACTIVE)
    if of is not None:
        active = active.filter(pk__in=of)
    people = defaultdict(list)
    team = TeamMember.objects.filter(project__in=active, until=None)
    for project, member in team.values_list("project_id", "member_id"):
        people[project].append(member)
    approved = AccessRequest.objects.filter(project__in=active, status=AccessRequest.Status.APPROVED)
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
