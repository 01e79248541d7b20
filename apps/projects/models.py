"""Projects, their teams, the data that they ask for, and what each owner's stewards said. Nothing is ever erased.

Over the budget of 400 lines because all that the access decision rests on is read together.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value

from apps.alliance.models import Center, Member
from apps.audit.clock import now
from apps.catalog.models import DatasetVersion
from apps.core.models import Identified


class Written(models.Model):
    """The text of a proposal. A draft may lack all but the title; what must be there, submit() says."""

    title = models.CharField(max_length=200)
    lay_summary = models.TextField(max_length=3000, blank=True)
    public_benefit = models.TextField(max_length=3000, blank=True)
    methods = models.TextField(max_length=10_000, blank=True)
    outputs = models.TextField(max_length=3000, blank=True)  # tables, figures, models that shall leave
    purpose = models.JSONField(default=dict, blank=True)  # what the data-use terms ask: apps.projects.purposes
    risks = models.JSONField(default=dict, blank=True)  # answers to the questions of apps.projects.questions
    ethics_reference = models.CharField(max_length=200, blank=True)
    ethics_until = models.DateField(null=True, blank=True)
    gpu_hours = models.PositiveIntegerField(default=0)
    ends_on = models.DateField(null=True, blank=True)

    class Meta:
        abstract = True

    def text(self) -> dict[str, Any]:
        """What it says, by field."""
        return {field.name: getattr(self, field.name) for field in Written._meta.fields}

    def parts_unlike(self, other: "Written") -> list[str]:
        """The fields in which two texts differ."""
        said = other.text()
        return sorted(name for name, value in self.text().items() if said[name] != value)


class Project(Written, Identified):
    """A piece of research: proposed by its lead, decided dataset by dataset, run until its last day.

    Its text is the lead's working copy until it is first decided, then the newest edition that an owner agreed to.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Submitted"
        RETURNED = "returned", "Returned"
        DECIDED = "decided", "Decided"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    WRITABLE = (Status.DRAFT, Status.RETURNED)
    RUNNING = (Status.DECIDED, Status.ACTIVE, Status.SUSPENDED)

    number = models.PositiveIntegerField(
        unique=True, editable=False, db_default=Func(Value("projects_number"), function="nextval")
    )
    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="projects")
    lead = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="projects_led")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    submitted_at = models.DateTimeField(null=True, blank=True)  # the last time
    round = models.PositiveIntegerField(default=0)  # the number of its newest edition
    reason = models.CharField(max_length=2000, blank=True)  # of what put it where it stands

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "draft", "submitted", "returned", "decided", "active", "suspended", "closed", "withdrawn",
                    ]
                ),
                name="project_status",
            ),
            models.CheckConstraint(condition=Q(gpu_hours__lte=1_000_000), name="project_gpu_hours"),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["center", "title", "id"], name="project_by_center"),
            models.Index(fields=["lead"], name="project_by_lead"),
            models.Index(fields=["status", "status_at", "id"], name="project_by_status"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def reference(self) -> str:
        """How people name it: P-0042."""
        return f"P-{self.number:04d}"

    def concerns_center(self) -> Any:
        return self.center_id


class Edition(Written, Identified):
    """A text as it was sent to the owners. What they agree to is one of these, and it never changes. Insert only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="editions")
    number = models.PositiveIntegerField()
    submitted_at = models.DateTimeField(default=now)  # who was on the team then is named in it
    submitted_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="edition_once")]

    def __str__(self) -> str:
        return f"Edition {self.number} of {self.title}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class Amendment(Written, Identified):
    """A change of a project that was decided: its new text, decided by those owners whom the change touches."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Submitted"
        RETURNED = "returned", "Returned"
        DECIDED = "decided", "Decided"
        WITHDRAWN = "withdrawn", "Withdrawn"

    WRITABLE = (Status.DRAFT, Status.RETURNED)
    OPEN = (Status.DRAFT, Status.SUBMITTED, Status.RETURNED)

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="amendments")
    held_under = "project"
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    submitted_at = models.DateTimeField(null=True, blank=True)  # the last time
    reason = models.CharField(max_length=2000, blank=True)  # of what put it where it stands

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="amendment_number_once"),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(status__in=["draft", "submitted", "returned"]),
                name="amendment_once_open",
                violation_error_message="A change of this project is open already. Finish it, or take it back.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "submitted", "returned", "decided", "withdrawn"]),
                name="amendment_status",
            ),
            models.CheckConstraint(condition=Q(gpu_hours__lte=1_000_000), name="amendment_gpu_hours"),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(status="withdrawn") | Q(submitted_at__isnull=False),
                name="amendment_was_submitted",
            ),
        ]

    def __str__(self) -> str:
        return f"Change {self.number} of {self.project}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class TeamMember(Identified):
    """Somebody on a project's team, from one moment to another."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="team")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="teams")
    since = models.DateTimeField(default=now)
    added_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["project", "member"],
                condition=Q(until=None),
                name="team_member_once",
                violation_error_message="This person is on the team already.",
            ),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="team_interval"),
            models.CheckConstraint(
                condition=Q(until=None, removed_by=None) | Q(until__isnull=False, removed_by__isnull=False),
                name="team_end_paired",
            ),
        ]
        indexes = [models.Index(fields=["member", "project"], name="team_of_member")]

    def __str__(self) -> str:
        return f"{self.member} in {self.project}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class AccessRequest(Identified):
    """A project's request for one dataset. Its owner's stewards decide, and nobody else stands in for them."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        WAITING = "waiting", "Waiting for the owner"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"
        REVOKED = "revoked", "Revoked"
        DROPPED = "dropped", "Taken back"
        REPLACED = "replaced", "Replaced by a newer approval"

    held_under = "project"  # what the gate locks first, so that all who act on one project queue in one order
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="requests")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="requests")
    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, null=True, blank=True, related_name="requests")
    amends = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="amended_by")
    quorum = models.PositiveIntegerField(default=0)  # the dataset's when it began to wait; if it grew, that counts
    reason = models.TextField(max_length=2000, blank=True)  # why the project needs this data
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    waits_since = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="requests_taken")
    decided_at = models.DateTimeField(null=True, blank=True)
    conditions = models.TextField(max_length=4000, blank=True)
    ends_on = models.DateField(null=True, blank=True)  # the last day of the approval
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    replaced_at = models.DateTimeField(null=True, blank=True)  # the moment at which a newer approval took its place
    answer = models.CharField(max_length=2000, blank=True)  # why it was refused or revoked

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version"],
                condition=Q(status__in=["draft", "waiting"]),
                name="request_once_open",
                violation_error_message="This dataset is asked for already.",
            ),
            models.UniqueConstraint(
                fields=["project", "version"], condition=Q(status="approved"), name="request_once_approved"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "waiting", "approved", "refused", "revoked", "dropped", "replaced"]),
                name="request_status",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", edition=None)
                | Q(status="dropped")
                | ~Q(status="draft") & Q(edition__isnull=False, quorum__gte=1),
                name="request_rests_on_an_edition",
            ),
            models.CheckConstraint(
                condition=Q(status="replaced", replaced_at__isnull=False) | ~Q(status="replaced") & Q(replaced_at=None),
                name="request_replaced_paired",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") & ~Q(status="revoked") & ~Q(status="replaced")
                | Q(decided_at__isnull=False, ends_on__isnull=False),
                name="request_approval_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(status="revoked", revoked_at__isnull=False, revoked_by__isnull=False)
                | ~Q(status="revoked") & Q(revoked_at=None, revoked_by=None),
                name="request_revoked_paired",
            ),
            models.CheckConstraint(
                condition=Q(taken_at=None, taken_by=None) | Q(taken_at__isnull=False, taken_by__isnull=False),
                name="request_taken_paired",
            ),
        ]
        indexes = [
            models.Index(fields=["waits_since", "id"], name="request_waiting", condition=Q(status="waiting")),
            models.Index(fields=["version", "status"], name="request_of_version"),
            models.Index(fields=["ends_on"], name="request_ending", condition=Q(status="approved")),
        ]

    def __str__(self) -> str:
        return f"{self.version.dataset} for {self.project}"

    @property
    def is_renewal(self) -> bool:
        """Whether it asks for more time on the same text; all else that waits beside an approval is a change."""
        return self.amends is not None and self.amends.edition_id == self.edition_id

    def concerns_center(self) -> Any:
        return self.version.dataset.center_id


class Vote(Identified):
    """What one steward said on one request; `round` is the number of the edition that they read. Insert only."""

    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="votes")
    round = models.PositiveIntegerField()
    steward = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="votes")
    is_yes = models.BooleanField()
    conditions = models.TextField(max_length=4000, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=2000, blank=True)
    voted_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["request", "round", "steward"],
                name="vote_once",
                violation_error_message="You have decided on this request already. Another steward's word is missing.",
            ),
            models.CheckConstraint(condition=Q(is_yes=False) | Q(ends_on__isnull=False), name="vote_yes_has_an_end"),
            models.CheckConstraint(condition=Q(is_yes=True) | ~Q(reason=""), name="vote_no_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{'Yes' if self.is_yes else 'No'} of {self.steward} on {self.request}"

    def concerns_center(self) -> Any:
        return self.request.version.dataset.center_id


class Judge(Identified):
    """A steward who had a part in deciding on a project; they never join its team. Insert only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="judges")
    steward = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["project", "steward"], name="judge_once")]

    def __str__(self) -> str:
        return f"{self.steward} on {self.project}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class Remark(Identified):
    """A question or an answer, in the open between a project's team and the stewards who are asked. Insert only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="remarks")
    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="remarks")
    answers = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replies")
    by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=4000)
    said_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="remark_says_something")]
        indexes = [models.Index(fields=["project", "said_at"], name="remark_of_project")]

    def __str__(self) -> str:
        return f"{self.by} on {self.project}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class CloseOut(Identified):
    """What the lead stated when the project ended, and what was learned, for the public. Insert only."""

    project = models.OneToOneField(Project, on_delete=models.PROTECT, related_name="closeout")
    confirmed = ArrayField(models.CharField(max_length=20), default=list, blank=True)  # points of apps.projects.closing
    publications = models.TextField(max_length=4000, blank=True)  # one a line, each with its DOI
    learned = models.TextField(max_length=3000)
    closed_at = models.DateTimeField(default=now)
    closed_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=~Q(learned=""), name="closeout_says_what_was_learned")]

    def __str__(self) -> str:
        return f"Close-out of {self.project}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class GpuUse(Identified):
    """GPU-hours that a project used up. Insert only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="gpu_uses")
    hours = models.DecimalField(max_digits=12, decimal_places=4)
    used_at = models.DateTimeField(default=now)
    of = models.CharField(max_length=200)  # what used them

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(hours__gt=0), name="gpu_use_is_something")]
        indexes = [models.Index(fields=["project", "used_at"], name="gpu_use_of_project")]

    def __str__(self) -> str:
        return f"{self.hours} GPU-hours of {self.project}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class AccessInterval(Identified):
    """Who could use which data in which project, from when to when, as the clock saw it. The decision counts, not this.

    The clock compares it with the decision, so that what runs on an access that ended is stopped and people are told.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="intervals")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="intervals")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="intervals")
    since = models.DateTimeField(default=now)
    until = models.DateTimeField(null=True, blank=True)
    lacks = ArrayField(models.CharField(max_length=20), default=list, blank=True)  # the lines that were missing then

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["project", "member", "version"], condition=Q(until=None), name="access_interval_once_open"
            ),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="access_interval_ends"),
            models.CheckConstraint(
                condition=Q(until=None, lacks=[]) | Q(until__isnull=False) & ~Q(lacks=[]), name="access_interval_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} with {self.version} in {self.project}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class StandIn(Identified):
    """Another steward of the same center who looks after what a steward took while that one is away, day by day.

    It gives no right: who decides, the data's stewards alone say. Ended, never erased.
    """

    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="stand_ins")
    away = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="absences")
    stand_in = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="standing_in")
    starts_on = models.DateField()
    ends_on = models.DateField()  # the last day
    reason = models.CharField(max_length=500, blank=True)
    named_at = models.DateTimeField(default=now)
    named_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=~Q(away=F("stand_in")),
                name="stand_in_is_another",
                violation_error_message="Nobody stands in for themselves. Choose another steward.",
            ),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="stand_in_interval"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="stand_in_end_paired",
            ),
        ]
        indexes = [
            models.Index(fields=["away", "ends_on"], name="stand_in_for", condition=Q(ended_at=None)),
            models.Index(fields=["center", "starts_on", "id"], name="stand_in_of_center"),
        ]

    def __str__(self) -> str:
        return f"{self.stand_in} for {self.away}"

    @property
    def until(self) -> str:
        """Its last day in words."""
        return f"{self.ends_on:%-d %b %Y}"

    def concerns_center(self) -> Any:
        return self.center_id
