"""What a host says of jobs: read, checked, bounded and cleaned before anything of it is kept."""

import base64
import binascii
import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from apps.core.errors import Invalid
from apps.jobs import limits
from apps.jobs.services.attempts import Ending, Offer
from apps.workspaces.told import SHA256, cleaned, whole

MOST_ATTEMPTS, MOST_GPUS, MOST_METRICS, MOST_CENTERS = 2_000, 64, 20, 100
MOST_LOG = 64 * 1024  # bytes in one request: few pieces are in memory at once when somebody reads
WHYS = {"finished", "stopped", "time", "memory", "disk", "signal", "refused", "lost"}
_METRIC = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$")


@dataclass(frozen=True)
class Beat:
    """What a host says of one attempt. `offset`, `log`: what it printed from there on."""

    attempt: UUID
    figures: dict[str, Any]


def beats_of(body: Any) -> tuple[str, Offer, list[Beat]]:
    """The host's name, what it offers, and how its attempts do. Raises Invalid where it can't be read."""
    given = body if isinstance(body, dict) else {}
    host, attempts = given.get("host"), given.get("attempts")
    if not isinstance(host, str) or not host or not isinstance(attempts, list) or len(attempts) > MOST_ATTEMPTS:
        raise Invalid(f"A heartbeat needs “host” and a list “attempts” of at most {MOST_ATTEMPTS}.")
    told = [_beat(one) for one in attempts]
    if len({one.attempt for one in told}) != len(told):
        raise Invalid("A heartbeat names each attempt once.")
    return str(cleaned(host))[:64], _offer(given.get("offers")), told


def _offer(given: Any) -> Offer:
    offers = given if isinstance(given, dict) else {}
    cpus, memory, gpus = offers.get("cpus"), offers.get("slot_memory"), offers.get("gpus", [])
    if not whole(cpus, most=4096) or not whole(memory, least=limits.MB) or not isinstance(gpus, list):
        raise Invalid("“offers” needs cpus, slot_memory and gpus.")
    if len(gpus) > MOST_GPUS or any(not isinstance(one, dict) for one in gpus):
        raise Invalid(f"“gpus” must be a list of at most {MOST_GPUS} objects.")
    centers = offers.get("centers", [])
    if not isinstance(centers, list) or len(centers) > MOST_CENTERS or any(not isinstance(one, str) for one in centers):
        raise Invalid(f"“centers” must be a list of at most {MOST_CENTERS} short addresses.")
    devices = tuple((_word(one, "uuid"), _word(one, "model")) for one in gpus)
    return Offer(cpus, memory, devices, tuple(sorted({str(cleaned(one))[:64] for one in centers})))


def _word(given: dict[str, Any], name: str) -> str:
    return str(cleaned(str(given.get(name, ""))))[:80]


def _beat(given: Any) -> Beat:
    try:
        attempt = UUID(given["attempt"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Invalid("Each of “attempts” must name its attempt by its identifier.") from None
    progress = _part(given, "progress")
    metrics = _part(progress, "metrics")
    return Beat(
        attempt,
        {
            "words": str(cleaned(str(given.get("words", ""))))[:200],
            "cpu_seconds": max(number(given.get("cpu_seconds")), 0.0),
            "memory": given["memory"] if whole(given.get("memory")) else 0,
            "step": progress["step"] if whole(progress.get("step")) else None,
            "total": progress["total"] if whole(progress.get("total"), least=1) else None,
            "metrics": {
                str(name): number(value)
                for name, value in list(metrics.items())[:MOST_METRICS]
                if _METRIC.match(str(name)) and is_number(value)
            },
        },
    )


def _part(given: dict[str, Any], name: str) -> dict[str, Any]:
    part = given.get(name)
    return part if isinstance(part, dict) else {}


def log_of(body: Any) -> tuple[int, bytes]:
    """Where in its log this belongs, and the bytes."""
    given = body if isinstance(body, dict) else {}
    offset, content = given.get("offset"), given.get("content")
    if not whole(offset, most=limits.LOG_KEPT * 2) or not isinstance(content, str):
        raise Invalid("A piece of a log needs its offset and its content.")
    try:
        said = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The content of a log must be in base64.") from None
    if not 0 < len(said) <= MOST_LOG:
        raise Invalid(f"A piece of a log has 1 to {MOST_LOG} bytes.")
    return offset, said


def ending_of(body: Any) -> Ending:
    """How an attempt ended, and what it left."""
    given = body if isinstance(body, dict) else {}
    why, code, files = given.get("why"), given.get("exit_code"), given.get("results", [])
    if why not in WHYS or not isinstance(files, list) or len(files) > limits.MOST_RESULTS:
        raise Invalid(f"An end needs why, one of {', '.join(sorted(WHYS))}, and at most {limits.MOST_RESULTS} results.")
    results = tuple(_result(one) for one in files)
    if len({path for path, _, _ in results}) != len(results):
        raise Invalid("Two results have the same path.")
    return Ending(
        str(why),
        str(cleaned(str(given.get("words", ""))))[:500],
        code if whole(code, most=255) else None,
        max(number(given.get("cpu_seconds")), 0.0),
        given["memory_peak"] if whole(given.get("memory_peak")) else 0,
        results,
    )


def _result(given: Any) -> tuple[str, str, int]:
    facts = given if isinstance(given, dict) else {}
    path, sha256, size = facts.get("path"), facts.get("sha256"), facts.get("bytes")
    is_plain = isinstance(path, str) and 0 < len(path) <= 1024 and cleaned(path) == path
    if not is_plain or not SHA256.match(str(sha256)) or not whole(size):
        raise Invalid("A result needs path, sha256 and bytes.")
    parts = PurePosixPath(str(path)).parts
    if str(path).startswith("/") or ".." in parts:
        raise Invalid("The path of a result lies below its folder.")
    return str(path), str(sha256), int(size or 0)


def number(given: Any) -> float:
    """It as a number, 0 where it is none."""
    return float(given) if is_number(given) else 0.0


def is_number(given: Any) -> bool:
    """Whether it is a number that is not endless."""
    return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
