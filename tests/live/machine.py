"""What of a home is on this machine: programs, mounts, loop devices, control groups, sockets. Read from the kernel."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from door.home import Home
from door.leftovers import recorded
from sandbox import cgroups


@dataclass(frozen=True)
class Traces:
    """Of one home. `sandboxes` and `gateways` by process; the rest by path."""

    parts: list[int]
    gateways: list[int]
    keepers: list[int]
    inside: list[int]
    loops: list[str]
    mounts: list[str]
    groups: list[str]
    sockets: list[str]

    def of_runs(self) -> dict[str, int]:
        """How many there are of each kind that a run leaves."""
        return {"gateways": len(self.gateways), "keepers": len(self.keepers), "loops": len(self.loops),
                "mounts": len(self.mounts), "sockets": len(self.sockets),
                "groups": len({Path(group).name for group in self.groups})}  # fmt: skip


def traces(place: Path, names: list[str]) -> Traces:
    """What is there now of the home at this place; `names` are those of its workspaces."""
    parts, gateways, keepers, inside = [], [], [], []
    for pid in _pids():
        line, around = _read(pid, "cmdline"), _read(pid, "environ")
        if f"CAIA_RUN={place}:".encode() in around:
            parts.append(pid)
        elif f"{place}/ws/r/".encode() in line:
            gateways.append(pid)
        elif f"{place}/host/sandbox/runs/".encode() in line:
            keepers.append(pid)
        elif any(f"/caia-{name}-".encode() in _read(pid, "cgroup") for name in names):
            inside.append(pid)
    backing = (_text(path) for path in Path("/sys/block").glob("loop*/loop/backing_file"))
    bases = {base / cgroups.ALL for base in (*cgroups._bases().values(), *cgroups._unified())}
    return Traces(
        parts, gateways, keepers, inside,
        loops=[path for path in backing if path.startswith(f"{place}/")],
        mounts=[line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"{place}/" in line],
        groups=[str(path) for base in bases for name in names for path in base.glob(f"caia-{name}-*")],
        sockets=[str(path) for path in (place / "ws" / "r").glob("*/s/*/*.sock")],
    )  # fmt: skip


def cut_the_power(place: Path, names: list[str]) -> None:
    """Kill every program of the home, sandboxes too, as a machine that loses its power does; files stay as they are."""
    for _ in range(50):
        seen = traces(place, names)
        alive = {*seen.parts, *seen.gateways, *seen.keepers, *seen.inside, *recorded(Home(place)).values()}
        if not alive:
            return
        for pid in sorted(alive, key=lambda one: one != recorded(Home(place)).get("supervisord")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"these can't be killed: {alive}")


def _pids() -> list[int]:
    mine = {os.getpid(), os.getppid()}
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and int(path.name) not in mine]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
