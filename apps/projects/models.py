"""Projects, their teams, the data that they ask for, and what each owner's stewards said. Nothing is ever erased."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value

from apps.alliance.models import Center, Member
from apps.audit.clock import now
from apps.catalog.models import DatasetVersion
from apps.core.models import Identified


class Project(Identified):
    """A piece of research: proposed by its lead, decided dataset by dataset, run until its last day."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Submitted"
        RETURNED = "returned", "Returned"
        DECIDED = "decided", "Decided"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    number = models.PositiveIntegerField(
        unique=True, editable=False, db_default=Func(Value("projects_number"), function="nextval")
    )
    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="projects")
    lead = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="projects_led")
    title = models.CharField(max_length=200)
    # A draft may lack anything below; what must be there before it is submitted, submit() says.
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
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    submitted_at = models.DateTimeField(null=True, blank=True)  # the last time
    round = models.PositiveIntegerField(default=0)  # of submission; votes of an earlier round count no more
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

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="requests")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="requests")
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
    answer = models.CharField(max_length=2000, blank=True)  # why it was refused or revoked

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["project", "version"],
                condition=~Q(status__in=["refused", "revoked", "dropped"]),
                name="request_once_open",
                violation_error_message="This dataset is in the proposal already.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "waiting", "approved", "refused", "revoked", "dropped"]),
                name="request_status",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") & ~Q(status="revoked")
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

    def concerns_center(self) -> Any:
        return self.version.dataset.center_id


class Vote(Identified):
    """What one steward said on one request in one round. Insert only."""

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
