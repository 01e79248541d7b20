"""What somebody wants to run apart from everything else: one frozen description, the same for every backend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from types import MappingProxyType

KB, MB, GB = 1024, 1024**2, 1024**3

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}")
_OURS = tuple(map(PurePosixPath, ("/proc", "/dev", "/sys", "/usr", "/etc", "/tmp", "/bin", "/sbin", "/lib", "/lib64")))
LOWEST_UID, HIGHEST_UID = 10_000, 2**31 - 2


class SpecError(ValueError):
    """The description can't be meant so; the message says what to change."""


@dataclass(frozen=True)
class ReadOnly:
    """A folder or file of the host, seen inside under another path, never written."""

    source: Path
    inside: PurePosixPath


@dataclass(frozen=True)
class Writable:
    """A folder of the host that can be written from inside. `quota` is in bytes, `files` a number.

    `shared`: several sandboxes write it at once, so it can't be a volume of its own.
    """

    source: Path
    inside: PurePosixPath
    quota: int | None = None
    files: int = 200_000
    shared: bool = False


@dataclass(frozen=True)
class SocketFolder:
    """A folder with Unix sockets, the only way in and out. `listens`: the sandbox makes its own sockets there."""

    source: Path
    inside: PurePosixPath
    listens: bool = False


Mount = ReadOnly | Writable | SocketFolder


@dataclass(frozen=True)
class Environment:
    """The programs: the system's `/usr`, folders on top of it, and for a cluster an image named by its digest."""

    system: Path = Path("/usr")
    folders: tuple[ReadOnly, ...] = ()
    image: str | None = None


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, `cpus` in cores, `seconds` of wall-clock time (None: no end).

    `unattended`: so many seconds without `Running.attend` and it ends, since nobody could stop it (None: it does not).
    """

    memory: int = 2 * GB
    processes: int = 256
    cpus: float = 1.0
    seconds: float | None = None
    scratch: int = 256 * MB
    scratch_files: int = 20_000
    shared_memory: int = 64 * MB
    open_files: int = 4096
    output: int = 4 * MB
    grace: float = 10.0
    unattended: float | None = None


@dataclass(frozen=True)
class SandboxSpec:
    """A command and everything it may see, use and take. `uid` is its own on the host; inside it is 1000."""

    name: str
    command: tuple[str, ...]
    uid: int
    environment: Environment = Environment()
    read_only: tuple[ReadOnly, ...] = ()
    writable: tuple[Writable, ...] = ()
    sockets: tuple[SocketFolder, ...] = ()
    limits: Limits = Limits()
    variables: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[int, ...] = ()  # of the host, beside its own: for folders that several sandboxes write
    folder: PurePosixPath = PurePosixPath("/tmp")

    def __post_init__(self) -> None:
        object.__setattr__(self, "variables", MappingProxyType(dict(self.variables)))
        _check_words(self)
        _check_limits(self)
        _check_paths(self)

    def mounts(self) -> list[Mount]:
        """Everything of the host that is seen inside, beside the system."""
        return [*self.environment.folders, *self.read_only, *self.writable, *self.sockets]

    def __hash__(self) -> int:
        return hash((self.name, self.command, self.uid, tuple(sorted(self.variables.items()))))


def _check_words(spec: SandboxSpec) -> None:
    _demand(
        _NAME.fullmatch(spec.name),
        f"The name “{spec.name}” must be 1 to 50 of a-z, 0-9 and -, and begin and end with a letter or digit.",
    )
    _demand(spec.command and spec.command[0], "The command is empty: name a program and its words.")
    _demand(all("\0" not in word for word in spec.command), "No word of the command may hold a zero byte.")
    _demand(
        LOWEST_UID <= spec.uid <= HIGHEST_UID,
        f"The uid {spec.uid} must lie between {LOWEST_UID} and {HIGHEST_UID}, so that it is nobody else's.",
    )
    for group in spec.groups:
        _demand(
            LOWEST_UID <= group <= HIGHEST_UID,
            f"The group {group} must lie between {LOWEST_UID} and {HIGHEST_UID}, so that nothing of the system is its.",
        )
    for name, value in spec.variables.items():
        _demand(_VARIABLE.fullmatch(name), f"“{name}” can't be the name of a variable: use letters, digits and _.")
        _demand("\0" not in value, f"The variable {name} holds a zero byte.")
    image = spec.environment.image
    _demand(
        image is None or _IMAGE.fullmatch(image),
        f"The image “{image}” must be named by its digest (name@sha256:…): a tag can be moved to other bytes.",
    )


def _check_limits(spec: SandboxSpec) -> None:
    for name, least in (
        ("memory", 16 * MB), ("processes", 4), ("cpus", 0.01), ("scratch", 64 * KB), ("scratch_files", 16),
        ("shared_memory", 64 * KB), ("open_files", 32), ("output", 1), ("grace", 0),
    ):  # fmt: skip
        value = getattr(spec.limits, name)
        _demand(value >= least, f"The limit {name} is {value}; the least that works is {least}.")
    seconds = spec.limits.seconds
    _demand(seconds is None or seconds > 0, f"The limit seconds is {seconds}; it must be more than 0, or None.")
    alone = spec.limits.unattended
    _demand(alone is None or alone > 0, f"The limit unattended is {alone}; it must be more than 0, or None.")
    for mount in spec.writable:
        _demand(
            mount.quota is None or mount.quota >= MB,
            f"The quota of {mount.inside} is {mount.quota}; the least that works is {MB} bytes.",
        )
        _demand(mount.files >= 16, f"The number of files in {mount.inside} must be 16 or more.")


def _check_paths(spec: SandboxSpec) -> None:
    mounts = spec.mounts()
    for source in (spec.environment.system, *(mount.source for mount in mounts)):
        _demand(_is_plain(source), f"{source} must be an absolute path without “..”.")
        _demand(source != Path("/"), "The whole host can't be a mount: name the folder that is needed.")
    for mount in mounts:
        _demand(_is_plain(mount.inside) and mount.inside != PurePosixPath("/"),
                f"{mount.inside} must be an absolute path inside, without “..”.")  # fmt: skip
        for reserved in _OURS:
            _demand(not _overlap(mount.inside, reserved), f"{mount.inside} is taken: {reserved} is made by us.")
    _demand(_is_plain(spec.folder), f"The folder {spec.folder} must be an absolute path inside, without “..”.")
    for first, second in _pairs([mount.inside for mount in mounts]):
        _demand(
            not _overlap(first, second), f"{first} and {second} lie in one another: each mount needs its own place."
        )


def _is_plain(path: PurePath) -> bool:
    return path.is_absolute() and ".." not in path.parts and "\0" not in str(path) and "\n" not in str(path)


def _overlap(first: PurePosixPath, second: PurePosixPath) -> bool:
    return first == second or first in second.parents or second in first.parents


def _pairs(paths: list[PurePosixPath]) -> Iterable[tuple[PurePosixPath, PurePosixPath]]:
    return ((first, second) for at, first in enumerate(paths) for second in paths[at + 1 :])


def _demand(claim: object, words: str) -> None:
    if not claim:
        raise SpecError(words)
