"""The cases of the catalog's commands; merged into CASES."""

from typing import Any

from apps.catalog.models import DatasetVersion, FirstLook
from tests.factories_catalog import REGISTER, TERMS


def _center(world: Any) -> Any:
    return type(world.center).objects.get(pk=world.center.pk)


def _dataset(world: Any) -> Any:
    return type(world.catalog.dataset).objects.get(pk=world.catalog.dataset.pk)


def _draft(world: Any) -> Any:
    return DatasetVersion.objects.get(pk=world.catalog.draft.pk)


def _published(world: Any) -> Any:
    return DatasetVersion.objects.get(pk=world.catalog.published.pk)


def _look(world: Any) -> Any:
    return FirstLook.objects.get(pk=world.catalog.look.pk)


def _two_say_yes(world: Any) -> object:
    return type(world.catalog.dataset).objects.filter(pk=world.catalog.dataset.pk).update(quorum=2)


def _no_draft(world: Any) -> object:
    """The draft is published, so that the next version can start."""
    steward = world.members["data_steward"]
    rows = DatasetVersion.objects.filter(pk=world.catalog.draft.pk)
    return rows.update(status="published", published_at=world.catalog.published.published_at, published_by=steward)


FACTS = {
    "slug": "newest-data",
    "title": "Newest data",
    "modality": "genomics",
    "description": "What it holds.",
    "owner_basis": "Collected here.",
    "contact": "data@sample.example.org",
    "smallest_count": 10,
    **REGISTER,
}
FILE = {"path": "more.csv", "bytes": 3, "sha256": "ab" * 32, "media_type": "text/csv"}


def catalog_cases(case: Any, reason: Any) -> dict[str, Any]:
    """Each command: target, who succeeds, who is refused, and its details."""
    return {
        "catalog.dataset.created": case(_center, "data_steward", "center_manager", lambda _: dict(FACTS)),
        "catalog.dataset.edited": case(_dataset, "data_steward", "researcher", lambda _: {"title": "Another title"}),
        "catalog.steward.appointed": case(
            _dataset, "center_manager", "data_steward", lambda world: {"member": world.owner, **reason(world)}
        ),
        "catalog.steward.dismissed": case(
            lambda world: world.catalog.appointed, "center_manager", "data_steward", reason
        ),
        "catalog.quorum.raised": case(
            _dataset, "data_steward", "center_manager", lambda world: {"quorum": 2, **reason(world)}
        ),
        "catalog.quorum.lowered": case(
            _dataset, "center_manager", "data_steward", lambda world: {"quorum": 1, **reason(world)}, _two_say_yes
        ),
        "catalog.version.started": case(
            _dataset, "data_steward", "other_manager", lambda _: {"licence": "CC0-1.0", "terms": TERMS}, _no_draft
        ),
        "catalog.version.described": case(_draft, "data_steward", "alliance_manager", lambda _: {"licence": "CC0-1.0"}),
        "catalog.file.registered": case(_draft, "data_steward", "signing_official", lambda _: dict(FILE)),
        "catalog.file.dropped": case(
            _draft, "data_steward", "center_manager", lambda world: {"file": world.catalog.file}
        ),
        "catalog.version.published": case(_draft, "data_steward", "center_manager"),
        "catalog.looks.asked": case(_published, "data_steward", "center_manager"),
        "catalog.look.made": case(
            _look, "previewer", "data_steward", lambda _: {"facts": {"width": 512}, "has_picture": False}
        ),
        "catalog.look.failed": case(_look, "previewer", "data_steward", reason),
        "catalog.version.withdrawn": case(_published, "data_steward", "alliance_manager", reason),
    }
