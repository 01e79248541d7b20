"""Commands on roles: give, end, and the clock's closing of what lapsed."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils import timezone

from apps.alliance import policies as may
from apps.alliance.models import Alliance, Center, Grant, Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.notices import tell

S = Center.Status


@command("alliance.grant.given", policy=may.may_manage_center, fresh=True, creates=Grant)
def give_at_center(
    center: Center, *, by: Any, member: Member, role: str, reason: str, ends_at: datetime | None = None
) -> Grant:
    """Give one of the center's people a role at the center."""
    return _give(center, by=by, member=member, role=role, reason=reason, ends_at=ends_at)


@command("alliance.grant.given_by_alliance", policy=may.may_run_alliance, fresh=True, creates=Grant)
def give_at_alliance(
    alliance: Alliance, *, by: Any, member: Member, role: str, reason: str, ends_at: datetime | None = None
) -> Grant:
    """Give a member one of the alliance's own roles."""
    return _give(alliance, by=by, member=member, role=role, reason=reason, ends_at=ends_at)


@command("alliance.grant.first_manager_appointed", policy=may.may_start_center, fresh=True, creates=Grant)
def appoint_first_manager(center: Center, *, by: Any, member: Member, reason: str) -> Grant:
    """Give a center without any manager its first one; from then on the center decides for itself."""
    if not (standing := center.standing()):
        raise WrongState(standing.reason)
    if holders_of(Role.CENTER_MANAGER, center).exists():
        raise NotAllowed(
            f"{center} has a manager, who gives the center's roles. The alliance can't decide for a center."
        )
    return _give(center, by=by, member=member, role=Role.CENTER_MANAGER, reason=reason, ends_at=None)


@command("alliance.grant.ended", policy=may.may_end_grant, fresh=True)
def end(grant: Grant, *, by: Any, reason: str) -> None:
    """Take a role back, or lay down one's own, at once."""
    if grant.ended_at:
        raise WrongState("This role has ended already.")
    if grant.role == Role.ALLIANCE_MANAGER:
        demand_alliance_managed_without(Member.objects.filter(pk=grant.user_id))
    _end(grant, ended_by=by, reason=reason)
    if by.pk != grant.user_id:
        tell(
            grant.user,
            key=f"grant-ended:{grant.pk}",
            subject=f"You are no longer {grant.role_words.lower()}{_at(grant)}",
            text=f"{by} ended the role: {reason}",
            path=f"/people/{grant.user_id}/",
        )


@command("alliance.grant.lapsed", policy=only_the_system)
def lapse(grant: Grant, *, by: Any) -> None:
    """Close a role whose time is over; it gave no rights since that moment."""
    if grant.ended_at or grant.ends_at is None or grant.ends_at > timezone.now():
        raise WrongState("This role has not run out, or is closed already.")
    grant.ended_at, grant.end_reason = grant.ends_at, "Its time was over."
    grant.save(update_fields=["ended_at", "end_reason"])
    tell(
        grant.user,
        key=f"grant-lapsed:{grant.pk}",
        subject=f"Your role as {grant.role_words.lower()}{_at(grant)} has ended",
        text="It was given until now. If you still need it, ask whoever gave it.",
        path=f"/people/{grant.user_id}/",
    )


def _give(
    target: Center | Alliance, *, by: Any, member: Member, role: str, reason: str, ends_at: datetime | None
) -> Grant:
    locked = Member.objects.select_for_update(no_key=True, of=("self",)).select_related("center").get(pk=member.pk)
    if isinstance(by, Member) and by.pk == locked.pk:
        raise NotAllowed("Nobody can give a role to themselves. Ask another manager.")
    if not (decision := may.may_hold(role, locked, target)):
        raise NotAllowed(decision.reason)
    now = timezone.now()
    if ends_at is not None and ends_at <= now:
        raise Invalid(fields={"ends_on": "The end must lie in the future."})
    grant = grant_row(target, member=locked, role=role, reason=reason, by=by, ends_at=ends_at)
    _close_lapsed(grant, now)
    grant.save(force_insert=True)
    note(member=str(locked.pk), role=role, ends_at=ends_at.isoformat() if ends_at else None)
    tell(
        locked,
        key=f"grant:{grant.pk}",
        subject=f"You are now {grant.role_words.lower()}{_at(grant)}",
        text=f"{by} gave you the role: {reason}" if isinstance(by, Member) else reason,
        path=f"/people/{locked.pk}/",
    )
    return grant


def demand_alliance_managed_without(leaving: QuerySet[Member]) -> None:
    """Refuse when nobody would run the alliance for good without these people: a shared step of several commands."""
    if not Grant.objects.filter(role=Role.ALLIANCE_MANAGER, user__in=leaving).exists():
        return
    alliance = Alliance.objects.select_for_update(no_key=True).get(pk=1)  # of two who lay it down at once, one waits
    able = holders_of(Role.ALLIANCE_MANAGER, alliance).filter(center__status__in=[S.ACTIVE, S.APPLICANT])
    lasting = Grant.objects.filter(role=Role.ALLIANCE_MANAGER, ends_at=None).values("user_id")
    if not able.filter(pk__in=lasting).exclude(pk__in=leaving).exists():
        raise WrongState(
            "The alliance would lose its last manager. Give the role to somebody else first, without an end date."
        )


def grant_row(
    target: Center | Alliance,
    *,
    member: Member,
    role: str,
    reason: str,
    by: Any = None,
    ends_at: datetime | None = None,
) -> Grant:
    """An unsaved grant of the role on the target: a shared step of several commands."""
    on = ContentType.objects.get_for_model(target)
    return Grant(
        user=member,
        role=role,
        permission=Permission.objects.get(content_type=on, codename=role),
        content_type=on,
        object_pk=str(target.pk),
        center=target if isinstance(target, Center) else None,
        reason=reason,
        granted_by=by if isinstance(by, Member) else None,
        ends_at=ends_at,
    )


def _close_lapsed(grant: Grant, now: datetime) -> None:
    """Close an earlier grant of the same role that ran out but was not swept yet."""
    Grant.history.filter(
        user=grant.user, permission=grant.permission, object_pk=grant.object_pk, ended_at=None, ends_at__lte=now
    ).update(ended_at=now, end_reason="Its time was over.")


def _end(grant: Grant, *, ended_by: Member, reason: str) -> None:
    grant.ended_at, grant.ended_by, grant.end_reason = timezone.now(), ended_by, reason
    grant.save(update_fields=["ended_at", "ended_by", "end_reason"])


def _at(grant: Grant) -> str:
    if grant.role == Role.ALLIANCE_MANAGER:
        return ""  # the name says it
    return f" at {grant.center}" if grant.center_id else " of the alliance"
