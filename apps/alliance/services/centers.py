"""Commands on centers: apply, admit, suspend, reinstate, leave, and what a center says of itself."""

from collections.abc import Iterable
from typing import Any

from django.utils.text import slugify

from apps.alliance import policies as may
from apps.alliance.models import Alliance, Center, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.alliance.services.grants import demand_alliance_managed_without
from apps.alliance.signin.sessions import end_sessions
from apps.alliance.states import CENTER
from apps.core.commands import command, note
from apps.core.errors import Invalid
from apps.core.notices import tell

RESERVED = {"apply"}  # addresses below /centers/ that are no center


@command("alliance.center.applied", policy=may.may_run_alliance, creates=Center)
def apply(alliance: Alliance, *, by: Any, **facts: Any) -> Center:
    """Enter a center's application; it takes part once it is admitted."""
    center = Center(alliance=alliance, slug=slug_of(facts["short_name"]), **facts)
    _demand_free(center, center.email_domains)
    center.save(force_insert=True)
    return center


@CENTER.move("admit")
def admit(center: Center, *, by: Any, reason: str) -> None:
    """Make an applicant an active center."""
    if not holders_of(Role.CENTER_MANAGER, center).exists():
        raise Invalid(f"{center} has no center manager yet. Appoint one first, so that somebody can act for it.")
    _tell_managers(center, f"{center} is admitted to the alliance", reason)


@CENTER.move("suspend")
def suspend(center: Center, *, by: Any, reason: str) -> None:
    """Stop everything that the center's people can do, at once."""
    demand_alliance_managed_without(Member.objects.filter(center=center))
    ended = sum(end_sessions(member) for member in center.members.filter(status=Member.Status.ACTIVE).iterator())
    note(sessions_ended=ended)
    _tell_managers(center, f"{center} is suspended", reason)


@CENTER.move("reinstate")
def reinstate(center: Center, *, by: Any, reason: str) -> None:
    """Let a suspended center's people act again."""
    _tell_managers(center, f"{center} is reinstated", reason)


@CENTER.move("leave")
def leave(center: Center, *, by: Any, reason: str) -> None:
    """Take the center out of the alliance by its own signing official's word."""
    demand_alliance_managed_without(Member.objects.filter(center=center))
    for manager in holders_of(Role.ALLIANCE_MANAGER, center.alliance):
        tell(
            manager,
            key=f"center-left:{center.pk}",
            subject=f"{center} left the alliance",
            text=reason,
            path="/centers/",
        )


@command("alliance.center.edited", policy=may.may_manage_center)
def edit(center: Center, *, by: Any, **facts: Any) -> None:
    """Change what the center says of itself: contact, domains, the smallest count it lets be shown."""
    _demand_free(center, set(facts.get("email_domains", [])) - set(center.email_domains))
    changed = sorted(name for name, value in facts.items() if getattr(center, name) != value)
    for name, value in facts.items():
        setattr(center, name, value)
    center.save(update_fields=list(facts))
    note(fields=changed)


def slug_of(short_name: str) -> str:
    """What the center is called in addresses: of Latin letters and digits, unlike every other's."""
    slug = slugify(short_name)[:40]
    if not slug or slug in RESERVED:
        raise Invalid(fields={"short_name": "This name makes no web address. Choose one with Latin letters or digits."})
    if Center.objects.filter(slug=slug).exists():
        raise Invalid(fields={"short_name": "Another center has this name, or one that reads alike. Choose another."})
    return slug


def _demand_free(center: Center, domains: Iterable[str]) -> None:
    """Refuse another center's domain, and what lies above or below it: those people are that center's to invite."""
    Alliance.objects.select_for_update(no_key=True).get(pk=1)  # of two centers that name one at once, one waits
    others = Center.objects.exclude(status=Center.Status.LEFT).exclude(pk=center.pk)
    taken = others.values_list("email_domains", flat=True)
    known = {f".{domain}" for domains in taken for domain in domains}
    for domain in domains:
        if any(f".{domain}".endswith(other) or other.endswith(f".{domain}") for other in known):
            raise Invalid(fields={"email_domains": f"{domain} is another center's domain, or part of one."})


def _tell_managers(center: Center, subject: str, reason: str) -> None:
    for manager in holders_of(Role.CENTER_MANAGER, center):
        tell(
            manager,
            key=f"center:{center.pk}:{center.status}:{center.status_at.isoformat()}",
            subject=subject,
            text=f"The alliance's reason: {reason}",
            path=f"/centers/{center.slug}/",
        )
