"""Sessions: how long they last by the portal's own clock, what a person reads of them, and how they end."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.alliance.models import Member
from apps.audit.models import Event
from apps.audit.selectors import entries

OPENED_AT = "caia_opened_at"
SEEN_AT = "caia_seen_at"
NOTE_EVERY = 25  # seconds; a session is not written more often for having been used
REMEMBERED = 200  # sign-ins among which an address is looked for
HISTORY = 20
ENDED: list[Callable[[UUID], None]] = []  # whoever wants to hear whose session was ended, by whomever

BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    (r"iPhone|iPad", "an iPhone or iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "a Mac"),
    (r"CrOS", "ChromeOS"),
    (r"Linux", "Linux"),
)

WHAT = {
    "alliance.session.opened": ("done", "Signed in"),
    "alliance.session.proved": ("done", "Proved again"),
    "alliance.session.refused": ("refused", "Refused"),
    "alliance.session.closed": ("closed", "Ended"),
}
KINDS = {
    "totp": "authenticator app",
    "webauthn": "passkey",
    "recovery_codes": "recovery code",
    "openid": "your center",
    "demo": "one click in the demo",
}


@dataclass(frozen=True)
class OpenSession:
    """One session as its owner reads it."""

    pk: int
    device: str
    place: str
    opened_at: datetime
    seen_at: datetime
    is_this_one: bool


@dataclass(frozen=True)
class Sighting:
    """One line of the sign-in history as its owner reads it."""

    state: str
    what: str
    at: datetime
    place: str
    by: str
    why: str


def begin(request: HttpRequest) -> None:
    """Start the clocks of a session that was just opened."""
    request.session[OPENED_AT] = request.session[SEEN_AT] = int(time.time())


def ended_because(request: HttpRequest) -> str:
    """Why this session is over, in words; empty while it lasts."""
    now = time.time()
    opened, seen = request.session.get(OPENED_AT), request.session.get(SEEN_AT)
    if opened is None or seen is None:
        begin(request)
        UserSession.objects.create_from_request(request)
        return ""
    if now - opened > settings.SESSION_LIFETIME.total_seconds():
        return f"You were signed out after {_hours()} hours, as everybody is. Sign in again to go on."
    if now - seen > settings.SESSION_IDLE.total_seconds():
        return f"You were signed out after {_minutes()} minutes without activity. Sign in again to go on."
    return ""


def note_activity(request: HttpRequest) -> None:
    """Keep the session awake, and note address and device; every NOTE_EVERY seconds at most."""
    if time.time() - request.session[SEEN_AT] >= NOTE_EVERY:
        request.session[SEEN_AT] = int(time.time())
        UserSession.objects.create_from_request(request)


def open_sessions(member: Member, current_key: str | None) -> list[OpenSession]:
    """The member's sessions that still live, the one at hand first."""
    rows = UserSession.objects.filter(user=member, session_key__in=_living_keys(member))
    found = [
        OpenSession(
            row.pk,
            device_words(row.user_agent),
            row.ip,
            row.created_at,
            row.last_seen_at,
            row.session_key == current_key,
        )
        for row in rows
    ]
    return sorted(found, key=lambda session: (not session.is_this_one, -session.seen_at.timestamp()))


def end_sessions(member: Member, *, but: str | None = None) -> int:
    """Sign the member out everywhere (but in the session with the key `but`); says how many sessions that were."""
    rows = UserSession.objects.filter(user=member).exclude(session_key=but or "")
    living = set(_living_keys(member))
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    rows.delete()
    if keys:
        _tell_of_end(member.pk)
    return len(living & set(keys))


def end_session(member: Member, pk: int) -> str | None:
    """End one session of the member; its key, or None when there is no such session."""
    row = UserSession.objects.filter(user=member, pk=pk).first()
    if row is None:
        return None
    Session.objects.filter(session_key=row.session_key).delete()
    row.delete()
    _tell_of_end(member.pk)
    return str(row.session_key)


def forget(session_key: str | None) -> None:
    """Take a session that ends out of its owner's list."""
    row = UserSession.objects.filter(session_key=session_key or "").first()
    if row is not None:
        row.delete()
        _tell_of_end(row.user_id)


def _tell_of_end(member: UUID) -> None:
    for hook in ENDED:
        hook(member)


def forget_ended() -> int:
    """Delete the rows of sessions that ended long ago; says how many."""
    ended, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    return ended


def history(member: Member) -> list[Sighting]:
    """The last sign-ins, refused tries and ends of sessions of this account, newest first."""
    seen = entries().filter(target_type="alliance.member", target_ref=str(member.pk))
    return [_sighting(event) for event in seen.filter(event__startswith="alliance.session.")[:HISTORY]]


def came_from_before(member: Member | None, address: str) -> bool:
    """Whether one of this member's last sign-ins came from this address."""
    if member is None:
        return False
    return any(event.ip == address for event in _opened(member)[:REMEMBERED])


def last_opened(member: Member) -> UUID | None:
    """The event of this member's last sign-in."""
    return _opened(member).values_list("id", flat=True).first()


def _opened(member: Member) -> QuerySet[Event]:
    return entries().filter(event="alliance.session.opened", actor_ref=str(member.pk))


def device_words(user_agent: str) -> str:
    """A device in words, such as "Firefox on Linux"."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "A browser")
    system = next((name for pattern, name in SYSTEMS if re.search(pattern, user_agent)), "an unknown device")
    return f"{browser} on {system}"


def _sighting(event: Event) -> Sighting:
    state, what = WHAT.get(event.event, ("done", "Seen"))
    opened = event.event.endswith((".opened", ".proved"))
    kinds = [KINDS.get(kind, kind) for kind in event.auth.get("factors", [])] if opened else []
    why = event.reason or str(event.details.get("why", ""))
    return Sighting(state, what, event.occurred_at, event.ip or "an unknown address", " and ".join(kinds), why)


def _living_keys(member: Member) -> list[str]:
    """Keys of the sessions that the next request would still find within their limits."""
    now = timezone.now()
    awake = UserSession.objects.filter(
        user=member, last_seen_at__gt=now - settings.SESSION_IDLE, created_at__gt=now - settings.SESSION_LIFETIME
    )
    found = Session.objects.filter(session_key__in=awake.values("session_key"), expire_date__gt=now)
    return list(found.values_list("session_key", flat=True))


def _hours() -> int:
    return int(settings.SESSION_LIFETIME.total_seconds() // 3600)


def _minutes() -> int:
    return int(settings.SESSION_IDLE.total_seconds() // 60)
