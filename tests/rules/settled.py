"""Where each history begins: three centers, made by the same commands that people use, with the clock running."""

from datetime import UTC, datetime, timedelta

import time_machine

from apps.alliance.actors import FOUNDER
from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.services import centers, founding, grants, people, training
from tests.factories import alliance

BEGAN = datetime(2027, 1, 4, 9, tzinfo=UTC)


def settle():
    """Three centers: two active with two managers each, one of them founder; the third applies."""
    whole = alliance()

    def join(member):
        turn.shift(timedelta(seconds=1))
        people.accept_invitation(member, by=member, invitation=member.invitations.get(), name=member.name)
        turn.shift(timedelta(seconds=1))
        return Member.objects.select_related("center").get(pk=member.pk)

    with time_machine.travel(BEGAN, tick=False) as turn:
        alder = founding.found_center(whole, by=FOUNDER, **_facts("Alder"))
        founder = join(founding.found_manager(alder, by=FOUNDER, email="a1@alder.example.org", name="A1"))
        second = join(people.invite(alder, by=founder, email="a2@alder.example.org", name="A2"))
        grants.give_at_center(alder, by=founder, member=second, role=Role.CENTER_MANAGER, reason="So.")
        turn.shift(timedelta(seconds=1))
        birch = centers.apply(whole, by=founder, **_facts("Birch"))
        turn.shift(timedelta(seconds=1))
        head = join(people.invite_first_manager(birch, by=founder, email="b1@birch.example.org", name="B1"))
        grants.appoint_first_manager(birch, by=founder, member=head, reason="So.")
        turn.shift(timedelta(seconds=1))
        centers.admit(birch, by=founder, reason="So.")
        turn.shift(timedelta(seconds=1))
        grants.give_at_alliance(whole, by=founder, member=head, role=Role.ALLIANCE_MANAGER, reason="So.")
        for number in (2, 3):
            turn.shift(timedelta(seconds=1))
            person = join(people.invite(birch, by=head, email=f"b{number}@birch.example.org", name=f"B{number}"))
        grants.give_at_center(birch, by=head, member=person, role=Role.SIGNING_OFFICIAL, reason="So.")
        turn.shift(timedelta(seconds=1))
        cedar = centers.apply(whole, by=founder, **_facts("Cedar"))
        turn.shift(timedelta(seconds=1))
        join(people.invite_first_manager(cedar, by=founder, email="c1@cedar.example.org", name="C1"))
        training.publish_type(whole, by=founder, name="T", description="What it teaches.", lifetime_days=30)


def _facts(name):
    return {
        "short_name": name,
        "legal_name": f"{name} Cancer Center",
        "email_domains": [f"{name.lower()}.example.org"],
        "contact_name": "Data office",
        "contact_email": f"data@{name.lower()}.example.org",
    }
