"""The read-only cache: each file once by its SHA-256, verified while it arrives; versions are folders of hard links.

A file that was verified carries one fixed time of change. Whoever writes to it changes that time, so it is read again
before it is shown to anybody. The time of access tells what was wanted least recently.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from host.plan import DataFile, Dataset
from host.wire import Unreachable, opened
from sandbox.spec import GB

_VERIFIED = 1_000_000_000 * 10**9  # nanoseconds; the time of change of a file whose bytes are known to be right
_PIECE = 1 << 20
_TRIES = 3
_TIMEOUT = 30.0
README = "README.md"
Told = Callable[[int], None]  # bytes that have come since it was told last


class CacheError(Exception):
    """The data can't be made ready; the message says why, for the person who waits."""


class Expired(CacheError):
    """The addresses of the files have grown old: ask for new ones and go on where it broke off."""


class _NoRanges(Exception):
    """The storage gives whole files only: begin anew."""


class Cache:
    """`folder` must lie on one file system; `most` is in bytes, and so is `room`: what the disk has left for it."""

    def __init__(self, folder: Path, most: int, room: Callable[[], int] = lambda: sys.maxsize) -> None:
        self.folder, self.most, self.room = folder, most, room
        self.files, self.partial, self.versions = (folder / name for name in ("files", "partial", "versions"))
        for place in (self.files, self.partial, self.versions):
            place.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._held: dict[str, set[str]] = {}  # who mounts which versions
        self._wanted: list[set[str]] = []  # files of versions that are being made ready, in no folder yet

    def hold(self, run: str, *versions: str) -> None:
        """These versions are mounted by this run: they stay."""
        with self._lock:
            self._held.setdefault(run, set()).update(versions)

    def release(self, run: str) -> None:
        """This run mounts nothing any more."""
        with self._lock:
            self._held.pop(run, None)

    def make_ready(self, dataset: Dataset, *, by: str, told: Told = lambda arrived: None) -> Path:
        """The folder of this version with all its files, held for the run `by`. CacheError says why not."""
        name = name_of(dataset)
        wanted = {file.sha256 for file in dataset.files}
        self.hold(by, name)
        with self._lock:
            self._wanted.append(wanted)
        try:
            with self._alone(name):
                self._make_room(dataset)
                for file in dataset.files:
                    self._fetch(file, told)
                return self._lay(dataset, name)
        except OSError as error:
            raise _of_disk(error) from error
        finally:
            with self._lock:
                self._wanted.remove(wanted)

    def one(self, file: DataFile) -> Path:
        """A file by itself, verified. CacheError says why not."""
        try:
            self._fetch(file, lambda arrived: None)
        except OSError as error:
            raise _of_disk(error) from error
        return self.path_of(file.sha256)

    def path_of(self, sha256: str) -> Path:
        """Where a file's bytes lie."""
        return self.files / sha256[:2] / sha256

    # ── one file ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _fetch(self, file: DataFile, told: Told) -> None:
        """Have this file, verified."""
        with self._alone(file.sha256):
            if self._is_there(file):
                told(file.size)
                return
            trouble: Exception | None = None
            for _ in range(_TRIES):
                try:
                    self._download(file, told)
                    return
                except _NoRanges as error:
                    (self.partial / file.sha256).unlink()
                    trouble = error
                except (Unreachable, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                    trouble = error
            raise CacheError(f"The object storage broke off while a file was fetched: {trouble}") from trouble

    def _is_there(self, file: DataFile) -> bool:
        path = self.path_of(file.sha256)
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        if status.st_size == file.size and status.st_mtime_ns == _VERIFIED:
            os.utime(path, ns=(time.time_ns(), _VERIFIED))
            return True
        if status.st_size == file.size and _sum(path) == file.sha256:
            _seal(path)
            return True
        path.unlink()  # somebody or the disk changed it; folders that hold it are laid anew below
        return False

    def _download(self, file: DataFile, told: Told) -> None:
        part = self.partial / file.sha256
        digest, have = hashlib.sha256(), 0
        with part.open("a+b") as sink:
            sink.seek(0)
            while piece := sink.read(_PIECE):  # what came before somebody broke off
                digest.update(piece)
                have += len(piece)
            told(have)
            if have < file.size or not have:
                have = self._receive(file, sink, digest, have, told)
        if have < file.size:
            raise Unreachable(f"only {have} of {file.size} bytes came")
        if have > file.size or digest.hexdigest() != file.sha256:
            part.unlink()
            raise CacheError("A file arrived with other bytes than its checksum says; the dataset is not mounted.")
        path = self.path_of(file.sha256)
        path.parent.mkdir(exist_ok=True)
        _seal(part)
        part.rename(path)
        _sync_folder(path.parent)

    def _receive(self, file: DataFile, sink: BinaryIO, digest: hashlib._Hash, have: int, told: Told) -> int:
        """Take the rest of a file; how many bytes of it we have then, at most one piece too many."""
        headers = {"Range": f"bytes={have}-"} if have else {}
        with opened("GET", file.url, headers, timeout=_TIMEOUT) as answer:
            if answer.status in {401, 403}:
                raise Expired("The object storage refused a file of the dataset: its address was too old.")
            if answer.status not in {200, 206}:
                raise CacheError(f"The object storage refused a file of the dataset ({answer.status}).")
            if have and answer.status == 200:
                raise _NoRanges
            while have <= file.size and (piece := answer.read(_PIECE)):
                digest.update(piece)
                sink.write(piece)
                have += len(piece)
                told(len(piece))
        sink.flush()
        os.fsync(sink.fileno())
        return have

    # ── one version ─────────────────────────────────────────────────────────────────────────────────────────────────
    def _lay(self, dataset: Dataset, name: str) -> Path:
        """A folder with the version's files as hard links, and its README; whole or not at all."""
        folder = self.versions / name
        if folder.exists() and self._is_whole(dataset, folder):
            os.utime(folder)
            return folder
        making = self.versions / f".{name}"
        for former in (making, folder):
            shutil.rmtree(former, ignore_errors=True)
        making.mkdir()
        for file in dataset.files:
            place = making / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(self.path_of(file.sha256), place)
        readme = making / readme_name(dataset)
        readme.write_text(dataset.readme, encoding="utf-8")
        readme.chmod(0o444)
        for path in (making, *making.rglob("*")):
            if path.is_dir():
                path.chmod(0o555 if os.geteuid() == 0 else 0o755)
        making.rename(folder)
        return folder

    def _is_whole(self, dataset: Dataset, folder: Path) -> bool:
        for file in dataset.files:
            try:
                status = (folder / file.path).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return False
            if status.st_size != file.size or status.st_mtime_ns != _VERIFIED:
                return False
        return True

    # ── room ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _make_room(self, dataset: Dataset) -> None:
        """Remove what nobody mounts, least recently wanted first, until what is to come has room."""
        wanted = {file.sha256: file.size for file in dataset.files}
        coming = sum(size for sha, size in wanted.items() if not self.path_of(sha).exists())
        if sum(wanted.values()) > self.most:
            raise CacheError(
                f"The dataset needs {sum(wanted.values()) / GB:,.1f} GB, "
                f"and this machine's cache holds {self.most / GB:,.1f} GB."
            )
        with self._lock:
            held = {name for names in self._held.values() for name in names}
            used = self.used()
            most = min(self.most, used + self.room())
            if used + coming <= most:
                return
            for folder in sorted(self.versions.iterdir(), key=lambda path: path.stat().st_mtime_ns):
                if folder.name.lstrip(".") not in held:
                    shutil.rmtree(folder, ignore_errors=True)
            for path, status in sorted(self._unheld(), key=lambda one: one[1].st_atime_ns):
                if used + coming <= most:
                    return
                path.unlink()
                used -= status.st_size
        if used + coming > most:
            raise CacheError("The machine has no room for this data beside what others work with now; try again later.")

    def used(self) -> int:
        """Bytes of all files, also of those that have come only in part."""
        kept = [path.stat().st_size for path in self.files.glob("*/*")]
        return sum(kept) + sum(path.stat().st_size for path in self.partial.iterdir())

    def _unheld(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Files that no version's folder holds."""
        for path in (*self.files.glob("*/*"), *self.partial.iterdir()):
            status = path.stat()
            if status.st_nlink == 1 and not any(path.name in wanted for wanted in self._wanted):
                yield path, status

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Whoever wants the same at the same time waits, and then finds it there."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            yield


def name_of(dataset: Dataset) -> str:
    """The name of a version's folder: it says nothing, and another content has another."""
    lines = sorted(f"{file.sha256} {file.size} {file.path}" for file in dataset.files)
    digest = hashlib.sha256("\n".join([dataset.readme, *lines]).encode())
    return digest.hexdigest()[:32]


def readme_name(dataset: Dataset) -> str:
    """Where the catalog's words lie: beside a README of the dataset's own, not over it."""
    own = {str(file.path) for file in dataset.files}
    return README if README not in own else next(
        name for name in ("README-catalog.md", *(f"README-catalog-{number}.md" for number in range(1, 99)))
        if name not in own
    )  # fmt: skip


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError as error:
        if error.errno != errno.EMLINK:
            raise
        shutil.copyfile(source, place)  # a file in more versions than the file system can count
        _seal(place)


def _seal(path: Path) -> None:
    path.chmod(0o444)
    os.utime(path, ns=(time.time_ns(), _VERIFIED))


def _sum(path: Path) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _of_disk(error: OSError) -> CacheError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return CacheError("The machine's disk is full, so the data can't be fetched. Its operator must make room.")
    return CacheError(f"The machine's cache can't be written: {error.strerror or error}.")
