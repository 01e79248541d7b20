"""Bringing data in: bytes to the storage, then the command that enters the file. Stopped anywhere, it can go on."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, TypeAlias

from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile

from apps.alliance.models import Center, Member
from apps.catalog.gateways import DatasetStore, Progress, sha256_of, silent
from apps.catalog.manifest import Line, Manifest
from apps.catalog.models import Dataset, DatasetFile, DatasetVersion
from apps.catalog.paths import demand_inside, media_type_of, open_inside
from apps.catalog.services import datasets, versions
from apps.catalog.tables import dictionary_of
from apps.core.errors import Invalid, NotAllowed, Unavailable, WrongState

LEASE = 20  # seconds after which a killed one's claim on bytes is over
PATIENCE = 30
Upload: TypeAlias = "UploadedFile[Any]"


def dataset_of(manifest: Manifest, center: Center, *, by: Member) -> Dataset:
    """The dataset that the manifest is about, entered now if it is new; raises Invalid if it is another center's."""
    found = Dataset.objects.select_related("center").filter(slug=manifest.slug).first()
    if found is None:
        facts = {"contact": center.contact_email, "smallest_count": center.smallest_count} | manifest.about
        found = datasets.enter(center, by=by, slug=manifest.slug, **facts)
    if found.center_id != center.pk:
        raise Invalid(f"{manifest.slug} is a dataset of {found.center}, not of {center}.")
    return found


def draft_of(dataset: Dataset, manifest: Manifest, *, by: Member) -> DatasetVersion | None:
    """The draft to fill, as the manifest describes it; None where the newest version is just this already."""
    newest = dataset.versions.order_by("-number").first()
    if newest is None or newest.status == DatasetVersion.Status.WITHDRAWN:
        return versions.start(dataset, by=by, **manifest.facts)  # type: ignore[no-any-return]
    is_described = all(getattr(newest, name) == value for name, value in manifest.facts.items())
    if newest.status == DatasetVersion.Status.PUBLISHED:
        if is_described and _lines(newest) == set(manifest.lines):
            return None
        return versions.start(dataset, by=by, **manifest.facts)  # type: ignore[no-any-return]
    if not is_described:
        versions.describe(newest, by=by, **manifest.facts)
    return newest


def fill(
    version: DatasetVersion, manifest: Manifest, folder: Path, *, by: Member, progress: Progress = silent
) -> Iterator[Line]:
    """Bring in each file of the manifest that the draft does not have yet; yields each that it has then."""
    held = {line.path: line for line in _lines(version)}
    if strange := sorted(held.keys() - {line.path for line in manifest.lines}):
        raise Invalid(f"The draft holds a file that the manifest does not name: {strange[0]}. Remove it on its page.")
    for line in manifest.lines:
        if (there := held.get(line.path)) is None:
            with open_inside(folder, line.path) as file:
                bring_in(version, line, file, folder / line.path, by=by, progress=progress)
        elif there != line:
            raise Invalid(f"{line.path} is in the draft with other bytes. Remove it on its page and start again.")
        else:
            progress(line.bytes)
        yield line


def bring_in(
    version: DatasetVersion, line: Line, file: BinaryIO, place: Path, *, by: Member, progress: Progress = silent
) -> DatasetFile:
    """Store the bytes and enter the file; `place` is where they lie on this machine, to be read as a table."""
    store = DatasetStore()
    facts: dict[str, Any] = {"path": line.path, "size": line.bytes, "sha256": line.sha256}
    is_new = store.keep(file, **facts, progress=progress)
    if not is_new:
        progress(line.bytes)
        _demand_these_bytes(file, line)
    kind = media_type_of(line.path)
    dictionary = None if line.role else dictionary_of(place, kind)
    try:
        with alone_with(line.sha256):
            file.seek(0)
            store.keep(file, **facts)  # again only where somebody had them erased meanwhile
            return versions.register_file(  # type: ignore[no-any-return]
                version,
                by=by,
                path=line.path,
                bytes=line.bytes,
                sha256=line.sha256,
                media_type=kind,
                role=line.role,
                dictionary=dictionary,
            )
    except (NotAllowed, WrongState, Invalid):
        forget_bytes(line.sha256)
        raise


def take(
    version: DatasetVersion, uploads: Iterable[Upload], *, by: Member, folder: str, expected: dict[str, Line]
) -> list[DatasetFile]:
    """Bring in what a person uploaded, one after the other; `expected` says what they must be, empty: nothing does."""
    taken: list[DatasetFile] = []
    for upload in uploads:
        path = demand_inside(f"{folder}/{upload.name}" if folder else str(upload.name))
        try:
            taken.append(_take_one(version, upload, path, by=by, expected=expected))
        except Invalid as error:
            before = f"{len(taken)} before it {'is' if len(taken) == 1 else 'are'} in the draft. " if taken else ""
            raise Invalid(fields={"uploads": f"{before}{error}"}) from error
    return taken


def _take_one(
    version: DatasetVersion, upload: Upload, path: str, *, by: Member, expected: dict[str, Line]
) -> DatasetFile:
    if expected and path not in expected:
        raise Invalid(f"{path} is not named in the manifest.")
    if version.files.filter(path=path).exists():
        raise Invalid(f"{path} is in this draft already. Remove it first to put another in its place.")
    if (upload.size or 0) > settings.UPLOAD_LARGEST:
        raise Invalid(f"{path} is larger than a browser may send. Bring it in with manage.py catalog ingest.")
    with _on_disk(upload) as file:
        found, size = sha256_of(file)
        line = expected.get(path) or Line(path, size, found)
        return bring_in(version, line, file, Path(file.name), by=by)


@contextmanager
def _on_disk(upload: Upload) -> Iterator[Any]:
    """The upload as a file with a place; Django keeps a small one in memory."""
    with NamedTemporaryFile() as copy:
        if hasattr(upload, "temporary_file_path"):
            yield upload.file
            return
        copy.writelines(upload.chunks())
        copy.seek(0)
        yield copy


def forget_bytes(sha256: str) -> bool:
    """Erase bytes that no version holds; whether that was so."""
    with alone_with(sha256):
        if DatasetFile.objects.filter(sha256=sha256).exists():
            return False
        DatasetStore().forget(sha256)
        return True


@contextmanager
def alone_with(sha256: str) -> Iterator[None]:
    """Nobody else enters or erases these bytes meanwhile, so that no file is entered whose bytes are just going."""
    key, until = f"catalog:bytes:{sha256}", time.monotonic() + PATIENCE
    while not cache.add(key, 1, LEASE):
        if time.monotonic() > until:
            raise Unavailable("Somebody else is at work on the same bytes. Try again in a minute.")
        time.sleep(0.05)
    try:
        yield
    finally:
        cache.delete(key)


def _demand_these_bytes(file: BinaryIO, line: Line) -> None:
    """The storage has them under this hash; whether the file here is the same, only reading it can tell."""
    found, size = sha256_of(file)
    if (found, size) != (line.sha256, line.bytes):
        raise Invalid(
            f"{line.path} has {size:,} bytes with the SHA-256 {found} instead of {line.bytes:,} with {line.sha256}."
        )


def _lines(version: DatasetVersion) -> set[Line]:
    rows = version.files.values_list("path", "bytes", "sha256", "role")
    return {Line(*row) for row in rows}
