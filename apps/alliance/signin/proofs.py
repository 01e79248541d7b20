"""How the person behind a session proved who they are, and how long ago: read from allauth's records in the session."""

import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from apps.alliance.models import Member

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
PROOFS = {"mfa", "demo"}  # what counts as a factor shown; a password alone does not

# All that a member without a second factor can reach.
BEFORE_A_FACTOR = {
    "alliance:factor_setup",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "account_reauthenticate",
    "account_logout",
    "home:theme",
    "core:live",
    "core:ready",
}
# And what somebody can reach who may enter only to take their suspended center out of the alliance.
TO_LEAVE_BY = BEFORE_A_FACTOR | {"mfa_reauthenticate", "mfa_reauthenticate_webauthn", "alliance:center_leave"}


def has_factor(member: Member) -> bool:
    """Whether the member has an authenticator app or a passkey. Recovery codes alone are none."""
    return Authenticator.objects.filter(user=member, type__in=FACTORS).exists()


def with_factor() -> Exists:
    """For a query of members: whether each has one."""
    return Exists(Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS))


def is_open_to(member: Member, page: str) -> bool:
    """Whether the member may reach the page of this name: all pages with a second factor, few without."""
    return page in BEFORE_A_FACTOR or has_factor(member)


def facts(request: HttpRequest, member: Member | None = None) -> dict[str, Any]:
    """For the record: the way in, the factors shown, and the age of the last proof in seconds."""
    member = member or member_of(request)
    if member is None:
        return {}
    kinds = [_kind(entry) for entry in get_authentication_records(request, member)]
    found: dict[str, Any] = {"factors": sorted(set(kinds))}
    if kinds:
        found["method"] = kinds[0]
    age = age_of_proof(request, member)
    if age is not None:
        found["age_s"] = round(age)
    return found


def age_of_proof(request: HttpRequest, member: Member) -> float | None:
    """Seconds since a factor was last shown in this session; None when none was."""
    times = [entry["at"] for entry in get_authentication_records(request, member) if entry["method"] in PROOFS]
    return max(0.0, time.time() - times[-1]) if times else None


def proved_lately(request: HttpRequest, member: Member) -> bool:
    """Whether the member may change how they sign in: by a fresh factor, or while there is none, by a fresh sign-in."""
    age = age_of_proof(request, member)
    records = get_authentication_records(request, member)
    if age is None and records and not has_factor(member):
        age = time.time() - records[-1]["at"]
    return age is not None and age <= settings.FRESH_FACTOR.total_seconds()


def member_of(request: HttpRequest) -> Member | None:
    """Who is signed in, if anybody is."""
    found = getattr(request, "user", None)
    return found if isinstance(found, Member) else None


def mark_of(session_key: str | None) -> str:
    """What the record calls a session: the same for the same session, useless to whoever reads it."""
    return salted_hmac("caia.session", session_key, algorithm="sha256").hexdigest()[:32] if session_key else ""


def _kind(entry: dict[str, Any]) -> str:
    """One word for a record of allauth: password, totp, webauthn, recovery_codes, openid, invitation or demo."""
    if entry["method"] == "mfa":
        return str(entry.get("type", "mfa"))
    return "openid" if entry["method"] == "socialaccount" else str(entry["method"])
