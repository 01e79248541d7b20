"""What the clock writes down of access: that it began, and that it ended; what ran on it is stopped, people are told.

The decision itself needs none of this: whoever asks is answered by what holds at that moment.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone

from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import WrongState
from apps.core.notices import tell
from apps.projects.access import AccessDecision
from apps.projects.held import Change, changes
from apps.projects.models import AccessInterval, Project

# What later apps do when access ends, such as stopping a workspace. Each is called inside the command with the
# intervals that ended, so it only says later(…); a hook that breaks takes the ending back, and the next sweep tries.
HOOKS: list[Callable[[Sequence[AccessInterval]], None]] = []


@command("projects.access.begun", policy=only_the_system)
def begin(project: Project, *, by: Any) -> None:
    """Write down who can use the project's data since now."""
    began = _changed(project).began
    if not began:
        raise WrongState("Nobody's access began.")
    moment = timezone.now()
    AccessInterval.objects.bulk_create(
        AccessInterval(project=project, member_id=member, version_id=version, since=moment) for member, version in began
    )
    note(began=[{"member": str(member), "version": str(version)} for member, version in began])


@command("projects.access.ended", policy=only_the_system)
def end(project: Project, *, by: Any) -> None:
    """Write down whose access ended and why, stop what runs on it, and tell them and the lead."""
    ended = _changed(project).ended
    if not ended:
        raise WrongState("Nobody's access ended.")
    moment = timezone.now()
    for interval, decision in ended:
        interval.until, interval.lacks = moment, [line.key for line in decision.missing] or ["version"]
        interval.save(update_fields=["until", "lacks"])
    note(ended=[{"member": str(one.member_id), "version": str(one.version_id), "lacks": one.lacks} for one, _ in ended])
    for hook in HOOKS:
        hook([interval for interval, _ in ended])
    for interval, decision in ended:
        if not _is_told(project, decision):
            _tell(project, interval, decision)


def _changed(project: Project) -> Change:
    return changes([project.pk]).get(project.pk, Change())


def _is_told(project: Project, decision: AccessDecision) -> bool:
    """Whoever halted the project or revoked the approval gave the team the reason."""
    is_revoked = any(line.key == "approval" and line.detail == "revoked" for line in decision.missing)
    return is_revoked or project.status != Project.Status.ACTIVE


def _tell(project: Project, interval: AccessInterval, decision: AccessDecision) -> None:
    why = [f"No longer so: {line.words}{f' ({line.detail})' if line.detail else ''}." for line in decision.missing]
    text = " ".join(why) or "Another version took its place."
    key = f"access-ended:{interval.pk}"
    data = interval.version.dataset
    tell(interval.member, key=key, subject=f"You can no longer use {data} in {project}", text=text)
    if interval.member_id != project.lead_id:
        subject = f"{interval.member} can no longer use {data} in {project}"
        tell(project.lead, key=key, subject=subject, text="They were told why.")
