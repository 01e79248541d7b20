"""All attempts at jobs on this machine: heard of, begun, found again, ended when nobody could end them.

Two clocks: one waits at the portal's bell, so that nothing that is to start waits for a beat; the other beats, which
renews the lease of each attempt. A machine that is cut off ends its jobs before the portal gives their turn to another.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host.engines.local import LocalSandboxBackend
from host.job import JobMeans, JobRun, Notes
from host.job_files import JobFiles
from host.job_portal import Fenced, JobPortal
from host.life import Means
from host.plan import ID
from host.portal import Unreadable
from host.wire import Unreachable
from sandbox.bubblewrap import Bubblewrap

_BEAT = 2.0
_SILENT, _CUT = 25.0, 40.0  # seconds without the portal: save and end; end at once. The lease is a minute
log = logging.getLogger("host.jobs")


class Jobs:
    """`begin` finds what runs from before, and starts the clocks."""

    def __init__(self, means: Means) -> None:
        settings = means.settings
        files = JobFiles(settings.state / "jobs")
        files.make_ready()
        self.folder = settings.run / "j"
        self.folder.mkdir(parents=True, exist_ok=True)
        neutral = (means.cache.versions, means.room.common, files.codes, files.works)
        backend = LocalSandboxBackend(Bubblewrap(settings.state / "jobs" / "sandbox", neutral=neutral))
        self.means = JobMeans(means, JobPortal(means.portal), files, backend)
        self.heard_at = time.monotonic()
        self._over, self._now = threading.Event(), threading.Event()
        self._erasing: set[str] = set()

    def begin(self) -> None:
        """Go."""
        self._find()
        for work, pause in ((self._beat, _BEAT), (self._listen, 0.0)):
            threading.Thread(target=self._again_and_again, args=(work, pause), daemon=True).start()

    def close(self, *, stop_runs: bool, seconds: float = 20.0) -> None:
        """End the clocks; with `stop_runs` all jobs first, which are tried again later, else they run on."""
        if stop_runs:
            for now, share in ((False, 0.7), (True, 0.3)):
                for run in self._all():
                    run.stop("Its machine was stopped by its operator.", now=now, why="lost")
                until = time.monotonic() + seconds * share
                while any(not run.is_clear.is_set() for run in self._all()) and time.monotonic() < until:
                    time.sleep(0.1)
        self._over.set()
        self._now.set()

    def _find(self) -> None:
        known = set()
        for folder in sorted(self.folder.iterdir()):
            notes = Notes.read(folder)
            if notes is None:  # killed before it was anything
                shutil.rmtree(folder, ignore_errors=True)
                continue
            known.add(notes.key)
            self._begin(folder, notes)
        self.means.backend.keep_only(known)

    def _begin(self, folder: Path, notes: Notes) -> None:
        run = self.means.runs[notes.attempt] = JobRun(self.means, folder, notes)
        run.begin()

    # ── the clocks ──────────────────────────────────────────────────────────────────────────────────────────────────
    def _again_and_again(self, work: Callable[[], None], pause: float) -> None:
        while not self._over.is_set():
            try:
                work()
            except Exception:  # the next round comes all the same, since nobody else can end jobs
                log.exception("the clock of %s goes on after a failure", work.__name__)
                self._over.wait(1.0)
            if pause:
                self._now.wait(pause)
                self._now.clear()

    def _listen(self) -> None:
        try:
            if self.means.portal.wait():
                self._now.set()
        except (Unreachable, Unreadable, Fenced):
            self._over.wait(1.0)

    def _beat(self) -> None:
        runs = self.means.runs
        for name in [name for name, run in runs.items() if run.is_over]:
            del runs[name]
        try:
            said = self.means.portal.beat(self._offers(), [run.facts() for run in self._all()])
        except (Unreachable, Unreadable, Fenced) as error:
            self._alone(error)
            return
        self.heard_at = time.monotonic()
        for one in said.get("stop", []):
            if (known := runs.get(str(one.get("attempt")))) is not None:
                known.stop(str(one.get("reason") or "The portal ended it."), now=bool(one.get("now")))
        for one in said.get("start", []):
            if (attempt := str(one.get("attempt"))) not in runs:
                folder = self.folder / secrets.token_hex(4)
                folder.mkdir(mode=0o700)
                self._begin(folder, Notes(attempt))

        for project in map(str, said.get("erase", [])):
            if ID.fullmatch(project) and project not in self._erasing:
                self._erasing.add(project)
                threading.Thread(target=self._erase, args=(project,), daemon=True).start()

    def _erase(self, project: str) -> None:
        """Take away the files of a project for good, once nothing of it runs. No heartbeat could wait for that."""
        try:
            if any(run.notes.project in {"", project} for run in self._all()):
                return
            common = self.means.host.room.common / project
            self.means.files.erase(project)
            shutil.rmtree(common, ignore_errors=True)
            if not common.exists() and not (self.means.files.works / project).exists():
                self.means.portal.erased(project)
                log.info("the files of the project %s are erased", project)
        except (Unreachable, Unreadable, Fenced) as error:
            log.info("that files are erased is told later: %s", error)
        finally:
            self._erasing.discard(project)

    def _alone(self, error: Exception) -> None:
        silence = time.monotonic() - self.heard_at
        log.warning("the portal has not answered for %.0f s: %s", silence, error)
        if silence >= _SILENT:
            for run in self._all():
                run.stop("The portal could not be reached for too long.", now=silence >= _CUT, why="lost")

    def _offers(self) -> dict[str, Any]:
        settings = self.means.host.settings
        return {"cpus": settings.job_cpus, "slot_memory": settings.job_memory // settings.job_cpus, "gpus": [],
                "centers": list(settings.centers)}  # fmt: skip

    def _all(self) -> list[JobRun]:
        return [run for run in list(self.means.runs.values()) if run.is_alive]
