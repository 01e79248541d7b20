"""A year of four centers in the queue of one machine, through the real dispatcher, by a clock of its own.

Each keeps to what it asks for: bursts in winter, half a year in which all of them always want more than there is, an
autumn in which two of them are away. The access decision is left out: what it says is tried elsewhere.
"""

import heapq
import itertools
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.alliance.models import Center
from apps.jobs import limits
from apps.jobs.actors import HOST
from apps.jobs.models import Attempt, Job, Pulse, Share
from apps.jobs.services import attempts, dispatching
from apps.jobs.services.attempts import Ending
from apps.projects.models import Project
from tests import factories_jobs as make
from tests.factories import CenterFactory, MemberFactory, arranged

BEGAN = datetime(2027, 1, 4, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SLOTS, SLOT_MEMORY = 16, 4 * 10**9
WEIGHTS = (4, 3, 2, 1)
SIZES = [1] * 6 + [2] * 6 + [4] * 5 + [8] * 2 + [12]  # processors
SATURATED, AUTUMN, END = (BEGAN + days * DAY for days in (91, 274, 365))
ALWAYS = 4  # jobs of each center that wait while all of them want more than there is
LONGEST_WAIT = timedelta(days=10)


class Year:
    """The queue, the machine, and what each center got of it."""

    def __init__(self, clock: time_machine.Traveller, seed: int) -> None:
        self.clock, self.chance = clock, random.Random(seed)
        self.host = make.host(cpus=SLOTS, slot_memory=SLOT_MEMORY)
        self.centers = [self._center(weight) for weight in WEIGHTS]
        self.events: list[tuple[datetime, int, str, Any]] = []
        self.order = itertools.count()
        self.now = BEGAN
        self.waiting: dict[Any, tuple[Center, datetime]] = {}  # job: whose, since when
        self.holds: dict[Any, tuple[Center, int]] = {}  # attempt: whose, how many slots
        self.got: Counter[Center] = Counter()  # slot-seconds while all four wanted more
        self.used = self.wanted = 0.0  # slot-seconds while anybody wanted more
        self.waits: list[timedelta] = []

    def _center(self, weight: int) -> Center:
        center = CenterFactory(slug=f"center-{weight}", short_name=f"Center {weight}")
        lead = MemberFactory(center=center)
        with arranged():
            Share.objects.create(center=center, weight=weight)
            center.theirs = [
                Project.objects.create(lead=lead, center=center, title=f"P {n}", status="active") for n in "ab"
            ]
        return center

    def plan(self, at: datetime, what: str, about: Any = None) -> None:
        heapq.heappush(self.events, (at, next(self.order), what, about))

    def live(self) -> None:
        """From the first day to the last."""
        for center in self.centers:
            self.plan(BEGAN, "burst", center)
        for day in range(91, 274):
            self.plan(BEGAN + day * DAY, "round")
        while self.events and self.events[0][0] < END:
            at, _, what, about = heapq.heappop(self.events)
            self._count_until(at)
            self.clock.move_to(at)
            self.now = at
            getattr(self, f"_{what}")(about)
            self._want_more()
            self._dispatch()

    def _count_until(self, at: datetime) -> None:
        """What was held since the last event, and whether it was wanted."""
        seconds = (at - self.now).total_seconds()
        held = sum(slots for _, slots in self.holds.values())
        if self.waiting:
            self.used += held * seconds
            self.wanted += SLOTS * seconds
        if len({center for center, _ in self.waiting.values()}) == len(self.centers):
            for center, slots in self.holds.values():
                self.got[center] += slots * seconds

    # ── what happens ────────────────────────────────────────────────────────────────────────────────────────────────
    def _burst(self, center: Center) -> None:
        """Some jobs at once, and the next burst in some days."""
        if SATURATED <= self.now < AUTUMN or (self.now >= AUTUMN and center in self.centers[:2]):
            self.plan(self.now + DAY, "burst", center)
            return
        for _ in range(self.chance.choice([1, 2, 3, 5, 12])):
            self._hand_in(center)
        self.plan(self.now + self.chance.uniform(0.5, 8) * DAY, "burst", center)

    def _round(self, _: None) -> None:
        pass

    def _end(self, attempt: Attempt) -> None:
        del self.holds[attempt.pk]
        attempts.end(Attempt.objects.get(pk=attempt.pk), by=HOST, ending=Ending("finished", exit_code=0))

    def _want_more(self) -> None:
        if SATURATED <= self.now < AUTUMN:
            theirs = Counter(center for center, _ in self.waiting.values())
            for center in self.centers:
                for _ in range(ALWAYS - theirs[center]):
                    self._hand_in(center)

    def _hand_in(self, center: Center) -> None:
        project = self.chance.choice(center.theirs)
        job = make.job(project.lead, project, cpus=self.chance.choice(SIZES), memory=10**9)
        self.waiting[job.pk] = (center, self.now)

    def _dispatch(self) -> None:
        Pulse.objects.update(seen_at=self.now)
        if not dispatching.dispatch_all() and not self.waiting:
            return
        for attempt in Attempt.objects.filter(ended_at=None).exclude(pk__in=self.holds).select_related("job"):
            center, since = self.waiting.pop(attempt.job_id)
            self.holds[attempt.pk] = (center, attempt.slots.count())
            self.waits.append(self.now - since)
            attempts.begin(attempt, by=HOST, environment_hash="e" * 64, not_kept=[])
            self.plan(self.now + self.chance.lognormvariate(2.5, 0.8) * HOUR, "end", attempt)
        free = SLOTS - sum(slots for _, slots in self.holds.values())
        if self.waiting and free:  # every five seconds, were it not a year
            self.plan(self.now + limits.PASSED_OVER, "round")


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_year_of_four_centers(db: None, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(dispatching, "baseless", lambda *_: {})
    with time_machine.travel(BEGAN, tick=False) as clock:
        year = Year(clock, seed)
        year.live()

    entitled = {center: center.share.weight / sum(WEIGHTS) for center in year.centers}
    shares = {center: year.got[center] / sum(year.got.values()) for center in year.centers}
    told = {str(center): f"{shares[center]:.3f} of {entitled[center]:.3f}" for center in year.centers}
    print(f"\n{Job.objects.count()} jobs; {told}; {year.used / year.wanted:.3f} used; waits up to {max(year.waits)}")
    assert all(abs(shares[center] / entitled[center] - 1) < 0.05 for center in year.centers), told
    assert year.used / year.wanted > 0.9
    assert max([*year.waits, *(END - since for _, since in year.waiting.values())]) < LONGEST_WAIT
    assert Job.objects.count() > 1000
