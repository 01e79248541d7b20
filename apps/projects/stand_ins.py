"""Reads of who stands in for whom: it says whose turn it is, and gives nobody a right that they lack."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.alliance.models import Grant, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import managed_centers
from apps.catalog.models import DatasetSteward
from apps.catalog.selectors import is_steward_of, stewarded, stewarded_centers, stewards_anything
from apps.projects.models import AccessRequest, StandIn, TeamMember


def in_force(on: date) -> QuerySet[StandIn]:
    """Those that count on this day."""
    return StandIn.objects.filter(ended_at=None, starts_on__lte=on, ends_on__gte=on)


def standing_in(requests: Collection[AccessRequest]) -> dict[UUID, StandIn]:
    """By request: who stands in today for the steward who took it, where they steward the data and never joined.

    One query, however many requests; none where nobody took any.
    """
    taken = [one.pk for one in requests if one.taken_by_id]
    if not taken:
        return {}
    today = in_force(timezone.now().date()).filter(away__requests_taken__in=taken)
    asked = today.annotate(
        request=F("away__requests_taken"),
        project=F("away__requests_taken__project"),
        dataset=F("away__requests_taken__version__dataset"),
        owner=F("away__requests_taken__version__dataset__center"),
    )
    joined = TeamMember.objects.filter(project=OuterRef("project"), member=OuterRef("stand_in"))
    may_decide = is_steward_of(OuterRef("stand_in"), OuterRef("dataset"), OuterRef("owner"))
    found = asked.filter(may_decide, ~Exists(joined)).select_related("away", "stand_in")
    return {one.request: one for one in found}


def visible_stand_ins(member: Member) -> QuerySet[StandIn]:
    """One's own, on both sides; those of a center whose stewards one manages, or is one of."""
    own = Q(away=member) | Q(stand_in=member)
    single = stewarded(member).values("center")
    of_center = Q(center__in={*managed_centers(member), *stewarded_centers(member)}) | Q(center__in=single)
    return StandIn.objects.filter(own | of_center).select_related("center", "away__center", "stand_in", "named_by")


def who_can_be_away(member: Member) -> QuerySet[Member]:
    """For whom this member can name a stand-in: themselves, and the stewards of a center that they manage."""
    people = stewards_at(managed_centers(member))
    return people | Member.objects.filter(pk=member.pk) if stewards_anything(member) else people


def who_can_stand_in(member: Member) -> QuerySet[Member]:
    """The stewards of one's own center and of those that one manages."""
    return stewards_at([*managed_centers(member), member.center_id])


def stewards_at(centers: Collection[UUID]) -> QuerySet[Member]:
    """The active stewards of these centers, for all data or for single datasets."""
    single = DatasetSteward.objects.filter(ended_at=None, dataset__center__in=centers).values("member")
    of_center = Grant.objects.filter(role=Role.DATA_STEWARD, center__in=centers).values("user")
    active = Member.objects.filter(status=Member.Status.ACTIVE, center__in=centers)
    return active.filter(Q(pk__in=single) | Q(pk__in=of_center))


def share_data(one: Member, other: Member) -> bool:
    """Whether both steward something of the same center: all of its data, or any one dataset."""
    if set(stewarded_centers(one)) & set(stewarded_centers(other)):
        return True
    return stewarded(one).filter(pk__in=stewarded(other).values("pk")).exists()


def state_of(stand_in: StandIn) -> str:
    """Where it is in its life: coming, in_force, over, or ended before its last day."""
    today = timezone.now().date()
    if stand_in.ended_at:
        return "ended"
    if stand_in.starts_on > today:
        return "coming"
    return "in_force" if stand_in.ends_on >= today else "over"
