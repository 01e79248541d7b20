"""Datasets, versions and files in one line; nothing lies in the storage unless a test puts it there."""

import hashlib
from typing import Any

import factory
from django.utils import timezone

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.catalog.models import Dataset, DatasetFile, DatasetSteward, DatasetVersion, FirstLook
from tests.factories import Arranged, CenterFactory, MemberFactory, arranged, holder

TERMS = [{"code": "DUO:0000042"}, {"code": "DUO:0000019"}]
REGISTER = {
    "legal_basis": "Consent.",
    "data_subjects": "Adults treated for cancer.",
    "data_categories": "Diagnoses.",
    "recipients": "Approved projects.",
    "transfers": "None.",
    "retention": "Ten years.",
    "safeguards": "Pseudonymised.",
}


class DatasetFactory(Arranged):
    class Meta:
        model = Dataset

    center = factory.SubFactory(CenterFactory)
    slug = factory.Sequence(lambda n: f"dataset-{n}")
    title = factory.Sequence(lambda n: f"Dataset {n}")
    modality = Dataset.Modality.EHR
    description = "Registry of the clinic."
    owner_basis = "Collected by the center itself."
    contact = "data@sample.example.org"
    smallest_count = 10
    legal_basis = REGISTER["legal_basis"]
    data_subjects = REGISTER["data_subjects"]
    data_categories = REGISTER["data_categories"]
    recipients = REGISTER["recipients"]
    transfers = REGISTER["transfers"]
    retention = REGISTER["retention"]
    safeguards = REGISTER["safeguards"]


class VersionFactory(Arranged):
    class Meta:
        model = DatasetVersion

    dataset = factory.SubFactory(DatasetFactory)
    number = 1
    licence = "CC-BY-4.0"
    citation = "The clinic, 2026."
    records = {"patients": 120}
    terms = TERMS


class FileFactory(Arranged):
    class Meta:
        model = DatasetFile

    version = factory.SubFactory(VersionFactory)
    path = factory.Sequence(lambda n: f"table-{n}.csv")
    bytes = 12
    sha256 = factory.LazyAttribute(lambda o: hashlib.sha256(o.path.encode()).hexdigest())
    media_type = "text/csv"


class LookFactory(Arranged):
    class Meta:
        model = FirstLook

    version = factory.SubFactory(VersionFactory)
    path = factory.Sequence(lambda n: f"slide-{n}.svs")
    kind = FirstLook.Kind.SLIDE


def steward_of(dataset: Dataset, member: Member | None = None) -> Member:
    """Somebody of the owner who was appointed for this dataset alone."""
    person = member or MemberFactory(center=dataset.center)
    manager = holder(Role.CENTER_MANAGER, dataset.center)
    with arranged():
        DatasetSteward.objects.create(dataset=dataset, member=person, granted_by=manager, reason="For the test.")
    return person


def published(version: DatasetVersion, *, by: Member | None = None, **facts: Any) -> DatasetVersion:
    """The version as if it had been published."""
    version.status, version.published_at = DatasetVersion.Status.PUBLISHED, timezone.now()
    version.published_by = by or holder(Role.DATA_STEWARD, version.dataset.center)
    for name, value in facts.items():
        setattr(version, name, value)
    with arranged():
        version.save()
    return version
