"""The backend of a single machine: bubblewrap, started and watched by a keeper of its own."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import arguments, cgroups, ground, keeper, seccomp
from sandbox.ends import End, Use, Why
from sandbox.plan import TWINS, Plan
from sandbox.promises import Standing
from sandbox.single import standings
from sandbox.spec import SandboxSpec
from sandbox.staging import Choice, lay

_ROOT = Path(__file__).resolve().parent.parent
_KEEPER = "import sys; sys.path.insert(0, sys.argv[1]); from sandbox.keeper import main; main()"
_START_TIMEOUT = 60
_POLL = 0.02


class StartRefused(Exception):
    """The sandbox was not started; the message says why."""


class StartFailed(StartRefused):
    """Nothing was wrong with what was asked: whatever starts it broke on the way, and another try may go well."""


class StillRunning(Exception):
    """It has not ended in the time that was given to wait."""


@dataclass(frozen=True)
class Running:
    """A sandbox that was started, by the folder of its run: whoever knows the folder can watch and end it."""

    run: Path

    @property
    def first(self) -> int:
        """The host's pid of the sandbox's process number 1."""
        return int(self._state()["first"])

    def is_running(self) -> bool:
        """Whether it still runs."""
        return self._ended() is None

    def end(self) -> End | None:
        """How it ended; None while it runs."""
        return self._ended()

    def wait(self, timeout: float | None = None) -> End:
        """Wait until it has ended. StillRunning after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while (end := self._ended()) is None:
            if until is not None and time.monotonic() > until:
                raise StillRunning(f"It still runs after {timeout:g} seconds.")
            time.sleep(_POLL)
        return end

    def stop(self, timeout: float = 30.0) -> End:
        """Ask it to end, end it after its grace, wait for the end."""
        self._tell(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self, timeout: float = 10.0) -> End:
        """End it and everything it started, now."""
        self._tell(signal.SIGUSR1)
        return self.wait(timeout)

    def tell_to_end(self, *, now: bool = False) -> None:
        """The same without waiting: after its grace, or `now`."""
        self._tell(signal.SIGUSR1 if now else signal.SIGTERM)

    def use(self) -> Use:
        """What it uses now, as far as this machine counts it."""
        group = self.group()
        return Use(group.cpu_seconds(), group.memory())

    def attend(self) -> None:
        """Say that somebody looks after it still: who is left alone for its `unattended` seconds ends itself."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.run / keeper.STATE)

    def clear(self) -> None:
        """Once it has ended: do what a keeper that was killed could not do."""
        group = self.group()
        group.kill()
        group.remove()
        shutil.rmtree(self.run / TWINS, ignore_errors=True)

    def group(self) -> cgroups.Group:
        """Its control groups, also when nobody is in them any more."""
        state = self._state()
        folders = {name: Path(folder) for name, folder in state.get("groups", {}).items()}
        return cgroups.Group(folders, state.get("version", 1))

    def output(self) -> str:
        """What it printed, up to its limit."""
        return (self.run / keeper.OUTPUT).read_text(encoding="utf-8", errors="replace")

    def _ended(self) -> End | None:
        if end := End.read(self.run / keeper.END):
            return end
        state = self._state()
        if keeper.ticks(state["pid"]) == state["ticks"]:
            return None
        lost = End(Why.LOST, None, "Its keeper was ended from outside, and it with it.")
        return End.read(self.run / keeper.END) or lost

    def _tell(self, number: signal.Signals) -> None:
        state = self._state()
        if keeper.ticks(state["pid"]) == state["ticks"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(state["pid"], number)

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.run / keeper.STATE).read_text(encoding="utf-8"))
        return state


class Bubblewrap:
    """Sandboxes on this machine. `state` holds the runs; `neutral` are folders whose inner paths name nobody."""

    name = "bubblewrap"

    def __init__(self, state: Path, *, neutral: tuple[Path, ...] = (), bwrap: Path | None = None) -> None:
        self.state = state.resolve()
        self.ground = ground.probe(bwrap)
        self.choice = Choice(self.ground, self.state, tuple(folder.resolve() for folder in neutral))

    def look_around(self, system: Path = Path("/usr")) -> None:
        """Find out what the first start would else have to wait for: seconds, on a slow disk."""
        ground.set_id_programs(system)

    def promises(self, spec: SandboxSpec) -> tuple[Standing, ...]:
        """What holds for this description on this machine, promise by promise."""
        return standings(self.ground, spec, self.choice)

    def place(self) -> Path:
        """A folder for a new run. Who notes it before the start finds the sandbox whatever is killed meanwhile."""
        run = self.state / "runs" / secrets.token_hex(8)  # its path may be seen inside, so it says nothing
        run.mkdir(parents=True, mode=0o700)
        return run

    def start(self, spec: SandboxSpec, run: Path | None = None) -> Running:
        """Start it and come back when its first process runs. StartRefused says why it doesn't; StartFailed, which is
        one, that this says nothing against another try.

        Where the folder of the run is taken away before the start has come to its end, it starts not.
        """
        self.sweep()
        run = run or self.place()
        plan = self.plan(spec, run)
        try:
            answer = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _KEEPER, str(_ROOT), str(run)],  # its place is named for who looks
                input=plan.dump(), env={}, cwd="/", capture_output=True, text=True,
                timeout=_START_TIMEOUT, check=False,
            )  # fmt: skip
            said = json.loads(answer.stdout or "{}")
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise StartFailed(f"The keeper did not answer: {error}") from error
        if "error" in said:
            raise StartRefused(said["error"])
        if "pid" not in said:
            raise StartFailed(f"The keeper ended as it started: {answer.stderr.strip()[-500:]}")
        return Running(run)

    def abandon(self, run: Path) -> None:
        """Take a run away for good, however far its start or its end has come."""
        gone = run.with_name(f"{run.name}-gone")
        try:
            run.rename(gone)  # a keeper that has not noted itself yet finds no place for its note, and gives up
        except FileNotFoundError:
            return
        if running := self.find(gone):
            if running.is_running():
                running.kill()
            running.clear()
        shutil.rmtree(gone, ignore_errors=True)

    def find(self, run: Path) -> Running | None:
        """A sandbox that somebody started earlier; None if that folder is no run."""
        return Running(run) if (run / keeper.STATE).exists() else None

    def sweep(self) -> None:
        """Clear away what sandboxes left whose keeper was killed."""
        cgroups.sweep()
        for state in self.state.glob(f"runs/*/{keeper.STATE}"):
            running = Running(state.parent)
            with contextlib.suppress(FileNotFoundError):  # somebody else cleared it away
                if (end := running.end()) and end.why is Why.LOST and not (state.parent / keeper.END).exists():
                    running.clear()
                    end.write(state.parent / keeper.END)

    def plan(self, spec: SandboxSpec, run: Path) -> Plan:
        """Every step of the start."""
        stage = lay(spec, run, self.ground, self.choice)
        uid_lock = self.state / "uids" / str(spec.uid)
        uid_lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_root = self.ground.is_root
        return Plan(
            name=spec.name,
            run=str(run),
            bwrap=str(stage.bwrap),
            words=arguments.words(spec, stage.places),
            command=list(spec.command),
            filter=base64.b64encode(seccomp.program()).decode(),
            limits=spec.limits,
            uid=spec.uid if is_root else None,
            uid_lock=str(uid_lock) if is_root else None,
            stage=str(stage.folder) if is_root else None,
            settings=str(stage.places.settings),
            nothing=str(stage.places.nothing),
            files=arguments.SETTINGS,
            links=stage.links,
            binds=stage.binds,
            memory=stage.memory,
            volumes=stage.volumes,
            watched=stage.watched,
            owned=stage.owned,
            groups=list(spec.groups) if is_root else [],
        )
