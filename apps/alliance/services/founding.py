"""The first hour of an alliance, when there is nobody yet who could act: done at the command line, once."""

from typing import Any

from apps.alliance.models import Alliance, Center, Grant, Member
from apps.alliance.roles import Role
from apps.alliance.services.centers import slug_of
from apps.alliance.services.grants import grant_row
from apps.alliance.services.people import invited_member
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import WrongState


@command("alliance.center.founded", policy=only_the_system, creates=Center)
def found_center(alliance: Alliance, *, by: Any, **facts: Any) -> Center:
    """Enter the first center, active at once."""
    _demand_nobody()
    center = Center(alliance=alliance, slug=slug_of(facts["short_name"]), status=Center.Status.ACTIVE, **facts)
    center.save(force_insert=True)
    return center


@command("alliance.member.founded", policy=only_the_system, creates=Member)
def found_manager(center: Center, *, by: Any, email: str, name: str) -> Member:
    """Invite the first person: manager of the first center and of the alliance."""
    _demand_nobody()
    member = invited_member(center, by=by, email=email, name=name)
    for role, target in ((Role.CENTER_MANAGER, center), (Role.ALLIANCE_MANAGER, center.alliance)):
        grant_row(target, member=member, role=role, reason="Founded the alliance.").save(force_insert=True)
    note(roles=[Role.CENTER_MANAGER.value, Role.ALLIANCE_MANAGER.value])
    return member


def _demand_nobody() -> None:
    if Grant.history.filter(role=Role.ALLIANCE_MANAGER).exists():
        raise WrongState("The alliance stands already; its managers take it from here.")
