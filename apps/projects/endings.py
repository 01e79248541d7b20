"""Everything that ends and on which somebody's projects rest, or the data that they steward: one list by last day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.agreements.models import AgreementVersion, ScopeLine
from apps.agreements.selectors import binding
from apps.alliance.models import Member, TrainingRecord
from apps.catalog.selectors import stewarded
from apps.projects.models import AccessRequest, Project

MOST = 250  # of each kind, the soonest
P, R = Project.Status, AccessRequest.Status
LIVING = [P.SUBMITTED, P.RETURNED, *Project.RUNNING]


@dataclass(frozen=True)
class Ending:
    """One last day. `of` is what it concerns, `mender` who can renew it, `key` never changes."""

    on: date
    key: str
    what: str
    of: str = ""
    mender: str = ""
    url: str = ""
    renew: str = ""  # where its lead asks for more time by one click


def endings_for(member: Member) -> list[Ending]:
    """What ends from today on, soonest first, at most 250 of each kind."""
    today = timezone.now().date()
    projects = Project.objects.filter(team__member=member, team__until=None, status__in=LIVING)
    mine = list(projects.only("title", "ends_on", "ethics_until").order_by("ends_on", "pk")[:MOST])
    approvals = _approvals(member, mine)
    own = set(stewarded(member).values_list("pk", flat=True))
    found = [*_own(member), *_of_projects(mine), *(_approval(one, member, own) for one in approvals)]
    found += _agreements(member, approvals, mine)
    return sorted((one for one in found if one.on >= today), key=lambda one: (one.on, one.key))


def _own(member: Member) -> Iterable[Ending]:
    accepted = TrainingRecord.objects.filter(member=member, status=TrainingRecord.Status.ACCEPTED)
    newest = accepted.order_by("type_id", "-valid_until").distinct("type_id").select_related("type")
    for record in newest:
        url = reverse("alliance:training_record", args=[record.pk])
        yield Ending(record.valid_until, f"training:{record.pk}", f"Training: {record.type}", "You", "you", url)
    if member.vouched_until:
        words, mender = f"{member.center}'s word for you", f"a center manager of {member.center}"
        url = reverse("alliance:person", args=[member.pk])
        yield Ending(member.vouched_until, f"vouch:{member.pk}", words, "You", mender, url)
    for grant in member.grants():
        if grant.ends_at:
            words = f"Your role as {grant.role_words.lower()}"
            yield Ending(grant.ends_at.date(), f"role:{grant.pk}", words, "You", "a center manager")


def _of_projects(projects: Iterable[Project]) -> Iterable[Ending]:
    for project in projects:
        url, name = reverse("projects:project", args=[project.pk]), str(project)
        if project.ends_on:
            words = "Last day of the project"
            yield Ending(project.ends_on, f"project:{project.pk}", words, name, "the lead, by a change", url)
        if project.ethics_until:
            yield Ending(project.ethics_until, f"ethics:{project.pk}", "Ethics approval", name, "the lead", url)


def _approvals(member: Member, mine: Iterable[Project]) -> list[AccessRequest]:
    """In force, for my projects or on data that I steward."""
    approved = AccessRequest.objects.filter(status=R.APPROVED, ends_on__gte=timezone.now().date()).filter(
        Q(project__in=[one.pk for one in mine]) | Q(version__dataset__in=stewarded(member))
    )
    needed = (
        *("ends_on", "project__title", "project__ends_on", "project__lead", "project__status"),
        *("version__dataset__title", "version__dataset__center__short_name"),
    )
    shown = approved.select_related("project", "version__dataset__center").only(*needed)
    return list(shown.order_by("ends_on", "pk")[:MOST])


def _approval(request: AccessRequest, member: Member, own: set[UUID]) -> Ending:
    """`own`: the datasets that the one who looks stewards."""
    owner = request.version.dataset.center
    page = "access:request" if request.version.dataset_id in own else "projects:project"
    assert request.ends_on is not None  # a constraint holds it
    return Ending(
        request.ends_on,
        f"approval:{request.pk}",
        f"Approval of {request.version.dataset}",
        str(request.project),
        f"a data steward of {owner}",
        reverse(page, args=[request.pk if page == "access:request" else request.project_id]),
        _renewal(request, member),
    )


def _renewal(request: AccessRequest, member: Member) -> str:
    """The address at which this member asks for more time, where they lead and the project lasts longer."""
    project = request.project
    goes_on = bool(project.ends_on and request.ends_on and request.ends_on < project.ends_on)
    is_theirs = project.lead_id == member.pk and project.status in Project.RUNNING
    return reverse("projects:renew", args=[project.pk, request.pk]) if goes_on and is_theirs else ""


def _agreements(member: Member, approvals: Iterable[AccessRequest], mine: Iterable[Project]) -> Iterable[Ending]:
    """What binds my center as the receiver of the data that my projects use, or as the owner whose data I steward."""
    my_projects = {one.pk for one in mine}
    used: set[UUID] = {one.version.dataset_id for one in approvals if one.project_id in my_projects}
    received = ScopeLine.objects.filter(version__agreement__receiving=member.center_id, dataset__in=used)
    given = ScopeLine.objects.filter(dataset__in=stewarded(member))
    versions = binding(timezone.now()).filter(Q(pk__in=received.values("version")) | Q(pk__in=given.values("version")))
    parties = ("agreement__providing__short_name", "agreement__receiving__short_name")
    shown = versions.select_related("agreement__providing", "agreement__receiving").order_by("over_at")
    for version in shown.only("number", "ends_on", "over_at", "agreement__number", *parties)[:MOST]:
        yield _agreement(version, member)


def _agreement(version: AgreementVersion, member: Member) -> Ending:
    agreed = version.agreement
    is_mine = member.center_id in (agreed.providing_id, agreed.receiving_id)
    return Ending(
        version.ends_on,
        f"agreement:{version.pk}",
        str(version),
        f"{agreed.providing} and {agreed.receiving}",
        f"the managers of {agreed.providing}, by an amendment",
        reverse("agreements:agreement", args=[agreed.pk]) if is_mine else "",
    )
