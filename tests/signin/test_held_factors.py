"""When a member had which second factor: PostgreSQL writes it down, and what it wrote stays."""

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from django.db import ProgrammingError, connection
from django.utils import timezone

from apps.alliance.models import HeldFactor
from apps.alliance.roles import Role
from apps.alliance.signin.services import reset_factors
from tests.database import owner
from tests.factories import holder
from tests.signin.ways import give_app, person

pytestmark = pytest.mark.django_db


def held(member):
    """Its intervals, oldest first: each factor's key, and whether it is over."""
    rows = HeldFactor.objects.filter(member=member).order_by("id")
    return [(row.factor, row.until is not None) for row in rows]


def test_a_factor_that_is_removed_ends_and_is_not_forgotten():
    member = person(app=False)
    first, second = give_app(member), Authenticator.objects.create(user=member, type="webauthn", data={})
    Authenticator.objects.create(user=member, type="recovery_codes", data={})
    assert held(member) == [(first.pk, False), (second.pk, False)]

    Authenticator.objects.filter(pk=first.pk).delete()
    assert held(member) == [(first.pk, True), (second.pk, False)]

    reset_factors(member, by=holder(Role.CENTER_MANAGER, member.center), reason="Lost both.")
    assert held(member) == [(first.pk, True), (second.pk, True)]


def test_a_factor_that_is_used_or_renamed_goes_on():
    member = person()
    Authenticator.objects.filter(user=member).update(data={"name": "Another"}, last_used_at=timezone.now())
    row = Authenticator.objects.get(user=member)
    row.save()

    assert held(member) == [(row.pk, False)]


def test_a_factor_that_becomes_another_persons_or_no_factor_ends():
    member, other = person(), person(app=False)
    row = Authenticator.objects.get(user=member)

    Authenticator.objects.filter(pk=row.pk).update(user=other)
    assert (held(member), held(other)) == ([(row.pk, True)], [(row.pk, False)])

    Authenticator.objects.filter(pk=row.pk).update(type="recovery_codes")
    assert held(other) == [(row.pk, True)]


@pytest.mark.django_db(transaction=True)
def test_two_who_each_remove_one_of_two_factors_end_both(rivals):
    member = person(app=False)
    rows = [give_app(member), Authenticator.objects.create(user=member, type="webauthn", data={})]

    rivals(*[Authenticator.objects.filter(pk=row.pk).delete for row in rows])

    assert held(member) == [(row.pk, True) for row in rows]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into alliance_heldfactor (factor, member_id, since) select 1, id, now() from alliance_member",
        "update alliance_heldfactor set until = now()",
        "delete from alliance_heldfactor",
    ],
)
def test_the_portal_reads_when_somebody_had_a_factor_and_writes_it_never(statement):
    person()

    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_an_interval_that_ended_stays_even_for_the_owner_of_the_table():
    member = person()
    Authenticator.objects.filter(user=member).delete()
    give_app(member)

    with owner() as connected:
        for change in ("until = null", "until = now()", "since = since - interval '1 day'", "id = id"):
            with pytest.raises(psycopg.errors.IntegrityError, match="stays"):
                connected.execute(f"update alliance_heldfactor set {change} where until is not null")
        for change in ("since = since - interval '1 day'", "factor = 7, until = now()"):
            with pytest.raises(psycopg.errors.IntegrityError, match="stays"):
                connected.execute(f"update alliance_heldfactor set {change} where until is null")
        with pytest.raises(psycopg.errors.IntegrityError, match="stays"):
            connected.execute("delete from alliance_heldfactor")
