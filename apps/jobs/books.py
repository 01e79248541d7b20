"""What was held, month by month (UTC) and by whom, and what centers may: in hours of one slot.

What has ended is in the books; what still runs counts up to now. An attempt that ran over the end of a month counts in
both, each for its part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, DurationField, ExpressionWrapper, F, FloatField, Q, QuerySet, Sum, Value
from django.db.models.functions import Extract, Greatest, Least
from django.utils import timezone

from apps.core.rationing import WHOLLY, level
from apps.jobs.models import Attempt, Budget, Usage

HOUR = 3600
CPU, GPU = Usage.Resource.CPU, Usage.Resource.GPU


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        """The one in which this moment lies."""
        at = moment.astimezone(UTC)
        return cls(at.year, at.month)

    @classmethod
    def read(cls, text: str) -> Month | None:
        """From 2026-12; None where it is no month."""
        year, _, number = text.partition("-")
        if not (len(year) == 4 and len(number) == 2 and (year + number).isascii() and (year + number).isdigit()):
            return None
        return cls(int(year), int(number)) if 1 <= int(number) <= 12 and 2000 <= int(year) <= 2999 else None

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.before(-1).start

    @property
    def words(self) -> str:
        """December 2026."""
        return f"{self.start:%B %Y}"

    def before(self, months: int) -> Month:
        """So many months earlier."""
        year, number = divmod(self.year * 12 + self.number - 1 - months, 12)
        return Month(year, number + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True)
class Balance:
    """What a center used of one resource in a month, and its budget; hours."""

    center: UUID
    resource: str
    used: float
    hours: int | None

    @property
    def percent(self) -> int:
        """How much of the budget is used, rounded down; 0 where there is no bound."""
        return 0 if self.hours is None else 100 if not self.hours else int(100 * self.used / self.hours)

    @property
    def level(self) -> int:
        """How far it is used up, in the words of apps.core.rationing."""
        return level(self.used, self.hours)

    @property
    def is_spent(self) -> bool:
        """Nothing new begins."""
        return self.level == WHOLLY

    @property
    def label(self) -> str:
        """What it is a budget of."""
        return Usage.Resource(self.resource).label


@dataclass(frozen=True)
class Spent:
    """The centers that used up what they pay for this month, by resource."""

    cpu: frozenset[UUID] = frozenset()
    gpu: frozenset[UUID] = frozenset()


def balances(now: datetime, centers: Collection[UUID] | None = None) -> list[Balance]:
    """Each budget of these centers, or of all, in the month of `now`; three queries, one where there is none."""
    budgets = Budget.objects.all() if centers is None else Budget.objects.filter(center__in=centers)
    rows = list(budgets.order_by("center", "resource").values_list("center", "resource", "hours"))
    used = charged(now, {center for center, _, hours in rows if hours is not None})
    return [Balance(center, resource, used.get((center, resource), 0.0), hours) for center, resource, hours in rows]


def spent(now: datetime) -> Spent:
    """Whose jobs begin no more in the month of `now`."""
    over = [one for one in balances(now) if one.is_spent]
    return Spent(*(frozenset(one.center for one in over if one.resource == kind) for kind in (CPU, GPU)))


def charged(now: datetime, centers: Collection[UUID]) -> dict[tuple[UUID, str], float]:
    """Hours that these centers pay for in the month of `now` so far, by resource; what runs included."""
    if not centers:
        return {}
    month = Month.of(now)
    found: dict[tuple[UUID, str], float] = defaultdict(float)
    ended = Usage.objects.filter(center__in=centers, is_charged=True)
    for row in within(ended, month).values("center", "resource").annotate(total=Sum("counted")):
        found[row["center"], row["resource"]] += row["total"] / HOUR
    for held in holdings(Attempt.objects.filter(job__project__center__in=centers), month, now):
        found[held["center"], held["resource"]] += held["seconds"] / HOUR
    return dict(found)


def within(usage: QuerySet[Usage], month: Month) -> QuerySet[Usage]:
    """What ended in this month or ran through it; `counted` are the seconds of each that lie in it."""
    return usage.filter(touches(month)).annotate(counted=counted(month))


def touches(month: Month) -> Q:
    """Of usage: some of it lies in this month."""
    return Q(ended_at__gte=month.start, started_at__lt=month.end)


def counted(month: Month) -> Any:
    """Of usage that touches this month: how many seconds lie in it."""
    whole = _seconds(F("started_at"), F("ended_at"))
    part = _seconds(Greatest(F("started_at"), Value(month.start)), Least(F("ended_at"), Value(month.end)))
    return ExpressionWrapper(
        F("seconds") * part / Greatest(whole, Value(1e-6), output_field=FloatField()), output_field=FloatField()
    )


def holdings(attempts: QuerySet[Attempt], month: Month, now: datetime) -> list[dict[str, Any]]:
    """What runs now, as the books will have it: center, project, member, resource, seconds. One row a slot at most."""
    live = attempts.filter(ended_at=None, started_at__lt=month.end, slots__isnull=False)
    rows = live.values(
        "started_at", center=F("job__project__center"), project=F("job__project"), member=F("job__member"),
        resource=F("slots__kind"),
    ).annotate(held=Count("slots"))  # fmt: skip
    until = min(now, month.end)
    return [
        row | {"seconds": max(0.0, (until - max(row["started_at"], month.start)).total_seconds()) * row["held"]}
        for row in rows
    ]


def why_held_back(of: Iterable[Balance], gpus: int, center: str) -> str:
    """Why a job that asks for so many graphics processors does not begin on these budgets; "" where it may."""
    over = [one for one in of if one.is_spent and (one.resource == CPU or gpus)]
    if not over:
        return ""
    month = Month.of(timezone.now())
    used = " and ".join(f"{one.hours:,} hours of {one.label.lower()}" for one in over)
    return (
        f"{center} has used up its {used} for {month.words}. Its center managers can raise that; else the next month "
        f"begins on {month.end:%-d %B}."
    )


def _seconds(start: Any, end: Any) -> Extract:
    return Extract(ExpressionWrapper(end - start, output_field=DurationField()), "epoch")
