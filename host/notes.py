"""What is kept about a run in its folder, so that a host which was restarted finds it again."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from host.kept import keep, kept
from host.plan import ID

_PREFIX = re.compile(r"/user/[a-z0-9-]{1,64}/[a-z0-9-]{1,64}/")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")
FILE = "run.json"


class OrderError(Exception):
    """What the Hub asked for can't be meant; the message says why."""


@dataclass
class Notes:
    """One run. `state` is starting, running, stopping or ended."""

    run: str
    prefix: str
    origin: str
    state: str = "starting"
    name: str = ""
    workspace: str = ""
    uid: int = 0
    sandbox: str = ""  # the sandbox's folder
    gateway: tuple[int, int | None] = (0, None)  # pid and ticks
    datasets: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)  # folders in the cache
    mounted: dict[str, Any] = field(default_factory=dict)  # what the portal is still to be told of the start
    shared: str = ""
    idle_seconds: float = 0.0
    end: dict[str, Any] | None = None
    ended_at: float = 0.0  # seconds since 1970

    def write(self, folder: Path) -> None:
        """Keep them, whole or not at all."""
        keep(folder, FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Notes | None:
        """What was kept; None where the folder holds none."""
        facts = kept(folder, FILE)
        if facts is None:
            return None
        facts["gateway"] = tuple(facts["gateway"])
        return cls(**facts)


def ordered(facts: dict[str, Any]) -> tuple[Notes, dict[str, Any]]:
    """A run as the Hub asks for it, and what its gateway is told of the Hub. OrderError where it can't be meant."""
    hub = facts.get("hub")
    for pattern, name in ((ID, "run"), (_PREFIX, "prefix"), (_ORIGIN, "origin")):
        if not isinstance(facts.get(name), str) or not pattern.fullmatch(facts[name]):
            raise OrderError(f"“{name}” is missing or can't be meant.")
    if not isinstance(hub, dict) or not hub.get("token"):
        raise OrderError("“hub” is missing, or has no token.")
    return Notes(facts["run"], facts["prefix"], facts["origin"]), hub
