"""The demo's datasets: open data under examples/data, brought in by the commands that stewards use.

Who owns what is the demo's own assignment where `owner_basis` says so; no center has endorsed anything here.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.alliance.demo_story import on_day
from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.audit.source import coming_from
from apps.catalog import ingest, manifest
from apps.catalog.models import Dataset
from apps.catalog.services import versions
from apps.core.errors import Invalid

FOLDER = Path(settings.BASE_DIR) / "examples" / "data"
IN_TURN = ("fred-hutch", "dana-farber", "msk", "johns-hopkins")  # for what belongs to no center in particular
PAST = timedelta(days=210)
APART = timedelta(days=9)

CATEGORIES = {
    Dataset.Modality.EHR: "Age, sex, diagnosis, treatment and outcome; no names, no record numbers.",
    Dataset.Modality.PATHOLOGY: "Images of stained tissue; no names.",
    Dataset.Modality.RADIOLOGY: "Images of the body with their technical facts, de-identified before they came here.",
    Dataset.Modality.GENOMICS: "Genetic data of tumors, some with age, sex and diagnosis; no names.",
}
REGISTER = {
    "legal_basis": "Demo statement: published by its makers under an open licence, for research.",
    "data_subjects": "Demo statement: people treated for cancer or in a study of it, or cells and tissue from them.",
    "recipients": "Demo statement: members of the alliance whose project the owner approved.",
    "transfers": "Demo statement: none; the data stay in the portal, and only checked results leave it.",
    "retention": "Demo statement: as long as the demo runs.",
    "safeguards": "Demo statement: de-identified, used only in workspaces without a network, each use on the record.",
}


def bring_in_all(today: datetime) -> Iterator[str]:
    """Ingest and publish each dataset that is not there yet; yields a line for each."""
    turn = cycle(IN_TURN)
    folders = sorted(path.parent for path in FOLDER.glob(f"*/{manifest.NAME}"))
    with coming_from(component="demo", auth={"method": "demo", "factors": ["demo"], "age_s": 0}):
        for place, folder in enumerate(folders):
            told = manifest.read_folder(folder)
            owner = next(turn) if told.owner_center == manifest.FOR_ALL else told.owner_center
            center = Center.objects.filter(slug=owner).first()
            if center is None:
                raise Invalid(f"There is no center {owner} here. Load the demo alliance first.")
            with on_day(today - PAST + APART * place):
                yield _bring_in(folder, told, center)


def _bring_in(folder: Path, told: manifest.Manifest, center: Center) -> str:
    steward = holders_of(Role.DATA_STEWARD, center).select_related("center").order_by("name").first()
    assert steward, f"{center} has no data steward"
    told = replace(told, about=told.about | _stated(told, center))
    dataset = ingest.dataset_of(told, center, by=steward)
    draft = ingest.draft_of(dataset, told, by=_fresh(steward))
    if draft is None:
        return f"{told.slug} is there already"
    for _ in ingest.fill(draft, told, folder, by=_fresh(steward)):
        pass
    versions.publish(draft, by=_fresh(steward))
    return f"{told.slug}: {len(told.lines)} files of {center}"


def _stated(told: manifest.Manifest, center: Center) -> dict[str, Any]:
    """What dataset.json does not know, as the demo states it."""
    stated: dict[str, Any] = REGISTER | {"data_categories": f"Demo statement: {CATEGORIES[told.about['modality']]}"}
    stated["owner_basis"] = _basis(told, center)[:500]
    if told.about["modality"] == Dataset.Modality.GENOMICS:
        stated["quorum"] = min(2, holders_of(Role.DATA_STEWARD, center).count())
    return stated


def _basis(told: manifest.Manifest, center: Center) -> str:
    """Why it is the owner's, in sentences: dataset.json says “real: …” or “demo assignment only: …”."""
    kind, is_marked, source = str(told.about["owner_basis"]).partition(": ")
    words = f"{source[0].upper()}{source[1:]}." if is_marked else f"{kind[0].upper()}{kind[1:]}."
    if told.owner_center == manifest.FOR_ALL:
        return f"Given to {center} in turn, for the demo. Where it is from: {words}"
    return words if kind == "real" or not is_marked else f"Given to it for the demo only. Where it is from: {words}"


def _fresh(member: Member) -> Member:
    return Member.objects.select_related("center").get(pk=member.pk)
