"""Control groups, version 1 or 2: limits for a whole tree of programs, and what it used.

New groups are made below the group that we are in ourselves, so what limits us goes on to limit them. All stand in one
group, which weighs as much as one program for each processor: however many compute, they leave room for the others.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.spec import Limits

ROOT = Path("/sys/fs/cgroup")
PREFIX = "caia-"
_PERIOD = 100_000  # microseconds in which the processor's share is counted
ALL = "sandboxes"  # the group of all of them, which shares the processor with what looks after them
_SHARE = {1: ("cpu.shares", 1024), 2: ("cpu.weight", 100)}  # what a single program has
_NEEDED = ("memory", "pids", "cpu")
_COUNTED = ("cpuacct",)
_STALE = 60.0  # seconds after which an empty group is nobody's


@dataclass(frozen=True)
class Group:
    """One tree's groups: the folder of each controller, by its name. In version 2 all are the same folder."""

    folders: dict[str, Path]
    version: int

    def has(self, controller: str) -> bool:
        """Whether this controller's limits are set here."""
        return controller in self.folders

    def join(self) -> None:
        """Put the calling process in; its children follow."""
        for folder in set(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def pids(self) -> set[int]:
        """Who is in any of the groups."""
        found: set[int] = set()
        for folder in set(self.folders.values()):
            with contextlib.suppress(FileNotFoundError):
                found |= {int(line) for line in (folder / "cgroup.procs").read_text().split()}
        return found

    def kill(self, within: float = 5.0) -> bool:
        """End everybody in it; False if somebody is still there after `within` seconds."""
        until = time.monotonic() + within
        while alive := self.pids():
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def remove(self) -> None:
        """Take the empty groups away; the kernel counts a dead program a moment longer."""
        for folder in set(self.folders.values()):
            for _ in range(100):
                with contextlib.suppress(OSError):
                    if folder.exists():
                        folder.rmdir()
                if not folder.exists():
                    break
                time.sleep(0.01)

    def memory_kills(self) -> int:
        """How often a program was ended because the tree's memory was used up."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return _field(self._file("memory", name), "oom_kill")

    def refused_programs(self) -> int:
        """How often a new program was refused because there were too many."""
        return _field(self._file("pids", "pids.events"), "max")

    def memory_peak(self) -> int | None:
        """Bytes at most, page cache and /tmp included."""
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        return _number(self._file("memory", name))

    def memory(self) -> int | None:
        """Bytes now, page cache and /tmp included."""
        return _number(self._file("memory", "memory.current" if self.version == 2 else "memory.usage_in_bytes"))

    def programs_peak(self) -> int | None:
        """How many programs and threads ran at once, at most."""
        return _number(self._file("pids", "pids.peak"))

    def cpu_seconds(self) -> float | None:
        """Processor time of the whole tree."""
        if self.version == 2:
            return _field(self._file("cpu", "cpu.stat"), "usage_usec") / 1e6
        used = _number(self._file("cpuacct", "cpuacct.usage"))
        return None if used is None else used / 1e9

    def _file(self, controller: str, name: str) -> Path | None:
        return self.folders[controller] / name if controller in self.folders else None


def create(name: str, limits: Limits) -> Group:
    """Groups with these limits, for as many controllers as can be written; maybe for none."""
    leaf = f"{PREFIX}{name}-{secrets.token_hex(4)}"
    group = _create_first(leaf) or _create_second(leaf) or Group({}, 1)
    kept = {name: folder for name, folder in group.folders.items() if _limit(name, folder, limits, group.version)}
    unused = {name: folder for name, folder in group.folders.items() if folder not in kept.values()}
    Group(unused, group.version).remove()
    return Group(kept, group.version)


def _create_first(leaf: str) -> Group | None:
    folders = {}
    for controller, base in _bases().items():
        with contextlib.suppress(OSError):
            (base / ALL).mkdir(exist_ok=True)
            _weigh(base / ALL, 1)
            (base / ALL / leaf).mkdir()
            folders[controller] = base / ALL / leaf
    return Group(folders, 1) if folders else None


def _create_second(leaf: str) -> Group | None:
    for base in _unified():
        with contextlib.suppress(OSError):
            _hand_down(base)
            (base / ALL).mkdir(exist_ok=True)
            _hand_down(base / ALL)
            _weigh(base / ALL, 2)
            own = base / ALL / leaf
            own.mkdir()
            has = (own / "cgroup.controllers").read_text().split()
            if found := {controller: own for controller in _NEEDED if controller in has}:
                return Group(found, 2)
            own.rmdir()
    return None


def _hand_down(base: Path) -> None:
    for controller in _NEEDED:
        with contextlib.suppress(OSError):
            (base / "cgroup.subtree_control").write_text(f"+{controller}")


def _weigh(group: Path, version: int) -> None:
    """Only where it counts processors; a machine that has no such file shares as it likes."""
    name, one = _SHARE[version]
    if (group / name).exists():
        with contextlib.suppress(OSError):
            (group / name).write_text(str(one * (os.cpu_count() or 1)))


def _limit(controller: str, folder: Path, limits: Limits, version: int) -> bool:
    share = str(int(limits.cpus * _PERIOD))
    settings = {
        ("memory", 1): [("memory.limit_in_bytes", str(limits.memory))],
        ("pids", 1): [("pids.max", str(limits.processes))],
        ("cpu", 1): [("cpu.cfs_period_us", str(_PERIOD)), ("cpu.cfs_quota_us", share)],
        ("memory", 2): [("memory.max", str(limits.memory)), ("memory.swap.max", "0")],
        ("pids", 2): [("pids.max", str(limits.processes))],
        ("cpu", 2): [("cpu.max", f"{share} {_PERIOD}")],
    }
    for name, value in settings.get((controller, version), []):
        try:
            (folder / name).write_text(value)
        except OSError:
            if name != "memory.swap.max":  # a kernel without swap accounting
                return False
    # Version 1 counts swap with a file of its own, where it counts it at all.
    if (controller, version) == ("memory", 1):
        with contextlib.suppress(OSError):
            (folder / "memory.memsw.limit_in_bytes").write_text(str(limits.memory))
    return True


def sweep() -> int:
    """Take away empty groups that a keeper which was killed left behind; how many."""
    gone = 0
    for base in {*_bases().values(), *_unified()}:
        for folder in (base / ALL).glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                is_old = time.time() - folder.stat().st_mtime > _STALE
                if is_old and not (folder / "cgroup.procs").read_text().strip():
                    folder.rmdir()
                    gone += 1
    return gone


def _bases() -> dict[str, Path]:
    """Version 1: the folder of each controller that stands for the group we are in."""
    found = {}
    for line in _membership():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            folder = ROOT / controller / path.lstrip("/")
            if controller in _NEEDED + _COUNTED and folder.is_dir():
                found[controller] = folder
    return found


def _unified() -> list[Path]:
    """Version 2: where groups may be made: in the group we are in, or beside it where it sets no limit itself.

    Beside, because a group with programs of its own can't give controllers to groups below it; a service that is given
    a subtree (systemd: Delegate=yes, DelegateSubgroup=main) stands in such a leaf.
    """
    for line in _membership():
        if line.startswith("0::") and (ROOT / "cgroup.controllers").exists():
            own = ROOT / line[3:].lstrip("/")
            limits = [_text(own / name) for name in ("memory.max", "pids.max", "cpu.max")]
            is_free = all(limit is None or limit.startswith("max") for limit in limits)
            return [own, own.parent] if is_free and own != ROOT else [own]
    return []


def _membership(pid: int | str = "self") -> list[str]:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return []


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:
        return None


def _number(file: Path | None) -> int | None:
    try:
        return int(file.read_text()) if file else None
    except (OSError, ValueError):
        return None


def _field(file: Path | None, name: str) -> int:
    try:
        lines = file.read_text().splitlines() if file else []
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), 0)
