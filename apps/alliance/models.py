"""Centers, their people, what these may do, and what they have learned. Nothing here is ever erased.

Over the budget of 400 lines because a table's constraints and indexes are one list with it and read badly apart.
"""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from guardian.managers import UserObjectPermissionManager
from guardian.models import UserObjectPermissionAbstract

from apps.alliance.roles import Role
from apps.audit.clock import now
from apps.audit.ids import uuid7
from apps.core.decisions import YES, Decision, allow_if, no
from apps.core.models import Identified

ERASED = "@erased.invalid"  # no mail ever goes there (RFC 2606)


class Alliance(models.Model):
    """The alliance itself: one row, the object of the alliance's own roles."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    name = models.CharField(max_length=120)
    founded_at = models.DateTimeField(default=now)

    class Meta:
        permissions = [("alliance_manager", "Alliance manager"), ("auditor", "Auditor")]
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="alliance_is_one")]

    def __str__(self) -> str:
        return self.name


class Center(Identified):
    """A cancer center of the alliance."""

    class Status(models.TextChoices):
        APPLICANT = "applicant", "Applicant"
        REJECTED = "rejected", "Rejected"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        LEFT = "left", "Left"

    alliance = models.ForeignKey(Alliance, on_delete=models.PROTECT, default=1, related_name="centers")
    slug = models.SlugField(max_length=40, unique=True)
    short_name = models.CharField(max_length=40, unique=True)
    legal_name = models.CharField(max_length=200)
    ror_id = models.CharField("ROR id", max_length=9, blank=True)
    email_domains = ArrayField(models.CharField(max_length=120), default=list)
    contact_name = models.CharField(max_length=120)
    contact_email = models.EmailField()
    smallest_count = models.PositiveSmallIntegerField(default=10)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.APPLICANT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)

    class Meta:
        permissions = [
            ("center_manager", "Center manager"),
            ("data_steward", "Data steward"),
            ("signing_official", "Signing official"),
            ("output_checker", "Output checker"),
            ("auditor", "Auditor"),
        ]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["applicant", "rejected", "active", "suspended", "left"]), name="center_status"
            ),
            models.CheckConstraint(
                condition=Q(smallest_count__gte=1, smallest_count__lte=1000), name="center_smallest_count"
            ),
        ]

    def __str__(self) -> str:
        return self.short_name

    def concerns_center(self) -> Any:
        return self.pk

    def is_home_of(self, email: str) -> bool:
        """Whether this address lies in one of the center's own domains, or below one."""
        domain = f".{email.strip().lower().rpartition('@')[2]}"
        return any(domain.endswith(f".{own}") for own in self.email_domains)

    def standing(self) -> Decision:
        """Whether the center's people may act; an applicant's prepare its admission."""
        if self.status == self.Status.LEFT:
            return no(f"{self} has left the alliance, so its people can't act any more.")
        if self.status == self.Status.REJECTED:
            return no(f"{self}'s application was rejected, so its people can't act.")
        return allow_if(
            self.status != self.Status.SUSPENDED,
            otherwise=f"{self} is suspended in the alliance, so its people can't act now.",
        )


class MemberManager(BaseUserManager["Member"]):
    """Finds members by e-mail whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "Member":
        return self.get(email__iexact=username)


class Member(AbstractBaseUser, Identified):
    """A person of one center. Signs in by e-mail; acts only while active in an active center."""

    class Status(models.TextChoices):
        INVITED = "invited", "Invited"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        LEFT = "left", "Left"

    email = models.EmailField("e-mail")
    name = models.CharField(max_length=120)
    position = models.CharField(max_length=120, blank=True)
    orcid = models.CharField("ORCID iD", max_length=19, blank=True)
    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="members")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.INVITED)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    joined_at = models.DateTimeField(null=True, blank=True)
    vouched_until = models.DateField(null=True, blank=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    actor_type = "person"
    last_login = None  # the record says when somebody signed in; a column that changes unrecorded can't be
    is_superuser = is_staff = False  # nobody stands above the rules

    objects = MemberManager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="member_email_once",
                violation_error_message="Somebody with this e-mail address is a member already.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["invited", "active", "suspended", "left"]), name="member_status"
            ),
            models.CheckConstraint(
                condition=~Q(status="active") | Q(joined_at__isnull=False), name="member_active_joined"
            ),
        ]
        indexes = [
            models.Index(fields=["center", "name", "id"], name="member_by_center"),
            models.Index(fields=["name", "id"], name="member_by_name"),
            models.Index(fields=["created_at", "id"], name="member_by_since"),
            models.Index(fields=["center", "vouched_until"], name="member_vouched"),
            GinIndex(SearchVector("name", "email", config="simple"), name="member_words"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.status == self.Status.ACTIVE

    @property
    def is_erased(self) -> bool:
        """Whether nobody knows any more who this was."""
        return self.email.endswith(ERASED)

    def erase(self) -> None:
        """Put what names nobody in the place of what names somebody; not saved."""
        self.email, self.name, self.position, self.orcid = f"{self.pk}{ERASED}", "A former member", "", ""

    @property
    def actor_ref(self) -> str:
        return str(self.pk)

    def concerns_center(self) -> Any:
        return self.center_id

    def check_password(self, raw_password: str | None) -> bool:
        """Compares and changes nothing; Django would store a new hash here, which the sign-in does under an event."""
        return check_password(raw_password, self.password)

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Django's question; `perm` is "app.role", and without an object the answer is no."""
        return obj is not None and self.holds(perm.rpartition(".")[2], on=obj)

    def has_perms(self, perms: list[str], obj: models.Model | None = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        return False

    # ── as an actor ──────────────────────────────────────────────────────────────────────────────────────────────────
    def at_the_gate(self) -> "Member":
        """This member, their center and grants as they are now, held until the command ends."""
        held = Member.objects.raw(
            "select m.* from alliance_member m join alliance_center c on c.id = m.center_id where m.id = %s for share",
            [self.pk],
        )
        present = next(iter(held), None)
        if present is None:
            return self
        ids = Grant.objects.filter(user=present).values_list("pk", flat=True)
        rows = Grant.history.raw("select * from alliance_grant where id = any(%s) for share", [list(ids)])
        present._held_grants = [grant for grant in rows if grant.is_in_force(now())]
        return present

    def standing(self) -> Decision:
        if self.status != self.Status.ACTIVE:
            return no(f"Your membership is {self.get_status_display().lower()}. Your center's managers can help.")
        return self.center.standing()

    def may_enter(self) -> Decision:
        """Who may act, and a suspended center's signing officials: they can take it out of the alliance."""
        is_shut_out = self.is_active and self.center.status == Center.Status.SUSPENDED
        return YES if is_shut_out and self.holds(Role.SIGNING_OFFICIAL, on=self.center) else self.standing()

    def grants(self) -> "list[Grant]":
        """The grants in force, read once for this request or command."""
        if not hasattr(self, "_held_grants"):
            self._held_grants = list(Grant.objects.filter(user=self).select_related("content_type", "center"))
        return self._held_grants

    def holds(self, role: str, *, on: models.Model) -> bool:
        """Whether this member holds the role on just this object now."""
        return any(grant.role == role and grant.is_on(on) for grant in self.grants())

    def role_names(self) -> list[str]:
        """The roles under which this member acts, for the record."""
        return [grant.role for grant in self.grants()]

    def holds_anywhere(self, role: str) -> bool:
        return any(grant.role == role for grant in self.grants())


class GrantQuerySet(models.QuerySet["Grant"]):
    """Grants as of a moment; nothing is erased, so any past moment can be asked."""

    def in_force(self, at: datetime | None = None) -> Self:
        at = at or now()
        return self.filter(
            Q(ends_at=None) | Q(ends_at__gt=at), Q(ended_at=None) | Q(ended_at__gt=at), granted_at__lte=at
        )


class GrantsInForce(UserObjectPermissionManager.from_queryset(GrantQuerySet)):  # type: ignore[misc]
    """What guardian's look-ups see: only grants in force now."""

    def get_queryset(self) -> GrantQuerySet:
        return super().get_queryset().in_force()  # type: ignore[no-any-return]


class Grant(UserObjectPermissionAbstract):
    """A role of one member on one object: guardian's object permission with reason, interval and history."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="all_grants", verbose_name="member")
    role = models.CharField(max_length=40)
    center = models.ForeignKey(Center, on_delete=models.PROTECT, null=True, blank=True, related_name="all_grants")
    reason = models.CharField(max_length=500)
    granted_at = models.DateTimeField(default=now)
    granted_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, related_name="grants_given")
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, related_name="grants_ended")
    end_reason = models.CharField(max_length=500, blank=True)

    history = GrantQuerySet.as_manager()
    objects: ClassVar[GrantsInForce] = GrantsInForce()

    class Meta:
        abstract = False
        default_permissions = ()
        default_manager_name = "history"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "permission", "object_pk"],
                condition=Q(ended_at=None),
                name="grant_once_in_force",
                violation_error_message="This person holds that role already.",
            ),
            models.CheckConstraint(condition=Q(ends_at=None) | Q(ends_at__gt=F("granted_at")), name="grant_interval"),
            models.CheckConstraint(condition=Q(ended_by=None) | Q(ended_at__isnull=False), name="grant_end_paired"),
            models.CheckConstraint(
                condition=Q(granted_by=None) | ~Q(granted_by=F("user")),
                name="grant_never_to_oneself",
                violation_error_message="Nobody can give a role to themselves. Ask another manager.",
            ),
        ]
        indexes = [
            models.Index(fields=["user"], name="grant_of_member", condition=Q(ended_at=None)),
            models.Index(fields=["content_type", "object_pk"], name="grant_on", condition=Q(ended_at=None)),
            models.Index(fields=["ends_at"], name="grant_lapsing", condition=Q(ended_at=None, ends_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.role_words} ({self.user})"

    @property
    def role_words(self) -> str:
        return Role(self.role).words

    def concerns_center(self) -> Any:
        return self.center_id or ""

    def is_on(self, target: models.Model) -> bool:
        """Whether this grant is on just that object."""
        return self.object_pk == str(target.pk) and self.content_type.model == target._meta.model_name

    def is_in_force(self, at: datetime) -> bool:
        return self.granted_at <= at and not any(end and end <= at for end in (self.ends_at, self.ended_at))


class Invitation(Identified):
    """An open door for one person: a signed link, for two weeks, once."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="invitations")
    invited_at = models.DateTimeField(default=now)
    invited_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, related_name="invitations_sent")
    ends_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=Q(accepted_at=None, withdrawn_at=None), name="invitation_one_open"
            ),
            models.CheckConstraint(condition=Q(accepted_at=None) | Q(withdrawn_at=None), name="invitation_one_end"),
        ]
        indexes = [
            models.Index(fields=["ends_at"], name="invitation_open", condition=Q(accepted_at=None, withdrawn_at=None))
        ]

    def __str__(self) -> str:
        return f"Invitation of {self.member}"

    def concerns_center(self) -> Any:
        return self.member.center_id

    def is_open(self, at: datetime) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and at < self.ends_at


class Vouch(Identified):
    """A center's word, for a year, that this person works there and is who they say."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="vouches")
    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="vouches")
    vouched_at = models.DateTimeField(default=now)
    vouched_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="vouches_given")
    ends_on = models.DateField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=~Q(vouched_by=F("member")),
                name="vouch_never_for_oneself",
                violation_error_message="Nobody can vouch for themselves. Ask another manager of your center.",
            )
        ]
        indexes = [models.Index(fields=["member", "-ends_on"], name="vouch_of_member")]

    def __str__(self) -> str:
        return f"{self.center} vouches for {self.member} until {self.ends_on}"

    def concerns_center(self) -> Any:
        return self.center_id


class TrainingType(Identified):
    """A course that the alliance asks for; a later edition is a new type, so that past proof stays readable."""

    class Status(models.TextChoices):
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    alliance = models.ForeignKey(Alliance, on_delete=models.PROTECT, default=1, related_name="training_types")
    name = models.CharField(max_length=120)
    description = models.TextField()
    lifetime_days = models.PositiveIntegerField()
    required_of_all = models.BooleanField(default=False)
    required_for = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PUBLISHED)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(status="published"),
                name="training_type_name_once",
                violation_error_message="A training type of this name is published already. "
                "Retire it first, or choose another name.",
            ),
            models.CheckConstraint(condition=Q(status__in=["published", "retired"]), name="training_type_status"),
            models.CheckConstraint(
                condition=Q(lifetime_days__gte=1, lifetime_days__lte=3660), name="training_lifetime"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TrainingRecord(Identified):
    """One member's proof of one training: submitted with evidence, accepted or returned, and it lapses."""

    class Status(models.TextChoices):
        SUBMITTED = "submitted", "Submitted"
        RETURNED = "returned", "Returned"
        ACCEPTED = "accepted", "Accepted"
        LAPSED = "lapsed", "Lapsed"

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="training_records")
    type = models.ForeignKey(TrainingType, on_delete=models.PROTECT, related_name="records")
    completed_on = models.DateField()
    valid_until = models.DateField()
    evidence_key = models.CharField(max_length=200)
    evidence_name = models.CharField(max_length=120)
    evidence_type = models.CharField(max_length=60)
    evidence_sha256 = models.CharField(max_length=64)
    evidence_bytes = models.PositiveIntegerField()
    reason = models.CharField(max_length=500, blank=True)
    submitted_at = models.DateTimeField(default=now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, related_name="training_decided")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.SUBMITTED)
    status_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["submitted", "returned", "accepted", "lapsed"]), name="training_record_status"
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("member")),
                name="training_never_decided_by_oneself",
                violation_error_message="Nobody can accept their own training. Ask another manager of your center.",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, decided_by=None) | Q(decided_at__isnull=False, decided_by__isnull=False),
                name="training_decision_paired",
            ),
            models.UniqueConstraint(
                fields=["member", "type"],
                condition=Q(status__in=["submitted", "returned"]),
                name="training_one_open",
                violation_error_message="Proof of this training is with your center already. "
                "Wait for the answer, or change what you sent.",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "type", "-valid_until"], name="training_of_member"),
            models.Index(fields=["submitted_at", "id"], name="training_by_sent"),
            models.Index(fields=["valid_until", "id"], name="training_by_end"),
            models.Index(fields=["submitted_at", "id"], name="training_waiting", condition=Q(status="submitted")),
            models.Index(fields=["valid_until"], name="training_lapsing", condition=Q(status="accepted")),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.member}"

    def concerns_center(self) -> Any:
        return self.member.center_id


class HeldFactor(models.Model):
    """When a member had a second factor: written by PostgreSQL as allauth's rows come and go; the portal reads it."""

    factor = models.BigIntegerField()  # the key of allauth's row, which may be gone
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="held_factor_ends_after_it_began"
            ),
            models.UniqueConstraint(fields=["factor"], condition=Q(until=None), name="held_factor_once_at_a_time"),
        ]
        indexes = [models.Index(fields=["member", "since"], name="held_factor_of_member")]

    def __str__(self) -> str:
        return f"{self.member_id}: since {self.since}"
