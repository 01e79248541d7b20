"""Commands on datasets: bring one into the catalog, and change what is said of it."""

from typing import Any

from apps.alliance.models import Center
from apps.catalog import policies as may
from apps.catalog.models import Dataset
from apps.catalog.selectors import was_published
from apps.core.commands import command, note
from apps.core.errors import Invalid

RESERVED = {"new", "stewards"}  # addresses below /datasets/ that are no dataset
REGISTER = (
    "legal_basis",
    "data_subjects",
    "data_categories",
    "recipients",
    "transfers",
    "retention",
    "safeguards",
)  # what article 30 of the GDPR asks for
ALWAYS_OPEN = {"title", "description", "contact", "smallest_count", *REGISTER}
BEFORE_PUBLICATION = {"modality", "owner_basis"}


@command("catalog.dataset.created", policy=may.may_bring_data, creates=Dataset)
def enter(center: Center, *, by: Any, slug: str, title: str, **facts: Any) -> Dataset:
    """Enter a dataset of the center; only its stewards see it until a version is published."""
    if slug in RESERVED:
        raise Invalid(fields={"slug": "This word is taken by a page of the portal. Choose another."})
    if Dataset.objects.filter(slug=slug).exists():
        raise Invalid(fields={"slug": "A dataset of this alliance has this name in its address. Choose another."})
    dataset = Dataset(center=center, slug=slug, title=title, **facts)
    _demand_floor(dataset)
    dataset.save(force_insert=True)
    return dataset


@command("catalog.dataset.edited", policy=may.may_steward)
def edit(dataset: Dataset, *, by: Any, **facts: Any) -> None:
    """Change what is said of a dataset; what belongs to a version is changed by a new version."""
    changed = sorted(name for name, value in facts.items() if getattr(dataset, name) != value)
    is_public = was_published(dataset)
    open_now = ALWAYS_OPEN if is_public else ALWAYS_OPEN | BEFORE_PUBLICATION
    if fixed := sorted(set(changed) - open_now):
        why = "can't change any more: it was published" if is_public else "can't change here"
        raise Invalid(f"{', '.join(name.replace('_', ' ') for name in fixed)} {why}.")
    if is_public and (gone := [name for name in REGISTER if name in facts and not facts[name]]):
        raise Invalid(fields=dict.fromkeys(gone, "It is published, so the register must say this."))
    for name in changed:
        setattr(dataset, name, facts[name])
    _demand_floor(dataset)
    if changed:
        dataset.save(update_fields=changed)
    note(fields=changed)


def _demand_floor(dataset: Dataset) -> None:
    least = dataset.center.smallest_count
    if dataset.smallest_count < least:
        raise Invalid(fields={"smallest_count": f"{dataset.center} shows no count below {least}. Say {least} or more."})
