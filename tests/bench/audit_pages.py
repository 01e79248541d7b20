"""The record's list page with each of its filters at 10^7 events, through Django's whole chain, beside 10^4."""

import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.test import Client
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.audit.ids import first_at
from apps.home.sentences import event_choices
from tests import database
from tests.bench.audit_fill import bytes_per_event, fill
from tests.bench.audit_ground import fresh_notary, row, written_event
from tests.bench.pages import times
from tests.conftest import sign_in
from tests.factories import CenterFactory, MemberFactory, alliance, arranged, holder

SMALL, LARGE = 10_000, 10_000_000
PEOPLE, CENTERS = 5_000, 12
ROUNDS = 60

Question = Callable[[random.Random], dict[str, str]]


def figures(scale: float) -> Iterator[dict[str, Any]]:
    """events_page_p95_ms: the slowest of the page's filters; each by itself in the further figures."""
    small = _measured(SMALL)
    count = max(int(LARGE * scale), SMALL)
    large = _measured(count)
    table, whole = bytes_per_event()
    slowest = max(large, key=lambda name: large[name]["p95"])
    about = {"events": count, "page": slowest, "bytes_per_event": round(whole), "bytes_without_indexes": round(table)}
    yield row("events_page_p95_ms", "ms", large[slowest]["p95"], small[slowest]["p95"], **about)
    for name in large:
        few, many = small[name], large[name]
        more = {"p50": round(many["p50"], 1), "queries": many["queries"]}
        yield row(f"events_{name}_p95_ms", "ms", many["p95"], few["p95"], **more)


def _measured(count: int) -> dict[str, dict[str, float]]:
    fresh_notary()
    centers = [CenterFactory() for _ in range(CENTERS)]
    _people(centers)
    auditor = holder(Role.AUDITOR, alliance(), center=centers[0])
    member = Member.objects.exclude(pk=auditor.pk).first()
    assert member
    fill(count, written_event(member).replace("@", str(uuid.uuid4())))
    client = Client(SERVER_NAME=settings.ALLOWED_HOSTS[0])
    sign_in(client, auditor)
    return {name: _times(client, question) for name, question in _questions().items()}


def _people(centers: list[Center]) -> None:
    people = MemberFactory.build_batch(PEOPLE, center=centers[0])
    for number, person in enumerate(people):
        person.center = centers[number % len(centers)]
    with arranged():
        Member.objects.bulk_create(people, batch_size=1000)


def _times(client: Client, question: Question) -> dict[str, float]:
    """Each round asks for another person, kind or time, so that no round profits from the one before."""
    chance = random.Random(7)
    with database.owner() as owner:
        owner.execute("truncate audit.pending")  # each looking is an event, and no notary is at work here
    return times(client, (f"/record/?{urlencode(question(chance))}" for _ in itertools.count()), ROUNDS)


def _questions() -> dict[str, Question]:
    names = list(Member.objects.values_list("name", flat=True))
    refs = [str(pk) for pk in Member.objects.values_list("pk", flat=True)]
    slugs = list(Center.objects.values_list("slug", flat=True))
    kinds = [name for name, _ in event_choices()]
    return {
        "newest": lambda chance: {},
        "person": lambda chance: {"person": chance.choice(names)},
        "people": lambda chance: {"person": chance.choice(names)[:-2]},
        "kind": lambda chance: {"event": chance.choice(kinds)},
        "center": lambda chance: {"center": chance.choice(slugs)},
        "outcome": lambda chance: {"outcome": chance.choice(["refused", "error", "success"])},
        "time": _days,
        "about": lambda chance: {"about": chance.choice(refs)},
        "deep": lambda chance: {"sort": "-id", "after": _position(chance)},
        "combined": lambda chance: {
            "person": chance.choice(names),
            "event": chance.choice(kinds),
            "center": chance.choice(slugs),
            "outcome": "refused",
            **_days(chance),
        },
        "kind_at_center": lambda chance: {"event": chance.choice(kinds), "center": chance.choice(slugs)},
        "refused_at_center": lambda chance: {"outcome": "refused", "center": chance.choice(slugs)},
    }


def _days(chance: random.Random) -> dict[str, str]:
    since = timezone.now() - timedelta(days=chance.randrange(2, 360))
    until = since + timedelta(days=chance.randrange(0, 60))
    return {"since": since.date().isoformat(), "until": until.date().isoformat()}


def _position(chance: random.Random) -> str:
    """Where "older" would lead from some page in the middle of the record."""
    at = str(first_at(timezone.now() - timedelta(days=chance.randrange(1, 360))))
    return signing.dumps([at, at], salt="listing", compress=True)
