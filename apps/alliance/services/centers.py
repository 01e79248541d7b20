"""Commands on centers: apply, be admitted or rejected, suspend, reinstate, leave, and what one says of itself."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
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
from apps.core.outbox import later

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


@CENTER.move("reject")
def reject(center: Center, *, by: Any, reason: str) -> None:
    """Reject an application; the center can apply again."""
    note(sessions_ended=_end_sessions(center))
    _tell(center.members.filter(status=Member.Status.ACTIVE), center, f"{center}'s application is rejected", reason)
    later("alliance.mail_rejection", center.pk)


@CENTER.move("apply_again")
def apply_again(center: Center, *, by: Any, reason: str) -> None:
    """Take up again an application that was rejected; its people can prepare the admission as before."""
    _demand_free(center, center.email_domains)
    people = center.members.filter(status=Member.Status.ACTIVE)
    _tell(people, center, f"{center}'s application is taken up again", reason)


@CENTER.move("suspend")
def suspend(center: Center, *, by: Any, reason: str) -> None:
    """Stop everything that the center's people can do, at once."""
    demand_alliance_managed_without(Member.objects.filter(center=center))
    note(sessions_ended=_end_sessions(center))
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
    if former := Center.objects.filter(slug=slug, status=Center.Status.REJECTED).first():
        again = f"{former} applied before and was rejected. Open it under Centers and take its application up again."
        raise Invalid(fields={"short_name": again})
    if Center.objects.filter(slug=slug).exists():
        raise Invalid(fields={"short_name": "Another center has this name, or one that reads alike. Choose another."})
    return slug


def _demand_free(center: Center, domains: Iterable[str]) -> None:
    """Refuse another center's domain, and what lies above or below it: those people are that center's to invite."""
    Alliance.objects.select_for_update(no_key=True).get(pk=1)  # of two centers that name one at once, one waits
    others = Center.objects.exclude(status__in=[Center.Status.LEFT, Center.Status.REJECTED]).exclude(pk=center.pk)
    taken = others.values_list("email_domains", flat=True)
    known = {f".{domain}" for domains in taken for domain in domains}
    for domain in domains:
        if any(f".{domain}".endswith(other) or other.endswith(f".{domain}") for other in known):
            raise Invalid(fields={"email_domains": f"{domain} is another center's domain, or part of one."})


def _end_sessions(center: Center) -> int:
    return sum(end_sessions(member) for member in center.members.filter(status=Member.Status.ACTIVE).iterator())


def _tell_managers(center: Center, subject: str, reason: str) -> None:
    _tell(holders_of(Role.CENTER_MANAGER, center), center, subject, reason)


def _tell(people: QuerySet[Member], center: Center, subject: str, reason: str) -> None:
    for person in people:
        tell(
            person,
            key=f"center:{center.pk}:{center.status}:{center.status_at.isoformat()}",
            subject=subject,
            text=f"The alliance's reason: {reason}",
            path=f"/centers/{center.slug}/",
        )
