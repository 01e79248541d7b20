"""What a host says every two seconds, and what it hears: which runs stop, which go on, whose files it erases.

The figures are no change that anyone audits. Each heartbeat is also a question: the data of every run that it names is
asked for again, at most every second, so that a run stops within seconds even where no sweep comes by.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.core.errors import Invalid
from apps.core.samples import sampled
from apps.workspaces.admission import baseless
from apps.workspaces.models import Run, RunFigures, Workspace
from apps.workspaces.services.stopping import stop_baseless
from apps.workspaces.told import cleaned, moment, whole

MOST_RUNS = 2_000
MOST_ERASED = 50
ASKED_EVERY = timedelta(seconds=1)  # a heartbeat comes every two: at five, an end took up to seven
R = Run.Status


@dataclass(frozen=True)
class Beat:
    """What a host says of one run, as far as it can be read."""

    run: UUID
    figures: dict[str, Any]


def beat(body: Any) -> dict[str, Any]:
    """Keep the figures of what runs, ask again for its data, and say what the host has to do."""
    host, told = _read(body)
    now = timezone.now()
    ids = [one.run for one in told]
    due = _due(ids, now)
    gone = baseless(due) if due else {}
    stop_baseless(gone)
    found = {run.pk: run for run in Run.objects.filter(pk__in=ids).select_related("figures")}
    _keep(
        host, [(found[one.run].figures, one) for one in told if one.run in found and found[one.run].is_live], now, due
    )
    going = [run for run in found.values() if run.status == R.RUNNING and run.resume_asked_at]
    stops = [_stop_of(one.run, found.get(one.run), gone) for one in told]
    return {
        "stop": [stop for stop in stops if stop],
        "resume": [str(run.pk) for run in going],
        "erase": _to_erase(now),
    }


def _stop_of(pk: UUID, run: Run | None, gone: dict[UUID, str]) -> dict[str, Any] | None:
    if run is None:
        return {"run": str(pk), "reason": "The portal does not know of this run.", "now": True}
    if not run.is_live:
        return {"run": str(pk), "reason": run.reason, "now": True}
    if run.status == R.STOPPING:
        return {"run": str(pk), "reason": run.reason, "now": run.stops_at_once or pk in gone}
    return None


def _due(ids: list[UUID], now: datetime) -> list[UUID]:
    """Of these runs, those whose data was not asked for in the last second."""
    old = Q(asked_at=None) | Q(asked_at__lt=now - ASKED_EVERY)
    return list(RunFigures.objects.filter(old, pk__in=ids).values_list("pk", flat=True))


def _to_erase(now: datetime) -> list[dict[str, Any]]:
    over = Workspace.objects.filter(status=Workspace.Status.SEALED, delete_on__lte=now.date()).order_by("delete_on")
    return [{"workspace": str(one.pk), "name": one.name, "uid": one.uid} for one in over[:MOST_ERASED]]


def _keep(host: str, rows: list[tuple[RunFigures, Beat]], now: datetime, due: list[UUID]) -> None:
    for row, told in rows:
        row.host, row.seen_at = host, now
        row.asked_at = now if row.pk in due else row.asked_at
        figures = told.figures
        row.samples = sampled(row.samples, cpu_seconds=figures["cpu_seconds"], memory=figures["memory"], now=now)
        for name, value in figures.items():
            setattr(row, name, value)
    names = ["host", "seen_at", "asked_at", "samples", *FIGURES]
    RunFigures.objects.bulk_update([row for row, _ in rows], names, batch_size=200)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────
FIGURES = ("percent", "words", "cpu_seconds", "memory", "home", "shared", "results", "bytes_out", "active_at")


def _read(body: Any) -> tuple[str, list[Beat]]:
    host, runs = (body.get("host"), body.get("runs")) if isinstance(body, dict) else (None, None)
    if not isinstance(host, str) or not isinstance(runs, list) or len(runs) > MOST_RUNS:
        raise Invalid(f"A heartbeat needs “host” and a list “runs” of at most {MOST_RUNS}.")
    told = [_beat(one) for one in runs]
    if len({one.run for one in told}) != len(told):
        raise Invalid("A heartbeat names each run once.")
    return str(cleaned(host))[:64], told


def _beat(given: Any) -> Beat:
    try:
        run = UUID(given["run"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Invalid("Each of “runs” must name its run by its identifier.") from None
    progress, disk = _part(given, "progress"), _part(given, "disk")
    seconds = given.get("cpu_seconds")
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and math.isfinite(seconds)
    return Beat(
        run,
        {
            "percent": min(_count(progress, "percent"), 100),
            "words": str(cleaned(str(progress.get("words", ""))))[:200],
            "cpu_seconds": float(max(seconds, 0)) if is_number else 0.0,
            "memory": _count(given, "memory"),
            **{name: _count(disk, name) for name in ("home", "shared", "results")},
            "bytes_out": _count(given, "bytes_out"),
            "active_at": moment(given.get("last_activity")),
        },
    )


def _part(given: dict[str, Any], name: str) -> dict[str, Any]:
    part = given.get(name)
    return part if isinstance(part, dict) else {}


def _count(given: dict[str, Any], name: str) -> int:
    """A whole number of it, 0 where none is told."""
    value = given.get(name)
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return value if whole(value) else 0
