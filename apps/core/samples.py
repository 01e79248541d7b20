"""What a program uses over time: few samples, and the lines that a page draws from them.

A sample is [second since 1970, processors in use since the last one, bytes of memory, CPU-seconds so far].
"""

from dataclasses import dataclass
from datetime import datetime

from apps.core.templatetags.words import number, size

EVERY, MOST = 15, 240  # seconds between two; an hour of them
WIDTH, HEIGHT = 600, 80  # of a plot
Samples = list[list[float]]


@dataclass(frozen=True)
class Plot:
    """A line over time, as the points of an SVG polyline, and its highest value in words."""

    title: str
    points: str
    highest: str


def sampled(samples: Samples, *, cpu_seconds: float, memory: int, now: datetime) -> Samples:
    """The samples with one more, where it is time for one."""
    second = int(now.timestamp())
    last = samples[-1] if samples else None
    if last and second - last[0] < EVERY:
        return samples
    used = (cpu_seconds - last[3]) / (second - last[0]) if last else 0.0
    return [*samples, [second, round(max(used, 0.0), 2), memory, cpu_seconds]][-MOST:]


def plots_of(samples: Samples, *, cpus: float, memory: int) -> list[Plot]:
    """Processors and memory against what there is of them, once there are points enough for a line."""
    if len(samples) < 3:
        return []
    busiest, largest = max(point[1] for point in samples), max(point[2] for point in samples)
    return [
        Plot("Processors in use", _line(samples, 1, max(busiest, cpus)), f"at most {number(busiest)}"),
        Plot("Memory in use", _line(samples, 2, max(largest, memory)), f"at most {size(largest)}"),
    ]


def _line(samples: Samples, column: int, top: float) -> str:
    first, last = samples[0][0], samples[-1][0]
    span = max(last - first, 1)
    return " ".join(
        f"{WIDTH * (point[0] - first) / span:.1f},{HEIGHT - HEIGHT * point[column] / top:.1f}" for point in samples
    )
