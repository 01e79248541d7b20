"""Commands on versions and their files: start, describe, fill, publish, withdraw."""

from typing import Any

from django.db.models import Max, Sum
from django.utils import timezone

from apps.catalog import policies as may
from apps.catalog.models import Dataset, DatasetFile, DatasetVersion
from apps.catalog.selectors import stewards_of
from apps.catalog.services.datasets import REGISTER
from apps.catalog.services.looks import begin_looks
from apps.catalog.states import VERSION
from apps.catalog.terms import demand_terms
from apps.core.commands import command, note
from apps.core.errors import Invalid, NotFound, WrongState
from apps.core.notices import tell
from apps.core.outbox import later

FACTS = ("changes", "licence", "citation", "format", "source", "records", "terms")
MOST_FILES = 20_000  # of one version


@command("catalog.version.started", policy=may.may_steward, creates=DatasetVersion)
def start(dataset: Dataset, *, by: Any, **facts: Any) -> DatasetVersion:
    """Start the draft of the next version; what is not said is taken from the version before."""
    if facts.get("terms"):
        demand_terms(facts["terms"])
    before = dataset.versions.order_by("-number").first()
    known = {name: getattr(before, name) for name in FACTS if name != "changes"} if before else {}
    number = (dataset.versions.aggregate(most=Max("number"))["most"] or 0) + 1
    version = DatasetVersion(dataset=dataset, number=number, **{**known, **facts})
    version.save(force_insert=True)
    note(number=number)
    return version


@command("catalog.version.described", policy=may.may_steward_version)
def describe(version: DatasetVersion, *, by: Any, **facts: Any) -> None:
    """Change what a draft says of itself: licence, terms of use, citation, format, records."""
    demand_draft(version)
    if facts.get("terms"):
        demand_terms(facts["terms"])
    changed = sorted(name for name, value in facts.items() if getattr(version, name) != value)
    for name in changed:
        setattr(version, name, facts[name])
    if changed:
        version.save(update_fields=changed)
    note(number=version.number, fields=changed)


@command("catalog.file.registered", policy=may.may_steward_version, creates=DatasetFile)
def register_file(
    version: DatasetVersion,
    *,
    by: Any,
    path: str,
    bytes: int,
    sha256: str,
    media_type: str,
    role: str = "",
    dictionary: dict[str, Any] | None = None,
) -> DatasetFile:
    """Enter a file of a draft whose bytes are in the storage."""
    demand_draft(version)
    if version.files.filter(path=path).exists():
        raise Invalid(fields={"uploads": f"{path} is in this draft already. Remove it there first."})
    if version.files.count() >= MOST_FILES:
        raise Invalid(f"A version holds at most {MOST_FILES:,} files. Pack small ones together.")
    file = DatasetFile(
        version=version,
        path=path,
        bytes=bytes,
        sha256=sha256,
        media_type=media_type,
        role=role,
        dictionary=dictionary,
    )
    file.save(force_insert=True)
    note(sha256=sha256, bytes=bytes)
    return file


@command("catalog.file.dropped", policy=may.may_steward_version)
def drop_file(version: DatasetVersion, *, by: Any, file: DatasetFile) -> None:
    """Take a file out of a draft; its bytes are erased unless another version holds the same."""
    demand_draft(version)
    held = version.files.filter(pk=file.pk).first()
    if held is None:
        raise NotFound("This file is not in the draft any more.")
    note(sha256=held.sha256, bytes=held.bytes)
    later("catalog.forget_bytes", held.sha256)
    held.delete()


@VERSION.move("publish")
def publish(version: DatasetVersion, *, by: Any) -> None:
    """Publish the draft: from now on every member sees it, and it is never changed again."""
    if missing := missing_for_publication(version):
        raise Invalid(f"It can't be published yet. Missing: {'; '.join(missing)}.")
    demand_terms(version.terms)
    version.bytes = version.files.aggregate(all=Sum("bytes"))["all"]
    version.published_at, version.published_by = timezone.now(), by
    begin_looks(version)
    note(number=version.number, files=version.files.count(), bytes=version.bytes)


@VERSION.move("withdraw")
def withdraw(version: DatasetVersion, *, by: Any, reason: str) -> None:
    """Withdraw a published version: nobody starts to use it any more, and everybody sees that it was there."""
    version.withdrawn_at, version.withdrawn_by, version.reason = timezone.now(), by, reason
    note(number=version.number)
    for steward in stewards_of(version.dataset).exclude(pk=by.pk):
        tell(
            steward,
            key=f"version-withdrawn:{version.pk}",
            subject=f"{version} is withdrawn",
            text=f"{by} writes: {reason}",
            path=f"/datasets/{version.dataset.slug}/",
        )


def missing_for_publication(version: DatasetVersion) -> list[str]:
    """What the draft lacks, in words."""
    return [
        *([] if version.files.filter(role="").exists() else ["files: a version holds at least one"]),
        *([] if version.licence else ["the licence"]),
        *([] if version.terms else ["the terms of its use"]),
        *(f"{name.replace('_', ' ')} (for the register)" for name in REGISTER if not getattr(version.dataset, name)),
    ]


def demand_draft(version: DatasetVersion) -> None:
    """Raise WrongState where what was published would be changed."""
    if version.status != DatasetVersion.Status.DRAFT:
        raise WrongState(
            f"Version {version.number} is {version.get_status_display().lower()}, and what was published is never "
            "changed. Start a new version instead."
        )
