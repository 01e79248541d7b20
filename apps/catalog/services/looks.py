"""Commands on first looks: ask for them, keep what was made, say why one can't be made."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from apps.catalog import policies as may
from apps.catalog.models import DatasetVersion, FirstLook
from apps.catalog.states import FIRST_LOOK
from apps.core.commands import command, note
from apps.core.errors import WrongState
from apps.core.outbox import later

MOST_LOOKS = 12  # of one version
KINDS = {
    "application/dicom": FirstLook.Kind.DICOM,
    "image/jpeg": FirstLook.Kind.SLIDE,
    "image/png": FirstLook.Kind.SLIDE,
    "image/tiff": FirstLook.Kind.SLIDE,
    "text/x-vcf": FirstLook.Kind.VARIANTS,
    "text/x-vcf+gzip": FirstLook.Kind.VARIANTS,
}


@command("catalog.looks.asked", policy=may.may_steward_version)
def ask_for_looks(version: DatasetVersion, *, by: Any) -> int:
    """Have the first looks made that are missing or failed; how many."""
    if version.status == DatasetVersion.Status.DRAFT:
        raise WrongState("First looks are made of what is published. This is a draft.")
    begun = begin_looks(version)
    note(looks=begun)
    return begun


@FIRST_LOOK.move("keep")
def keep(look: FirstLook, *, by: Any, facts: dict[str, Any], has_picture: bool) -> None:
    """Keep what was found at first sight; its picture lies in the storage."""
    look.facts, look.has_picture = facts, has_picture


@FIRST_LOOK.move("fail")
def fail(look: FirstLook, *, by: Any, reason: str) -> None:
    """Say why it can't be shown."""
    look.reason = reason


def begin_looks(version: DatasetVersion) -> int:
    """Ask a worker for each look that a version lacks; how many: a shared step of several commands."""
    held = {look.path: look for look in version.looks.select_for_update(no_key=True)}
    begun = 0
    for path, kind in _worth_a_look(version):
        look = held.get(path) or FirstLook(version=version, path=path, kind=kind)
        if look.status == FirstLook.Status.FAILED:
            FIRST_LOOK.follow("ask_again", look)
            look.reason = ""
        elif path in held:
            continue
        look.save()
        later("catalog.make_look", look.pk)
        begun += 1
    return begun


def _worth_a_look(version: DatasetVersion) -> Iterator[tuple[str, str]]:
    """The first slides, series and files of variants by path; the images of one folder are a series."""
    seen: set[str] = set()
    data = version.files.filter(role="", media_type__in=KINDS).order_by("path")
    for path, media_type in data.values_list("path", "media_type").iterator():
        kind, folder = KINDS[media_type], str(PurePosixPath(path).parent)
        place = folder if kind == FirstLook.Kind.DICOM and folder != "." else path
        if place not in seen and len(seen) < MOST_LOOKS:
            seen.add(place)
            yield place, kind
