"""This machine: each try is a sandbox of bubblewrap with a keeper of its own, which outlives us."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from host.engines.base import (
    PLAIN,
    Capabilities,
    ExternalRef,
    LogChunk,
    Rejected,
    State,
    Status,
    Unavailable,
    Wanted,
    demand_key,
)
from host.engines.printed import chunk_of
from sandbox.bubblewrap import Bubblewrap, Running, StartFailed, StartRefused
from sandbox.ends import End, Why
from sandbox.keeper import OUTPUT, STATE
from sandbox.promises import Standing
from sandbox.spec import SandboxSpec, SpecError

log = logging.getLogger("host.engines")


class LocalSandboxBackend:
    """Nothing waits here: whoever submits has seen that there is room."""

    name = "local"
    pause = 0.25

    def __init__(self, bubblewrap: Bubblewrap) -> None:
        self.bubblewrap = bubblewrap
        self._lock = threading.Lock()

    def capabilities(self) -> Capabilities:
        """What it has here."""
        return Capabilities(
            isolation="process",
            cannot={"cancel before start": "what is submitted starts at once, so nothing of it ever waits"},
        )

    def promises(self, spec: SandboxSpec) -> tuple[Standing, ...]:
        """As this machine's kernel can keep them."""
        return self.bubblewrap.promises(spec)

    def submit(self, spec: SandboxSpec, key: str, wanted: Wanted = PLAIN) -> ExternalRef:
        """Start it, unless it was started before."""
        place, ref = self._place(demand_key(key)), ExternalRef(key)
        if wanted.gpus:
            raise Rejected("This machine shows no graphics processor to its sandboxes.")
        with self._lock:
            if self.bubblewrap.find(place):
                return ref
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self.bubblewrap.start(spec, place)
            except StartFailed as error:
                self.bubblewrap.abandon(place)
                raise Unavailable(str(error)) from error
            except (StartRefused, SpecError) as error:
                self.bubblewrap.abandon(place)
                raise Rejected(str(error)) from error
        return ref

    def find(self, key: str) -> ExternalRef | None:
        """By the folder that the key alone names."""
        return ExternalRef(key) if self.bubblewrap.find(self._place(demand_key(key))) else None

    def poll(self, refs: Sequence[ExternalRef]) -> dict[ExternalRef, Status]:
        """How each stands, from its keeper's own notes."""
        return {ref: self._status(ref) for ref in refs}

    def attend(self, ref: ExternalRef) -> None:
        """For its keeper."""
        if running := self._running(ref):
            running.attend()

    def cancel(self, ref: ExternalRef, grace: float) -> None:
        """Its keeper asks it, and ends it after the grace of its limits; 0: at once."""
        if running := self._running(ref):
            running.tell_to_end(now=grace <= 0)

    def logs(self, ref: ExternalRef, offset: int, limit: int) -> LogChunk:
        """From the file that its keeper writes."""
        running = self._running(ref)
        has_ended = running is None or not running.is_running()
        return chunk_of(self._place(ref.key) / OUTPUT, offset, limit, has_ended=has_ended)

    def forget(self, ref: ExternalRef) -> None:
        """End it, and take its folder away."""
        self.bubblewrap.abandon(self._place(ref.key))

    def keep_only(self, keys: Collection[str]) -> None:
        """By the folders that the keys name."""
        known = {self._place(key) for key in keys}
        for state in self.bubblewrap.state.glob(f"runs/*/{STATE}"):
            if state.parent not in known:
                log.warning("a sandbox that nobody knows of is taken away")
                self.bubblewrap.abandon(state.parent)

    def _place(self, key: str) -> Path:
        return self.bubblewrap.state / "runs" / hashlib.sha256(key.encode()).hexdigest()[:16]  # it may be seen inside

    def _running(self, ref: ExternalRef) -> Running | None:
        return self.bubblewrap.find(self._place(ref.key))

    def _status(self, ref: ExternalRef) -> Status:
        running = self._running(ref)
        if running is None:
            return Status(State.UNKNOWN)
        if end := running.end():
            return Status(state_of(end), end.words, end)
        with contextlib.suppress(OSError, ValueError):
            return Status(State.RUNNING, use=running.use())
        return Status(State.RUNNING)


def state_of(end: End) -> State:
    """An end in one of the contract's words."""
    if end.why is Why.LOST:
        return State.SYSTEM_ERROR
    if end.why is Why.STOPPED:
        return State.CANCELED
    return State.COMPLETE if end.why is Why.FINISHED and end.code == 0 else State.EXECUTOR_ERROR
