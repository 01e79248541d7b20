"""Commands on members: invite, join, vouch, suspend, leave, and what people say of themselves."""

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.alliance import policies as may
from apps.alliance.models import Center, Grant, Invitation, Member, Vouch
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.alliance.services.grants import demand_alliance_managed_without
from apps.alliance.signin.services import begin_anew
from apps.alliance.signin.sessions import end_sessions
from apps.alliance.states import MEMBER
from apps.core.commands import command, note
from apps.core.errors import Invalid, NotFound, WrongState
from apps.core.notices import erase_from_notices, erase_notices, tell
from apps.core.outbox import later

S = Member.Status
INVITATION_LASTS = timedelta(days=14)
VOUCH_LASTS = timedelta(days=365)


@command("alliance.member.invited", policy=may.may_manage_center, fresh=True, creates=Member)
def invite(center: Center, *, by: Any, email: str, name: str, position: str = "") -> Member:
    """Invite a person to the center; a mail with a link goes out, good for two weeks."""
    return invited_member(center, by=by, email=email, name=name, position=position)


@command("alliance.member.first_invited", policy=may.may_start_center, fresh=True, creates=Member)
def invite_first_manager(center: Center, *, by: Any, email: str, name: str, position: str = "") -> Member:
    """Invite the person who shall be a center's first manager."""
    if center.members.exclude(status__in=[S.LEFT, S.INVITED]).exists():
        raise WrongState(f"{center} has people already; its own managers invite from now on.")
    again = {S.LEFT, S.INVITED}  # nobody at the center could renew an invitation that ran out
    return invited_member(center, by=by, email=email, name=name, position=position, again=again)


@command("alliance.invitation.renewed", policy=may.may_manage_center, fresh=True)
def renew_invitation(center: Center, *, by: Any, invitation: Invitation) -> Invitation:
    """Withdraw an unanswered invitation and send a new link to the same person."""
    people = Member.objects.select_for_update(no_key=True, of=("self",))
    member = people.filter(pk=invitation.member_id, center=center).first()
    if member is None:
        raise NotFound(f"{center} has invited nobody by that invitation.")
    if member.status != Member.Status.INVITED:
        raise WrongState(f"{member} is {member.get_status_display().lower()} and needs no invitation.")
    _withdraw_open(member)
    note(member=str(member.pk))
    return _send_invitation(member, by)


@command("alliance.member.joined", policy=may.may_accept_invitation, any_standing=True)
def accept_invitation(member: Member, *, by: Any, invitation: Invitation, name: str, password: str = "") -> None:
    """Join by an open invitation. Without a password the center's own identity provider is the way in."""
    now = timezone.now()
    invitations = Invitation.objects.select_for_update(no_key=True, of=("self",))
    held = invitations.filter(pk=invitation.pk, member=member).first()
    if held is None or member.status != Member.Status.INVITED or not held.is_open(now):
        raise WrongState("This invitation is no longer open. Ask your center's manager for a new one.")
    member.name = name
    if password:
        _set_password(member, password)
    member.status, member.status_at, member.joined_at = Member.Status.ACTIVE, now, now
    member.save()
    held.accepted_at = now
    held.save(update_fields=["accepted_at"])
    host = held.invited_by
    if host and holders_of(Role.CENTER_MANAGER, member.center).filter(pk=host.pk).exists():
        _vouch(member, vouched_by=host.pk)
        member.save(update_fields=["vouched_until"])
    if host and host.is_active:
        tell(
            host,
            key=f"joined:{member.pk}",
            subject=f"{member} joined {member.center}",
            text=f"{member} accepted your invitation and can act from now on.",
            path=f"/people/{member.pk}/",
        )


@command("alliance.member.vouched", policy=may.may_manage_member, fresh=True)
def vouch(member: Member, *, by: Any) -> Vouch:
    """Say for the center, for another year, that this person works there."""
    if member.status != Member.Status.ACTIVE:
        raise WrongState(f"{member} is {member.get_status_display().lower()}; a center vouches for active people.")
    given = _vouch(member, vouched_by=by.pk)
    member.save(update_fields=["vouched_until"])
    return given


@MEMBER.move("suspend")
def suspend(member: Member, *, by: Any, reason: str) -> None:
    """Stop everything this person can do, at once, and end their sessions."""
    demand_alliance_managed_without(Member.objects.filter(pk=member.pk))
    note(sessions_ended=end_sessions(member))
    _tell_of_standing(member, "Your membership is suspended", f"{by} of {member.center} suspended it: {reason}")


@MEMBER.move("reinstate")
def reinstate(member: Member, *, by: Any, reason: str) -> None:
    """Let a suspended person act again."""
    text = f"{by} of {member.center} lifted your suspension: {reason}"
    _tell_of_standing(member, "You can act in the portal again", text)


@MEMBER.move("leave")
def leave(member: Member, *, by: Any, reason: str) -> None:
    """Close the membership: roles, the center's word, invitations and sessions end."""
    now = timezone.now()
    demand_alliance_managed_without(Member.objects.filter(pk=member.pk))
    ended = Grant.history.filter(user=member, ended_at=None).update(
        ended_at=now, ended_by=by, end_reason="The member left the center."
    )
    _withdraw_open(member)
    _end_vouches(member, now)
    member.vouched_until = None
    note(grants_ended=ended, sessions_ended=end_sessions(member))
    if member.joined_at:
        _tell_of_standing(member, "Your membership is closed", f"{by} of {member.center} closed it: {reason}")


@command("alliance.member.erased", policy=may.may_manage_member, fresh=True)
def erase_name(member: Member, *, by: Any, reason: str) -> None:
    """Erase who somebody was who left: name, address, ways in and notices; the record goes on without them."""
    if member.status != Member.Status.LEFT:
        raise WrongState(f"{member} is {member.get_status_display().lower()}. Close the membership first.")
    if member.is_erased:
        raise WrongState("Nothing is left to erase here.")
    name = member.name
    member.erase()
    begin_anew(member)
    member.save()
    member.training_records.update(evidence_name="certificate")
    note(notices_erased=erase_notices(member) + erase_from_notices(name, member.name))


@command("alliance.member.edited", policy=may.may_edit_profile)
def edit_profile(member: Member, *, by: Any, name: str, position: str, orcid: str) -> None:
    """Change how one's own name and position are shown."""
    member.name, member.position, member.orcid = name, position, orcid
    member.save(update_fields=["name", "position", "orcid"])


def invited_member(
    center: Center, *, by: Any, email: str, name: str, position: str = "", again: Container[str] = (S.LEFT,)
) -> Member:
    """An invited member of the center, with the mail on its way: a shared step of several commands.

    Somebody known who stands in one of the states `again` is invited once more.
    """
    email = email.strip().lower()
    if not center.is_home_of(email):
        domains = ", ".join(center.email_domains) or "none yet"
        raise Invalid(fields={"email": f"The address must be one of {center}'s domains: {domains}."})
    known = Member.objects.select_for_update(no_key=True, of=("self",)).filter(email__iexact=email).first()
    if known and (known.center_id != center.pk or known.status not in again):
        raise Invalid(fields={"email": "Somebody with this e-mail address is a member already."})
    member = known or Member(center=center, email=email)
    member.name, member.position = name, position
    member.status, member.status_at = Member.Status.INVITED, timezone.now()
    begin_anew(member)
    member.save()
    if known:
        _withdraw_open(known)
        note(again=True)
    _send_invitation(member, by)
    return member


def _tell_of_standing(member: Member, subject: str, text: str) -> None:
    tell(member, key=f"standing:{member.pk}:{timezone.now().isoformat()}", subject=subject, text=text)


def _send_invitation(member: Member, by: Any) -> Invitation:
    invitation = Invitation.objects.create(
        member=member, invited_by=by if isinstance(by, Member) else None, ends_at=timezone.now() + INVITATION_LASTS
    )
    later("alliance.mail_invitation", invitation.pk)
    return invitation


def _withdraw_open(member: Member) -> None:
    member.invitations.filter(accepted_at=None, withdrawn_at=None).update(withdrawn_at=timezone.now())


def _vouch(member: Member, *, vouched_by: Any) -> Vouch:
    now = timezone.now()
    _end_vouches(member, now)
    member.vouched_until = now.date() + VOUCH_LASTS
    return Vouch.objects.create(
        member=member,
        center_id=member.center_id,
        vouched_by_id=vouched_by,
        vouched_at=now,
        ends_on=member.vouched_until,
    )


def _end_vouches(member: Member, now: datetime) -> None:
    member.vouches.filter(ended_at=None, ends_on__gte=now.date()).update(ended_at=now)


def _set_password(member: Member, password: str) -> None:
    try:
        validate_password(password, user=member)
    except ValidationError as error:
        raise Invalid(fields={"password": " ".join(error.messages)}) from error
    member.set_password(password)
