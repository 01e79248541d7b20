"""Reads of the agreements: every list starts from visible_to, and what binds is asked by dates, for any moment."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.agreements.models import (
    Agreement,
    AgreementVersion,
    Signature,
    TemplateVersion,
    TermsAcceptance,
)
from apps.agreements.texts import terms_of
from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import audits_everything, holders_of, sees_all
from apps.audit.models import Event, Outcome
from apps.audit.selectors import entries
from apps.catalog.models import Dataset, DatasetVersion
from apps.core.reminding import SOON, is_due, last_reminded
from apps.core.searching import titled

V = AgreementVersion.Status


# ── what a member may see ───────────────────────────────────────────────────────────────────────────────────────────
def visible_to(member: Member) -> QuerySet[Agreement]:
    """Those of one's own center, once sent if the other center drafts it; the auditors of the alliance all others."""
    agreements = Agreement.objects.select_related("providing", "receiving")
    was_sent = Exists(AgreementVersion.objects.filter(agreement=OuterRef("pk"), edition__gt=0))
    if audits_everything(member):
        return agreements.filter(~Q(receiving=member.center_id) | Q(was_sent))
    return agreements.filter(Q(providing=member.center_id) | Q(was_sent, receiving=member.center_id))


def visible_versions(member: Member) -> QuerySet[AgreementVersion]:
    """The versions of these; a draft that was never sent is for the center that writes it."""
    versions = AgreementVersion.objects.filter(agreement__in=visible_to(member)).select_related(
        "agreement__providing__alliance",
        "agreement__receiving__alliance",
        "template_version__template",
        "text",
        "sent_by__center",
        "terminated_by__center",
    )
    return versions.exclude(agreement__receiving=member.center_id, edition=0).annotate(signed_by=_signed_by())


def versions_of(agreement: Agreement, member: Member) -> list[AgreementVersion]:
    """The agreement's versions, newest first, with their signatures and data."""
    versions = visible_versions(member).filter(agreement=agreement).prefetch_related("signatures__center", "datasets")
    return list(versions.order_by("-number"))


def versions_by_agreement(agreements: Iterable[Agreement], member: Member) -> dict[UUID, list[AgreementVersion]]:
    """For a page of a list: each agreement's versions, newest first."""
    found: dict[UUID, list[AgreementVersion]] = {}
    versions = visible_versions(member).filter(agreement__in=list(agreements))
    for one in versions.order_by("-number"):
        found.setdefault(one.agreement_id, []).append(one)
    return found


def narrowed(
    agreements: QuerySet[Agreement], *, words: str = "", status: str = "", center: Center | None = None
) -> QuerySet[Agreement]:
    """Those with these words, with a version in this state, with this center on either side."""
    if words:
        agreements = matching(agreements, words)
    if status:
        agreements = agreements.filter(Exists(AgreementVersion.objects.filter(agreement=OuterRef("pk"), status=status)))
    return agreements.filter(Q(providing=center) | Q(receiving=center)) if center else agreements


def visible_wordings(member: Member) -> QuerySet[TemplateVersion]:
    """What was published; drafts for those with a role in the alliance."""
    wordings = TemplateVersion.objects.select_related("template__alliance", "published_by")
    return wordings if sees_all(member) else wordings.exclude(status=TemplateVersion.Status.DRAFT)


def published_wordings() -> QuerySet[TemplateVersion]:
    """What an agreement can be drafted with."""
    published = TemplateVersion.objects.filter(status=TemplateVersion.Status.PUBLISHED).select_related("template")
    return published.order_by("template__name", "-number")


def offered_datasets(center: Center) -> QuerySet[Dataset]:
    """What the center can put into the scope: its data with a published version."""
    published = DatasetVersion.objects.filter(dataset=OuterRef("pk"), status=DatasetVersion.Status.PUBLISHED)
    return Dataset.objects.filter(Exists(published), center=center).order_by("title")


def partners_of(center: Center) -> QuerySet[Center]:
    """The centers with which this one can agree."""
    return Center.objects.filter(status=Center.Status.ACTIVE).exclude(pk=center.pk).order_by("short_name")


def matching(agreements: QuerySet[Agreement], words: str) -> QuerySet[Agreement]:
    """Agreements whose title has these words, or whose reference this is."""
    return titled(agreements, words, mark="DUA")


# ── what binds ──────────────────────────────────────────────────────────────────────────────────────────────────────
def binding(at: datetime) -> QuerySet[AgreementVersion]:
    """Every version that bound its centers at this moment, past or present."""
    return AgreementVersion.objects.filter(signed_at__isnull=False, begins_at__lte=at, over_at__gt=at)


def in_force_between(
    providing: UUID, receiving: UUID, dataset: UUID, at: datetime | None = None
) -> AgreementVersion | None:
    """The version under which one center let the other use this dataset at this moment: one query, by ids.

    The access decision reads the same for many questions at once (projects/facts.sql, `agreed`), which this app can't
    ask. tests/projects/test_two_readers.py holds the two to the same answers; so it does for acceptance_of().
    """
    between = binding(at or timezone.now()).filter(
        agreement__providing_id=providing, agreement__receiving_id=receiving, scope__dataset_id=dataset
    )
    return between.select_related("agreement").order_by("-begins_at").first()


@dataclass(frozen=True)
class Terms:
    """What a researcher reads and accepts, and the agreement it rests on; none for data of one's own center."""

    text: str
    agreement_version: AgreementVersion | None


def terms_for(member: Member, dataset_version: DatasetVersion, at: datetime | None = None) -> Terms | None:
    """The terms under which this member may use the version; None where no agreement is in force."""
    dataset = dataset_version.dataset
    agreed = None
    if dataset.center_id != member.center_id:
        agreed = in_force_between(dataset.center_id, member.center_id, dataset.pk, at)
        if agreed is None:
            return None
    return Terms(terms_of(dataset_version, agreed), agreed)


def acceptance_of(
    member: Member,
    dataset_version: DatasetVersion,
    agreement_version: AgreementVersion | None,
    at: datetime | None = None,
) -> TermsAcceptance | None:
    """The last act by which the member had accepted, by this moment, the terms of the version under this agreement."""
    accepted = TermsAcceptance.objects.filter(
        member=member,
        dataset_version=dataset_version,
        agreement_version=agreement_version,
        accepted_at__lte=at or timezone.now(),
    )
    return accepted.order_by("-accepted_at").first()


# ── whose turn it is ────────────────────────────────────────────────────────────────────────────────────────────────
def out_for_signature(center_id: UUID) -> QuerySet[AgreementVersion]:
    """What this center and another are asked to sign and have not both signed, longest waiting first."""
    out = AgreementVersion.objects.filter(status=V.OUT_FOR_SIGNATURE, signed_at=None)
    mine = out.filter(Q(agreement__providing=center_id) | Q(agreement__receiving=center_id))
    shown = mine.select_related("agreement__providing", "agreement__receiving").annotate(signed_by=_signed_by())
    return shown.order_by("sent_at")


def unsigned_by(version: AgreementVersion) -> list[Center]:
    """The centers whose signature this edition of a version found here still waits for."""
    given: list[UUID] = version.signed_by  # type: ignore[attr-defined]
    return [one for one in (version.agreement.providing, version.agreement.receiving) if one.pk not in given]


def waits_for_center(version: AgreementVersion, center_id: UUID) -> bool:
    """Whether this center has still to sign what is out."""
    is_out = version.status == V.OUT_FOR_SIGNATURE and version.signed_at is None
    return is_out and any(center.pk == center_id for center in unsigned_by(version))


def _signed_by() -> ArraySubquery:
    """The centers that signed a version's present edition."""
    given = Signature.objects.filter(version=OuterRef("pk"), edition=OuterRef("edition"))
    return ArraySubquery(given.values("center"))


def officials_of(version: AgreementVersion, of: Center | None = None) -> set[Member]:
    """The signing officials of both centers, or of one."""
    centers = [of] if of else [version.agreement.providing, version.agreement.receiving]
    return {person for center in centers for person in holders_of(Role.SIGNING_OFFICIAL, center)}


def drafters_of(version: AgreementVersion) -> set[Member]:
    """The managers of the center that provides the data."""
    return set(holders_of(Role.CENTER_MANAGER, version.agreement.providing))


def usual_signing_days(centers: Collection[UUID]) -> dict[UUID, float]:
    """By center: the median of days that its officials took for the last fifty signatures, where there are any."""
    given = Signature.objects.filter(center=OuterRef("pk")).order_by("-signed_at")
    took = given.values(took=F("signed_at") - F("sent_at"))[:50]
    asked = Center.objects.filter(pk__in=centers).annotate(took=ArraySubquery(took)).values_list("pk", "took")
    return {center: sorted(took)[len(took) // 2].total_seconds() / 86400 for center, took in asked if took}


def ending_soon(member: Member) -> QuerySet[AgreementVersion]:
    """What one's center is bound by and ends within 60 days, with nothing signed that goes on."""
    now = timezone.now()
    later = AgreementVersion.objects.filter(
        agreement=OuterRef("agreement"), number__gt=OuterRef("number"), signed_at__isnull=False
    )
    mine = binding(now).filter(Q(agreement__providing=member.center_id) | Q(agreement__receiving=member.center_id))
    soon = mine.filter(~Exists(later), over_at__lte=now + SOON)
    return soon.select_related("agreement__providing", "agreement__receiving").order_by("over_at")


# ── what the clock has to do ────────────────────────────────────────────────────────────────────────────────────────
def to_begin() -> QuerySet[AgreementVersion]:
    return AgreementVersion.objects.filter(status=V.OUT_FOR_SIGNATURE, begins_at__lte=timezone.now())


def to_supersede() -> QuerySet[AgreementVersion]:
    return AgreementVersion.objects.filter(status=V.IN_FORCE, superseded_at__lte=timezone.now())


def to_expire() -> QuerySet[AgreementVersion]:
    """Those whose last day is over and that nothing took the place of."""
    over = AgreementVersion.objects.filter(status=V.IN_FORCE, over_at__lte=timezone.now())
    return over.exclude(superseded_at__lte=timezone.now())


def to_remind_of() -> QuerySet[AgreementVersion]:
    """What ends soon and nobody was told of since the latest day of reminding."""
    last = last_reminded(entries().filter(event="agreements.version.reminded"), AgreementVersion)
    standing = AgreementVersion.objects.filter(status=V.IN_FORCE, superseded_at=None)
    return standing.alias(reminded_on=last).filter(is_due("ends_on", F("reminded_on"))).order_by("ends_on")


# ── signatures and their events ─────────────────────────────────────────────────────────────────────────────────────
def visible_signatures(member: Member) -> QuerySet[Signature]:
    """The signatures under what one may see."""
    return Signature.objects.filter(version__agreement__in=visible_to(member)).select_related(
        "version__agreement__providing", "version__agreement__receiving", "center__alliance", "text"
    )


def event_of(signature: Signature) -> Event | None:
    """The event of the record that says of this signature that it was given."""
    told = entries().filter(
        event="agreements.version.signed",
        outcome=Outcome.SUCCESS,
        target_ref=str(signature.version_id),
        actor_ref=str(signature.signer_id),
    )
    return next((event for event in told if event.details.get("signature") == str(signature.pk)), None)
