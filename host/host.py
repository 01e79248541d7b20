"""All runs of this machine: begun, found again, reported, stopped, forgotten."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

from host.cache import Cache
from host.disk import Disk, usual_reserve
from host.gateway import until
from host.life import Means, Run
from host.notes import Notes, ordered
from host.plan import ID
from host.portal import Portal, Unreadable
from host.room import Room
from host.settings import Settings
from host.turns import Turns
from host.wire import Unreachable
from sandbox.bubblewrap import Bubblewrap
from sandbox.keeper import STATE

_REMEMBERED = 600.0  # seconds that an ended run is still told about
_SEND_EVERY = 0.5
_STOP_SECONDS = 45.0
_DISK_EVERY = 1.0
_DISK_LOW = "The machine's disk was nearly full while this workspace wrote much, so it was stopped. Its files are kept."
log = logging.getLogger("host")


class Taken(Exception):
    """A run of this id is there already, and over."""


class Host:
    """`begin` starts its two clocks: one tells the portal what runs, the other hands over events."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        room = Room(settings)
        room.make_ready()
        reserve = settings.disk_reserve
        disk = Disk(settings.state, usual_reserve(settings.state) if reserve is None else reserve)
        cache = Cache(settings.state / "cache", settings.cache_bytes, lambda: disk.left() - disk.reserve)
        self.folder = settings.run / "r"
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (settings.run, self.folder):
            folder.chmod(0o711)
        # Paths below these hold numbers made up by machines, and name nobody.
        neutral = (cache.versions, room.homes, room.common, self.folder)
        backend = Bubblewrap(settings.state / "sandbox", neutral=neutral)
        portal = Portal(
            settings.portal, settings.secret, settings.name, {"memory": settings.memory, "cpus": settings.cpus}
        )
        self.means = Means(settings, portal, cache, disk, room, backend, Turns(settings.starts), threading.Event())
        self.runs: dict[str, Run] = {}
        self.heard_at = time.monotonic()
        self._lock = threading.Lock()
        self._ended, self._beat_now = threading.Event(), threading.Event()
        self._clocks: list[threading.Thread] = []

    def begin(self) -> None:
        """Find what runs from before, and begin to tell of it."""
        self._find()
        threading.Thread(target=self.means.backend.look_around, daemon=True).start()
        beat = (self._beat, self.settings.heartbeat, self._beat_now)
        disk = (self._look_at_disk, _DISK_EVERY, threading.Event())
        for clockwork in (beat, (self._send, _SEND_EVERY, self.means.news), disk):
            clock = threading.Thread(target=self._again_and_again, args=clockwork, daemon=True)
            clock.start()
            self._clocks.append(clock)

    def order(self, facts: dict[str, Any]) -> Run:
        """Begin a run, as the Hub asks. The same again is answered with the run that is there; Taken: it is over."""
        notes, hub = ordered(facts)
        with self._lock:
            known = self.runs.get(notes.run)
            if known is not None:
                if known.is_over:
                    raise Taken("This run is over; start another one.")
                return known
            folder = self.folder / secrets.token_hex(4)
            folder.mkdir(mode=0o711)
            run = self.runs[notes.run] = Run(self.means, folder, notes, hub)
            run.begin()
        log.info("%s begins", notes.run)
        return run

    def close(self, *, stop_runs: bool) -> None:
        """End the clocks; with `stop_runs` all runs first, else they live on and are found again."""
        if stop_runs:
            for run in self.runs.values():
                run.stop("The machine's workspaces were stopped by its operator. Files are kept.")
            until(lambda: all(run.is_over for run in self.runs.values()), _STOP_SECONDS)
            self._send()
        for event in (self._ended, self._beat_now, self.means.news):
            event.set()
        for clock in self._clocks:
            clock.join(15)

    # ── what was there before ───────────────────────────────────────────────────────────────────────────────────────
    def _find(self) -> None:
        known = set()
        for folder in sorted(self.folder.iterdir()):
            notes = Notes.read(folder)
            if notes is None:  # killed before it was anything
                shutil.rmtree(folder, ignore_errors=True)
                continue
            run = self.runs[notes.run] = Run(self.means, folder, notes)
            if notes.state == "ended":
                continue
            known.add(notes.sandbox)
            self.means.cache.hold(notes.run, *notes.versions)
            if run.running is None or notes.state == "starting":  # its way in was never closed behind the server
                words = "The machine's host was restarted while this workspace was being started. Start it again."
                run.stop(words, why="lost")
            run.progress = [{"percent": 100, "words": "Ready"}]
            run.begin()
        for state in (self.settings.state / "sandbox").glob(f"runs/*/{STATE}"):
            running = self.means.backend.find(state.parent)
            if str(state.parent) in known or running is None:
                continue
            if running.is_running():
                log.warning("a sandbox runs that no run knows of; it is ended")
            self.means.backend.abandon(state.parent)

    # ── the clocks ──────────────────────────────────────────────────────────────────────────────────────────────────
    def _again_and_again(self, work: Callable[[], None], pause: float, sooner: threading.Event) -> None:
        while not self._ended.is_set():
            sooner.clear()  # before the work: what is told meanwhile is not slept through
            try:
                work()
            except Exception:  # a full disk, a bug: the next round comes all the same, since nobody else can stop runs
                log.exception("the clock of %s goes on after a failure", work.__name__)
            sooner.wait(pause)

    def _beat(self) -> None:
        try:
            said = self.means.portal.heartbeat([_facts(run) for run in self._all()])
        except Unreachable as error:
            silence = time.monotonic() - self.heard_at
            log.warning("the portal has not answered for %.0f s: %s", silence, error)
            if silence >= self.settings.silent_seconds:
                for run in self._all():
                    run.stop("The portal could not be reached for too long, so nobody could have revoked access.")
            return
        self.heard_at = time.monotonic()
        for wish in said.get("stop", []):
            known = self.runs.get(str(wish.get("run")))
            if known is not None and not known.is_over:
                known.stop(str(wish.get("reason") or "The portal stopped it."), now=bool(wish.get("now")))
        for name in said.get("resume", []):
            if (known := self.runs.get(str(name))) is not None:
                known.resume()
        for one in said.get("erase", []):
            try:
                self._erase(str(one.get("workspace")))
            except Unreachable as error:
                log.info("that files are erased is told later: %s", error)

    def _look_at_disk(self) -> None:
        for run in self.means.disk.who_fills_it([run for run in self._all() if not run.is_over]):
            run.stop(_DISK_LOW, now=True, why="disk")

    def _send(self) -> None:
        for run in self._all():
            try:
                self._send_of(run)
            except Unreachable as error:
                log.info("events wait: %s", error)
                return

    def _send_of(self, run: Run) -> None:
        if not run.is_over:
            run.outbox.collect()
        while batch := run.outbox.batch():
            acknowledged = self._handed_over(run, batch)
            if acknowledged < 0:  # the portal knows no such run: the next heartbeat stops it, nobody wants its events
                run.outbox.acknowledge(batch[-1]["seq"])
                continue
            if acknowledged < batch[0]["seq"]:
                return
            run.outbox.acknowledge(acknowledged)
        run.outbox.let_forget()
        if run.is_over and time.time() - run.notes.ended_at > _REMEMBERED:
            with self._lock:
                shutil.rmtree(run.folder, ignore_errors=True)
                self.runs.pop(run.notes.run, None)

    def _handed_over(self, run: Run, batch: list[dict[str, Any]]) -> int:
        """Up to which number the portal has them; where it can't read one, the others go on without it."""
        try:
            return self.means.portal.events(run.notes.run, batch)
        except Unreadable as error:
            if len(batch) > 1:
                return self._handed_over(run, batch[: len(batch) // 2])
            log.warning("%s: an event is not readable for the portal: %s", run.notes.run, error)
            run.outbox.give_up(batch[0]["seq"], str(error))
            return int(batch[0]["seq"]) - 1  # what stands in its place goes with the next look

    def _erase(self, workspace: str) -> None:
        """Take away a workspace's files for good, once nothing of it runs."""
        if not ID.fullmatch(workspace) or any(
            run.notes.workspace == workspace and not run.is_over for run in self._all()
        ):
            return
        shutil.rmtree(self.means.room.homes / workspace, ignore_errors=True)
        if not (self.means.room.homes / workspace).exists():
            self.means.portal.erased(workspace)
            log.info("the files of the workspace %s are erased", workspace)

    def _all(self) -> list[Run]:
        with self._lock:
            return list(self.runs.values())


def _facts(run: Run) -> dict[str, Any]:
    last = run.progress[-1] if run.progress else {"percent": 0, "words": ""}
    return {"run": run.notes.run, "state": run.notes.state, "progress": last, **run.figures.facts()}
