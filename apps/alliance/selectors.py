"""Reads of the alliance: every list starts from a visible_… function, so nobody sees what they may not."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, F, JSONField, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from apps.alliance.models import Alliance, Center, Grant, Invitation, Member, TrainingRecord, TrainingType, Vouch
from apps.alliance.roles import Role
from apps.audit.ids import first_at
from apps.audit.models import Event, Outcome
from apps.audit.selectors import entries
from apps.core.reminding import SOON, is_due, last_reminded
from apps.core.searching import with_words


def the_alliance() -> Alliance:
    """The one alliance; made by `manage.py found_alliance`."""
    return Alliance.objects.get(pk=1)


def sees_all(member: Member) -> bool:
    """Whether the member holds a role of the alliance itself and so sees every center's people."""
    return any(grant.center_id is None for grant in member.grants())


# ── what a member may see ───────────────────────────────────────────────────────────────────────────────────────────
def visible_centers(member: Member) -> QuerySet[Center]:
    """Every member sees which centers belong; applicants and those who left only the alliance's own roles."""
    centers = Center.objects.all()
    if sees_all(member):
        return centers
    return centers.filter(Q(status__in=[Center.Status.ACTIVE, Center.Status.SUSPENDED]) | Q(pk=member.center_id))


def visible_members(member: Member) -> QuerySet[Member]:
    """One's own center's people; those with a role in the alliance see everybody."""
    members = Member.objects.select_related("center")
    return members if sees_all(member) else members.filter(center_id=member.center_id)


def visible_grants(member: Member) -> QuerySet[Grant]:
    """The roles, past and present, of one's own center and one's own; the alliance's roles see all."""
    grants = Grant.history.select_related("user", "center", "granted_by", "ended_by")
    return grants if sees_all(member) else grants.filter(Q(center_id=member.center_id) | Q(user=member))


def visible_invitations(member: Member) -> QuerySet[Invitation]:
    """Invitations of the centers that one manages."""
    managed = managed_centers(member)
    return Invitation.objects.select_related("member__center", "invited_by").filter(member__center_id__in=managed)


def visible_training(member: Member) -> QuerySet[TrainingRecord]:
    """One's own, and those of the people of a center that one manages or audits."""
    looked_after = {
        grant.center_id
        for grant in member.grants()
        if grant.role in {Role.CENTER_MANAGER, Role.AUDITOR} and grant.center_id
    }
    records = TrainingRecord.objects.select_related("member__center", "type", "decided_by")
    return records.filter(Q(member=member) | Q(member__center_id__in=looked_after))


def visible_training_types(member: Member) -> QuerySet[TrainingType]:
    return TrainingType.objects.all()


def visible_events(member: Member) -> QuerySet[Event]:
    """The record: whole for the alliance's auditors, their center's affairs for a center's."""
    if audits_everything(member):
        return entries()
    audited = [grant for grant in member.grants() if grant.role == Role.AUDITOR]
    return entries().filter(center_ref__in=[str(grant.center_id) for grant in audited])


def audits_everything(member: Member) -> bool:
    """Whether the member is an auditor of the alliance, not only of a center."""
    return any(grant.role == Role.AUDITOR and grant.center_id is None for grant in member.grants())


# ── people and their roles ──────────────────────────────────────────────────────────────────────────────────────────
def last_word(target: Center | Member) -> Event | None:
    """What put the center or the member into the present state, with who and why."""
    moved = entries().filter(target_type=target._meta.label_lower, target_ref=str(target.pk), outcome=Outcome.SUCCESS)
    told = moved.alias(parsed=Cast("entry", JSONField()))
    return told.filter(parsed__details__to=target.status).order_by("-id").first()


def managed_centers(member: Member) -> list[UUID]:
    """Ids of the centers that this member manages now."""
    return [grant.center_id for grant in member.grants() if grant.role == Role.CENTER_MANAGER and grant.center_id]


def matching(members: QuerySet[Member], words: str) -> QuerySet[Member]:
    """Members whose name or address has words that begin like these."""
    return with_words(members, words, "name", "email", config="simple")


def role_holders(center: Center | Alliance) -> QuerySet[Grant]:
    """Grants in force on this object, with their people."""
    on = ContentType.objects.get_for_model(center)
    grants: QuerySet[Grant] = Grant.objects.filter(content_type=on, object_pk=str(center.pk)).select_related(
        "user__center", "granted_by"
    )
    return grants.order_by("role", "user__name")


def holders_of(role: str, target: Center | Alliance) -> QuerySet[Member]:
    """Active members who hold the role on this object."""
    return Member.objects.filter(
        status=Member.Status.ACTIVE, pk__in=role_holders(target).filter(role=role).values("user_id")
    )


def role_words(member: Member) -> str:
    """The member's roles in words, such as "Data steward, MSK"."""
    return "; ".join(grant.role_words + _where(grant) for grant in sorted(member.grants(), key=lambda g: g.role))


def _where(grant: Grant) -> str:
    if grant.role == Role.ALLIANCE_MANAGER:
        return ""  # the name says it
    return f", {grant.center}" if grant.center_id else ", the alliance"


def open_invitation(member: Member) -> Invitation | None:
    return member.invitations.filter(accepted_at=None, withdrawn_at=None).order_by("-invited_at").first()


def latest_invitation(member: Member) -> Invitation | None:
    return member.invitations.order_by("-invited_at").first()


def vouches_of(member: Member) -> QuerySet[Vouch]:
    return member.vouches.select_related("vouched_by", "center").order_by("-vouched_at")


def vouch_in_force(member: Member) -> Vouch | None:
    """The word of the member's own center that holds now, the one that holds longest."""
    today = timezone.now().date()
    standing = member.vouches.filter(center=member.center_id, ended_at=None, ends_on__gte=today)
    return standing.order_by("-ends_on").first()


# ── training ────────────────────────────────────────────────────────────────────────────────────────────────────────
def required_types(roles: Iterable[str]) -> QuerySet[TrainingType]:
    """Published trainings that everybody needs, or that one of these roles needs."""
    published = TrainingType.objects.filter(status=TrainingType.Status.PUBLISHED)
    return published.filter(Q(required_of_all=True) | Q(required_for__overlap=[str(role) for role in roles])).order_by(
        "name"
    )


def latest_records(member: Member) -> dict[object, TrainingRecord]:
    """Per training type the member's newest record."""
    records = TrainingRecord.objects.filter(member=member).select_related("type").order_by("type_id", "-submitted_at")
    return {record.type_id: record for record in records.distinct("type_id")}


def valid_types(member: Member) -> set[object]:
    """Ids of the trainings of which the member has valid proof now, also while newer proof waits for its decision."""
    proofs = TrainingRecord.objects.filter(member=member.pk, status=TrainingRecord.Status.ACCEPTED)
    return set(proofs.filter(valid_until__gte=timezone.now().date()).values_list("type_id", flat=True))


def standing_of_training(
    member: Member, today: date | None = None
) -> list[tuple[TrainingType, TrainingRecord | None, str]]:
    """For each training that the member needs: the type, their newest record, and its standing.

    The standing is one of valid, waiting, returned, lapsed, missing.
    """
    today = today or timezone.now().date()
    newest = latest_records(member)
    types = required_types(grant.role for grant in member.grants())
    return [(type_, newest.get(type_.pk), _standing(newest.get(type_.pk), today)) for type_ in types]


def _standing(record: TrainingRecord | None, today: date) -> str:
    if record is None:
        return "missing"
    if record.status == TrainingRecord.Status.ACCEPTED:
        return "valid" if record.valid_until >= today else "lapsed"
    return "waiting" if record.status == TrainingRecord.Status.SUBMITTED else str(record.status)


def training_to_decide(member: Member) -> QuerySet[TrainingRecord]:
    """Submitted proofs that this manager may decide on, oldest first."""
    records = TrainingRecord.objects.filter(
        status=TrainingRecord.Status.SUBMITTED, member__center_id__in=managed_centers(member)
    ).exclude(member=member)
    return records.select_related("member", "type").order_by("submitted_at")


def to_vouch_for(member: Member) -> QuerySet[Member]:
    """Active people of the managed centers whose vouching ends within 60 days or is missing."""
    ending = timezone.now().date() + SOON
    people = Member.objects.filter(status=Member.Status.ACTIVE, center_id__in=managed_centers(member)).exclude(
        pk=member.pk
    )
    return people.filter(Q(vouched_until=None) | Q(vouched_until__lte=ending)).order_by("vouched_until", "name")


def stale_invitations(member: Member) -> QuerySet[Invitation]:
    """Invitations of the managed centers whose time ran out unanswered."""
    return visible_invitations(member).filter(
        accepted_at=None, withdrawn_at=None, ends_at__lt=timezone.now(), member__status=Member.Status.INVITED
    )


def open_invitations(member: Member) -> QuerySet[Invitation]:
    """Invitations of the managed centers that still wait for an answer, oldest first."""
    waiting = visible_invitations(member).filter(accepted_at=None, withdrawn_at=None, ends_at__gt=timezone.now())
    return waiting.order_by("invited_at")


def undecided_centers(member: Member) -> QuerySet[Center]:
    """Other centers that applied or are suspended: the alliance's managers' turn, oldest first."""
    waiting = Center.objects.filter(status__in=[Center.Status.APPLICANT, Center.Status.SUSPENDED])
    return waiting.exclude(pk=member.center_id).order_by("status_at")


def centers_without_manager() -> QuerySet[Center]:
    """Active centers in which nobody can invite anybody."""
    managed = Grant.objects.filter(role=Role.CENTER_MANAGER, center=OuterRef("pk"))
    return Center.objects.filter(~Exists(managed), status=Center.Status.ACTIVE).order_by("short_name")


def recent_refusals(member: Member) -> QuerySet[Event]:
    """What the portal refused in the last seven days, as far as this auditor sees."""
    return visible_events(member).filter(outcome=Outcome.REFUSED, id__gte=first_at(timezone.now() - timedelta(days=7)))


def lapsed_grants() -> QuerySet[Grant]:
    return Grant.history.filter(ended_at=None, ends_at__lte=timezone.now())


def lapsed_training() -> QuerySet[TrainingRecord]:
    return TrainingRecord.objects.filter(status=TrainingRecord.Status.ACCEPTED, valid_until__lt=timezone.now().date())


def median_training_days(center: Center) -> float | None:
    """How long the center's managers took for the last fifty proofs, in days."""
    decided = TrainingRecord.objects.filter(member__center=center, decided_at__isnull=False).order_by("-decided_at")[
        :50
    ]
    days = sorted(
        (record.decided_at - record.submitted_at).total_seconds() / 86400 for record in decided if record.decided_at
    )
    return days[len(days) // 2] if days else None


def with_something_ending() -> QuerySet[Member]:
    """Active members who were not reminded since the latest day of reminding of something that ends soon."""
    last = last_reminded(entries().filter(event="alliance.member.reminded"), Member)
    accepted = TrainingRecord.objects.filter(member=OuterRef("pk"), status=TrainingRecord.Status.ACCEPTED)
    roles = Grant.objects.filter(user=OuterRef("pk"))
    due = is_due("vouched_until", F("reminded_on"))
    due |= Q(Exists(accepted.filter(is_due("valid_until", OuterRef("reminded_on")))))
    due |= Q(Exists(roles.filter(is_due("ends_at__date", OuterRef("reminded_on")))))
    return Member.objects.filter(status=Member.Status.ACTIVE).alias(reminded_on=last).filter(due).order_by("pk")
