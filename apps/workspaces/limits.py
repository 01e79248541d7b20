"""What each workspace gets, and what may flow to a browser before somebody looks. Bytes, seconds."""

import math
from typing import Any

GB, MB = 10**9, 10**6

ENVIRONMENT = "python-cancer"
MEMORY, CPUS, PROCESSES = 8 * GB, 2, 512  # of memory and processors at most: a smaller machine gives less
LEAST_MEMORY, LEAST_CPUS = 500 * MB, 0.25  # below this no JupyterLab starts
HOME, SHARED, RESULTS = 20 * GB, 100 * GB, 100 * GB
IDLE_SECONDS = 2 * 3600
METER_WARN, METER_PAUSE, METER_WINDOW = 50 * MB, 200 * MB, 3600

START_SECONDS = 300  # a start of which no host has spoken by then has failed
LONGEST_START = 3600  # and any that takes longer: a large dataset comes in once
UNSEEN_SECONDS = 90  # a run that no heartbeat tells of for longer is lost
KEPT_DAYS = 90  # files after a project's end
LINK_SECONDS = 90  # in which a host begins to fetch a file; then it asks anew, and the access decision is asked too


def bounded(offered: Any) -> tuple[int, float]:
    """Memory and processors of a run on a machine that gives one workspace at most this much."""
    given = offered if isinstance(offered, dict) else {}
    memory, cpus = (_number(given.get(name)) for name in ("memory", "cpus"))
    return (
        int(min(MEMORY, max(memory, LEAST_MEMORY))) if memory else MEMORY,
        float(min(CPUS, max(cpus, LEAST_CPUS))) if cpus else float(CPUS),
    )


def _number(given: Any) -> float:
    """What is said as a number above 0; else 0."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    return max(float(given), 0.0) if is_number else 0.0


def as_plan(memory: int, cpus: float) -> dict[str, Any]:
    """As a host reads them."""
    return {
        "limits": {
            "memory": memory,
            "cpus": cpus,
            "processes": PROCESSES,
            "seconds": None,
            "home": HOME,
            "shared": SHARED,
            "results": RESULTS,
        },
        "idle_seconds": IDLE_SECONDS,
        "meter": {"warn": METER_WARN, "pause": METER_PAUSE, "window_seconds": METER_WINDOW},
    }
