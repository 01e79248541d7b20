"""Datasets, their versions and the files of each. What was published is never changed: PostgreSQL refuses it."""

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q

from apps.alliance.models import Center, Member
from apps.audit.clock import now
from apps.core.models import Identified


class Dataset(Identified):
    """Data of one center that others may ask for. Seen by all members once a version of it is published."""

    class Modality(models.TextChoices):
        EHR = "ehr", "Health records"
        PATHOLOGY = "pathology", "Pathology"
        RADIOLOGY = "radiology", "Radiology"
        GENOMICS = "genomics", "Genomics"

    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="datasets")
    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=200)
    modality = models.CharField(max_length=12, choices=Modality.choices)
    description = models.TextField(max_length=4000)
    owner_basis = models.CharField(max_length=500)  # why this center may share it; shown on its page
    contact = models.EmailField()
    smallest_count = models.PositiveSmallIntegerField()  # counts below it are never shown
    quorum = models.PositiveSmallIntegerField(default=1)  # so many stewards must say yes
    # What article 30 of the GDPR asks a register to say of it; all of it before anything is published.
    legal_basis = models.CharField(max_length=500, blank=True)
    data_subjects = models.CharField(max_length=500, blank=True)
    data_categories = models.CharField(max_length=500, blank=True)
    recipients = models.CharField(max_length=500, blank=True)
    transfers = models.CharField(max_length=500, blank=True)
    retention = models.CharField(max_length=500, blank=True)
    safeguards = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(modality__in=["ehr", "pathology", "radiology", "genomics"]), name="dataset_modality"
            ),
            models.CheckConstraint(
                condition=Q(smallest_count__gte=1, smallest_count__lte=1000), name="dataset_smallest_count"
            ),
            models.CheckConstraint(condition=Q(quorum__gte=1, quorum__lte=5), name="dataset_quorum"),
        ]
        indexes = [
            models.Index(fields=["center", "title", "id"], name="dataset_by_center"),
            models.Index(fields=["title", "id"], name="dataset_by_title"),
            GinIndex(SearchVector("title", "description", config="english"), name="dataset_words"),
        ]

    def __str__(self) -> str:
        return self.title

    def concerns_center(self) -> Any:
        return self.center_id


class DatasetVersion(Identified):
    """The state of a dataset that a project is approved for: its files by hash, and the terms of their use."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        WITHDRAWN = "withdrawn", "Withdrawn"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    changes = models.TextField(max_length=2000, blank=True)  # since the version before, for those who use it
    licence = models.CharField(max_length=120)  # an SPDX identifier, or its name
    citation = models.TextField(max_length=2000, blank=True)
    format = models.CharField(max_length=500, blank=True)
    source = models.JSONField(default=dict)  # where the bytes came from and what was done to them
    records = models.JSONField(default=dict)  # what it holds, in numbers: {"patients": 63}
    terms = models.JSONField(default=list)  # DUO terms of its use: [{"code": "DUO:0000007", "diseases": ["MONDO:…"]}]
    bytes = models.BigIntegerField(default=0)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True)  # of its withdrawal

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["dataset"],
                condition=Q(status="draft"),
                name="version_one_draft",
                violation_error_message="This dataset has a draft already. Publish it, or go on with it.",
            ),
            models.CheckConstraint(condition=Q(status__in=["draft", "published", "withdrawn"]), name="version_status"),
            models.CheckConstraint(
                condition=Q(status="draft", published_at=None, published_by=None)
                | ~Q(status="draft") & Q(published_at__isnull=False, published_by__isnull=False),
                name="version_published_paired",
            ),
            models.CheckConstraint(
                condition=Q(status="withdrawn", withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                | ~Q(status="withdrawn") & Q(withdrawn_at=None, withdrawn_by=None),
                name="version_withdrawn_paired",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("published_at")), name="version_interval"
            ),
        ]
        indexes = [models.Index(fields=["dataset", "-number"], name="version_newest")]

    def __str__(self) -> str:
        return f"{self.dataset}, version {self.number}"

    @property
    def holds(self) -> list[tuple[str, Any]]:
        """What it holds in numbers, people before specimens before the rest; shown only by way of holdings.py."""
        rank = {name: place for place, name in enumerate(("patients", "samples", "slides", "tiles", "rows"))}
        return sorted(self.records.items(), key=lambda one: rank.get(one[0], len(rank)))

    def concerns_center(self) -> Any:
        return self.dataset.center_id


class DatasetFile(Identified):
    """One file of a version; its bytes lie in object storage under their own hash, equal ones once."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=500)
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=120)
    role = models.CharField(max_length=200, blank=True)  # "licence or attribution text"; empty: data
    dictionary = models.JSONField(null=True, blank=True)  # of a table: its columns
    stored_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["version", "path"], name="file_path_once"),
            models.CheckConstraint(condition=Q(bytes__gte=0), name="file_bytes"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="file_sha256"),
            models.CheckConstraint(
                condition=~Q(path__regex=r"(^/|(^|/)\.\.?(/|$)|//|\\|[\x01-\x1f\x7f])") & ~Q(path=""),
                name="file_path_stays_inside",
            ),
        ]
        indexes = [models.Index(fields=["sha256"], name="file_by_hash")]

    def __str__(self) -> str:
        return self.path

    @property
    def key(self) -> str:
        """Where its bytes lie in the bucket."""
        return f"datasets/{self.sha256[:2]}/{self.sha256}"

    def concerns_center(self) -> Any:
        return self.version.dataset.center_id


class DatasetSteward(Identified):
    """One of the owner's people who stewards this one dataset, beside the center's stewards. Ended, never erased."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="stewards")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="stewarded")
    since = models.DateTimeField(default=now)
    granted_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    end_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "member"],
                condition=Q(ended_at=None),
                name="dataset_steward_once",
                violation_error_message="This person stewards the dataset already.",
            ),
            models.CheckConstraint(
                condition=~Q(granted_by=F("member")),
                name="dataset_steward_never_by_oneself",
                violation_error_message="Nobody can appoint themselves. Ask another manager of your center.",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="dataset_steward_end_paired",
            ),
        ]
        indexes = [models.Index(fields=["member"], name="dataset_steward_of", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"{self.member} stewards {self.dataset}"

    def concerns_center(self) -> Any:
        return self.dataset.center_id


class FirstLook(Identified):
    """A slide, a series of images or a file of variants at first sight; made once, from what was published."""

    class Kind(models.TextChoices):
        SLIDE = "slide", "Slide"
        DICOM = "dicom", "Series of images"
        VARIANTS = "variants", "Variants"

    class Status(models.TextChoices):
        WAITING = "waiting", "Being made"
        MADE = "made", "Made"
        FAILED = "failed", "Can't be shown"

    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="looks")
    path = models.CharField(max_length=500)  # of the file, or of the folder that holds the series
    kind = models.CharField(max_length=12, choices=Kind.choices)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.WAITING)
    status_at = models.DateTimeField(default=now)
    facts = models.JSONField(default=dict)  # with true counts: pages show what looks.shown() leaves of them
    has_picture = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)  # why it can't be shown

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["version", "path"], name="look_once"),
            models.CheckConstraint(condition=Q(kind__in=["slide", "dicom", "variants"]), name="look_kind"),
            models.CheckConstraint(condition=Q(status__in=["waiting", "made", "failed"]), name="look_status"),
            models.CheckConstraint(condition=Q(status="made") | Q(has_picture=False, facts={}), name="look_made"),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def key(self) -> str:
        """Where its picture lies in the bucket."""
        return f"looks/{self.pk}.png"

    def concerns_center(self) -> Any:
        return self.version.dataset.center_id
