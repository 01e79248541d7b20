"""Home and every list page with 50 members and with 20,000: neither queries nor time may grow with the rows.

Requests run through Django's whole chain (middleware, session, templates) in this process, as the portal's role.
"""

import itertools
import random
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.alliance.models import Center, Member, TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.audit.models import Event
from apps.core.models import Notice
from tests.bench.audit_fill import fill
from tests.bench.audit_ground import at_rank
from tests.conftest import sign_in
from tests.database import owner
from tests.factories import CenterFactory, MemberFactory, TrainingTypeFactory, alliance, arranged, give, holder

SMALL, LARGE = 50, 20_000
ROUNDS, WARM_UP = 40, 5
PAGES = {
    "home": "/",
    "people": "/people/",
    "people_searched": "/people/?words=person+01&status=active",
    "people_by_since": "/people/?sort=-created_at",
    "training_queue": "/training/queue/",
    "training_types": "/training/types/",
    "centers": "/centers/",
    "notices": "/notices/",
    "record": "/record/",
    "record_refused": "/record/?outcome=refused",
    "search": "/search/?q=person",
}


def figures(*, scale: float = 1.0) -> Iterator[dict[str, Any]]:
    """Figures of docs/benchmarks.md: the slowest list page, home, and each page by itself."""
    seen = {size: _measure(size) for size in (SMALL, max(int(LARGE * scale), SMALL))}
    (_, small), (rows, large) = seen.items()
    lists = [name for name in PAGES if name != "home"]
    slowest = max(lists, key=lambda name: large[name]["p95"])
    yield _row("home_p95_ms", "ms", small["home"]["p95"], large["home"]["p95"], rows=rows)
    yield _row("list_page_p95_ms", "ms", small[slowest]["p95"], large[slowest]["p95"], rows=rows, page=slowest)
    most = max(lists, key=lambda name: large[name]["queries"])
    yield _row("list_page_queries", "queries", small[most]["queries"], large[most]["queries"], rows=rows, page=most)
    for name in PAGES:
        for what, unit in (("p50", "ms"), ("p95", "ms"), ("queries", "queries")):
            yield _row(f"{name}_{what}", unit, small[name][what], large[name][what], rows=rows)


def _row(figure: str, unit: str, limit: float, value: float, **extra: Any) -> dict[str, Any]:
    """`limit` is the same page with 50 members, in the same run."""
    ratio = round(value / limit, 2) if limit else 0
    return {
        "bench": "pages",
        "figure": figure,
        "value": round(value, 1),
        "unit": unit,
        "limit": round(limit, 1),
        "ratio": ratio,
        **extra,
    }


def _measure(members: int) -> dict[str, dict[str, float]]:
    viewers = _populate(members)
    found = {}
    for name, address in PAGES.items():
        viewer = viewers["auditor"] if name.startswith("record") else viewers["manager"]
        client = Client(SERVER_NAME=settings.ALLOWED_HOSTS[0])
        sign_in(client, viewer)
        found[name] = times(client, itertools.repeat(address))
    return found


def times(client: Client, addresses: Iterator[str], rounds: int = ROUNDS) -> dict[str, float]:
    """How long these pages take, one after the other, and how many queries the last one asks."""
    taken = []
    for number, address in zip(range(WARM_UP + rounds), addresses, strict=False):
        started = time.perf_counter()
        response = client.get(address)
        elapsed = (time.perf_counter() - started) * 1000
        assert response.status_code == 200, (address, response.status_code)
        if number >= WARM_UP:
            taken.append(elapsed)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return {"p50": median(taken), "p95": at_rank(taken, 0.95), "queries": len(queries)}


def _populate(members: int) -> dict[str, Member]:
    """Centers with people, trainings, notices and events, until there are so many members; sizes grow together."""
    random.seed(7)
    centers = list(Center.objects.filter(status="active")) or [CenterFactory() for _ in range(4)]
    kinds = list(TrainingType.objects.all()) or [TrainingTypeFactory(name=f"Training {n}") for n in range(30)]
    missing = members - Member.objects.count()
    people = MemberFactory.build_batch(max(missing, 0), center=centers[0])
    for person, center in zip(people, itertools.cycle([centers[0], centers[0], *centers]), strict=False):
        person.center = center
    with arranged():
        Member.objects.bulk_create(people, batch_size=2000)
        _records(people, kinds)
    manager = holder(Role.CENTER_MANAGER, centers[0])
    give(manager, Role.ALLIANCE_MANAGER, alliance())
    _notices(manager, members)
    auditor = holder(Role.AUDITOR, alliance())
    fill(members * 10, Event.objects.latest("id").entry)
    with owner() as connected:  # only an owner's ANALYZE counts; the portal's role would be passed over in silence
        connected.execute("analyze")
    return {"manager": Member.objects.get(pk=manager.pk), "auditor": Member.objects.get(pk=auditor.pk)}


def _records(people: list[Member], kinds: list[TrainingType]) -> None:
    today = timezone.now().date()
    TrainingRecord.objects.bulk_create(
        [
            TrainingRecord(
                member=person,
                type=random.choice(kinds),
                completed_on=today - timedelta(days=random.randrange(300)),
                valid_until=today + timedelta(days=random.randrange(1, 365)),
                evidence_key="training/bench.pdf",
                evidence_name="c.pdf",
                evidence_type="application/pdf",
                evidence_sha256="0" * 64,
                evidence_bytes=1,
                submitted_at=timezone.now() - timedelta(minutes=random.randrange(500_000)),
            )
            for person in people
        ],
        batch_size=2000,
    )


def _notices(member: Member, count: int) -> None:
    Notice.objects.bulk_create(
        [Notice(to=member, key=f"bench:{uuid.uuid4()}", subject="A notice", text="Its text.") for _ in range(count)],
        batch_size=2000,
    )
