"""Each way in which what a run stands on comes to an end, by what people would press."""

from django.utils import timezone

from apps.agreements.services import signing
from apps.alliance.models import Center, Member, Vouch
from apps.alliance.roles import Role
from apps.alliance.services import centers, people
from apps.catalog.services import versions
from apps.projects.services import closing, decisions
from tests.factories import alliance, arranged, holder
from tests.projects.world import again


def revoked(world):
    decisions.revoke(again(world.request), by=world.steward, reason="The consent was withdrawn.")


def agreement_terminated(world):
    signing.terminate(again(world.agreement), by=world.official, reason="No longer wanted.")


def member_suspended(world):
    people.suspend(Member.objects.get(pk=world.lead.pk), by=world.manager, reason="On leave.")


def center_suspended(world):
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    centers.suspend(Center.objects.get(pk=world.home.pk), by=runner, reason="A breach is looked into.")


def project_suspended(world):
    decisions.suspend(again(world.project), by=world.manager, reason="A complaint.")


def project_closed(world):
    words = {"learned": "It works.", "confirmed": ["outputs", "copies", "publications"]}
    closing.close(again(world.project), by=world.lead, **words)


def version_withdrawn(world):
    versions.withdraw(again(world.version), by=world.steward, reason="Names were found in it.")


def vouch_ended(world):
    with arranged():
        Vouch.objects.filter(member=world.lead).update(ended_at=timezone.now())


WAYS = {
    way.__name__: way
    for way in (
        revoked,
        agreement_terminated,
        member_suspended,
        center_suspended,
        project_suspended,
        project_closed,
        version_withdrawn,
        vouch_ended,
    )
}
