"""How a member proves who they are by e-mail address and password."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import identify_hasher
from django.db import models, transaction
from django.db.models.functions import Lower
from django.http import HttpRequest

from apps.alliance.models import Member
from apps.alliance.signin import events
from apps.alliance.signin.proofs import member_of, with_factor
from apps.core.notices import unread_count
from apps.core.sightings import record_sighting


class MemberBackend(BaseBackend):
    """Looks a member up by e-mail address; costs the same time whether the address is known or not."""

    def authenticate(
        self, request: HttpRequest | None, email: str = "", password: str = "", **others: Any
    ) -> Member | None:
        """The member with this address and password who may sign in now, or None."""
        if not email or not password:
            return None
        member = member_with(email)
        if member is None:
            Member().set_password(password)  # as much work as a comparison, so that the time tells nothing
            return None
        if not member.check_password(password) or not member.may_enter():
            return None
        if request is None or member_of(request) is None:  # proving it again would end the session at hand
            _hash_anew(member, password)
        return member

    def get_user(self, user_id: Any) -> Member | None:
        """The member of a session, with all that each page asks of them, by one query.

        Whether they may still act is asked at each request by SessionLimits.
        """
        known = Member.objects.annotate(came_with_factor=with_factor(), unread=unread_count())
        return known.select_related("center").filter(pk=user_id).first()

    def has_perm(self, user_obj: Any, perm: str, obj: models.Model | None = None) -> bool:
        """A role on an object; without an object, and for anybody who is no member, the answer is no."""
        return isinstance(user_obj, Member) and user_obj.has_perm(perm, obj)


def _hash_anew(member: Member, password: str) -> None:
    """Store the password under today's parameters, with its event, unless it was changed in this moment."""
    stored = member.password
    if not identify_hasher(stored).must_update(stored):
        return
    member.set_password(password)
    with transaction.atomic():
        if Member.objects.filter(pk=member.pk, password=stored).update(password=member.password):
            record_sighting(events.PASSWORD_REHASHED, by=member, target=member)


def member_with(email: str) -> Member | None:
    """The member with this address, whatever its case."""
    members = Member.objects.select_related("center").alias(address=Lower("email"))
    return members.filter(address=email.strip().lower()).first()
