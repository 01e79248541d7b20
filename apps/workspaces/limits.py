"""What each workspace gets, and what may flow to a browser before somebody looks. Bytes, seconds."""

from typing import Any

GB, MB = 10**9, 10**6

ENVIRONMENT = "python-cancer"
MEMORY, CPUS, PROCESSES = 8 * GB, 2, 512
HOME, SHARED, RESULTS = 20 * GB, 100 * GB, 100 * GB
IDLE_SECONDS = 2 * 3600
METER_WARN, METER_PAUSE, METER_WINDOW = 50 * MB, 200 * MB, 3600

START_SECONDS = 300  # a start that takes longer has failed
UNSEEN_SECONDS = 90  # a run that no heartbeat tells of for longer is lost
KEPT_DAYS = 90  # files after a project's end
LINK_SECONDS = 900  # for which a host may fetch a file of the data


def as_plan() -> dict[str, Any]:
    """As a host reads them."""
    return {
        "limits": {
            "memory": MEMORY,
            "cpus": CPUS,
            "processes": PROCESSES,
            "seconds": None,
            "home": HOME,
            "shared": SHARED,
            "results": RESULTS,
        },
        "idle_seconds": IDLE_SECONDS,
        "meter": {"warn": METER_WARN, "pause": METER_PAUSE, "window_seconds": METER_WINDOW},
    }
