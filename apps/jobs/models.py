"""Jobs, their code, the attempts at them, the slots they hold and what they used. Nothing of it is ever erased.

Over the budget because these tables rest on each other and are read together.
"""

from typing import Any

from django.db import models
from django.db.models import F, Func, Q, Value

from apps.alliance.models import Center, Member
from apps.audit.clock import now
from apps.catalog.models import DatasetVersion
from apps.core.models import Identified
from apps.projects.models import Project
from apps.workspaces.models import neutral

LIVE = ("queued", "starting", "running", "cancelling")
OUTCOMES = ("succeeded", "failed", "cancelled", "requeued", "lost", "refused")
_SHA256 = r"^[0-9a-f]{64}$"


class Snapshot(Identified):
    """Code as it was handed in, one archive by its hash. Insert only; its bytes lie in the object storage."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="snapshots")
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveIntegerField()
    files = models.PositiveIntegerField()
    added_at = models.DateTimeField(default=now)
    added_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="snapshot_once"),
            models.CheckConstraint(condition=Q(sha256__regex=_SHA256), name="snapshot_sha256"),
            models.CheckConstraint(condition=Q(files__gte=1, bytes__gte=1), name="snapshot_holds_something"),
        ]

    def __str__(self) -> str:
        return f"Code {self.sha256[:12]}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class Job(Identified):
    """What a researcher asked for. `fence` counts its attempts: only the newest one's word is heard."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        STARTING = "starting", "Starting"
        RUNNING = "running", "Running"
        CANCELLING = "cancelling", "Cancelling"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Priority(models.IntegerChoices):
        LOW = 0, "Low: after the project's others"
        NORMAL = 1, "Normal"
        HIGH = 2, "High: before the project's others"

    number = models.PositiveIntegerField(
        unique=True, editable=False, db_default=Func(Value("jobs_number"), function="nextval")
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="jobs")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="jobs")
    name = models.CharField(max_length=64)
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="jobs")
    command = models.JSONField()  # its words
    seed = models.BigIntegerField(default=0)
    environment = models.CharField(max_length=80)
    cpus = models.PositiveSmallIntegerField(default=1)
    memory = models.BigIntegerField()  # bytes
    gpus = models.PositiveSmallIntegerField(default=0)
    seconds = models.PositiveIntegerField()  # of wall-clock time, for each attempt
    grace = models.PositiveSmallIntegerField(default=30)  # seconds between the word that its time ends and its end
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    uid = models.PositiveIntegerField(
        unique=True, editable=False, db_default=Func(Value("workspaces_uid"), function="nextval")
    )
    resumes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="resumed_by")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    status_at = models.DateTimeField(default=now)
    submitted_at = models.DateTimeField(default=now)
    queued_at = models.DateTimeField(default=now)  # the last time
    not_before = models.DateTimeField(default=now)  # after a failure it rests a while
    fence = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)  # of the system's; its own are never tried again
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)  # why it stands as it stands, for people

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["queued", "starting", "running", "cancelling", "succeeded", "failed", "cancelled"]
                ),
                name="job_status",
            ),
            models.CheckConstraint(condition=Q(name__regex=r"^[a-z0-9][a-z0-9-]{0,63}$"), name="job_name"),
            models.CheckConstraint(
                condition=Q(cpus__gte=1, memory__gte=1, seconds__gte=1, priority__lte=2), name="job_asks_for_something"
            ),
            models.CheckConstraint(
                condition=Q(status__in=LIVE, ended_at=None) | ~Q(status__in=LIVE) & Q(ended_at__isnull=False),
                name="job_end_paired",
            ),
            models.CheckConstraint(
                condition=~Q(status="cancelling") & Q(cancel_asked_by=None) | Q(cancel_asked_at__isnull=False),
                name="job_cancel_paired",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "starting", "running"]) | ~Q(reason=""), name="job_end_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "-priority", "queued_at", "id"], name="job_in_queue", condition=Q(status="queued")
            ),
            models.Index(fields=["member", "-submitted_at"], name="job_of_member"),
            models.Index(fields=["project", "-submitted_at"], name="job_of_project"),
            models.Index(
                fields=["status_at"],
                name="job_under_way",
                condition=Q(status__in=["starting", "running", "cancelling"]),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.reference} {self.name}"

    @property
    def reference(self) -> str:
        """How people name it: J-0042."""
        return f"J-{self.number:04d}"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def host_name(self) -> str:
        """How a host calls it; says nothing of member or project."""
        return neutral("j", self.pk)

    def concerns_center(self) -> Any:
        return self.project.center_id


class JobData(Identified):
    """A version that the job works on, as it was when the job was handed in."""

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="data")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="jobs")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "version"], name="job_data_once")]
        indexes = [models.Index(fields=["version"], name="job_data_of_version")]

    def __str__(self) -> str:
        return f"{self.version} for {self.job}"

    def concerns_center(self) -> Any:
        return self.version.dataset.center_id


class Host(Identified):
    """A machine that carries jobs out, and what each of its slots has. Its slots are rows of their own."""

    name = models.CharField(max_length=64, unique=True)
    slot_memory = models.BigIntegerField()  # bytes that go with one processor
    centers = models.JSONField(default=list)  # whose data it can mount, by short address; none: everybody's
    is_open = models.BooleanField(default=True)  # takes new jobs

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    def concerns_center(self) -> Any:
        return None


class Pulse(models.Model):
    """When a host last spoke: who is silent gets no new jobs. It decides nothing else, so the record leaves it out."""

    host = models.OneToOneField(Host, on_delete=models.PROTECT, primary_key=True, related_name="pulse")
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Pulse of {self.host}"


class Attempt(Identified):
    """One try of a job on one host. Its word counts while it is the job's newest and has not ended."""

    held_under = "job"  # whatever happens to an attempt happens to its job, in one order

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="attempts")
    fence = models.PositiveIntegerField()
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="attempts")
    started_at = models.DateTimeField(default=now)
    ran_at = models.DateTimeField(null=True, blank=True)
    stop_asked_at = models.DateTimeField(null=True, blank=True)
    stops_at_once = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, blank=True)
    exit_code = models.SmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    environment_hash = models.CharField(max_length=64, blank=True)
    not_kept = models.JSONField(default=list)  # promises of the sandbox that its machine can't keep
    cpu_seconds = models.FloatField(default=0)
    memory_peak = models.BigIntegerField(default=0)  # bytes

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["job", "fence"], name="attempt_once"),
            models.UniqueConstraint(fields=["job"], condition=Q(ended_at=None), name="attempt_one_at_a_time"),
            models.CheckConstraint(condition=Q(outcome__in=["", *OUTCOMES]), name="attempt_outcome"),
            models.CheckConstraint(
                condition=Q(ended_at=None, outcome="") | Q(ended_at__isnull=False) & ~Q(outcome=""),
                name="attempt_end_paired",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="attempt_interval"
            ),
        ]
        indexes = [models.Index(fields=["started_at"], name="attempt_live", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"Attempt {self.fence} of {self.job}"

    def concerns_center(self) -> Any:
        return self.job.project.center_id


class Slot(Identified):
    """A processor or a graphics processor of a host, free or held by one attempt."""

    class Kind(models.TextChoices):
        CPU = "cpu", "Processor"
        GPU = "gpu", "Graphics processor"

    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="slots")
    kind = models.CharField(max_length=3, choices=Kind.choices)
    number = models.PositiveSmallIntegerField()
    device = models.CharField(max_length=80, blank=True)  # a graphics processor's own identifier
    model = models.CharField(max_length=80, blank=True)
    is_gone = models.BooleanField(default=False)  # the host has it no more
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, null=True, blank=True, related_name="slots")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["host", "kind", "number"], name="slot_once"),
            models.CheckConstraint(condition=Q(kind__in=["cpu", "gpu"]), name="slot_kind"),
        ]
        indexes = [
            models.Index(fields=["host", "kind"], name="slot_free", condition=Q(attempt=None, is_gone=False)),
            models.Index(fields=["attempt"], name="slot_held", condition=Q(attempt__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number} of {self.host}"

    def concerns_center(self) -> Any:
        return None


class Result(Identified):
    """A file that a finished attempt left, by its hash. Insert only; the bytes stay with the project's files."""

    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="results")
    path = models.CharField(max_length=1024)
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["attempt", "path"], name="result_once"),
            models.CheckConstraint(condition=Q(sha256__regex=_SHA256, bytes__gte=0), name="result_sha256"),
        ]

    def __str__(self) -> str:
        return self.path

    def concerns_center(self) -> Any:
        return self.attempt.job.project.center_id


class Usage(Identified):
    """What an attempt held, from its start to its end. Insert only; a correction is another row below zero."""

    class Resource(models.TextChoices):
        CPU = "cpu", "Processors"
        GPU = "gpu", "Graphics processors"

    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="usage")
    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="+")  # who pays
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="usage")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    resource = models.CharField(max_length=3, choices=Resource.choices)
    model = models.CharField(max_length=80, blank=True)
    seconds = models.FloatField()  # of one slot: held slots times the time they were held
    is_charged = models.BooleanField()  # not where the system failed
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(resource__in=["cpu", "gpu"]), name="usage_resource"),
            models.CheckConstraint(condition=Q(ended_at__gte=F("started_at")), name="usage_interval"),
        ]
        indexes = [
            models.Index(fields=["project", "ended_at"], name="usage_of_project"),
            models.Index(fields=["center", "ended_at"], name="usage_of_center"),
        ]

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s of {self.get_resource_display()}"

    def concerns_center(self) -> Any:
        return self.center_id


class Share(Identified):
    """How much of the slots a center is entitled to beside the others, while there is a queue."""

    center = models.OneToOneField(Center, on_delete=models.PROTECT, related_name="share")
    weight = models.FloatField(default=1)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(weight__gt=0, weight__lte=1000), name="share_weight")]

    def __str__(self) -> str:
        return f"{self.weight:g} for {self.center}"

    def concerns_center(self) -> Any:
        return self.center_id


class Budget(Identified):
    """How many hours of one resource a center pays for in a calendar month (UTC). It holds back what has not begun.

    `hours` None: no bound. `told`: the last word that went to its managers, as 2026-12:80, so that each goes once.
    """

    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="budgets")
    resource = models.CharField(max_length=3, choices=Usage.Resource.choices)
    hours = models.PositiveIntegerField(null=True, blank=True)
    told = models.CharField(max_length=12, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["center", "resource"], name="budget_once"),
            models.CheckConstraint(condition=Q(resource__in=["cpu", "gpu"]), name="budget_resource"),
            models.CheckConstraint(condition=Q(hours=None) | Q(hours__lte=100_000_000), name="budget_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.get_resource_display()} of {self.center}"

    def concerns_center(self) -> Any:
        return self.center_id


class Erasure(Identified):
    """That a host erased all files of a closed project: its jobs' work and what its people shared. Insert only."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="erasures")
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="erasures")
    erased_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["project", "host"], name="erasure_once")]

    def __str__(self) -> str:
        return f"Files of {self.project} on {self.host}"

    def concerns_center(self) -> Any:
        return self.project.center_id


class Account(models.Model):
    """What a project used of late, half of it each week; it says whose turn it is, so the record leaves it out."""

    project = models.OneToOneField(Project, on_delete=models.PROTECT, primary_key=True, related_name="account")
    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="+")
    used = models.FloatField(default=0)  # slot-seconds as of used_at
    used_at = models.DateTimeField(default=now)
    passed_over = models.UUIDField(null=True, blank=True)  # its job that was first in turn and did not fit
    passed_over_at = models.DateTimeField(null=True, blank=True)  # since when

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Account of {self.project}"


class Figures(models.Model):
    """How an attempt does, as its host says every few seconds; it decides nothing, so the record leaves it out."""

    attempt = models.OneToOneField(Attempt, on_delete=models.PROTECT, primary_key=True, related_name="figures")
    seen_at = models.DateTimeField(null=True, blank=True)  # the last heartbeat that told of it: its lease
    words = models.CharField(max_length=200, blank=True)
    cpu_seconds = models.FloatField(default=0)
    memory = models.BigIntegerField(default=0)  # bytes
    log_bytes = models.BigIntegerField(default=0)
    step = models.BigIntegerField(null=True, blank=True)  # as the job itself reports
    total = models.BigIntegerField(null=True, blank=True)
    metrics = models.JSONField(default=dict)  # name to number, the last that the job reported
    samples = models.JSONField(default=list)  # [second, processors in use, bytes, CPU seconds], few

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Figures of {self.attempt}"


class LogPiece(models.Model):
    """Some bytes of what an attempt printed, from `offset` on: data, so it is read inside the boundary alone."""

    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="log")
    offset = models.BigIntegerField()
    content = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["attempt", "offset"], name="log_piece_once"),
            models.CheckConstraint(condition=Q(offset__gte=0), name="log_piece_offset"),
        ]

    def __str__(self) -> str:
        return f"{self.offset} of the log of {self.attempt}"
