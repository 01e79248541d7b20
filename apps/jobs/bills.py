"""What was used in a month, put together by center, project or person, and month after month; for pages and CSV."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.jobs import selectors
from apps.jobs.books import CPU, GPU, HOUR, Month, counted, holdings, touches, within
from apps.jobs.models import Attempt, Usage
from apps.projects.models import Project

MONTHS = 12  # that a page looks back
MOST = 5_000  # lines of one page's sums
MOST_EXPORTED = 100_000
BY = {"center": "Center", "project": "Project", "member": "Person"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
HEAD = ("month", "center", "project", "person", "job", "attempt", "resource", "model", "slot_hours", "charged",
        "started_at", "ended_at")  # fmt: skip


@dataclass(frozen=True)
class Line:
    """What one center, project or person used, in hours of one slot. `uncharged`: what machines failed at."""

    name: str
    more: str
    url: str
    cpu: float
    gpu: float
    uncharged: float
    mark: str  # by which lines are put in order and paged


@dataclass(frozen=True)
class Bar:
    """One month of a plot: hours."""

    label: str
    hours: float


def lines(member: Member, month: Month, by: str, center: Center | None = None) -> list[Line]:
    """What the member may see of a month, most used first. What runs now is in it, up to now."""
    usage, running = _visible(member, center)
    sums: dict[Any, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    rows = within(usage, month).values(by, "resource", "is_charged").annotate(total=Sum("counted"))
    for row in rows:
        sums[row[by]][row["resource"] if row["is_charged"] else "uncharged"] += row["total"]
    for held in holdings(running, month, timezone.now()):
        sums[held[by]][held["resource"]] += held["seconds"]
    ranked = sorted(sums.items(), key=lambda one: (-one[1][GPU], -one[1][CPU], str(one[0])))[:MOST]
    names = _names(by, [pk for pk, _ in ranked])
    return [
        Line(*names[pk], used[CPU] / HOUR, used[GPU] / HOUR, used["uncharged"] / HOUR, f"{place:05d}")
        for place, (pk, used) in enumerate(ranked)
    ]


def history(member: Member, until: Month, center: Center | None = None) -> dict[str, list[Bar]]:
    """Charged hours of each resource in each of the last months, oldest first; resources that nobody used are left out.

    Two queries.
    """
    usage, running = _visible(member, center)
    months = [until.before(back) for back in reversed(range(MONTHS))]
    sums = {f"m{place}": Sum(counted(month), filter=touches(month)) for place, month in enumerate(months)}
    rows = usage.filter(is_charged=True, ended_at__gte=months[0].start).values("resource").annotate(**sums)
    hours: dict[str, list[float]] = {}
    for kind, *told in rows.values_list("resource", *sums):
        hours[kind] = [(one or 0.0) / HOUR for one in told]
    for held in holdings(running, until, timezone.now()):
        hours.setdefault(held["resource"], [0.0] * MONTHS)[-1] += held["seconds"] / HOUR
    names = [f"{month.start:%b %Y}" for month in months]
    return {
        label: [Bar(*one) for one in zip(names, hours[kind], strict=True)]
        for kind, label in Usage.Resource.choices if any(hours.get(kind, []))
    }  # fmt: skip


def _visible(member: Member, center: Center | None) -> tuple[QuerySet[Usage], QuerySet[Attempt]]:
    usage, running = selectors.usage_visible_to(member), selectors.running_visible_to(member)
    if center is None:
        return usage, running
    return usage.filter(center=center), running.filter(job__project__center=center)


def as_csv(member: Member, month: Month, center: Center | None = None) -> Iterator[str]:
    """Every line of the books that the member may see of a month; what still runs is in none of them."""
    yield _written(HEAD)
    rows = within(_visible(member, center)[0], month).order_by("ended_at", "pk").values_list(
        "center__short_name", "project__number", "member__name", "attempt__job__number", "attempt__fence", "resource",
        "model", F("counted"), "is_charged", "started_at", "ended_at",
    )  # fmt: skip
    for center, project, person, job, fence, resource, model, seconds, is_charged, began, ended in rows[
        :MOST_EXPORTED
    ].iterator(chunk_size=2_000):
        yield _written(
            (str(month), center, f"P-{project:04d}", person, f"J-{job:04d}", fence, resource, model,
             round(seconds / HOUR, 6), "yes" if is_charged else "no", _moment(began), _moment(ended))
        )  # fmt: skip
    if rows.count() > MOST_EXPORTED:
        yield _written([f"cut off after {MOST_EXPORTED:,} lines: ask for one center at a time"])


def _names(by: str, found: list[Any]) -> dict[Any, tuple[str, str, str]]:
    """Of each: its name, where it belongs, and its page, if everybody who sees the line may open it."""
    if by == "center":
        centers = Center.objects.filter(pk__in=found)
        return {one.pk: (str(one), one.legal_name, reverse("alliance:center", args=[one.slug])) for one in centers}
    if by == "project":
        projects = Project.objects.filter(pk__in=found).select_related("center")
        return {one.pk: (f"{one.reference} {one.title}", str(one.center), "") for one in projects}
    members = Member.objects.filter(pk__in=found).select_related("center")
    return {one.pk: (one.name, str(one.center), "") for one in members}


def _written(cells: Any) -> str:
    """One line of CSV; no spreadsheet takes a word of it for a formula."""
    sink = io.StringIO()
    csv.writer(sink).writerow(
        [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells]
    )
    return sink.getvalue()


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
