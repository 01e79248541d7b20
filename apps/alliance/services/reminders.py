"""Telling people in time of what ends: their training, the word of their center, their roles."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from apps.alliance.models import Grant, Member, TrainingRecord
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.notices import tell
from apps.core.reminding import milestone


@command("alliance.member.reminded", policy=only_the_system)
def remind(member: Member, *, by: Any) -> None:
    """Tell the member, and for vouching their managers, of what ends soon; only the latest milestone, and once."""
    told = 0
    for kind, subject, ends_on, path, people in _endings(member):
        if (days := milestone(ends_on)) is None:
            continue
        for person in people:
            key = f"ending:{kind}:{ends_on.isoformat()}:{days}"
            told += tell(person, key=key, subject=subject, text=f"It ends on {ends_on:%-d %B %Y}.", path=path)
    note(told=told)


Ending = tuple[str, str, date, str, list[Member]]


def _endings(member: Member) -> Iterator[Ending]:
    records = TrainingRecord.objects.filter(member=member, status=TrainingRecord.Status.ACCEPTED).select_related("type")
    for record in records:
        yield f"training:{record.pk}", f"{record.type} ends soon", record.valid_until, "/training/", [member]
    if member.vouched_until:
        managers = list(holders_of(Role.CENTER_MANAGER, member.center).exclude(pk=member.pk))
        subject = f"{member.center}'s word for {member} ends soon"
        yield f"vouch:{member.pk}", subject, member.vouched_until, f"/people/{member.pk}/", managers
    for grant in Grant.objects.filter(user=member, ends_at__isnull=False).select_related("center"):
        subject = f"The role of {grant.role_words.lower()} ends soon"
        yield f"grant:{grant.pk}", subject, grant.ends_at.date(), f"/people/{member.pk}/", [member]
