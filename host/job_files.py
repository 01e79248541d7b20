"""The folders of jobs on this machine: code by its hash, a job's own work, and what it leaves to its project.

What stands in a job's folder was written from inside a sandbox. We read it with root's eyes, so no link in it is ever
followed: every folder is opened from the one above it, and only plain files are taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host.cache import Cache, CacheError
from host.job_plan import JobPlan

_PIECE = 1 << 20
_TAIL = 64 * 1024
_DEEPEST = 40
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
PARTS = ("checkpoint", "results", "tmp")
MOST_FILES = 5_000


class FilesError(Exception):
    """What a job needs can't be laid out, or what it left can't be taken; the message says why."""


@dataclass(frozen=True)
class Left:
    """A file that a job left, by its path below its results."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class JobFiles:
    """`folder` lasts: it holds a folder for each code and for each job."""

    folder: Path

    @property
    def codes(self) -> Path:
        """Unpacked archives by their hash."""
        return self.folder / "code"

    @property
    def works(self) -> Path:
        """A folder for each project, and in it one for each of its jobs, by their ids."""
        return self.folder / "work"

    def work_of(self, project: str, job: str) -> Path:
        """The folder of this job; those of one project lie together."""
        return self.works / project / job

    def erase(self, project: str) -> None:
        """Take away the work of all jobs of a project for good."""
        shutil.rmtree(self.works / project, ignore_errors=True)

    def make_ready(self) -> None:
        """Make the folders that hold the others."""
        for place in (self.folder, self.codes, self.works):
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o711)

    def code(self, plan: JobPlan, cache: Cache) -> Path:
        """The folder of this code, unpacked whole or not at all. CacheError where it can't be fetched."""
        place = self.codes / plan.code.sha256
        if place.is_dir():
            return place
        making = self.codes / f".{plan.code.sha256}-{plan.attempt}"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        try:
            with tarfile.open(cache.one(plan.code)) as archive:
                archive.extractall(making, filter="data")
        except (tarfile.TarError, OSError) as error:
            raise CacheError(f"The code can't be unpacked: {error}") from error
        for path in (making, *making.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o444)
        with contextlib.suppress(OSError):  # somebody else was first
            making.rename(place)
        shutil.rmtree(making, ignore_errors=True)
        return place

    def work(self, plan: JobPlan) -> Path:
        """The job's own folder: checkpoints stay from attempt to attempt, the rest is begun anew."""
        place = self.work_of(plan.project, plan.job)
        place.parent.mkdir(mode=0o711, exist_ok=True)
        if not place.exists():
            self._make(plan, place)
        for part in ("results", "tmp", "progress.jsonl"):
            _forget(place / part)
        for part in PARTS:
            if (place / part).is_symlink() or not (place / part).is_dir():
                _forget(place / part)
                (place / part).mkdir()
            _give(place / part, plan.uid)
        return place

    def _make(self, plan: JobPlan, place: Path) -> None:
        """A new one, with the checkpoints of the job that it goes on from; whole or not at all."""
        making = place.with_name(f".{place.name}")
        shutil.rmtree(making, ignore_errors=True)
        (making / "checkpoint").mkdir(parents=True)
        former = self.work_of(plan.project, plan.resumes or "") / "checkpoint"
        if plan.resumes and former.is_dir():
            list(copied(former, making / "checkpoint", plan.sizes.work))
        for path in (making, *making.rglob("*")):
            _give(path, plan.uid)
        making.chmod(0o700)
        making.rename(place)


def publish(made: Path, shared: Path, label: str, attempt: str) -> str:
    """Move a folder of ours among the project's files, which its members write; its path there."""
    own = f"{label}-{attempt[-12:]}"
    with _opened(shared) as top:
        with contextlib.suppress(FileExistsError):
            os.mkdir("jobs", 0o770, dir_fd=top)
        with contextlib.suppress(OSError), _opened(Path("jobs"), above=top) as jobs:
            for name in (label, own):
                with contextlib.suppress(OSError):
                    os.rename(made, name, dst_dir_fd=jobs)
                    return f"/shared/jobs/{name}"
        os.rename(made, own, dst_dir_fd=top)  # whatever its members put in our way: this name none of them knew
        return f"/shared/{own}"


def tail(folder: Path, name: str) -> bytes:
    """The last bytes of a plain file in this folder; nothing where there is none."""
    with contextlib.suppress(OSError), _opened(folder) as above:
        handle = os.open(name, _FILE, dir_fd=above)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if stat.S_ISREG(status.st_mode):
                file.seek(max(0, status.st_size - _TAIL))
                return file.read(_TAIL)
    return b""


def copied(source: Path, target: Path, most: int) -> Iterator[Left]:
    """Copy the plain files below a folder that we don't trust, and hash them on the way. FilesError where too much."""
    left, files = most, 0
    with _opened(source) as top:
        for path, handle in _walked(top, "", 0):
            files += 1
            if files > MOST_FILES:
                raise FilesError(f"It left more than {MOST_FILES:,} files.")
            place = target / path
            place.parent.mkdir(parents=True, exist_ok=True)
            digest, size = hashlib.sha256(), 0
            with open(handle, "rb") as file, place.open("wb") as sink:
                while piece := file.read(_PIECE):
                    size += len(piece)
                    if size > left:
                        raise FilesError("It left more than fits into its folder.")
                    digest.update(piece)
                    sink.write(piece)
            left -= size
            yield Left(path, digest.hexdigest(), size)


def _walked(folder: int, above: str, depth: int) -> Iterator[tuple[str, int]]:
    """Each plain file below an open folder, opened; its path is below the first one."""
    if depth > _DEEPEST:
        raise FilesError("Its folders lie too deep in one another.")
    for name in sorted(os.listdir(folder)):
        path = f"{above}{name}"
        if any(ord(letter) < 32 for letter in name) or len(path.encode("utf-8", "surrogateescape")) > 1024:
            continue
        try:
            path.encode()
            mode = os.lstat(name, dir_fd=folder).st_mode
            if stat.S_ISDIR(mode):
                inner = os.open(name, _FOLDER, dir_fd=folder)
                try:
                    yield from _walked(inner, f"{path}/", depth + 1)
                finally:
                    os.close(inner)
            elif stat.S_ISREG(mode):
                handle = os.open(name, _FILE, dir_fd=folder)
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    yield path, handle
                else:
                    os.close(handle)
        except (OSError, UnicodeError):
            continue  # it went away, or its name is no text


@contextlib.contextmanager
def _opened(folder: Path, above: int | None = None) -> Iterator[int]:
    handle = os.open(folder, _FOLDER, dir_fd=above)
    try:
        yield handle
    finally:
        os.close(handle)


def _forget(place: Path) -> None:
    """Take away whatever stands there; a link itself, not what it leads to."""
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)


def _give(path: Path, uid: int) -> None:
    """Make it the sandbox's own, where each has a uid of its own."""
    if os.geteuid() == 0:
        os.chown(path, uid, uid, follow_symlinks=False)
