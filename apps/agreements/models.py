"""Agreements between centers: what was sent out, signed and accepted is never changed. PostgreSQL refuses it."""

from datetime import UTC, date, datetime, time
from typing import Any, ClassVar

from django.db import models
from django.db.models import Case, F, Func, Q, When
from django.db.models.functions import Greatest, Least

from apps.alliance.models import Alliance, Center, Member
from apps.audit.clock import now
from apps.catalog.models import Dataset, DatasetVersion
from apps.core.models import Identified

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)  # no agreement is older, or lasts longer
SHA256 = r"^[0-9a-f]{64}$"


class AgreementTemplate(Identified):
    """A kind of agreement; its words are in its versions."""

    alliance = models.ForeignKey(Alliance, on_delete=models.PROTECT, default=1, related_name="agreement_templates")
    name = models.CharField(max_length=120)
    purpose = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="agreement_template_name_once",
                violation_error_message="A template of this name is there already. Draft a new version of that one.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(Identified):
    """One wording of a template: Markdown with blanks such as {{purpose_of_use}}. Fixed once published."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    template = models.ForeignKey(AgreementTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField(max_length=100_000)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="template_version_number_once"),
            models.UniqueConstraint(
                fields=["template"],
                condition=Q(status="draft"),
                name="template_one_draft",
                violation_error_message="This template has a draft already. Go on with it, or publish it.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "retired"]), name="template_version_status"
            ),
            models.CheckConstraint(
                condition=Q(status="draft", published_at=None, published_by=None)
                | ~Q(status="draft") & Q(published_at__isnull=False, published_by__isnull=False),
                name="template_published_paired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template}, version {self.number}"


class KeptText(Identified):
    """A text that somebody signed or accepted, or may: kept once under its hash, and never changed."""

    sha256 = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    kept_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(sha256__regex=SHA256), name="kept_text_sha256")]

    def __str__(self) -> str:
        return self.sha256


class KeptDocument(Identified):
    """A PDF as it was when somebody signed: kept once under its hash, and never changed."""

    sha256 = models.CharField(max_length=64, unique=True)
    content = models.BinaryField()
    kept_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(sha256__regex=SHA256), name="kept_document_sha256")]

    def __str__(self) -> str:
        return self.sha256


class Agreement(Identified):
    """What two centers agree on about data of one of them; its words and dates are in its versions."""

    number = models.PositiveIntegerField(unique=True)
    providing = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="agreements_providing")
    receiving = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="agreements_receiving")
    title = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=now)
    created_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=~Q(providing=F("receiving")),
                name="agreement_between_two",
                violation_error_message="A center needs no agreement with itself.",
            )
        ]
        indexes = [
            models.Index(fields=["providing", "receiving"], name="agreement_between"),
            models.Index(fields=["receiving"], name="agreement_by_receiving"),
            models.Index(fields=["title", "id"], name="agreement_by_title"),
        ]

    def __str__(self) -> str:
        return f"{self.reference}, {self.title}"

    @property
    def reference(self) -> str:
        """How people name it: DUA-0042."""
        return f"DUA-{self.number:04d}"

    def concerns_center(self) -> Any:
        return self.providing_id

    def is_between(self, center_id: Any) -> bool:
        return center_id in (self.providing_id, self.receiving_id)


class _Midnight(Func):
    """The beginning, in UTC, of a day and so many days."""

    template = "timezone('UTC', (%(expressions)s + %(days)s)::timestamp)"
    output_field: ClassVar[Any] = models.DateTimeField()


class AgreementVersion(Identified):
    """The words, dates and data of an agreement. Drafts change; what is out for signature or later does not.

    It binds from `begins_at` up to `over_at`; both follow from the other moments, so any past moment can be asked.
    An edition is one sending: a version that came back and goes out again is signed anew by everybody.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        OUT_FOR_SIGNATURE = "out_for_signature", "Out for signature"
        IN_FORCE = "in_force", "In force"
        SUPERSEDED = "superseded", "Superseded"
        EXPIRED = "expired", "Expired"
        TERMINATED = "terminated", "Terminated"
        DISCARDED = "discarded", "Discarded"

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    edition = models.PositiveIntegerField(default=0)
    template_version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="+")
    values = models.JSONField(default=dict, blank=True)  # blank → what stands in it
    conditions = models.TextField(max_length=4000, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField()
    text = models.ForeignKey(
        KeptText, on_delete=models.PROTECT, null=True, to_field="sha256", db_column="text_sha256", related_name="+"
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DRAFT)
    status_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    created_by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)  # when the last of the signatures was given
    superseded_at = models.DateTimeField(null=True, blank=True)  # may lie ahead: when the next one begins
    terminated_at = models.DateTimeField(null=True, blank=True)
    terminated_by = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True)  # of its end, or why it came back last
    begins_at = models.GeneratedField(
        expression=Case(
            When(signed_at__isnull=False, then=Greatest(F("signed_at"), _Midnight("starts_on", days=0))),
            output_field=models.DateTimeField(),
        ),
        output_field=models.DateTimeField(null=True),
        db_persist=True,
    )
    over_at = models.GeneratedField(
        expression=Least(_Midnight("ends_on", days=1), F("superseded_at"), F("terminated_at")),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    datasets: "models.ManyToManyField[Dataset, ScopeLine]" = models.ManyToManyField(
        Dataset, through="ScopeLine", related_name="+"
    )

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["agreement", "number"], name="agreement_version_number_once"),
            models.UniqueConstraint(
                fields=["agreement"],
                condition=Q(status__in=["draft", "out_for_signature"]),
                name="agreement_one_open",
                violation_error_message="An amendment of this agreement is open already. Go on with that one.",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "draft",
                        "out_for_signature",
                        "in_force",
                        "superseded",
                        "expired",
                        "terminated",
                        "discarded",
                    ]
                ),
                name="agreement_version_status",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="agreement_interval",
                violation_error_message="The last day lies before the first.",
            ),
            models.CheckConstraint(
                condition=Q(starts_on__gte=FIRST_DAY, ends_on__lt=LAST_DAY),
                name="agreement_days",
                violation_error_message="Choose days between the years 2000 and 2199.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "discarded"], sent_at=None, sent_by=None, text=None)
                | ~Q(status__in=["draft", "discarded"])
                & Q(sent_at__isnull=False, sent_by__isnull=False, text__isnull=False),
                name="agreement_sent_paired",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "out_for_signature", "discarded"]) | Q(signed_at__isnull=False),
                name="agreement_binds_signed",
            ),
            models.CheckConstraint(
                condition=Q(status="terminated", terminated_at__isnull=False, terminated_by__isnull=False)
                | ~Q(status="terminated") & Q(terminated_at=None, terminated_by=None),
                name="agreement_terminated_paired",
            ),
            models.CheckConstraint(
                condition=Q(signed_at=None) | Q(signed_at__gte=F("sent_at")), name="agreement_signed_after_sent"
            ),
        ]
        indexes = [
            models.Index(
                fields=["agreement", "begins_at"], name="agreement_binding", condition=Q(signed_at__isnull=False)
            ),
            models.Index(fields=["status", "ends_on"], name="agreement_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.agreement.reference} v{self.number}"

    def concerns_center(self) -> Any:
        return self.agreement.providing_id

    @property
    def begins(self) -> datetime:
        """The moment from which it binds, once everybody has signed."""
        first = datetime.combine(self.starts_on, time.min, tzinfo=UTC)
        return max(first, self.signed_at) if self.signed_at else first

    def standing(self, at: datetime | None = None) -> str:
        """Its state by the dates, whether or not the clock has written it down; "signed" while it waits to begin."""
        at, S = at or now(), self.Status
        if self.signed_at is None or self.status in (S.TERMINATED, S.SUPERSEDED, S.EXPIRED):
            return str(self.status)
        if at < self.begins:
            return "signed"
        if at < self.over_at:
            return str(S.IN_FORCE)
        return str(S.SUPERSEDED if self.superseded_at and self.superseded_at <= at else S.EXPIRED)


class ScopeLine(Identified):
    """A dataset that a version of an agreement is about."""

    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="scope")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="scope_lines")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["version", "dataset"], name="scope_dataset_once")]
        indexes = [models.Index(fields=["dataset", "version"], name="scope_of_dataset")]

    def __str__(self) -> str:
        return f"{self.dataset} in {self.version}"

    def concerns_center(self) -> Any:
        return self.version.agreement.providing_id


class Signature(Identified):
    """One center's signature under one edition of a version: the whole of what is known of the act. Insert only."""

    class Meaning(models.TextChoices):
        PROVIDES = "provides", "I approve it for the center that provides the data"
        RECEIVES = "receives", "I accept it for the center that receives the data"

    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="signatures")
    edition = models.PositiveIntegerField()
    center = models.ForeignKey(Center, on_delete=models.PROTECT, related_name="+")
    signer = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="signatures")
    printed_name = models.CharField(max_length=120)
    affiliation = models.CharField(max_length=200)
    orcid = models.CharField(max_length=19, blank=True)
    capacity = models.CharField(max_length=200)
    meaning = models.CharField(max_length=12, choices=Meaning.choices)
    statement = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField()  # since when it waited for this signature
    signed_at = models.DateTimeField(default=now)
    text = models.ForeignKey(
        KeptText, on_delete=models.PROTECT, to_field="sha256", db_column="text_sha256", related_name="+"
    )
    document = models.ForeignKey(
        KeptDocument, on_delete=models.PROTECT, to_field="sha256", db_column="document_sha256", related_name="+"
    )
    auth = models.JSONField(default=dict)  # how they proved who they are: method, factors, age of the proof
    session = models.CharField(max_length=64, blank=True)
    identity = models.CharField(max_length=200)  # by whose word the person is known here
    address = models.CharField(max_length=64, blank=True)
    user_agent_sha256 = models.CharField(max_length=64, blank=True)  # of what the browser says that it is
    build = models.CharField(max_length=40)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["version", "edition", "center"],
                name="signature_once_for_center",
                violation_error_message="Somebody signed for your center a moment ago. Look at it again.",
            ),
            models.UniqueConstraint(
                fields=["version", "edition", "signer"],
                name="signature_once_by_person",
                violation_error_message="Nobody signs for both centers.",
            ),
            models.CheckConstraint(condition=Q(meaning__in=["provides", "receives"]), name="signature_meaning"),
            models.CheckConstraint(condition=Q(signed_at__gte=F("sent_at")), name="signature_after_sending"),
        ]
        indexes = [models.Index(fields=["center", "-signed_at"], name="signature_by_center")]

    def __str__(self) -> str:
        return f"{self.printed_name} for {self.affiliation}"

    def concerns_center(self) -> Any:
        return self.center_id


class TermsAcceptance(Identified):
    """A researcher read the terms of a dataset's version and keeps to them. Insert only."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="terms_accepted")
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="+")
    agreement_version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, null=True, related_name="+")
    text = models.ForeignKey(
        KeptText, on_delete=models.PROTECT, to_field="sha256", db_column="text_sha256", related_name="+"
    )
    accepted_at = models.DateTimeField(default=now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["member", "dataset_version", "text"],
                name="terms_accepted_once",
                violation_error_message="You have accepted these terms already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.member} on {self.dataset_version}"

    def concerns_center(self) -> Any:
        return self.dataset_version.dataset.center_id
