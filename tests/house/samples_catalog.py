"""The sample center's one dataset: a published version that everybody sees, and a draft that could be published."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.alliance.models import Center, Member
from apps.catalog.models import Dataset, DatasetFile, DatasetSteward, DatasetVersion, FirstLook
from apps.core.gateways import Objects
from tests.factories_catalog import DatasetFactory, FileFactory, LookFactory, VersionFactory, published, steward_of


@dataclass
class CatalogSamples:
    """What the addresses of the catalog name."""

    dataset: Dataset
    published: DatasetVersion
    draft: DatasetVersion
    file: DatasetFile
    look: FirstLook
    pictured: FirstLook
    appointed: DatasetSteward


def make_catalog(center: Center, steward: Member) -> CatalogSamples:
    """The sample dataset, in the database at hand."""
    dataset = DatasetFactory(center=center, slug="sample-data", title="Sample data")
    first = VersionFactory(dataset=dataset)
    FileFactory(version=first, path="table.csv")
    published(first, by=steward, bytes=12)
    draft = VersionFactory(dataset=dataset, number=2)
    pictured = LookFactory(version=first, path="slide.svs", status="made", has_picture=True, facts={"width": 512})
    Objects().put(pictured.key, b"\x89PNG\r\n\x1a\n", media_type="image/png")
    file = FileFactory(version=draft, path="table.csv")
    steward_of(dataset)
    return CatalogSamples(dataset, first, draft, file, LookFactory(version=first), pictured, dataset.stewards.get())


def _of_dataset(world: Any) -> dict[str, Any]:
    return {"slug": world.catalog.dataset.slug}


def _of_draft(world: Any) -> dict[str, Any]:
    return {**_of_dataset(world), "number": world.catalog.draft.number}


def _of_published(world: Any) -> dict[str, Any]:
    return {**_of_dataset(world), "number": world.catalog.published.number}


CATALOG_ARGUMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "catalog:dataset": _of_dataset,
    "catalog:dataset_edit": _of_dataset,
    "catalog:quorum": _of_dataset,
    "catalog:steward_appoint": _of_dataset,
    "catalog:steward_dismiss": lambda world: {"pk": world.catalog.appointed.pk},
    "catalog:version_start": _of_dataset,
    "catalog:version": _of_published,
    "catalog:version_croissant": _of_published,
    "catalog:version_dcat": _of_published,
    "catalog:version_edit": _of_draft,
    "catalog:version_upload": _of_draft,
    "catalog:version_publish": _of_draft,
    "catalog:version_withdraw": _of_published,
    "catalog:version_looks": _of_published,
    "catalog:looks_ask": _of_published,
    "catalog:look_picture": lambda world: {**_of_published(world), "pk": world.catalog.pictured.pk},
    "projects:look": lambda world: {"pk": world.projects.active.pk, **_of_dataset(world)},
    "projects:look_picture": lambda world: {
        "pk": world.projects.active.pk,
        "of": world.catalog.pictured.pk,
        **_of_dataset(world),
    },
    "catalog:file_drop": lambda world: {**_of_draft(world), "pk": world.catalog.file.pk},
}
