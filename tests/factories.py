"""Valid things in one line; a test states only what matters to it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import factory
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils import timezone
from factory.django import DjangoModelFactory

from apps.alliance import evidence
from apps.alliance.models import Alliance, Center, Grant, Invitation, Member, TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.alliance.services.grants import grant_row
from apps.audit.services import record
from apps.core.actors import SystemActor

ARRANGER = SystemActor("test")
PDF = b"%PDF-1.4\n% a certificate\n%%EOF"


@contextmanager
def arranged() -> Iterator[None]:
    """What a test that really commits sets up by hand: in one transaction, under one event, as the record demands."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        yield
        record("test.arranged", actor=ARRANGER, target=alliance())


class Arranged(DjangoModelFactory):
    """Makes its row under an event where the test really commits."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        with arranged():
            return super()._create(model_class, *args, **kwargs)


class CenterFactory(Arranged):
    class Meta:
        model = Center

    slug = factory.Sequence(lambda n: f"center-{n}")
    short_name = factory.Sequence(lambda n: f"Center {n}")
    legal_name = factory.Sequence(lambda n: f"Cancer Center {n}")
    email_domains = factory.LazyAttribute(lambda o: [f"{o.slug}.example.org"])
    contact_name = "Data office"
    contact_email = factory.LazyAttribute(lambda o: f"data@{o.slug}.example.org")
    status = Center.Status.ACTIVE


class MemberFactory(Arranged):
    class Meta:
        model = Member
        skip_postgeneration_save = True

    center = factory.SubFactory(CenterFactory)
    name = factory.Sequence(lambda n: f"Person {n:05d}")
    email = factory.LazyAttributeSequence(lambda o, n: f"person-{n}@{o.center.slug}.example.org")
    status = Member.Status.ACTIVE
    joined_at = factory.LazyFunction(timezone.now)
    vouched_until = factory.LazyFunction(lambda: timezone.now().date() + timedelta(days=200))
    password = "!unusable"


class InvitationFactory(Arranged):
    class Meta:
        model = Invitation

    member = factory.SubFactory(MemberFactory, status=Member.Status.INVITED, joined_at=None, vouched_until=None)
    ends_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=14))


class TrainingTypeFactory(Arranged):
    class Meta:
        model = TrainingType

    name = factory.Sequence(lambda n: f"Training {n}")
    description = "What it teaches."
    lifetime_days = 365


class TrainingRecordFactory(Arranged):
    class Meta:
        model = TrainingRecord

    member = factory.SubFactory(MemberFactory)
    type = factory.SubFactory(TrainingTypeFactory)
    completed_on = factory.LazyFunction(lambda: timezone.now().date() - timedelta(days=10))
    valid_until = factory.LazyFunction(lambda: timezone.now().date() + timedelta(days=355))
    evidence_key = "training/none.pdf"
    evidence_name = "certificate.pdf"
    evidence_type = "application/pdf"
    evidence_sha256 = "0" * 64
    evidence_bytes = 30


def give(
    member: Member, role: Role | str, on: Center | Alliance | None = None, *, ends_at: datetime | None = None
) -> Grant:
    """A grant in force, as if somebody had given it; on the member's own center unless said otherwise."""
    grant = grant_row(on or member.center, member=member, role=str(role), reason="For the test.", ends_at=ends_at)
    with arranged():
        grant.save(force_insert=True)
    member.__dict__.pop("_held_grants", None)
    return grant


def holder(
    role: Role | str, on: Center | Alliance | None = None, *, ends_at: datetime | None = None, **facts: Any
) -> Member:
    """An active member who holds the role, on their own center unless said otherwise."""
    if isinstance(on, Center):
        facts.setdefault("center", on)
    member = MemberFactory(**facts)
    give(member, role, on, ends_at=ends_at)
    return member


def alliance() -> Alliance:
    return Alliance.objects.get(pk=1)


def proof(body: bytes = PDF, name: str = "certificate.pdf") -> evidence.Evidence:
    """A stored certificate."""
    return evidence.keep(io.BytesIO(body), name=name)


def content_type(model: Any) -> ContentType:
    return ContentType.objects.get_for_model(model)
