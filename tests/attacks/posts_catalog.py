"""Every form of the catalog, filled in as its page would; merged into SENT."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories_catalog import REGISTER
from tests.rules.cases_catalog import _no_draft

DATASET = {
    "title": "A new title",
    "description": "What it holds.",
    "contact": "new@sample.example.org",
    "smallest_count": "12",
    **REGISTER,
}
VERSION = {
    "licence": "CC0-1.0",
    "permission": "DUO:0000007",
    "diseases": "MONDO:0004992",
    "modifiers": ["DUO:0000019", "DUO:0000022"],
    "countries": "US, DE",
    "institutions": "",
    "until": "",
    "months": "",
    "citation": "Us.",
    "format": "CSV",
    "changes": "More rows.",
}


def _new_dataset(world: Any) -> dict[str, Any]:
    own = {"center": world.center.slug, "slug": "newest-data", "modality": "ehr", "owner_basis": "Ours.", "quorum": "2"}
    return {**DATASET, **own}


def _upload(world: Any) -> dict[str, Any]:
    return {"uploads": SimpleUploadedFile("more.csv", b"a,b\n1,2\n", "text/csv"), "folder": "tables"}


def catalog_posts(post: Any, why: Any) -> dict[str, Any]:
    """Each address: who may send it, and what."""
    return {
        "catalog:dataset_create": post("data_steward", _new_dataset),
        "catalog:dataset_edit": post("data_steward", lambda world: dict(DATASET)),
        "catalog:quorum": post("data_steward", lambda world: {"quorum": "2", "reason": "More eyes."}),
        "catalog:steward_appoint": post(
            "center_manager", lambda world: {"member": str(world.owner.pk), "reason": "Knows it best."}
        ),
        "catalog:steward_dismiss": post("center_manager", why),
        "catalog:version_start": post("data_steward", lambda world: dict(VERSION), _no_draft),
        "catalog:version_edit": post("data_steward", lambda world: dict(VERSION)),
        "catalog:version_upload": post("data_steward", _upload),
        "catalog:version_publish": post("data_steward", lambda world: {"is_checked": "on"}),
        "catalog:version_withdraw": post("data_steward", why),
        "catalog:file_drop": post("data_steward"),
        "catalog:looks_ask": post("data_steward"),
    }
