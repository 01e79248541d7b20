"""From a plan to a sandbox: which folders of this machine it sees, what it runs, and under which limits."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from environments import environment_hash
from host import shared
from host.gateway import Folders
from host.plan import PlanError, RunPlan
from host.settings import Settings
from sandbox.spec import Environment, Limits, ReadOnly, SandboxSpec, SocketFolder, Writable

PROGRAMS = PurePosixPath("/opt/environment")
RULES = PurePosixPath("/opt/settings")
HOME = PurePosixPath("/home/researcher")
SOCKETS = PurePosixPath("/run/ws")
_INSIDE = Path(__file__).resolve().parent / "inside"
_NOTEBOOKS = Path(__file__).resolve().parents[1] / "examples" / "notebooks"
SERVER = "server.sock"
JOB_SOCKETS, JOBS = PurePosixPath("/run/jobs"), "portal.sock"
_UNATTENDED = 900.0  # seconds without a host: longer than an update takes, and nobody could revoke meanwhile
GRACE = 10.0  # seconds that Jupyter gets to save and end its kernels


@dataclass(frozen=True)
class Room:
    """The folders that stay on this machine."""

    settings: Settings

    @property
    def homes(self) -> Path:
        """A folder for each workspace, by its id."""
        return self.settings.state / "homes"

    @property
    def common(self) -> Path:
        """A folder for each project, by its id."""
        return self.settings.state / "shared"

    @property
    def rules(self) -> Path:
        """The settings of the server inside, as all sandboxes see them."""
        return self.settings.state / "settings"

    def make_ready(self) -> None:
        """Make the folders, and lay out the settings of the server inside, with notebooks to begin from."""
        for folder in (self.settings.state, self.homes, self.common, self.rules):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
        for given, folder in ((_INSIDE, self.rules), (_NOTEBOOKS, self.rules / "examples")):
            shutil.copytree(given, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        for path in self.rules.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o555 if path.parent.name == "bin" else 0o444)
        (self.rules / "migrated").touch(mode=0o444)  # else Jupyter would want to write there, for a form long gone
        self.rules.chmod(0o755)

    def environment(self, name: str) -> tuple[Path, str]:
        """The folder of a built environment, and its hash. PlanError where it isn't built here."""
        try:
            digest = environment_hash(name)
        except KeyError:
            raise PlanError(f"This machine knows no environment “{name}”.") from None
        folder = self.settings.environments / digest
        if not (folder / "environment.json").exists():
            if _is_being_built(folder):
                raise PlanError("The environment is still being built; try again in some minutes.")
            raise PlanError(f"The environment “{name}” is not built on this machine: ./caia environment {name}")
        return folder, digest

    def of(self, workspace: str, part: str) -> Path:
        """A folder of a workspace: "home" or "results"."""
        folder = self.homes / workspace / part
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            folder.chmod(0o711)
        return folder

    def spec(self, plan: RunPlan, data: dict[str, Path], folders: Folders, prefix: str, origin: str) -> SandboxSpec:
        """The sandbox of a run; `data` are the folders of its datasets by their slugs."""
        folder, digest = self.environment(plan.environment)
        project = self.common / plan.shared
        group = shared.make_ready(project, self.settings.state / "groups")
        sizes = plan.sizes
        return SandboxSpec(
            name=plan.name,
            command=command(prefix, origin),
            uid=plan.uid,
            environment=Environment(folders=(ReadOnly(folder, PROGRAMS), ReadOnly(self.rules, RULES))),
            read_only=tuple(ReadOnly(path, PurePosixPath("/data", slug)) for slug, path in data.items()),
            writable=(
                Writable(self.of(plan.workspace, "home"), HOME, quota=sizes.home),
                Writable(self.of(plan.workspace, "results"), PurePosixPath("/results"), quota=sizes.results),
                Writable(project, PurePosixPath("/shared"), quota=sizes.shared, shared=True),
            ),
            sockets=(SocketFolder(folders.inner, SOCKETS, listens=True), SocketFolder(folders.jobs, JOB_SOCKETS)),
            limits=Limits(
                memory=sizes.memory,
                processes=sizes.processes,
                cpus=sizes.cpus,
                seconds=sizes.seconds,
                grace=GRACE,
                unattended=_UNATTENDED,
            ),
            variables=variables(digest, sizes.cpus),
            groups=(group,) if group is not None else (),
            folder=HOME,
        )


def _is_being_built(folder: Path) -> bool:
    """Whether somebody holds the lock under which an environment is built."""
    try:
        with folder.with_name(f".lock-{folder.name}").open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def command(prefix: str, origin: str) -> tuple[str, ...]:
    """JupyterLab on its socket, the rest stands in `inside/`. -P: no file of a home is taken for one of its modules."""
    return (
        f"{PROGRAMS}/bin/python3", "-P", f"{RULES}/start.py", f"--ServerApp.sock={SOCKETS}/{SERVER}",
        f"--ServerApp.base_url={prefix}", f"--ServerApp.allow_origin={origin}",
    )  # fmt: skip


def variables(digest: str, cpus: float) -> dict[str, str]:
    """What is set around the server inside."""
    threads = str(max(1, round(cpus)))  # a library that counts the host's processors would start too many
    return {
        "PATH": f"{PROGRAMS}/bin:{RULES}/bin:/usr/local/bin:/usr/bin:/bin",
        "JUPYTER_CONFIG_DIR": str(RULES),
        "JUPYTER_DATA_DIR": f"{HOME}/.local/share/jupyter",
        "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",  # nothing in a home runs before the files under /data are watched
        "CAIA_ENVIRONMENT": digest,
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS"), threads),
    }
