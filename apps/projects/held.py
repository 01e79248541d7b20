"""Who can use what now: all that one person can, and all that anybody can, set beside what the clock saw last."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.agreements.models import TermsAcceptance
from apps.alliance.models import Member
from apps.core.planned import rows_of
from apps.projects.access import AccessDecision, decide, decided
from apps.projects.facts import Asked, facts_of
from apps.projects.models import AccessInterval, AccessRequest, Project, TeamMember

AT_ONCE = 2_000  # questions in one query
PROJECTS = 500  # in one page of the sweep
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
    known = TermsAcceptance.objects.filter(member=member, dataset_version=OuterRef("version"))
    approved = approved_for(member).filter(Exists(known))
    in_order = approved.order_by("project__title", "project_id", "version__dataset__title", "version_id")
    data = ("version__dataset_id", "version__dataset__slug", "version__dataset__title")
    wanted = in_order.values_list("project_id", "project__title", *data).query
    rows = list(dict.fromkeys(rows_of(*wanted.sql_with_params())))
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
    return map(changes, pages())


def pages(after: UUID | str | None = None) -> Iterator[list[UUID]]:
    """The projects in which something runs or may run, in order; from `after` on."""
    is_held = AccessInterval.objects.filter(project=OuterRef("pk"), until=None)
    concerned = Project.objects.filter(Q(status=P.ACTIVE) | Exists(is_held)).order_by("pk")
    last: UUID | str | None = after
    while page := list((concerned.filter(pk__gt=last) if last else concerned).values_list("pk", flat=True)[:PROJECTS]):
        yield page
        last = page[-1]


def changes(of: Collection[UUID]) -> dict[UUID, Change]:
    """By project, what differs in these projects from what the clock saw last."""
    seen: dict[Asked, dict[UUID, UUID]] = defaultdict(dict)  # version and interval
    intervals = AccessInterval.objects.filter(until=None, project__in=of)
    columns = ("member_id", "project_id", "version__dataset_id", "version_id", "pk")
    for *ids, version, interval in intervals.values_list(*columns):
        seen[Asked(*ids)][version] = interval
    found: dict[UUID, Change] = defaultdict(Change)
    over: dict[UUID, AccessDecision] = {}
    for question, decision in _decided(sorted({*seen, *_possible(of)}, key=_by_project)):
        held = seen.get(question, {})
        usable = decision.version if decision else None
        over |= {interval: decision for version, interval in held.items() if version != usable}
        if usable and usable not in held:
            found[question.project].began.append((question.member, usable))
    for one in (
        intervals.filter(pk__in=over).select_related("version__dataset", "member").order_by("pk") if over else ()
    ):
        found[one.project_id].ended.append((one, over[one.pk]))
    return dict(found)


def _by_project(one: Asked) -> tuple[UUID, UUID, UUID]:
    """What people of one project ask for is looked up once in a query; so they stand together."""
    return one.project, one.dataset, one.member


def _decided(asked: Sequence[Asked]) -> Iterator[tuple[Asked, AccessDecision]]:
    """Each with its decision, one after the other: to keep thousands would cost more than to make them."""
    for start in range(0, len(asked), AT_ONCE):
        part, now = asked[start : start + AT_ONCE], timezone.now()
        for question, facts in zip(part, facts_of(part, now), strict=True):
            yield question, decided(facts, now)


def _possible(of: Collection[UUID]) -> set[Asked]:
    """Everybody on the team of an active project, with each dataset approved for it whose terms they accepted.

    Nobody else is admitted whatever else holds, so nobody else is asked about: test_oracle.py holds the sweep to that.
    """
    approved = Q(project__requests__status=R.APPROVED, project__requests__ends_on__gte=timezone.now().date())
    team = TeamMember.objects.filter(project__in=of, project__status=P.ACTIVE, until=None)
    asking = team.annotate(approved=FilteredRelation("project__requests", condition=approved))
    known = TermsAcceptance.objects.filter(member=OuterRef("member"), dataset_version=OuterRef("approved__version"))
    rows = asking.filter(Exists(known)).values_list("member_id", "project_id", "approved__version__dataset_id")
    return {Asked(*row) for row in rows}
