"""Reads of projects: every list starts from visible_to, so nobody sees what they may not."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.selectors import audits_everything, managed_centers
from apps.alliance.selectors import matching as matching_people
from apps.audit.models import Event, Outcome
from apps.audit.selectors import entries
from apps.catalog import selectors as catalog
from apps.catalog.models import Dataset, DatasetVersion
from apps.core.models import Standing
from apps.core.reminding import is_due, last_reminded
from apps.core.searching import titled
from apps.projects.models import AccessRequest, Amendment, Edition, Project, Remark, TeamMember, Written

P, R = Project.Status, AccessRequest.Status
DECISIONS = 500  # of the newest, from which it is told how long they usually take
ANSWERS = 500  # of one page of questions
FOUND = 10  # datasets or people that a search offers


# ── what a member may see ───────────────────────────────────────────────────────────────────────────────────────────
def visible_to(member: Member) -> QuerySet[Project]:
    """Of whose team one ever was, whose request for data one stewards, one's managed center's; auditors all.

    What was never sent is its team's alone.
    """
    projects = Project.objects.select_related("center", "lead")
    # Whole sets, made once a query, rather than a question for each project.
    was_on_team = Q(pk__in=TeamMember.objects.filter(member=member).values("project"))
    was_sent = Q(submitted_at__isnull=False)
    if audits_everything(member):
        return projects.filter(was_sent | was_on_team)
    asked = AccessRequest.objects.filter(
        version__dataset__in=catalog.stewarded(member), created_at__lte=F("project__submitted_at")
    ).exclude(status=R.DROPPED, waits_since=None)
    is_overseen = was_sent & Q(center__in=managed_centers(member))
    return projects.filter(was_on_team | Q(pk__in=asked.values("project")) | is_overseen)


def mine(projects: QuerySet[Project], member: Member) -> QuerySet[Project]:
    """Those on whose team the member is now."""
    return projects.filter(Exists(TeamMember.objects.filter(project=OuterRef("pk"), member=member, until=None)))


def matching(projects: QuerySet[Project], words: str) -> QuerySet[Project]:
    """Projects whose title has these words, or whose reference this is."""
    return titled(projects, words, mark="P")


# ── one project ─────────────────────────────────────────────────────────────────────────────────────────────────────
def requests_of(project: Project, *, unsent: bool = True) -> list[AccessRequest]:
    """What it asks for and was told of, with what is `unsent` or not; what was taken back or replaced is left out."""
    asked = project.requests.exclude(status__in=[R.DROPPED, R.REPLACED, *([] if unsent else [R.DRAFT])])
    return list(
        asked.select_related("version__dataset__center", "taken_by", "amends").order_by("version__dataset__title", "pk")
    )


def team_of(project: Project) -> list[TeamMember]:
    """Who is on its team now, those who came first at the top."""
    return list(project.team.filter(until=None).select_related("member__center").order_by("since", "pk"))


def remarks_of(project: Project) -> QuerySet[Remark]:
    return project.remarks.select_related("by__center", "request__version__dataset", "answers__by")


def questions_of(project: Project) -> QuerySet[Remark]:
    """What began a thread: every remark that answers no other."""
    return remarks_of(project).filter(answers=None)


def threaded(questions: Collection[Remark]) -> list[Remark]:
    """The questions, each with `thread`: the answers to it and to these, in the order in which they were said."""
    by_id = {one.pk: one for one in questions}
    for one in questions:
        one.thread = []  # type: ignore[attr-defined]
    answers = Remark.objects.filter(Q(answers__in=by_id) | Q(answers__answers__in=by_id))
    for one in answers.select_related("by__center", "answers__by").order_by("said_at")[:ANSWERS]:
        for root in (one.answers_id, one.answers and one.answers.answers_id):
            if root in by_id:
                by_id[root].thread.append(one)  # type: ignore[index, attr-defined]
                break
    return list(questions)


def unanswered(project: Project) -> list[Remark]:
    """What others than its team asked, and nobody answered yet; the oldest five."""
    team = TeamMember.objects.filter(project=project, until=None).values("member")
    asked = remarks_of(project).filter(answers=None, replies=None).exclude(by__in=team)
    return list(asked.order_by("said_at")[:5])


def story_of(project: Project) -> list[Event]:
    """The events of its own life, the oldest first."""
    told = entries().filter(
        target_type=Project._meta.label_lower,
        target_ref=str(project.pk),
        outcome=Outcome.SUCCESS,
        event__startswith="projects.project.",
    )
    life = told.exclude(event__in=["projects.project.written", "projects.project.reminded"])
    return list(life.order_by("-id")[:20])[::-1]


def standings_of(project: Project) -> list[Standing]:
    """How it stood from when on, the oldest first; the newest twenty."""
    stood = Standing.objects.filter(label=Project._meta.label_lower, row_id=project.pk)
    return list(stood.order_by("-since", "-id")[:20])[::-1]


def owners_waited_for(requests: Collection[AccessRequest]) -> list[Center]:
    """The centers whose word is missing, each once."""
    waiting = {one.version.dataset.center for one in requests if one.status == R.WAITING}
    return sorted(waiting, key=lambda center: center.short_name)


def usual_days(centers: Collection[Any]) -> dict[UUID, float]:
    """By center: the median of days from a request to its decision, where any was decided."""
    decided = AccessRequest.objects.filter(
        version__dataset__center__in=centers, decided_at__isnull=False, waits_since__isnull=False
    )
    took: dict[UUID, list[float]] = {}
    newest = decided.order_by("-decided_at").values_list("version__dataset__center", "waits_since", "decided_at")
    for center, since, at in newest[:DECISIONS]:
        if at and since:
            took.setdefault(center, []).append((at - since).total_seconds() / 86400)
    return {center: sorted(days)[len(days) // 2] for center, days in took.items()}


def open_amendments(project: Project) -> QuerySet[Amendment]:
    """The change that is being written or decided, at most one."""
    return project.amendments.filter(status__in=Amendment.OPEN).select_related("project__center", "project__lead")


def editions_of(project: Project) -> QuerySet[Edition]:
    """Every text of it that was sent."""
    return project.editions.select_related("submitted_by")


def answered(editions: Collection[Edition]) -> list[tuple[Edition, Edition | None, list[AccessRequest]]]:
    """Each of a project's editions, the one before it, and the requests that rest on it; only their states are told."""
    numbers = {one.number - 1 for one in editions}
    earlier = Edition.objects.filter(project__in={one.project_id for one in editions}, number__in=numbers)
    before = {one.number + 1: one for one in earlier}
    rest: dict[UUID | None, list[AccessRequest]] = {}
    asked = AccessRequest.objects.filter(edition__in=editions).exclude(status__in=[R.DRAFT, R.DROPPED])
    for request in asked.select_related("version__dataset__center").order_by("version__dataset__title", "pk")[:ANSWERS]:
        rest.setdefault(request.edition_id, []).append(request)
    return [(one, before.get(one.number), rest.get(one.pk, [])) for one in editions]


def approvals_in_force(project: Project) -> QuerySet[AccessRequest]:
    """What its owners approved and is not over today, the oldest first."""
    approved = project.requests.filter(status=R.APPROVED, ends_on__gte=timezone.now().date())
    return approved.select_related("edition", "project", "version__dataset__center").order_by("created_at", "pk")


def added_since(project: Project, moment: datetime) -> QuerySet[TeamMember]:
    """Who is on the team now and was not yet, or had left and came back."""
    return project.team.filter(until=None, since__gt=moment)


def untold(approved: Iterable[AccessRequest], written: Written) -> list[AccessRequest]:
    """Of one project's approvals those whose owner agreed to another text, or to a team without one of today."""
    held = list(approved)
    team = TeamMember.objects.filter(project__in={one.project_id for one in held}, until=None)
    joined = list(team.values_list("since", flat=True))
    editions = ((one, one.edition) for one in held if one.edition)
    return [
        one
        for one, agreed in editions
        if agreed.parts_unlike(written) or any(since > agreed.submitted_at for since in joined)
    ]


def touched_by(amendment: Amendment, approved: Iterable[AccessRequest]) -> list[AccessRequest]:
    """Of these approvals those whose owners are asked anew; a change in which nothing differs touches nobody."""
    project = amendment.project
    differs = amendment.parts_unlike(project) or added_since(project, amendment.created_at).exists()
    return untold(approved, amendment) if differs else []


# ── what can be put into a proposal ─────────────────────────────────────────────────────────────────────────────────
def datasets_to_ask_for(member: Member, project: Project, words: str) -> list[Dataset]:
    """Published datasets that the proposal does not ask for yet, at most ten; `newest` is the version asked for."""
    asked = project.requests.exclude(status__in=[R.DROPPED, R.REFUSED, R.REVOKED, R.REPLACED]).values(
        "version__dataset"
    )
    published = DatasetVersion.objects.filter(dataset=OuterRef("pk"), status=DatasetVersion.Status.PUBLISHED)
    found = catalog.catalog(member).filter(Exists(published)).exclude(pk__in=asked)
    if words.strip():
        found = catalog.matching(found, words)
    return list(found.order_by("title")[:FOUND])


def people_to_add(project: Project) -> QuerySet[Member]:
    """Active people of all active centers who are not on the team."""
    active = Member.objects.filter(status=Member.Status.ACTIVE, center__status=Center.Status.ACTIVE)
    on_team = project.team.filter(until=None).values("member")
    return active.exclude(pk__in=on_team).select_related("center")


def people_found(project: Project, words: str) -> list[Member]:
    """Of these the ones whose name or address begins so, at most ten."""
    return list(matching_people(people_to_add(project), words).order_by("name")[:FOUND])


# ── whose turn it is ────────────────────────────────────────────────────────────────────────────────────────────────
def waiting_for_lead(member: Member) -> QuerySet[Project]:
    """Drafts to finish, proposals that came back, decided ones to start: the lead's turn, oldest first."""
    return Project.objects.filter(lead=member, status__in=[*Project.WRITABLE, P.DECIDED]).order_by("status_at")


def waiting_for_owners(member: Member) -> QuerySet[AccessRequest]:
    """Requests of the member's projects that their owners have not decided yet, oldest first."""
    teams = TeamMember.objects.filter(project=OuterRef("project"), member=member, until=None)
    waiting = AccessRequest.objects.filter(Exists(teams), status=R.WAITING)
    return waiting.select_related("project", "version__dataset__center").order_by("waits_since")


def changes_of_lead(member: Member) -> QuerySet[Amendment]:
    """Changes to finish, and those that came back: the lead's turn, oldest first."""
    changes = Amendment.objects.filter(project__lead=member, status__in=Amendment.WRITABLE)
    return changes.select_related("project").order_by("status_at")


def open_proposals(member: Member) -> QuerySet[Project]:
    """Those that the member leads and can still write."""
    return Project.objects.filter(lead=member, status__in=Project.WRITABLE).order_by("-created_at")


# ── what ends soon ──────────────────────────────────────────────────────────────────────────────────────────────────
def to_remind_of() -> QuerySet[Project]:
    """Projects of which something ends soon that their lead was not told of since the latest day of reminding."""
    last = last_reminded(entries().filter(event="projects.project.reminded"), Project)
    of = AccessRequest.objects.filter(project=OuterRef("pk"), status=R.APPROVED)
    living = Project.objects.filter(status__in=Project.RUNNING).alias(reminded_on=last)
    ends = Exists(of.filter(is_due("ends_on", OuterRef("reminded_on"))))
    reminded = F("reminded_on")
    return living.filter(is_due("ends_on", reminded) | is_due("ethics_until", reminded) | Q(ends)).order_by("pk")
