"""How fast a large file comes in: hashed, stored and published, beside a bare upload and hash of the same file."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from boto3.s3.transfer import TransferConfig

from apps.alliance.models import Member
from apps.audit.source import coming_from
from apps.catalog import ingest, manifest
from apps.catalog.gateways import PART, DatasetStore
from apps.catalog.models import DatasetVersion
from apps.catalog.services import versions
from apps.core.gateways import Objects, _client
from tests.factories import CenterFactory, arranged, holder
from tests.factories_catalog import REGISTER

MB = 1024 * 1024
SIZE = 2048 * MB
BENCH = "ingest"
RUNS = 5  # after one that warms up


def figures(*, scale: float = 1.0) -> Iterator[dict[str, object]]:
    """MB/s of a file of 2 GB; `limit` is boto3's own upload followed by the hash, in turns with ours."""
    size = max(int(SIZE * scale) // MB, 1) * MB
    Objects().ensure_bucket()
    with arranged():
        center = CenterFactory(slug="bench", short_name="Bench")
    steward = holder("data_steward", center)
    bare, ours, peaks = [], [], []
    with TemporaryDirectory() as place:
        folder, told = _folder(Path(place), size)
        for turn in range(1 + RUNS):
            named = replace(told, slug=f"large-{turn}")
            bare.append(_rate(size, lambda: _bare(folder / told.lines[0].path)))
            rate, peak = _with_peak(lambda named=named: _rate(size, lambda: _ours(folder, named, steward)))  # type: ignore[misc]
            ours.append(rate)
            peaks.append(peak)
            _forget(named)
    yield _row(bare[1:], ours[1:], mb=size // MB, peak_growth_mb=round(max(peaks) / MB))


def _row(bare: list[float], ours: list[float], **about: object) -> dict[str, object]:
    return {
        "bench": BENCH,
        "figure": "ingest",
        "value": round(median(ours), 1),
        "unit": "MB/s",
        "limit": round(median(bare), 1),
        "ratio": round(median(ours) / median(bare), 2),
        "runs": len(ours),
        "lowest": round(min(ours), 1),
        "highest": round(max(ours), 1),
        "limit_lowest": round(min(bare), 1),
        "limit_highest": round(max(bare), 1),
        **about,
        "load": round(os.getloadavg()[0], 1),
    }


def _folder(place: Path, size: int) -> tuple[Path, manifest.Manifest]:
    digest = hashlib.sha256()
    with (place / "large.bin").open("wb") as file:
        for _ in range(size // MB):
            piece = os.urandom(MB)
            digest.update(piece)
            file.write(piece)
    facts: dict[str, Any] = {
        "id": "large", "title": "Large", "modality": "ehr", "owner_center": "bench", "owner_basis": "Made up.",
        "description": "Noise.", "licence": {"spdx": "CC0-1.0"}, "suggested_duo": [{"code": "DUO:0000004"}],
        "files": [{"path": "large.bin", "bytes": size, "sha256": digest.hexdigest()}], **REGISTER,
    }  # fmt: skip
    return place, manifest.parse(json.dumps(facts).encode())


def _bare(path: Path) -> None:
    """What nobody can be much faster than: boto3's own upload in parts of the same size, then the hash."""
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=3)
    bucket = Objects().bucket
    _client().upload_file(str(path), bucket, "bench/bare", Config=config)
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    _client().delete_object(Bucket=bucket, Key="bench/bare")


def _ours(folder: Path, told: manifest.Manifest, steward: Member) -> None:
    """The whole way: dataset, draft, file, publication."""
    with coming_from(component="bench", auth={"method": "bench", "age_s": 0}):
        draft = ingest.draft_of(ingest.dataset_of(told, steward.center, by=steward), told, by=steward)
        assert draft
        assert len(list(ingest.fill(draft, told, folder, by=steward))) == 1
        versions.publish(draft, by=steward)


def _forget(told: manifest.Manifest) -> None:
    """Take the bytes away again, so that the next turn sends all of them."""
    assert DatasetVersion.objects.get(dataset__slug=told.slug).status == "published"
    DatasetStore().forget(told.lines[0].sha256)


def _rate(size: int, work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return size / MB / (time.perf_counter() - began)


def _with_peak(work: Callable[[], float]) -> tuple[float, int]:
    """The work's answer, and by how much this process's memory grew at most meanwhile."""
    before, peak, done = _resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        answer = work()
    finally:
        done.set()
        watcher.join()
    return answer, max(peak - before, 0)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
