"""The sandbox of an attempt: what it sees, what it may take, and what it finds around it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from host.job_plan import JobPlan
from host.room import PROGRAMS
from sandbox.spec import MB, Environment, Limits, ReadOnly, SandboxSpec, Writable

CODE, WORK = PurePosixPath("/code"), PurePosixPath("/work")
_BACKSTOP = 30.0  # seconds after its time in which the keeper ends what we did not


def spec_of(
    plan: JobPlan, environment: Path, digest: str, code: Path, work: Path, data: dict[str, Path], common: Path,
    group: int | None,
) -> SandboxSpec:  # fmt: skip
    """The sandbox of an attempt: code and data read-only, its own folder and the project's files writable."""
    sizes = plan.sizes
    return SandboxSpec(
        name=plan.name,
        command=plan.command,
        uid=plan.uid,
        environment=Environment(folders=(ReadOnly(environment, PROGRAMS),)),
        read_only=(
            ReadOnly(code, CODE),
            *(ReadOnly(path, PurePosixPath("/data", slug)) for slug, path in data.items()),
        ),
        writable=(
            Writable(work, WORK, quota=sizes.work, shared=True),
            Writable(common, PurePosixPath("/shared"), quota=sizes.shared, shared=True),
        ),
        limits=Limits(
            memory=sizes.memory, cpus=sizes.cpus, processes=sizes.processes, seconds=sizes.seconds + _BACKSTOP,
            output=sizes.output, grace=sizes.grace, unattended=sizes.alone, scratch=512 * MB, shared_memory=1024 * MB,
        ),
        variables=variables_of(plan, digest),
        groups=(group,) if group is not None else (),
        folder=CODE,
    )  # fmt: skip


def variables_of(plan: JobPlan, digest: str) -> dict[str, str]:
    """What a job finds around it; `digest` is its environment's hash."""
    threads = str(max(1, round(plan.sizes.cpus)))
    return {
        "PATH": f"{PROGRAMS}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(WORK),
        "TMPDIR": str(WORK / "tmp"),
        "CHECKPOINT_DIR": str(WORK / "checkpoint"),
        "RESULTS_DIR": str(WORK / "results"),
        "PROGRESS_FILE": str(WORK / "progress.jsonl"),
        "CAIA_SEED": str(plan.seed),
        "CAIA_ATTEMPT": str(plan.fence),
        "CAIA_ENVIRONMENT": digest,
        "PYTHONHASHSEED": str(plan.seed % 2**32),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS"), threads),
    }
