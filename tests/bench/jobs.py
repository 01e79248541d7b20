"""Jobs through the whole portal beside bare Celery tasks on the same machine; and whose turn it is of 100,000.

Ours starts a program in a sandbox of its own beside its data, by three processes, each step with the
access decision; bare Celery starts it as it is. Both are counted from before they are handed in to the program's word.
"""

import time
from collections.abc import Iterator
from statistics import median

from django.db import connection
from django.utils import timezone

from apps.jobs.models import Account, Job
from apps.jobs.rooms import Room
from apps.jobs.services.dispatching import next_for
from apps.projects.models import Project
from door import environments
from tests import factories_jobs as make
from tests.bench import bare_celery
from tests.bench.audit_ground import at_rank
from tests.database import owner
from tests.factories import CenterFactory, MemberFactory, arranged
from tests.live.jobs import Jobs
from tests.live.site import Site, sites

BENCH = "jobs"
WHO, DATA = "Rosa Jimenez", "ehr-alliance-wdbc"
STARTS, AT_ONCE = 20, 60
FEW, MANY = 100, 100_000
CENTERS, PROJECTS, DECISIONS = 4, 200, 50
GB = 10**9


def figures(*, scale: float = 1.0) -> Iterator[dict[str, object]]:
    """Each as docs/benchmarks.md tells it."""
    yield _decision(scale)
    environment = environments.make_ready("python-cancer")
    with sites(environment.parent) as site:
        yield from _through_the_portal(site, scale)


# ── through the whole portal ────────────────────────────────────────────────────────────────────────────────────────
def _through_the_portal(site: Site, scale: float) -> Iterator[dict[str, object]]:
    jobs = Jobs(site.person(WHO), site.project(WHO, DATA))
    like = jobs.hand_in("true")
    assert jobs.until(like, "Succeeded", "Failed") == "Succeeded", jobs.page(like)
    number, at_once = max(round(STARTS * scale), 3), max(round(AT_ONCE * scale), 4)
    ours = site.inside("starts", like, str(number), module="tests.live.jobs_inside")
    through = site.inside("rate", like, str(at_once), module="tests.live.jobs_inside", seconds=600)
    with bare_celery.at_work(site.values["REDIS_URL"].rpartition("/")[0] + "/9"):
        theirs, their_rate = bare_celery.starts_ms(number), bare_celery.rate(at_once)
    middle = {name: 1000 * median(one[name] for one in ours) for name in ours[0]}
    steps = {f"until_{name}_ms": round(value) for name, value in middle.items() if name != "program"}
    spread = [round(1000 * edge(one["program"] for one in ours)) for edge in (min, max)]
    yield _figure("submit_to_start_p50_ms", middle["program"], "ms", theirs, spread=spread, rounds=number, **steps)
    yield _figure("overhead_ms", middle["program"] - theirs, "ms")
    yield _figure("jobs_per_s", at_once / through["seconds"], "jobs/s", their_rate, at_once=at_once,
                  handed_in_s=round(through["handed_in"], 2))  # fmt: skip


# ── whose turn it is ────────────────────────────────────────────────────────────────────────────────────────────────
def _decision(scale: float) -> dict[str, object]:
    """The next job for a host, where it fits and where it does not, with few in the queue and with many."""
    host = make.host(cpus=2, slot_memory=4 * GB)
    _projects()
    found = {}
    for number in (FEW, max(round(MANY * scale), FEW)):
        _queue_up(number)
        times = [_decide(Room(host, 2, 0)) for _ in range(DECISIONS)]
        found[number] = (
            median(times),
            at_rank(times, 0.95),
            median(_decide(Room(host, 1, 0)) for _ in range(DECISIONS)),
        )
    (_, few), (number, many) = found.items()
    more = {"p95": round(many[1], 1), "where_first_does_not_fit": round(many[2], 1)}
    return _figure("decision_100k_ms", many[0], "ms", few[0], **more, queued=number, projects=PROJECTS)


def _decide(room: Room) -> float:
    began = time.perf_counter()
    assert next_for(room, timezone.now()) is not None
    return (time.perf_counter() - began) * 1000


def _projects() -> None:
    for number in range(CENTERS):
        center = CenterFactory(slug=f"bench-{number}", short_name=f"Bench {number}")
        lead = MemberFactory(center=center)
        with arranged():
            made = [Project(lead=lead, center=center, title=f"P {n}") for n in range(PROJECTS // CENTERS)]
            Project.objects.bulk_create(made)
        make.job(lead, made[0], cpus=2)


def _queue_up(number: int) -> None:
    """So many in the queue, spread over the projects; every third needs both processors."""
    like = Job.objects.first()
    projects = list(Project.objects.select_related("lead"))
    there = Job.objects.count()
    with arranged():
        Account.objects.bulk_create(
            [Account(project=one, center_id=one.center_id) for one in projects], ignore_conflicts=True
        )
        Job.objects.bulk_create(
            (
                Job(
                    project=(project := projects[place % len(projects)]), member=project.lead, snapshot=like.snapshot,
                    name="bench", command=["true"], environment="python-cancer", memory=GB, seconds=60, seed=0,
                    cpus=2 if place % 3 == 0 else 1,
                )
                for place in range(there, number)
            ),
            batch_size=2000,
        )  # fmt: skip
    with owner() as connected:
        connected.execute("vacuum analyze jobs_job")
    connection.close()


def _figure(name: str, value: float, unit: str, limit: float | None = None, **more: object) -> dict[str, object]:
    beside = {} if limit is None else {"limit": round(limit, 2), "ratio": round(value / limit, 2)}
    return {"bench": BENCH, "figure": name, "value": round(value, 2), "unit": unit, **beside, **more}
