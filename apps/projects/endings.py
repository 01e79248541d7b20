"""Everything that ends and on which somebody's projects rest, or the data that they steward: one list by last day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.agreements.models import ScopeLine
from apps.agreements.selectors import binding, visible_to
from apps.alliance.models import Member, TrainingRecord
from apps.catalog.selectors import stewarded
from apps.projects.models import AccessRequest, Project

MOST = 250  # of each kind, the soonest
P, R = Project.Status, AccessRequest.Status
LIVING = [P.SUBMITTED, P.RETURNED, *Project.RUNNING]


@dataclass(frozen=True)
class Ending:
    """One last day. `of` is what it concerns, `mender` who can renew it, `key` never changes.

    Pages are named with their ids and become addresses when they are shown: of hundreds, one page of a list shows few.
    """

    on: date
    key: str
    what: str
    of: str = ""
    mender: str = ""
    page: tuple[Any, ...] = ()
    renewal: tuple[Any, ...] = ()  # where its lead asks for more time by one click

    @property
    def url(self) -> str:
        return _address(self.page)

    @property
    def renew(self) -> str:
        return _address(self.renewal)


def _address(page: tuple[Any, ...]) -> str:
    return reverse(page[0], args=page[1:]) if page else ""


def endings_for(member: Member) -> list[Ending]:
    """What ends from today on, soonest first, at most 250 of each kind."""
    today = timezone.now().date()
    projects = Project.objects.filter(team__member=member, team__until=None, status__in=LIVING)
    soonest = projects.order_by("ends_on", "pk")
    mine = list(soonest.values_list("pk", "title", "ends_on", "ethics_until", named=True)[:MOST])
    approvals = _approvals(member, [one.pk for one in mine])
    own = set(stewarded(member).values_list("pk", flat=True))
    found = [*_own(member), *_of_projects(mine), *(_approval(one, member, own) for one in approvals)]
    found += _agreements(member, approvals, mine)
    return sorted((one for one in found if one.on >= today), key=lambda one: (one.on, one.key))


def endings_of(project: Project, member: Member) -> list[Ending]:
    """What this project rests on and this member may see, and on its team their own standing too; soonest first."""
    today = timezone.now().date()
    found = [*_of_projects([project] if project.status in LIVING else [])]
    approvals = _in_force(Q(project=project))
    own = set(stewarded(member).values_list("pk", flat=True))
    found += [_approval(one, member, own) for one in approvals]
    team = project.team.filter(until=None)
    used = {one.version__dataset_id for one in approvals}
    scope = ScopeLine.objects.filter(
        version__agreement__in=visible_to(member),
        version__agreement__receiving__in=team.values("member__center"),
        dataset__in=used,
    )
    found += _binding(Q(pk__in=scope.values("version")), member)
    if team.filter(member=member).exists():
        found += [one for one in _own(member) if not one.key.startswith("role:")]
    return sorted((one for one in found if one.on >= today), key=lambda one: (one.on, one.key))


def _own(member: Member) -> Iterable[Ending]:
    accepted = TrainingRecord.objects.filter(member=member, status=TrainingRecord.Status.ACCEPTED)
    newest = accepted.order_by("type_id", "-valid_until").distinct("type_id").select_related("type")
    for record in newest:
        page = ("alliance:training_record", record.pk)
        yield Ending(record.valid_until, f"training:{record.pk}", f"Training: {record.type}", "You", "you", page)
    if member.vouched_until:
        words, mender = f"{member.center}'s word for you", f"a center manager of {member.center}"
        page = ("alliance:person", member.pk)
        yield Ending(member.vouched_until, f"vouch:{member.pk}", words, "You", mender, page)
    for grant in member.grants():
        if grant.ends_at:
            words = f"Your role as {grant.role_words.lower()}"
            yield Ending(grant.ends_at.date(), f"role:{grant.pk}", words, "You", "a center manager")


def _of_projects(projects: Iterable[Any]) -> Iterable[Ending]:
    for project in projects:
        page = ("projects:project", project.pk)
        if project.ends_on:
            words, mender = "Last day of the project", "the lead, by a change"
            yield Ending(project.ends_on, f"project:{project.pk}", words, project.title, mender, page)
        if project.ethics_until:
            key = f"ethics:{project.pk}"
            yield Ending(project.ethics_until, key, "Ethics approval", project.title, "the lead", page)


def _approvals(member: Member, projects: Sequence[UUID]) -> list[Any]:
    """In force, for my projects or on data that I steward."""
    return _in_force(Q(project__in=projects) | Q(version__dataset__in=stewarded(member)))


def _in_force(concerned: Q) -> list[Any]:
    approved = AccessRequest.objects.filter(concerned, status=R.APPROVED, ends_on__gte=timezone.now().date())
    of_project = ("project_id", "project__title", "project__ends_on", "project__lead_id", "project__status")
    of_data = ("version__dataset_id", "version__dataset__title", "version__dataset__center__short_name")
    shown = approved.order_by("ends_on", "pk").values_list("pk", "ends_on", *of_project, *of_data, named=True)
    return list(shown[:MOST])


def _approval(request: Any, member: Member, own: set[UUID]) -> Ending:
    """`own`: the datasets that the one who looks stewards."""
    is_own = request.version__dataset_id in own
    return Ending(
        request.ends_on,
        f"approval:{request.pk}",
        f"Approval of {request.version__dataset__title}",
        request.project__title,
        f"a data steward of {request.version__dataset__center__short_name}",
        ("access:request", request.pk) if is_own else ("projects:project", request.project_id),
        _renewal(request, member),
    )


def _renewal(request: Any, member: Member) -> tuple[Any, ...]:
    """The page on which this member asks for more time, where they lead and the project lasts longer."""
    goes_on = bool(request.project__ends_on and request.ends_on < request.project__ends_on)
    is_theirs = request.project__lead_id == member.pk and request.project__status in Project.RUNNING
    return ("projects:renew", request.project_id, request.pk) if goes_on and is_theirs else ()


def _agreements(member: Member, approvals: Iterable[Any], mine: Iterable[Any]) -> Iterable[Ending]:
    """What binds my center as the receiver of the data that my projects use, or as the owner whose data I steward."""
    my_projects = {one.pk for one in mine}
    used: set[UUID] = {one.version__dataset_id for one in approvals if one.project_id in my_projects}
    received = ScopeLine.objects.filter(version__agreement__receiving=member.center_id, dataset__in=used)
    given = ScopeLine.objects.filter(dataset__in=stewarded(member))
    return _binding(Q(pk__in=received.values("version")) | Q(pk__in=given.values("version")), member)


def _binding(concerned: Q, member: Member) -> Iterable[Ending]:
    versions = binding(timezone.now()).filter(concerned)
    parties = ("agreement__providing_id", "agreement__receiving_id")
    names = ("agreement__providing__short_name", "agreement__receiving__short_name")
    columns = ("pk", "number", "ends_on", "agreement_id", "agreement__number", *parties, *names)
    for one in versions.order_by("over_at").values_list(*columns, named=True)[:MOST]:
        yield _agreement(one, member)


def _agreement(version: Any, member: Member) -> Ending:
    is_mine = member.center_id in (version.agreement__providing_id, version.agreement__receiving_id)
    provider = version.agreement__providing__short_name
    return Ending(
        version.ends_on,
        f"agreement:{version.pk}",
        f"DUA-{version.agreement__number:04d} v{version.number}",
        f"{provider} and {version.agreement__receiving__short_name}",
        f"the managers of {provider}, by an amendment",
        ("agreements:agreement", version.agreement_id) if is_mine else (),
    )
