"""The contract of every backend, in the words of GA4GH's Task Execution Service where it has some.

A key names a try for good: the same key is the same work, however often it is submitted and whoever died meanwhile. So
after any doubt a backend looks by the key and adopts what it finds; it never submits blindly a second time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from sandbox.ends import End, Use
from sandbox.promises import Standing
from sandbox.spec import SandboxSpec

KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?")


class Rejected(Exception):
    """It will never work as it was asked for; the message says what to change."""


class Unavailable(Exception):
    """Nobody knows whether it worked: look by its key, then try again."""


class State(StrEnum):
    """Where a try stands. UNKNOWN: this backend has never heard of it, or has forgotten it."""

    QUEUED = "QUEUED"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    EXECUTOR_ERROR = "EXECUTOR_ERROR"  # what ran in it ended badly
    SYSTEM_ERROR = "SYSTEM_ERROR"  # whatever carried it broke
    PREEMPTED = "PREEMPTED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Wanted:
    """What a try needs beside its sandbox. `account`: who pays, as the cluster's own books name it."""

    gpus: int = 0
    model: str = ""
    queue: str = ""
    account: str = ""


PLAIN = Wanted()  # nothing beside its sandbox


@dataclass(frozen=True)
class ExternalRef:
    """A try as the backend names it; `number` is the engine's own, "" where the key is all there is."""

    key: str
    number: str = ""


@dataclass(frozen=True)
class Status:
    """`words`: why it waits, for people. `end` once it has ended; `use` where the backend measures it."""

    state: State
    words: str = ""
    end: End | None = None
    use: Use | None = None
    node: str = ""


@dataclass(frozen=True)
class LogChunk:
    """Some bytes of what it printed; `next` is the byte after them. `is_over`: nothing more will come."""

    content: bytes
    next: int
    is_over: bool


@dataclass(frozen=True)
class Capabilities:
    """What a backend has and does. `gpus`: how many of each model; `longest`: seconds, None: without a bound.

    `cannot`: what of the contract it can't keep here, case by case, in words.
    """

    isolation: str
    gpus: Mapping[str, int] = field(default_factory=dict)
    longest: float | None = None
    has_queue: bool = False
    is_preemptible: bool = False
    measures_use: bool = True
    cannot: Mapping[str, str] = field(default_factory=dict)


class ComputeBackend(Protocol):
    """Rejected and Unavailable are the only errors that come out of it."""

    name: str
    pause: float  # seconds between two looks, so that asking costs the engine little

    def capabilities(self) -> Capabilities:
        """What it has here, asked anew."""

    def promises(self, spec: SandboxSpec) -> tuple[Standing, ...]:
        """What of the sandbox's promises holds here for this description."""

    def submit(self, spec: SandboxSpec, key: str, wanted: Wanted = ...) -> ExternalRef:
        """Hand it over. The same key again is the same try."""

    def find(self, key: str) -> ExternalRef | None:
        """The try of this key, whoever submitted it."""

    def poll(self, refs: Sequence[ExternalRef]) -> dict[ExternalRef, Status]:
        """How they all stand: one question to the engine."""

    def attend(self, ref: ExternalRef) -> None:
        """Say that somebody looks after it still; what is left alone ends itself (`Limits.unattended`)."""

    def cancel(self, ref: ExternalRef, grace: float) -> None:
        """Ask for its end: within so many seconds, 0: now. Harmless when repeated, or when it has ended."""

    def logs(self, ref: ExternalRef, offset: int, limit: int) -> LogChunk:
        """What it printed from this byte on."""

    def forget(self, ref: ExternalRef) -> None:
        """End whatever is left of it and take away what was kept; the key names nothing afterwards."""

    def keep_only(self, keys: Collection[str]) -> None:
        """Forget every try of ours whose key is none of these: whoever knew of it is gone."""


def demand_key(key: str) -> str:
    """The key, if it can name a folder and a job anywhere. Rejected otherwise."""
    if not KEY.fullmatch(key):
        raise Rejected(f"“{key}” can't be a key: 1 to 62 of a-z, 0-9 and -, with a letter or digit at each end.")
    return key
