"""One run, from the wish to start it until nothing of it is left: a thread of its own, one step after the other."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from host import opened, shared
from host.cache import Cache, CacheError, Expired, name_of
from host.disk import Disk, DiskError
from host.events import Outbox
from host.figures import Figures
from host.gateway import Folders, Gateway, GatewayError, until
from host.job_socket import JobSocket
from host.network import Tried
from host.notes import Notes
from host.plan import PlanError, RunPlan
from host.portal import Portal, Refused
from host.room import JOBS, SERVER, Room
from host.settings import Settings
from host.turns import Turns
from host.wire import Unreachable
from sandbox.bubblewrap import Bubblewrap, Running, StartRefused
from sandbox.ends import Why
from sandbox.spec import MB, SpecError

_LOOK = 0.5
_READY_SECONDS = 120.0
_HUB_SECONDS = 1.0
_SAID = 2000
_MOST_PLANS = 50  # how often new addresses are asked for while a large dataset comes in
_MOST_RESTARTS = 5  # of a gateway, in a run
_LOST = "It was ended from outside, as by a restart of its machine. Start it again."
# What keeps a run from starting; each says why to the person who waits.
_REFUSALS = (
    Refused, PlanError, CacheError, DiskError, shared.SharedError, StartRefused, SpecError, GatewayError,
)  # fmt: skip
log = logging.getLogger("host")


class Stopped(Exception):
    """Somebody wished it to stop while it was starting."""


@dataclass(frozen=True)
class Wish:
    """That it stops; `now`: without giving it time."""

    reason: str
    now: bool = False
    why: str = "stopped"


@dataclass(frozen=True)
class Means:
    """What every run needs of its host."""

    settings: Settings
    portal: Portal
    cache: Cache
    disk: Disk
    room: Room
    backend: Bubblewrap
    turns: Turns
    news: threading.Event  # set when something was told that nobody should wait for


class Run:
    """`folder` holds its notes and what it has to tell, `folders` its sockets."""

    def __init__(self, means: Means, folder: Path, notes: Notes, hub: dict[str, Any] | None = None) -> None:
        self.means, self.folder, self.notes, self.hub = means, folder, notes, hub or {}
        self.folders = Folders(folder / "s")
        self.outbox = Outbox(folder / "events", self.folders.spool / "events.jsonl")
        self.gateway = Gateway(self.folders, notes.uid, *notes.gateway)
        self.running = means.backend.find(Path(notes.sandbox)) if notes.sandbox else None
        self.progress: list[dict[str, Any]] = []
        self.figures = Figures()
        self.opened: opened.Opened | None = None
        self.tried: Tried | None = None
        self.jobs: JobSocket | None = None
        self.wish: Wish | None = None
        self.restarts = 0
        self.is_known = threading.Event()  # the Hub has heard that it is ready
        self.thread = threading.Thread(target=self._live, name=notes.run, daemon=True)

    # ── from other threads ──────────────────────────────────────────────────────────────────────────────────────────
    def begin(self) -> None:
        """Go."""
        self.notes.write(self.folder)
        self.thread.start()

    def stop(self, reason: str, *, now: bool = False, why: str = "stopped") -> None:
        """Wish that it stops; the first reason counts, but for more haste."""
        if self.wish is None:
            self.wish = Wish(reason, now, why)
        elif now and not self.wish.now:
            self.wish = Wish(self.wish.reason, now, self.wish.why)

    def resume(self) -> None:
        """Let the gateway go on after a pause."""
        with contextlib.suppress(GatewayError):
            self.gateway.tell("resume")

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.notes.state == "ended"

    @property
    def places(self) -> tuple[Path, ...]:
        """Where what is written in it lies on the machine's disk."""
        room, notes = self.means.room, self.notes
        if not notes.workspace:
            return ()
        return (room.homes / notes.workspace, room.common / notes.shared)

    # ── its life ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _live(self) -> None:
        end = {
            "why": "failed",
            "words": "The host failed while it looked after this workspace; see its log.",
            "usage": {},
        }
        try:
            if self.running is None:
                self._unless_stopped()
                self._start()
            end = self._watch()
        except Stopped as stopped:
            end = {"why": self.wish.why if self.wish else "stopped", "words": str(stopped), "usage": {}}
        except _REFUSALS as refused:
            end = {"why": "refused", "words": str(refused), "usage": {}}
        except Unreachable as error:
            end = {"why": "refused", "words": f"It could not be started: {error}", "usage": {}}
        finally:
            self._clear(end)

    def _start(self) -> None:
        self._say(5, "Asking the portal what you may work with")
        plan = self.means.portal.plan(self.notes.run)
        notes = self.notes
        notes.name, notes.uid, notes.workspace, notes.shared = plan.name, plan.uid, plan.workspace, plan.shared
        notes.idle_seconds = plan.idle_seconds
        notes.datasets = [one.slug for one in plan.datasets]
        environment, digest = self.means.room.environment(plan.environment)  # first: without it nothing is fetched
        self.means.disk.demand_room()
        data = self._data(plan)
        with self.means.turns.turn(self._in_queue):
            self._build(plan, data, environment, digest)

    def _in_queue(self, place: int) -> None:
        self._say(60, f"Others start before you: you are number {place} in the queue")
        self._unless_stopped()

    def _build(self, plan: RunPlan, data: dict[str, Path], environment: Path, digest: str) -> None:
        """Walls, server, gateway, until somebody can work there."""
        notes = self.notes
        self._say(61, "Putting up the walls")
        self.folders.make(self.means.settings, plan.uid)
        self._start_gateway(plan, environment)  # it needs as long as the walls, and none of them
        self._open_jobs()
        spec = self.means.room.spec(plan, data, self.folders, notes.prefix, notes.origin)
        promises = self.means.backend.promises(spec)
        self._unless_stopped()
        place = self.means.backend.place()
        notes.sandbox = str(place)
        notes.write(self.folder)  # before the start: if we are killed in its middle, the next host takes it away
        self.running = self.means.backend.start(spec, place)
        self._say(70, "Starting JupyterLab")
        notes.mounted = {
            "data": [{"version": one.version, "files": len(one.files), "bytes": one.size} for one in plan.datasets],
            "promises": [asdict(one) for one in promises],
            "environment": digest,
        }
        notes.write(self.folder)
        self._watch_files()
        self.tried = Tried(self._sandbox.first)  # from its first moment on, not from when somebody can work there
        self._until_ready()
        self.is_known.wait(_HUB_SECONDS)  # “Open” leads by the Hub's proxy: it has to know the way first

    def _data(self, plan: RunPlan) -> dict[str, Path]:
        """The folders of the datasets, fetched where they aren't here yet."""
        whole = sum(one.size for one in plan.datasets) or 1
        for _ in range(_MOST_PLANS):
            here, folders = 0, {}

            def told(arrived: int) -> None:
                nonlocal here
                here = min(here + arrived, whole)
                self._say(10 + 50 * here // whole, f"Fetching the data: {here / MB:,.0f} of {whole / MB:,.0f} MB")
                self._unless_stopped()

            try:
                for dataset in plan.datasets:
                    folders[dataset.slug] = self.means.cache.make_ready(dataset, by=self.notes.run, told=told)
                self.notes.versions = [name_of(dataset) for dataset in plan.datasets]
                return folders
            except Expired:
                plan = self.means.portal.plan(self.notes.run)  # asked anew: may it still be mounted?
        raise CacheError("The data did not come in time: each new address of a file had grown old before its turn.")

    def _start_gateway(self, plan: RunPlan, environment: Path) -> None:
        self.gateway = Gateway(self.folders, plan.uid)
        facts = {
            "listen": str(self.folders.listen), "control": str(self.folders.control),
            "server": str(self.folders.inner / SERVER), "spool": str(self.folders.spool),
            "prefix": self.notes.prefix, "origin": self.notes.origin, "hub": self.hub, "caps": {},
            "meter": plan.meter, "idle_seconds": plan.idle_seconds, "environment": str(environment),
        }  # fmt: skip
        self.gateway.write(facts, self.means.settings)
        self._run_gateway()

    def _run_gateway(self) -> None:
        self.gateway.end()  # never two that write one spool
        self.gateway.start(self.means.settings, self.folder / "gateway.log")
        self.notes.gateway = (self.gateway.pid, self.gateway.ticks)
        self.notes.write(self.folder)

    def _open_jobs(self) -> None:
        """Hear what is asked about jobs from inside; once more, where another host heard it before us."""
        if self.jobs is None and self.folders.jobs.is_dir():
            self.jobs = JobSocket(self.means.portal, self.notes.run, self.notes.uid, self.folders.jobs / JOBS)

    def _tell_mounted(self) -> None:
        """Once: what is mounted, and which walls stand around it."""
        if self.notes.mounted:
            self.outbox.tell_once("started", **self.notes.mounted)
            self.notes.mounted = {}
            self.notes.write(self.folder)
            self.means.news.set()

    def _watch_files(self) -> None:
        try:
            self.opened = opened.watch(self._sandbox.first, self.notes.datasets)
        except opened.NotAllowed as error:
            self.outbox.tell("not_watched", words=str(error))

    def _until_ready(self) -> None:
        """Wait until the server inside and the gateway answer."""
        server = self.folders.inner / SERVER

        def is_decided() -> bool:
            self._unless_stopped()
            if not self._sandbox.is_running() or not self.gateway.is_running():
                return True
            return server.exists() and self.gateway.is_ready()

        if not until(is_decided, _READY_SECONDS):
            raise GatewayError(f"JupyterLab did not get ready within {_READY_SECONDS:g} seconds.")
        if end := self._sandbox.end():
            log.warning("%s: JupyterLab said: %s", self.notes.run, self._sandbox.output()[-_SAID:])
            raise GatewayError(f"JupyterLab ended while it started: {end.words}")
        if not self.gateway.is_running():
            said = (self.folder / "gateway.log").read_text(encoding="utf-8", errors="replace")
            log.warning("%s: the gateway said: %s", self.notes.run, said[-_SAID:])
            raise GatewayError("Its gateway ended while it started; the host's log says why.")
        self.folders.close(self.notes.uid)
        self.notes.state = "running"
        self.notes.write(self.folder)
        self._say(100, "Ready")

    # ── while it runs ───────────────────────────────────────────────────────────────────────────────────────────────
    def _watch(self) -> dict[str, Any]:
        """Until it has ended; how."""
        self._tell_mounted()
        self._open_jobs()
        if self.opened is None:
            self._watch_files()
        if self.tried is None:
            self.tried = Tried(self._sandbox.first)
        while (end := self._sandbox.end()) is None:
            if self.wish:
                return self._stop(self.wish)
            if not self.gateway.is_running():
                self._revive()
            self._look()
            time.sleep(_LOOK)
        words = _LOST if end.why is Why.LOST else end.words
        return {"why": str(end.why), "words": words, "usage": asdict(end.usage)}

    def _look(self) -> None:
        self._sandbox.attend()
        if self.opened:
            self.opened.look()
        if self.tried:
            self.tried.look()
        self._tell_seen()
        self.figures.look(self._sandbox, self.gateway, self.means.room.common / self.notes.shared)
        idle = self.notes.idle_seconds
        if idle and self.figures.idle_for() >= idle:
            words = f"Nothing was done in it for {idle / 60:,.0f} minutes, so it was stopped. Its files are kept."
            self.stop(words, why="idle")

    def _tell_seen(self, *, now: bool = False) -> None:
        for seen in (self.opened, self.tried):
            for event in seen.events(now=now) if seen else []:
                self.outbox.tell(event.pop("kind"), **event)

    def _revive(self) -> None:
        """A gateway that ended is started again; the kernels never knew. Not without end: then the run is stopped."""
        self.restarts += 1
        if self.restarts > _MOST_RESTARTS:
            self.stop("Its gateway ended again and again, so nobody could watch what flows to the browser.", now=True)
            return
        log.warning("%s: its gateway ended and is started again", self.notes.run)
        self._run_gateway()
        until(self.gateway.is_ready, 10)

    def _stop(self, wish: Wish) -> dict[str, Any]:
        self.notes.state = "stopping"
        self.notes.write(self.folder)
        self._say(100, "Stopping")
        if self.tried:
            self.tried.look()  # while its network is there
        with contextlib.suppress(GatewayError):
            self.gateway.tell("close", wish.reason)
        end = self._sandbox.kill() if wish.now else self._sandbox.stop()
        return {"why": wish.why, "words": wish.reason, "usage": asdict(end.usage)}

    def _clear(self, end: dict[str, Any]) -> None:
        """Take away everything of it but what the portal has not heard yet."""
        if self.jobs:
            self.jobs.close()
        if self.notes.sandbox:
            self.means.backend.abandon(Path(self.notes.sandbox))
        self.gateway.end()
        if self.opened:
            self.opened.look()
        self._tell_seen(now=True)
        if self.opened:
            self.opened.close()
            self.opened = None
        self.outbox.collect()
        self._tell_mounted()  # also where it ended before anybody could use it
        self.outbox.tell("ended", **end)
        shutil.rmtree(self.folders.root, ignore_errors=True)
        self.means.cache.release(self.notes.run)
        self.notes.end = {"why": end["why"], "words": end["words"]}
        self.notes.ended_at = time.time()
        self.notes.state = "ended"
        self.notes.write(self.folder)
        self.means.news.set()
        log.info("%s ended: %s", self.notes.run, end["words"])

    # ── small things ────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def _sandbox(self) -> Running:
        if self.running is None:
            raise GatewayError("Its sandbox is not there.")
        return self.running

    def _say(self, percent: int, words: str) -> None:
        if not self.progress or self.progress[-1]["words"] != words:
            self.progress.append({"percent": percent, "words": words})
            del self.progress[:-200]

    def _unless_stopped(self) -> None:
        if self.wish:
            raise Stopped(self.wish.reason)
