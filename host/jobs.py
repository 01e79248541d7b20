"""All attempts at jobs on this machine: heard of, begun, found again, ended when nobody could end them.

Two clocks: one waits at the portal's bell, so that nothing that is to start waits for a beat; the other beats, which
renews the lease of each attempt. A machine that is cut off ends its jobs before the portal gives their turn to another.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from host.job import JobRun, Notes
from host.job_files import JobFiles
from host.job_portal import Fenced, JobPortal
from host.life import Means
from host.portal import Unreadable
from host.wire import Unreachable
from sandbox.bubblewrap import Bubblewrap
from sandbox.keeper import STATE

_BEAT = 2.0
_SILENT, _CUT = 25.0, 40.0  # seconds without the portal: save and end; end at once. The lease is a minute
log = logging.getLogger("host.jobs")


class Jobs:
    """`begin` finds what runs from before, and starts the clocks."""

    def __init__(self, means: Means) -> None:
        settings = means.settings
        self.means = means
        self.portal = JobPortal(means.portal)
        self.files = JobFiles(settings.state / "jobs")
        self.files.make_ready()
        self.folder = settings.run / "j"
        self.folder.mkdir(parents=True, exist_ok=True)
        neutral = (means.cache.versions, means.room.common, self.files.codes, self.files.works)
        self.backend = Bubblewrap(settings.state / "jobs" / "sandbox", neutral=neutral)
        self.runs: dict[str, JobRun] = {}
        self.heard_at = time.monotonic()
        self._lock = threading.Lock()
        self._over, self._now = threading.Event(), threading.Event()

    def begin(self) -> None:
        """Go."""
        self._find()
        for work, pause in ((self._beat, _BEAT), (self._listen, 0.0)):
            threading.Thread(target=self._again_and_again, args=(work, pause), daemon=True).start()

    def close(self, *, stop_runs: bool, seconds: float = 45.0) -> None:
        """End the clocks; with `stop_runs` all jobs first, which are tried again later, else they run on."""
        if stop_runs:
            for run in self._all():
                run.stop("Its machine was stopped by its operator.", now=True, why="lost")
            until = time.monotonic() + seconds
            while any(not run.is_over for run in self._all()) and time.monotonic() < until:
                time.sleep(0.1)
        self._over.set()
        self._now.set()

    def _find(self) -> None:
        known = set()
        for folder in sorted(self.folder.iterdir()):
            notes = Notes.read(folder)
            if notes is None:
                continue
            run = self.runs[notes.attempt] = JobRun(
                self.means, self.portal, self.files, self.backend, folder, notes
            )  # fmt: skip
            known.add(notes.sandbox)
            run.begin()
        for state in (self.files.folder / "sandbox").glob(f"runs/*/{STATE}"):
            if str(state.parent) not in known:
                log.warning("a job's sandbox that no attempt knows of is taken away")
                self.backend.abandon(state.parent)

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
            if self.portal.wait():
                self._now.set()
        except (Unreachable, Unreadable, Fenced):
            self._over.wait(1.0)

    def _beat(self) -> None:
        for name, run in list(self.runs.items()):
            if run.is_over:
                del self.runs[name]
        try:
            said = self.portal.beat(self._offers(), [run.facts() for run in self._all()])
        except (Unreachable, Unreadable, Fenced) as error:
            self._alone(error)
            return
        self.heard_at = time.monotonic()
        for one in said.get("start", []):
            self._start(str(one.get("attempt")))
        for one in said.get("stop", []):
            known = self.runs.get(str(one.get("attempt")))
            if known is not None:
                known.stop(str(one.get("reason") or "The portal ended it."), now=bool(one.get("now")))

    def _alone(self, error: Exception) -> None:
        silence = time.monotonic() - self.heard_at
        log.warning("the portal has not answered for %.0f s: %s", silence, error)
        if silence >= _SILENT:
            for run in self._all():
                run.stop("The portal could not be reached for too long.", now=silence >= _CUT, why="lost")

    def _start(self, attempt: str) -> None:
        with self._lock:
            if attempt in self.runs:
                return
            folder = self.folder / secrets.token_hex(4)
            folder.mkdir(mode=0o700)
            run = self.runs[attempt] = JobRun(
                self.means, self.portal, self.files, self.backend, folder, Notes(attempt)
            )  # fmt: skip
        run.begin()

    def _offers(self) -> dict[str, Any]:
        settings = self.means.settings
        return {"cpus": settings.job_cpus, "slot_memory": settings.job_memory // settings.job_cpus, "gpus": []}

    def _all(self) -> list[JobRun]:
        return [run for run in list(self.runs.values()) if not run.is_over]
