"""Agreements in each state in one line, made without commands; a test states only what matters to it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.agreements.models import (
    Agreement,
    AgreementTemplate,
    AgreementVersion,
    KeptText,
    ScopeLine,
    Signature,
    TemplateVersion,
)
from apps.agreements.services import signing
from apps.agreements.texts import sha256_of, text_of
from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.catalog.models import Dataset, DatasetVersion
from tests.factories import CenterFactory, MemberFactory, alliance, arranged, holder

V = AgreementVersion.Status
WORDS = (
    "{{provider}} lets {{recipient}} use its data for {{purpose}}.\n\n## Duties\n\n- Keep them **safe**.\n- Tell us."
)
YEAR = timedelta(days=365)


def dataset(center: Center, *, slug: str = "", published: bool = True, **facts: Any) -> Dataset:
    """A dataset of the center with one version."""
    number = Dataset.objects.count()
    words = ("description", "owner_basis", "legal_basis", "data_subjects", "data_categories", "recipients")
    more = ("transfers", "retention", "safeguards")
    with arranged():
        made = Dataset.objects.create(
            center=center,
            slug=slug or f"dataset-{number}",
            title=facts.pop("title", f"Dataset {number}"),
            modality="ehr",
            contact="data@example.org",
            smallest_count=10,
            **dict.fromkeys((*words, *more), "Said in a sentence."),
            **facts,
        )
    dataset_version(made, published=published)
    return made


def dataset_version(made: Dataset, *, published: bool = True, terms: list[Any] | None = None) -> DatasetVersion:
    """The next version of a dataset."""
    facts: dict[str, Any] = {"status": "draft"}
    with arranged():
        if published:
            by = MemberFactory(center=made.center)
            facts = {"status": "published", "published_at": timezone.now(), "published_by": by}
        return DatasetVersion.objects.create(
            dataset=made,
            number=made.versions.count() + 1,
            licence="CC-BY-4.0",
            terms=[{"code": "DUO:0000042"}] if terms is None else terms,
            **facts,
        )


def wording(text: str = WORDS, *, published: bool = True, template: AgreementTemplate | None = None) -> TemplateVersion:
    """A wording of a template, published unless said otherwise."""
    facts: dict[str, Any] = {"status": "draft"}
    with arranged():
        if published:
            facts = {"status": "published", "published_at": timezone.now(), "published_by": MemberFactory()}
        template = template or AgreementTemplate.objects.create(
            name=f"Template {AgreementTemplate.objects.count()}", purpose="For the test.", alliance=alliance()
        )
        return TemplateVersion.objects.create(
            template=template, number=template.versions.count() + 1, text=text, **facts
        )


def official(center: Center) -> Member:
    return holder(Role.SIGNING_OFFICIAL, center)


def drafted(
    providing: Center | None = None,
    receiving: Center | None = None,
    *,
    scope: list[Dataset] | None = None,
    **facts: Any,
) -> AgreementVersion:
    """A draft that is ready to be sent, on one dataset, for a year from today."""
    providing, receiving = providing or CenterFactory(), receiving or CenterFactory()
    words = facts.pop("template_version", None) or wording()
    with arranged():
        by = MemberFactory(center=providing)
        agreement = facts.pop("agreement", None) or Agreement.objects.create(
            number=Agreement.objects.count() + 1,
            providing=providing,
            receiving=receiving,
            title=facts.pop("title", "Use of data"),
            created_by=by,
        )
        today = timezone.now().date()
        shape = {"values": {"purpose": "research"}, "starts_on": today, "ends_on": today + YEAR, "number": 1}
        version = AgreementVersion.objects.create(
            agreement=agreement, template_version=words, created_by=by, **{**shape, **facts}
        )
        for one in [dataset(providing)] if scope is None else scope:
            ScopeLine.objects.create(version=version, dataset=one)
    return version


def sent(version: AgreementVersion | None = None, **facts: Any) -> AgreementVersion:
    """Out for signature."""
    version = version or drafted(**facts)
    with arranged():
        text = text_of(version, version.datasets.order_by("title", "pk"), edition=version.edition + 1)
        kept, _ = KeptText.objects.get_or_create(sha256=sha256_of(text), defaults={"text": text})
        version.text, version.edition, version.status = kept, version.edition + 1, V.OUT_FOR_SIGNATURE
        version.sent_at, version.sent_by = timezone.now(), version.created_by
        version.save()
    return version


def signature(version: AgreementVersion, by: Member) -> Signature:
    """This official's signature under what is out."""
    with arranged():
        given = list(version.signatures.filter(edition=version.edition).order_by("signed_at", "pk"))
        made = signing._signature(version, by, "")
        signing._keep_document(made, [*given, made])
        made.save(force_insert=True)
    return made


def signed(version: AgreementVersion | None = None, **facts: Any) -> AgreementVersion:
    """Signed by both; the clock has not come by."""
    version = sent(version, **facts)
    for center in (version.agreement.providing, version.agreement.receiving):
        last = signature(version, official(center))
    with arranged():
        version.signed_at = last.signed_at
        version.save()
    return reloaded(version)


def in_force(version: AgreementVersion | None = None, **facts: Any) -> AgreementVersion:
    """Signed by both and in force, as the clock wrote down."""
    version = signed(version, **facts)
    with arranged():
        version.status = V.IN_FORCE
        version.save()
    return reloaded(version)


def reloaded(version: AgreementVersion) -> AgreementVersion:
    return AgreementVersion.objects.select_related("agreement__providing", "agreement__receiving", "text").get(
        pk=version.pk
    )
