"""The first hour: one center, one person, once."""

import pytest

from apps.alliance.actors import CLOCK, FOUNDER
from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.services import founding, people
from apps.audit.models import Event
from apps.core.errors import NotAllowed, WrongState
from tests.factories import MemberFactory, alliance

FACTS = {
    "short_name": "First Center",
    "legal_name": "The First Cancer Center",
    "email_domains": ["first.example.org"],
    "contact_name": "Data office",
    "contact_email": "data@first.example.org",
}


@pytest.fixture
def first(db):
    return founding.found_center(alliance(), by=FOUNDER, **FACTS)


def found(center, email="head@first.example.org"):
    return founding.found_manager(center, by=FOUNDER, email=email, name="Head")


def test_the_first_center_is_active_at_once(first):
    assert first.status == Center.Status.ACTIVE
    assert Event.objects.get().actor_ref == "founder"


def test_the_first_person_manages_center_and_alliance_once_they_joined(first):
    head = found(first)
    assert not head.standing()

    people.accept_invitation(head, by=head, invitation=head.invitations.get(), name="Head")

    head = Member.objects.get(pk=head.pk)
    assert head.holds(Role.CENTER_MANAGER, on=first)
    assert head.holds(Role.ALLIANCE_MANAGER, on=alliance())
    assert head.standing()


def test_the_alliance_is_founded_once(first):
    found(first)

    with pytest.raises(WrongState, match="stands already"):
        found(first, "second@first.example.org")
    with pytest.raises(WrongState, match="stands already"):
        founding.found_center(alliance(), by=FOUNDER, **{**FACTS, "short_name": "Second"})

    assert Center.objects.count() == 1
    assert Member.objects.count() == 1


def test_no_person_founds_an_alliance(first):
    person = MemberFactory(center=first)

    with pytest.raises(NotAllowed, match="nobody can do it by hand"):
        founding.found_manager(first, by=person, email="x@first.example.org", name="X")


def test_the_clock_founds_nothing(first):
    with pytest.raises(NotAllowed, match="clock has no right"):
        founding.found_manager(first, by=CLOCK, email="x@first.example.org", name="X")


def test_the_founder_does_nothing_else(first):
    member = MemberFactory(center=first)

    with pytest.raises(NotAllowed, match="founder has no right"):
        people.suspend(member, by=FOUNDER, reason="Power.")
