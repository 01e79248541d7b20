"""One attempt at a job, from the word to start until the portal has heard how it ended: a thread of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from host import shared
from host.cache import CacheError, Expired
from host.disk import DiskError
from host.job_files import FilesError, JobFiles, Left, copied, publish, tail
from host.job_plan import JobPlan
from host.job_portal import Fenced, JobPortal
from host.life import Means, Wish
from host.plan import PlanError
from host.portal import Refused, Unreadable
from host.room import PROGRAMS
from host.wire import Unreachable
from sandbox.bubblewrap import Bubblewrap, Running, StartRefused
from sandbox.ends import Why
from sandbox.keeper import OUTPUT
from sandbox.spec import MB, Environment, Limits, ReadOnly, SandboxSpec, SpecError, Writable

CODE, WORK = PurePosixPath("/code"), PurePosixPath("/work")
FILE = "job.json"
_LOOK, _PIECE = 0.25, 1 << 20
_FIGURES_EVERY = 1.0
_MOST_PLANS = 50
_AGAIN = 2.0  # seconds until the portal is told once more
_BACKSTOP = 30.0  # seconds after its time in which the keeper ends what we did not
_REFUSALS = (PlanError, FilesError, StartRefused, SpecError, shared.SharedError)
log = logging.getLogger("host.jobs")


@dataclass
class Notes:
    """What is kept of an attempt, so that a host which was restarted goes on with it."""

    attempt: str
    sandbox: str = ""
    ran_at: float = 0.0  # seconds since 1970
    seconds: float = 0.0
    grace: float = 0.0
    job: str = ""
    project: str = ""
    label: str = ""
    work: int = 0
    sent: int = 0  # bytes of its log that the portal has
    asked: str = ""  # why we asked for its end
    end: dict[str, Any] = field(default_factory=dict)  # to be told
    left: list[dict[str, Any]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Keep them, whole or not at all."""
        fresh = folder / f".{FILE}"
        fresh.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(fresh, folder / FILE)

    @classmethod
    def read(cls, folder: Path) -> Notes | None:
        """What was kept; None where the folder holds none."""
        try:
            return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


class JobRun:
    """`folder` holds its notes; `is_over` once the portal has heard of its end, or does not want to."""

    def __init__(
        self, means: Means, portal: JobPortal, files: JobFiles, backend: Bubblewrap, folder: Path, notes: Notes
    ) -> None:
        self.means, self.portal, self.files, self.backend = means, portal, files, backend
        self.folder, self.notes = folder, notes
        self.running = backend.find(Path(notes.sandbox)) if notes.sandbox else None
        self.words = "Taken by its host"
        self.cpu_seconds, self.memory, self.looked_at = 0.0, 0, 0.0
        self.wish: Wish | None = None
        self.is_over = False
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
            elif self.running is None:
                end = self._start() or self._watch()
            else:
                end = self._watch()
        except Fenced as fenced:
            log.warning("%s is given up: %s", self.notes.attempt, fenced)
            end = {}
        except Refused as refused:
            end = {"why": "refused", "words": str(refused)}
        except _REFUSALS as refused:
            end = {"why": "refused", "words": str(refused)}
        except (CacheError, DiskError) as error:  # of this machine, not of the job
            end = {"why": "lost", "words": str(error)}
        except Unreachable as error:
            end = {"why": "lost", "words": f"The portal could not be reached as it started: {error}"}
        finally:
            self._close(end)

    def _start(self) -> dict[str, Any] | None:
        """Lay everything out and start it; how it ended where it did so before that."""
        if self.notes.sandbox:
            return {"why": "lost", "words": "Its host was restarted while it started."}
        plan = self.portal.plan(self.notes.attempt)
        environment, digest = self.means.room.environment(plan.environment)
        self.means.disk.demand_room()
        code = self.files.code(plan, self.means.cache)  # first: its address grows old while data comes in
        self.words = "Fetching its data"
        data = self._data(plan)
        work = self.files.work(plan)
        group = shared.make_ready(self.means.room.common / plan.project, self.means.settings.state / "groups")
        spec = spec_of(plan, environment, digest, code, work, data, self.means.room.common / plan.project, group)
        if self.wish:
            return {"why": self.wish.why, "words": self.wish.reason}
        notes, place = self.notes, self.backend.place()
        notes.sandbox, notes.seconds, notes.grace, notes.ran_at = (
            str(place), plan.sizes.seconds, plan.sizes.grace, time.time(),
        )  # fmt: skip
        notes.job, notes.project, notes.label, notes.work = plan.job, plan.project, plan.label, plan.sizes.work
        notes.write(self.folder)  # before the start: whatever is killed meanwhile, the next host takes it away
        self.words = "Starting"
        self.running = self.backend.start(spec, place)
        not_kept = [str(one.promise) for one in self.backend.promises(spec) if not one.kept]
        self.words = "Running"
        threading.Thread(target=self._tell_begun, args=(digest, not_kept), daemon=True).start()
        return None

    def _tell_begun(self, digest: str, not_kept: list[str]) -> None:
        """Until the portal has heard it, or it has ended."""
        while not self.notes.end:
            try:
                self.portal.begun(self.notes.attempt, digest, not_kept)
                return
            except Fenced as fenced:
                self.stop(str(fenced), now=True)
                return
            except Unreachable as error:
                log.info("that %s runs is told later: %s", self.notes.attempt, error)
                time.sleep(_AGAIN)

    def _data(self, plan: JobPlan) -> dict[str, Path]:
        """The folders of the datasets, fetched where they aren't here yet."""
        for _ in range(_MOST_PLANS):
            try:
                by = self.notes.attempt
                return {one.slug: self.means.cache.make_ready(one, by=by) for one in plan.datasets}
            except Expired:
                plan = self.portal.plan(self.notes.attempt)
        raise CacheError("The data did not come in time: each new address of a file had grown old before its turn.")

    # ── while it runs ───────────────────────────────────────────────────────────────────────────────────────────────
    def _watch(self) -> dict[str, Any]:
        running, notes = self._sandbox, self.notes
        asked_at = 0.0
        while (end := running.end()) is None:
            running.attend()
            if self.wish and self.wish.now:
                notes.asked = self.wish.why
                running.tell_to_end(now=True)
            elif not notes.asked and (self.wish or time.time() - notes.ran_at >= notes.seconds - notes.grace):
                notes.asked, asked_at = self.wish.why if self.wish else "time", time.monotonic()
                notes.write(self.folder)
                running.tell_to_end()
            elif asked_at and time.monotonic() - asked_at > notes.grace + _BACKSTOP:
                running.tell_to_end(now=True)
            self._look()
            time.sleep(_LOOK)
        self._ship()
        usage = end.usage
        why = (notes.asked or "lost") if end.why is Why.STOPPED else str(end.why)  # not by us: nobody looked after it
        words = self.wish.reason if self.wish else end.words
        return {
            "why": why, "words": words, "exit_code": end.code, "cpu_seconds": usage.cpu_seconds,
            "memory_peak": usage.memory_peak or 0,
        }  # fmt: skip

    def _look(self) -> None:
        self._ship()
        if time.monotonic() - self.looked_at < _FIGURES_EVERY:
            return
        self.looked_at = time.monotonic()
        if self.means.disk.left() < self.means.disk.reserve:
            self.stop("The machine's disk is nearly full; its operator has to make room.", now=False, why="lost")
        with contextlib.suppress(OSError, ValueError):
            use = self._sandbox.use()
            self.cpu_seconds, self.memory = use.cpu_seconds or 0.0, use.memory or 0

    def _ship(self) -> None:
        """Hand over what it printed since; what does not go now goes later."""
        printed = Path(self.notes.sandbox) / OUTPUT
        with contextlib.suppress(OSError, Unreachable, Unreadable, Fenced), printed.open("rb") as file:
            file.seek(self.notes.sent)
            while piece := file.read(_PIECE):
                there = self.portal.log(self.notes.attempt, self.notes.sent, piece)
                if there <= self.notes.sent:
                    return
                self.notes.sent = there
                file.seek(there)

    def _progress(self) -> dict[str, Any]:
        """The last line that the job itself wrote about its progress."""
        if not self.notes.job or self.running is None:
            return {}
        for line in reversed(tail(self.files.works / self.notes.job, "progress.jsonl").splitlines()):
            with contextlib.suppress(ValueError, RecursionError):
                said = json.loads(line)
                if isinstance(said, dict):
                    metrics = {key: value for key, value in said.items() if key not in {"step", "total"}}
                    return {"step": said.get("step"), "total": said.get("total"), "metrics": metrics}
        return {}

    # ── its end ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def _close(self, end: dict[str, Any]) -> None:
        """Keep what it left, take the sandbox away, and tell the portal until it has heard."""
        notes = self.notes
        if not notes.end and end:
            end, left = self._kept(end)
            notes.end, notes.left = end, [asdict(one) for one in left]
            notes.write(self.folder)
        if notes.sandbox:
            self.backend.abandon(Path(notes.sandbox))
        self.means.cache.release(notes.attempt)
        if notes.end:
            self._tell_ended()
        self.is_over = True
        shutil.rmtree(self.folder, ignore_errors=True)
        log.info("%s ended: %s", notes.attempt, notes.end.get("why", "given up"))

    def _kept(self, end: dict[str, Any]) -> tuple[dict[str, Any], list[Left]]:
        """Results of one that ended well go to the project's files; those of others go nowhere."""
        if end.get("why") != "finished" or end.get("exit_code") != 0:
            return end, []
        notes, common = self.notes, self.means.room.common / self.notes.project
        making = self.files.folder / "out" / notes.attempt
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        try:
            shared.open_to_group(making, common.name, self.means.settings.state / "groups")
            left = list(copied(self.files.works / notes.job / "results", making, notes.work))
            if left:
                publish(making, common, notes.label, notes.attempt)
            return end, left
        except (FilesError, shared.SharedError, OSError) as error:
            return end | {"why": "disk", "words": f"Its results could not be kept: {error}"}, []
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _tell_ended(self) -> None:
        while True:
            try:
                self.portal.ended(self.notes.attempt, self.notes.end, [Left(**one) for one in self.notes.left])
                return
            except Fenced as fenced:
                log.warning("the end of %s counts no more: %s", self.notes.attempt, fenced)
                return
            except Unreadable as error:  # else it would hold its slots for ever
                if not self.notes.left:
                    raise
                self.notes.end = {"why": "disk", "words": f"The portal could not read what it left: {error}"}
                self.notes.left = []
            except Unreachable as error:
                log.info("the end of %s is told later: %s", self.notes.attempt, error)
                time.sleep(_AGAIN)

    @property
    def _sandbox(self) -> Running:
        if self.running is None:
            raise StartRefused("Its sandbox is not there.")
        return self.running


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
