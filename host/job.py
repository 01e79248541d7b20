"""One attempt at a job, from the word to start until the portal has heard how it ended: a thread of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from host import shared
from host.cache import CacheError, Expired
from host.disk import DiskError
from host.engines.base import ComputeBackend, ExternalRef, Rejected, State, Status, Unavailable
from host.job_files import FilesError, JobFiles, Left, copied, publish, tail
from host.job_plan import JobPlan
from host.job_portal import Fenced, JobPortal
from host.job_spec import spec_of
from host.kept import keep, kept
from host.life import Means, Wish
from host.plan import PlanError
from host.portal import Refused, Unreadable
from host.wire import Unreachable
from sandbox.ends import End, Why
from sandbox.spec import SpecError

FILE = "job.json"
_PIECE = 64 * 1024
_FIGURES_EVERY = 1.0
_MOST_PLANS = 50
_AGAIN = 2.0  # seconds until the portal is told once more
_FORMER = 60.0  # seconds that an attempt waits for the end of the one before
_REFUSALS = (Refused, PlanError, FilesError, Rejected, SpecError, shared.SharedError)
log = logging.getLogger("host.jobs")


class Busy(Exception):
    """The attempt before this one does not end."""


@dataclass
class Notes:
    """What is kept of an attempt, so that a host which was restarted goes on with it."""

    attempt: str
    key: str = ""  # names the try to its backend, once it may have been submitted
    ran_at: float = 0.0  # seconds since 1970; 0 until it runs
    seconds: float = 0.0
    grace: float = 0.0
    job: str = ""
    project: str = ""
    label: str = ""
    work: int = 0
    sent: int = 0  # bytes of its log that the portal has
    begun: dict[str, Any] = field(default_factory=dict)  # to be told: in what it runs
    is_begun_told: bool = False
    asked: str = ""  # why we asked for its end
    end: dict[str, Any] = field(default_factory=dict)  # to be told
    left: list[dict[str, Any]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Keep them, whole or not at all."""
        keep(folder, FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Notes | None:
        """What was kept; None where the folder holds none."""
        facts = kept(folder, FILE)
        with contextlib.suppress(TypeError):  # of another release
            return None if facts is None else cls(**facts)
        return None


@dataclass(frozen=True)
class JobMeans:
    """What every attempt needs of its host; `runs` are all of them, by their attempts."""

    host: Means
    portal: JobPortal
    files: JobFiles
    backend: ComputeBackend
    runs: dict[str, JobRun] = field(default_factory=dict)


class JobRun:
    """`folder` holds its notes. `is_clear`: nothing of it runs; `is_over`: and the portal has heard of its end."""

    def __init__(self, means: JobMeans, folder: Path, notes: Notes) -> None:
        self.means, self.folder, self.notes = means, folder, notes
        self.ref: ExternalRef | None = None
        self.told_to_end_at = float("-inf")  # at once, the last time
        self.words = "Taken by its host"
        self.cpu_seconds, self.memory, self.looked_at = 0.0, 0, 0.0
        self.wish: Wish | None = None
        self.is_log_full = False
        self.is_clear, self.is_over = threading.Event(), False
        self.thread = threading.Thread(target=self._live, name=notes.attempt, daemon=True)

    # ── from other threads ──────────────────────────────────────────────────────────────────────────────────────────
    def begin(self) -> None:
        """Go."""
        self.notes.write(self.folder)
        self.thread.start()

    def stop(self, reason: str, *, now: bool, why: str = "stopped") -> None:
        """Wish that it ends; the first reason counts, but for more haste. `why` "lost": it is to be tried again."""
        if self.wish is None:
            self.wish = Wish(reason, now, why)
        elif now and not self.wish.now:
            self.wish = Wish(self.wish.reason, now, self.wish.why)

    @property
    def is_alive(self) -> bool:
        """Whether somebody looks after it: of what nobody does, no heartbeat may tell."""
        return not self.is_over and self.thread.is_alive()

    def facts(self) -> dict[str, Any]:
        """As the portal wants them."""
        return {
            "attempt": self.notes.attempt, "words": self.words, "cpu_seconds": self.cpu_seconds, "memory": self.memory,
            "progress": self._progress(),
        }  # fmt: skip

    # ── its life ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _live(self) -> None:
        end: dict[str, Any] = {"why": "lost", "words": "Its host failed while it looked after it; see its log."}
        try:
            if self.notes.end:
                end = self.notes.end
            elif self._found():
                end = self._watch()
            else:
                end = self._start() or self._watch()
        except Fenced as fenced:
            log.warning("%s is given up: %s", self.notes.attempt, fenced)
            end = {}
        except (CacheError, DiskError, Busy, Unavailable) as error:  # of this machine, not of the job
            end = {"why": "lost", "words": str(error)}
        except _REFUSALS as refused:
            end = {"why": "refused", "words": str(refused)}
        except Unreachable as error:
            end = {"why": "lost", "words": f"The portal could not be reached as it started: {error}"}
        finally:
            self._close(end)

    def _found(self) -> bool:
        """Whether it was submitted before this host came; asked until its backend answers."""
        while self.notes.key and self.ref is None:
            try:
                self.ref = self.means.backend.find(self.notes.key)
                break
            except Unavailable as error:
                log.info("whether %s runs is asked again: %s", self.notes.attempt, error)
                time.sleep(_AGAIN)
        return self.ref is not None

    def _start(self) -> dict[str, Any] | None:
        """Lay everything out and start it; how it ended where it did so before that."""
        if self.notes.key:
            return {"why": "lost", "words": "Its host was restarted while it started."}
        host, files = self.means.host, self.means.files
        plan = self.means.portal.plan(self.notes.attempt)
        environment, digest = host.room.environment(plan.environment)
        host.disk.demand_room()
        code = files.code(plan, host.cache)  # first: its address grows old while data comes in
        self.words = "Fetching its data"
        data = self._data(plan)
        self._wait_for_former(plan.job)
        work, common = files.work(plan), host.room.common / plan.project
        group = shared.make_ready(common, host.settings.state / "groups")
        spec = spec_of(plan, environment, digest, code, work, data, common, group)
        if self.wish:
            return {"why": self.wish.why, "words": self.wish.reason}
        not_kept = [str(one.promise) for one in self.means.backend.promises(spec) if not one.kept]
        self._note(plan, {"environment": digest, "not_kept": not_kept})
        self.words = "Starting"
        self.ref = self.means.backend.submit(spec, self.notes.key)
        return None

    def _note(self, plan: JobPlan, begun: dict[str, Any]) -> None:
        """Before the start: whatever is killed meanwhile, the next host finds it."""
        notes, sizes = self.notes, plan.sizes
        notes.key, notes.begun = f"caia-{notes.attempt}", begun
        notes.seconds, notes.grace, notes.work = sizes.seconds, sizes.grace, sizes.work
        notes.job, notes.project, notes.label = plan.job, plan.project, plan.label
        notes.write(self.folder)

    def _data(self, plan: JobPlan) -> dict[str, Path]:
        """The folders of the datasets, fetched where they aren't here yet."""
        by = self.notes.attempt
        for _ in range(_MOST_PLANS):
            try:
                return {one.slug: self.means.host.cache.make_ready(one, by=by) for one in plan.datasets}
            except Expired:
                plan = self.means.portal.plan(by)
        raise CacheError("The data did not come in time: each new address of a file had grown old before its turn.")

    def _wait_for_former(self, job: str) -> None:
        """An attempt that the portal gave up may still run here, in the same folder: it ends first."""
        for former in list(self.means.runs.values()):
            if former is not self and former.notes.job == job and not former.is_clear.is_set():
                former.stop("Another attempt took its place.", now=True, why="lost")
                if not former.is_clear.wait(_FORMER):
                    raise Busy("The attempt before it does not end on its machine.")

    # ── while it runs ───────────────────────────────────────────────────────────────────────────────────────────────
    def _watch(self) -> dict[str, Any]:
        """Until it has ended; how."""
        notes, backend = self.notes, self.means.backend
        while (end := (status := self._status()).end) is None:
            backend.attend(self._there)
            if status.state is State.UNKNOWN:
                return {"why": "lost", "words": "Whatever carried it knows nothing of it any more."}
            self._note_running(status)
            if self.wish and self.wish.now:
                self._end_it(self.wish.why, now=True)
            elif not notes.asked and (self.wish or self._is_time_up()):
                self._end_it(self.wish.why if self.wish else "time", now=False)
            self._look(status)
            time.sleep(backend.pause)
        self._ship()
        return self._told_end(end)

    def _status(self) -> Status:
        """How it stands; while its backend does not answer, as before: its end can wait."""
        try:
            return self.means.backend.poll([self._there])[self._there]
        except Unavailable as error:
            log.info("how %s stands is asked again: %s", self.notes.attempt, error)
            return Status(State.RUNNING if self.notes.ran_at else State.QUEUED)

    def _note_running(self, status: Status) -> None:
        """From the moment in which it runs its time counts."""
        if status.state is not State.RUNNING:
            self.words = status.words or "It waits for its turn on the cluster"
        elif not self.notes.ran_at:
            self.words, self.notes.ran_at = "Running", time.time()
            self.notes.write(self.folder)
        else:
            self.words = "Running"

    def _is_time_up(self) -> bool:
        notes = self.notes
        return bool(notes.ran_at) and time.time() - notes.ran_at >= notes.seconds - notes.grace

    def _end_it(self, why: str, *, now: bool) -> None:
        """Ask for its end: after its grace whatever carries it ends what has not ended; `now`, again and again."""
        if now and time.monotonic() < self.told_to_end_at + 4 * self.means.backend.pause:
            return
        if now:
            self.told_to_end_at = time.monotonic()
        self.notes.asked = why
        self.notes.write(self.folder)
        with contextlib.suppress(Unavailable):
            self.means.backend.cancel(self._there, 0 if now else self.notes.grace)

    def _told_end(self, end: End) -> dict[str, Any]:
        """For the portal."""
        usage = end.usage
        why = (self.notes.asked or "lost") if end.why is Why.STOPPED else str(end.why)  # not by us: nobody looked after
        return {
            "why": why, "words": self.wish.reason if self.wish else end.words, "exit_code": end.code,
            "cpu_seconds": usage.cpu_seconds, "memory_peak": usage.memory_peak or 0,
        }  # fmt: skip

    def _look(self, status: Status) -> None:
        self._ship()
        if time.monotonic() - self.looked_at < _FIGURES_EVERY:
            return
        self.looked_at = time.monotonic()
        try:
            if self.notes.ran_at:
                self._tell_begun()
        except Fenced as fenced:
            self.stop(str(fenced), now=True)
        except (Unreachable, Unreadable) as error:
            log.info("that %s runs is told later: %s", self.notes.attempt, error)
        if self.means.host.disk.left() < self.means.host.disk.reserve:
            self.stop("The machine's disk is nearly full; its operator has to make room.", now=False, why="lost")
        if status.use is not None:
            self.cpu_seconds, self.memory = status.use.cpu_seconds or 0.0, status.use.memory or 0

    def _ship(self) -> None:
        """Hand over what it printed since; what does not go now goes later, and once the portal has enough, nothing."""
        with contextlib.suppress(Unavailable, Unreachable, Unreadable, Fenced):
            while not self.is_log_full:
                piece = self.means.backend.logs(self._there, self.notes.sent, _PIECE).content
                if not piece:
                    return
                there = self.means.portal.log(self.notes.attempt, self.notes.sent, piece)
                self.is_log_full = there == self.notes.sent
                self.notes.sent = there

    def _progress(self) -> dict[str, Any]:
        """The last line that the job itself wrote about its progress."""
        if not self.notes.job or self.ref is None:
            return {}
        for line in reversed(tail(self._work, "progress.jsonl").splitlines()):
            with contextlib.suppress(ValueError, RecursionError):
                said = json.loads(line)
                if isinstance(said, dict):
                    metrics = {key: value for key, value in said.items() if key not in {"step", "total"}}
                    return {"step": said.get("step"), "total": said.get("total"), "metrics": metrics}
        return {}

    # ── its end ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _close(self, end: dict[str, Any]) -> None:
        """Set aside what it left, take the sandbox away, tell the portal, and give the results where it says so."""
        notes, aside = self.notes, self.means.files.folder / "out" / self.notes.attempt
        if not notes.end and end:
            notes.end, left = self._set_aside(end, aside)
            notes.left = [asdict(one) for one in left]
            notes.write(self.folder)
        self._forget()
        self.means.host.cache.release(notes.attempt)
        self.is_clear.set()
        if notes.end and self._told() and notes.left:
            place = publish(aside, self.means.host.room.common / notes.project, notes.label, notes.attempt)
            log.info("the results of %s lie at %s", notes.attempt, place)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.is_over = True
        log.info("%s ended: %s", notes.attempt, notes.end.get("why", "given up"))

    def _forget(self) -> None:
        """Nothing of it runs afterwards, and nothing of it lies with its backend."""
        while self.notes.key:
            try:
                self.means.backend.forget(self.ref or ExternalRef(self.notes.key))
                return
            except Unavailable as error:
                log.warning("%s can't be taken away yet: %s", self.notes.attempt, error)
                time.sleep(_AGAIN)

    def _set_aside(self, end: dict[str, Any], aside: Path) -> tuple[dict[str, Any], list[Left]]:
        """Copies of its results, where it ended well: nobody sees them before the portal has taken its end."""
        if end.get("why") != "finished" or end.get("exit_code") != 0:
            return end, []
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            shared.open_to_group(aside, self.notes.project, self.means.host.settings.state / "groups")
            results = self._work / "results"
            return end, list(copied(results, aside, self.notes.work))
        except (FilesError, shared.SharedError, OSError) as error:
            return end | {"why": "disk", "words": f"Its results could not be kept: {error}"}, []

    def _tell_begun(self) -> None:
        """In what it runs, once."""
        notes = self.notes
        if notes.begun and not notes.is_begun_told:
            self.means.portal.begun(notes.attempt, **notes.begun)
            notes.is_begun_told = True
            notes.write(self.folder)

    def _told(self) -> bool:
        """Tell the portal how it ended, until it has heard; whether what it left is to be given to its project."""
        while True:
            try:
                with contextlib.suppress(Fenced, Unreadable):
                    self._tell_begun()
                return self.means.portal.ended(
                    self.notes.attempt, self.notes.end, [Left(**one) for one in self.notes.left]
                )
            except Fenced as fenced:
                log.warning("the end of %s counts no more: %s", self.notes.attempt, fenced)
                return False
            except Unreadable as error:  # else it would hold its slots for ever
                if not self.notes.left:
                    raise
                self.notes.end = {"why": "disk", "words": f"The portal could not read what it left: {error}"}
                self.notes.left = []
            except Unreachable as error:
                log.info("the end of %s is told later: %s", self.notes.attempt, error)
                time.sleep(_AGAIN)

    @property
    def _work(self) -> Path:
        return self.means.files.work_of(self.notes.project, self.notes.job)

    @property
    def _there(self) -> ExternalRef:
        return self.ref or ExternalRef(self.notes.key)
