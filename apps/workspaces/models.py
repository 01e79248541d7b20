"""Workspaces, their runs, the data that each had, and what its host told of it. Nothing of it is ever erased."""

import hashlib
from typing import Any

from django.db import models
from django.db.models import F, Func, Q, Value

from apps.alliance.models import Member
from apps.audit.clock import now
from apps.catalog.models import DatasetVersion
from apps.core.models import Identified
from apps.projects.models import Project
from apps.workspaces import limits

LIVE = ("starting", "running", "stopping")
KINDS = (
    "started", "ended", "denied", "warned", "paused", "resumed", "cell", "opened", "not_watched", "signed_in",
)  # fmt: skip


def hub_name_of(member: Any) -> str:
    """A member at the Hub, and the `sub` of their sign-in there, by their identifier."""
    return neutral("m", member)


def neutral(kind: str, of: Any) -> str:
    """A name for other systems that tells nothing of whose it is: a letter and 20 hexadecimal digits."""
    return kind + hashlib.sha256(f"{kind}:{of}".encode()).hexdigest()[:20]


class Workspace(Identified):
    """One member's place in one project: their files, kept between its runs. `uid` owns them on the host."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        SEALED = "sealed", "Sealed"
        DELETED = "deleted", "Deleted"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="workspaces")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="workspaces")
    uid = models.PositiveIntegerField(
        unique=True, editable=False, db_default=Func(Value("workspaces_uid"), function="nextval")
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    sealed_at = models.DateTimeField(null=True, blank=True)
    delete_on = models.DateField(null=True, blank=True)  # from this day on a host erases its files

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["project", "member"], name="workspace_once"),
            models.CheckConstraint(condition=Q(status__in=["open", "sealed", "deleted"]), name="workspace_status"),
            models.CheckConstraint(condition=Q(uid__gte=20_000, uid__lte=1_000_000_000), name="workspace_uid"),
            models.CheckConstraint(
                condition=Q(status="open", sealed_at=None, delete_on=None)
                | ~Q(status="open") & Q(sealed_at__isnull=False, delete_on__isnull=False),
                name="workspace_sealed_paired",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-created_at"], name="workspace_of_member"),
            models.Index(fields=["delete_on"], name="workspace_to_erase", condition=Q(status="sealed")),
        ]

    def __str__(self) -> str:
        return f"{self.member} in {self.project}"

    @property
    def name(self) -> str:
        """How the host calls it; says nothing of member or project."""
        return neutral("w", self.pk)

    @property
    def hub_name(self) -> str:
        """The member at the Hub."""
        return hub_name_of(self.member_id)

    @property
    def hub_server(self) -> str:
        """The project at the Hub."""
        return neutral("p", self.project_id)

    def concerns_center(self) -> Any:
        return self.project.center_id


class Run(Identified):
    """One start of a workspace, to its end."""

    class Status(models.TextChoices):
        STARTING = "starting", "Starting"
        RUNNING = "running", "Running"
        STOPPING = "stopping", "Stopping"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="runs")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.STARTING)
    status_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(default=now)
    started_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    ran_at = models.DateTimeField(null=True, blank=True)  # when its host said that it runs
    stop_asked_at = models.DateTimeField(null=True, blank=True)
    stop_asked_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    stops_at_once = models.BooleanField(default=False)  # without a moment to save: what it stood on is gone
    paused_at = models.DateTimeField(null=True, blank=True)  # the gateway holds back what goes to the browser
    resume_asked_at = models.DateTimeField(null=True, blank=True)
    resume_asked_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)  # why it stops, stopped or failed, for people
    environment = models.CharField(max_length=80)
    environment_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["starting", "running", "stopping", "stopped", "failed"]), name="run_status"
            ),
            models.UniqueConstraint(
                fields=["workspace"],
                condition=Q(status__in=LIVE),
                name="run_one_at_a_time",
                violation_error_message="This workspace is started already. Open it, or stop it first.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=LIVE, ended_at=None) | ~Q(status__in=LIVE) & Q(ended_at__isnull=False),
                name="run_end_paired",
            ),
            models.CheckConstraint(condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="run_interval"),
            models.CheckConstraint(
                condition=Q(status__in=["starting", "running"]) | ~Q(reason=""), name="run_end_has_a_reason"
            ),
            models.CheckConstraint(
                condition=~Q(status="stopping") & Q(stop_asked_by=None) | Q(stop_asked_at__isnull=False),
                name="run_stop_paired",
            ),
            models.CheckConstraint(
                condition=Q(resume_asked_at=None, resume_asked_by=None)
                | Q(resume_asked_at__isnull=False, resume_asked_by__isnull=False, paused_at__isnull=False),
                name="run_resume_paired",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-started_at"], name="run_of_workspace"),
            models.Index(fields=["started_at"], name="run_live", condition=Q(status__in=LIVE)),
        ]

    def __str__(self) -> str:
        return f"Run of {self.workspace}"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    def concerns_center(self) -> Any:
        return self.workspace.project.center_id


class RunData(Identified):
    """A version that a run was allowed to mount; `mounted_at` from when its host said that it did."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="mounts")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="runs")
    planned_at = models.DateTimeField(default=now)
    mounted_at = models.DateTimeField(null=True, blank=True)
    files = models.PositiveIntegerField(null=True, blank=True)
    bytes = models.BigIntegerField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["run", "version"], name="run_data_once"),
            models.CheckConstraint(
                condition=Q(mounted_at=None, files=None, bytes=None)
                | Q(mounted_at__isnull=False, files__isnull=False, bytes__gte=0),
                name="run_data_mounted_paired",
            ),
        ]
        indexes = [models.Index(fields=["version"], name="run_data_of_version")]

    def __str__(self) -> str:
        return f"{self.version} in {self.run}"

    def concerns_center(self) -> Any:
        return self.version.dataset.center_id


class RunEvent(Identified):
    """What a host or gateway told of a run, each once by its number. Insert only."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="told")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()  # by the host's clock
    stored_at = models.DateTimeField(default=now)
    kind = models.CharField(max_length=12)
    details = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["run", "seq"], name="run_event_once"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="run_event_kind"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="run_event_number"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} of {self.run}"

    def concerns_center(self) -> Any:
        return self.run.workspace.project.center_id


class CellCode(Identified):
    """The code of one cell as it was sent to the kernel: the researcher's work, read by few. Insert only."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="cells")
    seq = models.PositiveIntegerField()  # of its event
    at = models.DateTimeField()
    kernel = models.CharField(max_length=64)
    code = models.TextField()  # cut at 100 kB by the gateway
    sha256 = models.CharField(max_length=64)  # of all of it, also where it was cut

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["run", "seq"], name="cell_once"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="cell_sha256"),
        ]

    def __str__(self) -> str:
        return f"Cell {self.seq} of {self.run}"

    def concerns_center(self) -> Any:
        return self.run.workspace.project.center_id


class RunFigures(models.Model):
    """How a run does, as its host says every two seconds; decides nothing by itself, so the record leaves it out."""

    run = models.OneToOneField(Run, on_delete=models.PROTECT, primary_key=True, related_name="figures")
    host = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)  # the last heartbeat that told of it
    asked_at = models.DateTimeField(null=True, blank=True)  # when it was last asked whether its data may still be used
    percent = models.PositiveSmallIntegerField(default=0)  # of its start
    words = models.CharField(max_length=200, blank=True)
    cpu_seconds = models.FloatField(default=0)
    memory = models.BigIntegerField(default=0)  # bytes, as all that follow
    home = models.BigIntegerField(default=0)
    shared = models.BigIntegerField(default=0)
    results = models.BigIntegerField(default=0)
    bytes_out = models.BigIntegerField(default=0)
    memory_limit = models.BigIntegerField(default=limits.MEMORY)  # as its plan said, bounded by its machine
    cpus_limit = models.FloatField(default=limits.CPUS)
    active_at = models.DateTimeField(null=True, blank=True)  # when the browser last did something
    samples = models.JSONField(default=list)  # [seconds since its start, processors in use, bytes of memory], few

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Figures of {self.run}"
