"""What the portal says that an attempt at a job may mount, run and use: read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from host.plan import ID, NAME, NAME_OF_RESULTS, SHA, DataFile, Dataset, PlanError, dataset_of, fits


@dataclass(frozen=True)
class JobSizes:
    """Bytes, cores, seconds. `grace`: between the word to save and the end; `alone`: without us it ends by then."""

    cpus: float
    memory: int
    seconds: float
    grace: float
    processes: int
    work: int
    shared: int
    output: int
    alone: float


@dataclass(frozen=True)
class JobPlan:
    """Everything about one attempt. `label` names its results; `resumes` is a job from whose work it begins."""

    attempt: str
    fence: int
    job: str
    resumes: str | None
    label: str
    name: str
    uid: int
    environment: str
    command: tuple[str, ...]
    seed: int
    code: DataFile
    datasets: tuple[Dataset, ...]
    project: str
    sizes: JobSizes


def read(facts: dict[str, Any]) -> JobPlan:
    """The portal's answer as a plan. PlanError where a part is missing or can't be meant."""
    try:
        limits, code = facts["limits"], facts["code"]
        return JobPlan(
            attempt=fits(ID, facts["attempt"], "attempt"),
            fence=int(facts["fence"]),
            job=fits(ID, facts["job"], "job"),
            resumes=None if facts["resumes"] is None else fits(ID, facts["resumes"], "job to resume"),
            label=fits(NAME_OF_RESULTS, facts["label"], "label"),
            name=fits(NAME, facts["name"], "name"),
            uid=int(facts["uid"]),
            environment=fits(NAME, facts["environment"], "environment"),
            command=tuple(str(word) for word in facts["command"]),
            seed=int(facts["seed"]),
            code=DataFile(
                PurePosixPath("code"), fits(SHA, code["sha256"], "sha256"), int(code["size"]), str(code["url"])
            ),
            datasets=tuple(dataset_of(one) for one in facts["datasets"]),
            project=fits(ID, facts["project"], "project"),
            sizes=JobSizes(
                cpus=float(limits["cpus"]),
                seconds=float(limits["seconds"]),
                grace=float(limits["grace"]),
                alone=float(limits["alone"]),
                **{name: int(limits[name]) for name in ("memory", "processes", "work", "shared", "output")},
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PlanError(f"The portal's plan can't be read: {type(error).__name__}: {error}.") from error
