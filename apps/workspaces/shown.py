"""A run as its page shows it: what it uses against its limits, how that went, and what its host told, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from apps.core import samples
from apps.core.samples import Plot
from apps.core.templatetags.words import count, size
from apps.workspaces import limits
from apps.workspaces.models import Run, RunEvent, RunFigures, Workspace

YOUNG = timedelta(seconds=10)
CLOSE = 0.8  # of a limit, from which it is said in another tone


@dataclass(frozen=True)
class Use:
    """One thing that a run uses up."""

    label: str
    value: int
    limit: int
    words: str

    @property
    def tone(self) -> str:
        return "bad" if self.value >= self.limit else "warn" if self.value >= CLOSE * self.limit else "accent"


def uses_of(figures: RunFigures) -> list[Use]:
    """Memory, files and what went to the browser."""
    rows = (
        ("Memory", figures.memory, figures.memory_limit),
        ("Your files (/home)", figures.home, limits.HOME),
        ("The team’s files (/shared)", figures.shared, limits.SHARED),
        ("Results (/results)", figures.results, limits.RESULTS),
    )
    uses = [Use(label, value, limit, f"{size(value)} of {size(limit)}") for label, value, limit in rows]
    words = f"{size(figures.bytes_out)} since its start; paused at {size(limits.METER_PAUSE)} within an hour"
    return [*uses, Use("To the browser", figures.bytes_out, limits.METER_PAUSE, words)]


def plots_of(figures: RunFigures) -> list[Plot]:
    """Processors and memory over the last hour."""
    return samples.plots_of(figures.samples, cpus=figures.cpus_limit, memory=figures.memory_limit)


def address_of(workspace: Workspace) -> str:
    """Where its researcher's browser finds the running workspace: on a host name that nobody else's shares."""
    where = urlsplit(settings.WORKSPACES_URL)
    return f"{where.scheme}://{workspace.hub_name}.{where.netloc}/user/{workspace.hub_name}/{workspace.hub_server}/lab"


def is_open(run: Run | None) -> bool:
    """Whether its researcher can go in."""
    return run is not None and run.status == Run.Status.RUNNING


def pace_of(run: Run) -> str:
    """How often its page looks again: quickly while a start is young, which is when somebody waits for it."""
    if is_open(run):
        return "10s"
    is_young = run.status == Run.Status.STARTING and timezone.now() - run.started_at < YOUNG
    return "1s" if is_young else "2s"


def is_paused(run: Run) -> bool:
    """Whether the gateway holds back what goes to the browser, and nobody has asked for its end."""
    return run.paused_at is not None and run.status == Run.Status.RUNNING


SAID: dict[str, Callable[[dict[str, Any]], str]] = {
    "started": lambda one: f"It began with {count(len(one.get('data') or []), 'dataset,datasets')}.",
    "ended": lambda one: str(one.get("words") or "It ended."),
    "denied": lambda one: _refused(one),
    "warned": lambda one: f"Much went to the browser: {size(one.get('bytes'))}.",
    "paused": lambda one: f"Paused, since {size(one.get('bytes'))} went to the browser.",
    "resumed": lambda one: "It goes on.",
    "opened": lambda one: f"Opened {one.get('path', '')} of {one.get('dataset', '')}, {_times(one)}.",
    "not_watched": lambda one: f"Files that are opened can’t be watched here: {one.get('words', '')}",
    "signed_in": lambda one: "Its researcher came in by a browser.",
}


def _refused(one: dict[str, Any]) -> str:
    """What was tried, where that is known, and how often."""
    times = one.get("times")
    how_often = f", {_times(one)}" if isinstance(times, int) and times > 1 else ""
    what = f"{one.get('method', '')} {one.get('path', '')}".strip()
    return f"Refused{how_often}: {f'{what}. ' if what else ''}{one.get('why', '')}"


def _times(one: dict[str, Any]) -> str:
    times = one.get("times")
    return count(times if isinstance(times, int) else 1, "time,times")


def said(event: RunEvent) -> str:
    """What a host told, as a sentence."""
    return SAID[event.kind](event.details)[:500]
