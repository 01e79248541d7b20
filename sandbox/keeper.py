"""The small program that stands outside each sandbox: lays the stage, starts bubblewrap, watches, ends it, says why.

It is its own session and nobody's child, so a sandbox outlives whoever started it (a Hub may be restarted), and it is
the sandbox's parent, so when it is killed the kernel ends the sandbox. SIGTERM: end politely. SIGUSR1: end at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
from pathlib import Path

from sandbox import cgroups, kernel, volumes
from sandbox.child import start
from sandbox.ends import End, Why
from sandbox.plan import TWINS, Plan
from sandbox.watch import Watch

STATE, END, OUTPUT = "keeper.json", "end.json", "output"


class StartError(Exception):
    """It can't be started; the message says why."""


def main() -> None:
    """Read a plan from standard input; say {"pid"} or {"error"} on standard output, then go on alone."""
    plan = Plan.load(sys.stdin.read())
    heard, told = os.pipe()
    if os.fork():
        os.close(told)
        sys.stdout.write(os.read(heard, 65536).decode())
        sys.stdout.flush()
        os._exit(0)
    os.close(heard)
    os.setsid()
    _quiet()
    code = 0
    try:
        _keep(plan, told)
    except (StartError, volumes.VolumeError, OSError, ValueError) as error:
        with contextlib.suppress(FileNotFoundError):
            End(Why.REFUSED, None, str(error)).write(Path(plan.run) / END)
        with contextlib.suppress(OSError):
            os.write(told, json.dumps({"error": str(error)}).encode())
        code = 1
    os._exit(code)


def ticks(pid: int) -> int | None:
    """When this process began, in the kernel's ticks: a number used again belongs to somebody who began later."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = said.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def _quiet() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def _keep(plan: Plan, told: int) -> None:
    run = Path(plan.run)
    number = run.stat().st_ino
    held = [_lock_uid(plan)] if plan.uid_lock else []
    _lay_links(plan)
    held += _lay_stage(plan)
    group = cgroups.create(plan.name, plan.limits)
    try:
        child = start(plan, group)
        watch = Watch(plan, child, group, run / OUTPUT, run / STATE)
        if complaint := watch.until_started():
            raise StartError(complaint)
        folders = {name: str(folder) for name, folder in group.folders.items()}
        state = {"pid": os.getpid(), "ticks": ticks(os.getpid()), "first": child.first, "groups": folders,
                 "version": group.version}  # fmt: skip
        fresh = run / f".{STATE}"
        fresh.write_text(json.dumps(state), encoding="utf-8")
        fresh.rename(run / STATE)  # whoever reads sees all of it or nothing
        if run.stat().st_ino != number:  # who took it away before the note was there could not know of us
            shutil.rmtree(run)
            raise StartError("Its folder was taken away while it started.")
        os.write(told, json.dumps(state).encode())
        os.close(told)
        end = watch.until_ended()
    finally:
        group.kill()
        group.remove()
        _forget_links(plan)
    end.write(run / END)
    for handle in held:
        os.close(handle)


def _lock_uid(plan: Plan) -> int:
    handle = os.open(plan.uid_lock or "", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StartError(f"Another sandbox runs under the uid {plan.uid}: each needs its own.") from None
    return handle


def _lay_stage(plan: Plan) -> list[int]:
    """Put everything at places whose names say nothing; the open files of volumes."""
    if plan.stage:
        kernel.own_mounts()
        kernel.memory_folder(Path(plan.stage), size=1 << 20, files=4096, mode=0o755)
    settings = Path(plan.settings)
    settings.mkdir(parents=True, exist_ok=True)
    for name, text in plan.files.items():
        (settings / name).write_text(text, encoding="utf-8")
        (settings / name).chmod(0o644)
    Path(plan.nothing).touch(mode=0)
    for source, place in plan.binds:
        if Path(source).is_dir():
            Path(place).mkdir()
        elif Path(source).exists():
            Path(place).touch()
        else:
            raise StartError(f"{source} isn't there, so it can't be shown inside.")
        kernel.bind(Path(source), Path(place))
    for place, size, files in plan.memory:
        Path(place).mkdir()
        kernel.memory_folder(Path(place), size=size, files=files)
    handles = []
    for volume in plan.volumes:
        Path(volume.place).mkdir()
        handles.append(volumes.mount(volume, uid=plan.uid or 0))
    for folder in plan.owned:
        os.chown(folder, plan.uid if plan.uid is not None else -1, -1)
    return handles


def _lay_links(plan: Plan) -> None:
    """A twin of each folder, of hard links: the same files under a path that says nothing."""
    for source, twin in plan.links:
        if not Path(source).is_dir():
            Path(twin).parent.mkdir(parents=True, exist_ok=True)
            os.link(source, twin, follow_symlinks=False)
            continue
        for folder, folders, names in os.walk(source):
            there = Path(twin) / Path(folder).relative_to(source)
            there.mkdir(parents=True)
            there.chmod(0o755)
            for name in (*names, *(name for name in folders if (Path(folder) / name).is_symlink())):
                os.link(Path(folder) / name, there / name, follow_symlinks=False)


def _forget_links(plan: Plan) -> None:
    if plan.links:
        shutil.rmtree(Path(plan.run) / TWINS, ignore_errors=True)
