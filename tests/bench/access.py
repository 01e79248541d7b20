"""The access decision and the pages of projects with 100 centers, 20,000 members, 5,000 projects, 200,000 grants.

Every question is asked as the portal asks it, in this process, by the portal's role.
"""

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any
from unittest import mock

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from guardian.conf import settings as guardian
from guardian.shortcuts import get_objects_for_user

from apps.alliance.models import Member
from apps.audit.models import Event
from apps.catalog.models import Dataset
from apps.projects import held
from apps.projects.access import decide, may_use
from apps.projects.facts import Asked
from apps.projects.models import AccessRequest, Project, TeamMember
from tests.bench.access_ground import Size, Viewers, grants, lay, lay_guardian, note_intervals
from tests.bench.audit_fill import fill
from tests.bench.audit_ground import at_rank, shown
from tests.bench.pages import times
from tests.conftest import sign_in

QUESTIONS, ASKERS, SWEEPS, EVENTS = 20_000, 500, 5, 200_000
PAGES = {
    "home": "/",
    "projects": "/projects/",
    "projects_searched": "/projects/?words=survival",
    "my_data_page": "/my-data/",
    "requests": "/requests/",
    "catalog": "/datasets/",
    "catalog_searched": "/datasets/?words=lung",
    "agreements": "/agreements/",
    "calendar": "/calendar/",
    "register": "/register/",
    "people": "/people/",
    "centers": "/centers/",
    "training_queue": "/training/queue/",
    "notices": "/notices/",
    "search": "/search/?q=survival",
}
OF_AUDITORS = {"projects_of_all": "/projects/", "agreements_of_all": "/agreements/", "record": "/record/"}


def figures(*, scale: float = 1.0) -> Iterator[dict[str, Any]]:
    """Figures of docs/benchmarks.md: one decision, one person's data, the sweep, every list page."""
    viewers = lay(Size.of(scale))
    yield _row("grants", "rows", sum(grants().values()), **grants())
    chance = random.Random(7)
    yield from _decisions(chance, max(int(QUESTIONS * scale), 500))
    yield from _my_data(chance, viewers, max(int(ASKERS * scale), 50))
    yield from _pages(viewers, int(EVENTS * scale))
    yield from _sweep()


def _row(figure: str, unit: str, value: float, limit: float | None = None, **extra: Any) -> dict[str, Any]:
    """One line of output; `load` says how busy the machine was besides."""
    beside = {} if limit is None else {"limit": shown(limit), "ratio": round(value / limit, 2) if limit else 0}
    load = round(os.getloadavg()[0], 1)
    return {"bench": "access", "figure": figure, "value": shown(value), "unit": unit, **beside, **extra, "load": load}


# ── one decision ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _decisions(chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Random questions, half of them admitted, one by one; then two thousand by one query."""
    admitted, refused = _questions(chance, count // 2)
    asked = [*admitted, *refused]
    chance.shuffle(asked)
    taken = _timed(
        lambda one=one: may_use(Member(pk=one.member), Dataset(pk=one.dataset), Project(pk=one.project))
        for one in asked
    )
    about = {"questions": len(asked), "admitted": len(admitted)}
    yield _row("may_use_p50_ms", "ms", median(taken), **about)
    yield _row("may_use_p95_ms", "ms", at_rank(taken, 0.95), **about)
    many = asked[:2000]
    yield _row("decide_each_ms", "ms", median(_timed([lambda: decide(many)] * 5)) / len(many), at_once=len(many))


def _questions(chance: random.Random, half: int) -> tuple[list[Asked], list[Asked]]:
    """As many questions whose answer is yes, and as many of people who are on the team and lack something else."""
    people = list(TeamMember.objects.filter(until=None).values_list("member_id", "project_id"))
    data: dict[Any, list[Any]] = {}
    for project, dataset in AccessRequest.objects.values_list("project_id", "version__dataset_id"):
        data.setdefault(project, []).append(dataset)
    found: dict[bool, list[Asked]] = {True: [], False: []}
    while min(map(len, found.values())) < half:
        picked = [(member, project) for member, project in chance.choices(people, k=held.AT_ONCE) if project in data]
        asked = [Asked(member, project, chance.choice(data[project])) for member, project in picked]
        for one, decision in zip(asked, decide(asked), strict=True):
            found[bool(decision)].append(one)
    return found[True][:half], found[False][:half]


def _timed(acts: Sequence[Callable[[], Any]] | Iterator[Callable[[], Any]]) -> list[float]:
    """Milliseconds that each takes."""
    taken = []
    for act in acts:
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


# ── one person's data ────────────────────────────────────────────────────────────────────────────────────────────────
def _my_data(chance: random.Random, viewers: Viewers, count: int) -> Iterator[dict[str, Any]]:
    """All data that somebody may use now, beside guardian's bare look-up of as many permissions, person by person."""
    on_teams = sorted(TeamMember.objects.filter(until=None).values_list("member_id", flat=True).distinct())
    people = list(Member.objects.filter(pk__in=chance.sample(on_teams, min(count, len(on_teams)))))
    permission = lay_guardian()
    ours = _timed([lambda one=one: held.data_of(one) for one in people])
    with mock.patch.object(guardian, "USER_OBJ_PERMS_MODEL", "guardian.UserObjectPermission"):
        theirs = _timed(
            [lambda one=one: list(get_objects_for_user(one, permission, Project, use_groups=False)) for one in people]
        )
        most = median(
            _timed([lambda: list(get_objects_for_user(viewers.busiest, permission, Project, use_groups=False))] * 5)
        )
    with CaptureQueriesContext(connection) as queries:
        held.data_of(people[0])
    about = {"p50": shown(median(ours)), "limit_p50": shown(median(theirs)), "queries": len(queries)}
    yield _row("my_data_p95_ms", "ms", at_rank(ours, 0.95), at_rank(theirs, 0.95), people=len(people), **about)
    teams = TeamMember.objects.filter(member=viewers.busiest, until=None).count()
    busiest = median(_timed([lambda: held.data_of(viewers.busiest)] * 5))
    usable = len(held.data_of(viewers.busiest))
    yield _row("my_data_busiest_ms", "ms", busiest, most, projects=teams, usable=usable)


# ── list pages ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _pages(viewers: Viewers, events: int) -> Iterator[dict[str, Any]]:
    """Every list as the person with the most rows."""
    fill(events, Event.objects.latest("id").entry)
    found = {}
    for viewer, pages in ((viewers.busiest, PAGES), (viewers.auditor, OF_AUDITORS)):
        client = Client(SERVER_NAME=settings.ALLOWED_HOSTS[0])
        sign_in(client, viewer)
        found |= {name: times(client, itertools.repeat(address)) for name, address in pages.items()}
    slowest = max(found, key=lambda name: found[name]["p95"])
    most = max(found, key=lambda name: found[name]["queries"])
    yield _row("list_page_p95_ms", "ms", found[slowest]["p95"], page=slowest)
    yield _row("list_page_queries", "queries", found[most]["queries"], page=most)
    for name, page in found.items():
        yield _row(f"{name}_p95_ms", "ms", page["p95"], p50=shown(page["p50"]), queries=page["queries"])


# ── the sweep ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _sweep() -> Iterator[dict[str, Any]]:
    """The clock's look at every active project: with nothing seen before, and with all of it seen a minute ago."""
    started = time.perf_counter()
    began = [(project, *one) for found in held.sweep() for project, change in found.items() for one in change.began]
    first = time.perf_counter() - started
    note_intervals(began)
    taken = [milliseconds / 1000 for milliseconds in _timed([lambda: list(held.sweep())] * SWEEPS)]
    active = Project.objects.filter(status=Project.Status.ACTIVE).count()
    about = {"projects": Project.objects.count(), "active": active, "held": len(began)}
    yield _row("sweep_5000_s", "s", median(taken), first=shown(first), **about)
