"""How a sandbox ended, in words, and what it used."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from sandbox.spec import MB, Limits


class Why(StrEnum):
    """The kinds of end."""

    FINISHED = "finished"
    STOPPED = "stopped"
    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"
    SIGNAL = "signal"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True)
class Usage:
    """Bytes and seconds; None where this machine doesn't count it."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_peak: int | None = None
    programs_peak: int | None = None
    memory_kills: int = 0
    refused_programs: int = 0
    output_bytes: int = 0


@dataclass(frozen=True)
class Use:
    """What a sandbox has used of the processor by now, and how much memory it takes; None where it isn't counted."""

    cpu_seconds: float | None
    memory: int | None


@dataclass(frozen=True)
class End:
    """The last word about a sandbox. `code` is the command's exit code, None where it never had one."""

    why: Why
    code: int | None
    words: str
    usage: Usage = Usage()

    def write(self, file: Path) -> None:
        """Keep it; whoever reads sees all of it or nothing."""
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(fresh, file)

    @classmethod
    def read(cls, file: Path) -> End | None:
        """What was kept, None if it hasn't ended."""
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(Why(facts["why"]), facts["code"], facts["words"], Usage(**facts["usage"]))


def of_code(code: int, usage: Usage, limits: Limits) -> End:
    """The end of a command that nobody outside ended."""
    if usage.memory_kills and code == 128 + signal.SIGKILL:
        size = f"{limits.memory / MB:,.0f} MB"
        return End(Why.MEMORY, code, f"It needed more than its {size} of memory and was ended.", usage)
    if code == 0:
        return End(Why.FINISHED, code, "It finished.", usage)
    if code > 128 and code - 128 in {int(known) for known in signal.Signals}:
        name = signal.strsignal(code - 128) or f"signal {code - 128}"
        return End(Why.SIGNAL, code, f"A signal ended it: {name}.", usage)
    return End(Why.FINISHED, code, f"It ended with the exit code {code}.", usage)
