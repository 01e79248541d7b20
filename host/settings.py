"""What the host is told when it starts: one JSON file, or variables of the environment."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.spec import GB

_LONGEST_PATH = 70  # what lies below it takes 37 more
_SECRET = "CAIA_HOST_SECRET"  # noqa: S105  the variable's name


class SettingsError(Exception):
    """The host can't start with these settings; the message says what to change."""


@dataclass(frozen=True)
class Settings:
    """`state` lasts (cache, homes); `run` holds sockets and what runs now, and must have a short path."""

    portal: str  # address of the portal
    secret: str = field(repr=False)
    state: Path
    run: Path
    environments: Path  # the folder of built environments, each under its hash
    name: str = field(default_factory=socket.gethostname)
    hub_account: tuple[int, int] = field(default_factory=lambda: (os.geteuid(), os.getegid()))  # the Hub's uid and gid
    gateway_uids: int = 1_000_000  # a gateway's own uid is this and the workspace's
    cache_bytes: int = 200 * GB
    disk_reserve: int | None = None  # bytes of the disk that workspaces are not given; the usual part where not said
    memory: int = field(default_factory=lambda: max(GB, _machine_memory() // 8))  # the most for one workspace, bytes
    cpus: float = field(default_factory=lambda: max(1.0, (os.cpu_count() or 1) / 2))  # the most for one workspace
    starts: int = field(default_factory=lambda: max(2, os.cpu_count() or 1))  # workspaces that start at once
    job_cpus: int = field(default_factory=lambda: os.cpu_count() or 1)  # for jobs together, beside workspaces
    job_memory: int = field(default_factory=lambda: max(GB, _machine_memory() // 2))  # for jobs together, bytes
    centers: tuple[str, ...] = ()  # whose data it can mount for jobs, by the portal's short addresses; none said: all
    heartbeat: float = 2.0
    silent_seconds: float = 600.0  # without a word of the portal for so long, everything is stopped
    gateway: tuple[str, ...] = ()  # the words that start a gateway; the default is our own

    @property
    def socket(self) -> Path:
        """Where the Hub finds us."""
        return self.run / "host.sock"

    @classmethod
    def read(cls, file: Path | None, environment: Mapping[str, str]) -> Settings:
        """From a file of JSON, or else from the environment. SettingsError says what is missing."""
        facts: dict[str, Any] = _from_file(file) if file else _from_environment(environment)
        facts.setdefault("secret", environment.get(_SECRET, ""))
        missing = [name for name in ("portal", "secret", "state", "run", "environments") if not facts.get(name)]
        if missing:
            raise SettingsError(f"The host is not told: {', '.join(missing)}.")
        for name in ("state", "run", "environments"):
            facts[name] = Path(facts[name]).absolute()
        for name in ("hub_account", "gateway", "centers"):
            if name in facts:
                facts[name] = tuple(facts[name])
        if len(str(facts["run"])) > _LONGEST_PATH:
            raise SettingsError(
                f"The path {facts['run']} is too long: sockets lie below it, and their paths end at 107."
            )
        try:
            return cls(**facts)
        except TypeError as error:
            raise SettingsError(f"The host is told something that it doesn't know: {error}.") from error


def _from_file(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} can't be read: {error}.") from error
    if not isinstance(facts, dict):
        raise SettingsError(f"{file} must hold one JSON object.")
    return facts


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    home = environment.get("CAIA_HOME", "")
    facts: dict[str, Any] = {
        "portal": environment.get("CAIA_BASE_URL", ""),
        "state": environment.get("CAIA_HOST_STATE") or (home and f"{home}/host"),
        "run": environment.get("CAIA_RUN_FOLDER") or (home and f"{home}/run/host"),
        "environments": environment.get("CAIA_ENVIRONMENTS") or (home and f"{home}/environments"),
    }
    if account := environment.get("CAIA_HUB_ACCOUNT"):
        facts["hub_account"] = [int(number) for number in account.split(":")]
    if centers := environment.get("CAIA_HOST_CENTERS"):
        facts["centers"] = [one for word in centers.split(",") if (one := word.strip())]
    for variable, name, kind in (
        ("CAIA_CACHE_BYTES", "cache_bytes", int), ("CAIA_DISK_RESERVE", "disk_reserve", int),
        ("CAIA_WORKSPACE_MEMORY", "memory", int),
        ("CAIA_JOB_MEMORY", "job_memory", int), ("CAIA_JOB_CPUS", "job_cpus", int),
        ("CAIA_WORKSPACE_CPUS", "cpus", float), ("CAIA_WORKSPACE_STARTS", "starts", int),
    ):  # fmt: skip
        if said := environment.get(variable):
            facts[name] = _number(variable, said, kind)
    return facts


def _number(variable: str, said: str, kind: type[int] | type[float]) -> float:
    try:
        number = kind(said)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise SettingsError(f"{variable} must be a number above 0, not “{said}”.")
    return number
