"""What the keeper is told: every step of a start, worked out beforehand, as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.spec import Limits

TWINS = "twins"  # the folder of hard links in a run's folder


@dataclass(frozen=True)
class Volume:
    """A file that is a file system of fixed size, made on first use: the hard kind of quota."""

    image: str
    place: str
    size: int
    files: int


@dataclass(frozen=True)
class Watched:
    """A folder whose size is looked at again and again: the soft kind of quota."""

    folder: str
    inside: str
    size: int
    files: int
    holds_sockets: bool = False


@dataclass(frozen=True)
class Plan:
    """Paths are strings here: this travels as JSON."""

    name: str
    run: str  # the folder of this run
    bwrap: str
    words: list[str]  # bubblewrap's, without file descriptors
    command: list[str]
    filter: str  # the program of system calls, base64
    limits: Limits
    uid: int | None  # None: stay who we are
    uid_lock: str | None
    stage: str | None  # a folder over which a private one in memory is laid; None: nothing is staged
    settings: str
    nothing: str
    files: dict[str, str] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)  # (folder, its twin of hard links)
    binds: list[tuple[str, str]] = field(default_factory=list)
    memory: list[tuple[str, int, int]] = field(default_factory=list)  # (place, bytes, files)
    volumes: list[Volume] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    owned: list[str] = field(default_factory=list)  # folders that must belong to the uid
    groups: list[int] = field(default_factory=list)  # beside its own

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Plan:
        """From JSON."""
        facts: dict[str, Any] = json.loads(text)
        facts["limits"] = Limits(**facts["limits"])
        facts["volumes"] = [Volume(**one) for one in facts["volumes"]]
        facts["watched"] = [Watched(**one) for one in facts["watched"]]
        return cls(**facts)
