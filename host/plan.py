"""What the portal says that a run may mount and use: read, checked, never believed to be well-formed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

SHA = re.compile(r"[0-9a-f]{64}")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?")
NAME_OF_RESULTS = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LONGEST_PATH, _LONGEST_PART = 1024, 255


class PlanError(Exception):
    """The plan can't be carried out; the message says why."""


@dataclass(frozen=True)
class DataFile:
    """One file of a version; `url` gives its bytes for some minutes."""

    path: PurePosixPath
    sha256: str
    size: int
    url: str


@dataclass(frozen=True)
class Dataset:
    """One version, seen inside as /data/<slug>."""

    slug: str
    version: str
    readme: str
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Sizes:
    """Limits of a run; bytes, cores, seconds."""

    memory: int
    cpus: float
    processes: int
    seconds: float | None
    home: int
    shared: int
    results: int


@dataclass(frozen=True)
class RunPlan:
    """Everything about one run."""

    run: str
    workspace: str
    name: str
    uid: int
    environment: str
    datasets: tuple[Dataset, ...]
    sizes: Sizes
    shared: str
    idle_seconds: float
    meter: dict[str, Any]


def read(facts: dict[str, Any]) -> RunPlan:
    """The portal's answer as a plan. PlanError where a part is missing or can't be meant."""
    try:
        datasets = tuple(dataset_of(one) for one in facts["datasets"])
        limits = facts["limits"]
        seconds = limits["seconds"]
        plan = RunPlan(
            run=fits(ID, facts["run"], "run"),
            workspace=fits(ID, facts["workspace"], "workspace"),
            name=fits(NAME, facts["name"], "name"),
            uid=int(facts["uid"]),
            environment=fits(NAME, facts["environment"], "environment"),
            datasets=datasets,
            sizes=Sizes(
                cpus=float(limits["cpus"]),
                seconds=None if seconds is None else float(seconds),
                **{name: int(limits[name]) for name in ("memory", "processes", "home", "shared", "results")},
            ),
            shared=fits(ID, facts["shared"], "shared"),
            idle_seconds=float(facts["idle_seconds"]),
            meter=dict(facts["meter"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PlanError(f"The portal's plan can't be read: {type(error).__name__}: {error}.") from error
    if len({one.slug for one in datasets}) != len(datasets):
        raise PlanError("The portal's plan names a dataset twice.")
    return plan


def dataset_of(facts: dict[str, Any]) -> Dataset:
    files = tuple(
        DataFile(path_of(one["path"]), fits(SHA, one["sha256"], "sha256"), int(one["size"]), str(one["url"]))
        for one in facts["files"]
    )
    paths = {file.path for file in files}
    if len(paths) != len(files):
        raise PlanError(f"Two files of {facts['slug']} have the same path.")
    if any(parent in paths for path in paths for parent in path.parents):
        raise PlanError(f"A path of {facts['slug']} is both a file and a folder.")
    return Dataset(fits(_SLUG, facts["slug"], "slug"), str(facts["version"]), str(facts["readme"]), files)


def path_of(text: str) -> PurePosixPath:
    """A path below the dataset's folder, and nowhere else."""
    parts = text.split("/")
    is_plain = all(part not in {"", ".", ".."} and len(part.encode()) <= _LONGEST_PART for part in parts)
    if not is_plain or len(text.encode()) > _LONGEST_PATH or any(ord(letter) < 32 for letter in text):
        raise PlanError(f"“{text[:80]}” can't be the path of a file in a dataset.")
    return PurePosixPath(text)


def fits(pattern: re.Pattern[str], value: object, what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PlanError(f"The portal's plan has no proper {what}.")
    return value
