"""Codes of authenticator apps and recovery codes: each opens once.

allauth remembers used codes in Redis for 30 seconds. Here the step of the last code lies with the authenticator in
PostgreSQL and only a later one opens, so that a code never works twice, whatever happens to Redis.
"""

import hmac
import time

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.db import transaction

from apps.alliance.models import Member

LAST_STEP = "last_step"


def opened_by(member: Member, code: str) -> Authenticator | None:
    """The authenticator that this code opens, and the code is spent; None when it opens none."""
    digits = "".join(code.split()).replace("-", "")
    if len(digits) == app_settings.TOTP_DIGITS:
        return _opened_by_app(member, digits)
    return _opened_by_recovery_code(member, digits)


def step_of(secret: str, code: str) -> int | None:
    """The 30-second step that this code belongs to: the present one or the one before; None for any other."""
    present = int(time.time()) // app_settings.TOTP_PERIOD
    for step in (present, present - 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None


def code_at(secret: str, step: int) -> str:
    """The code of a step (RFC 6238)."""
    return format_hotp_value(hotp_value(secret, step))


def present_code(member: Member) -> str:
    """The code that the member's authenticator app shows now; for invented people only."""
    row = Authenticator.objects.filter(user=member, type=Authenticator.Type.TOTP).first()
    if row is None:
        return ""
    step = int(time.time()) // app_settings.TOTP_PERIOD
    return code_at(decrypt(row.data["secret"]), step)


def spend(authenticator: Authenticator, step: int) -> None:
    """Only codes later than this step open from now on."""
    authenticator.data[LAST_STEP] = step
    authenticator.save(update_fields=["data"])


@transaction.atomic
def _opened_by_app(member: Member, code: str) -> Authenticator | None:
    row = Authenticator.objects.select_for_update().filter(user=member, type=Authenticator.Type.TOTP).first()
    if row is None:
        return None
    step = step_of(decrypt(row.data["secret"]), code)
    if step is None or step <= row.data.get(LAST_STEP, 0):
        return None
    spend(row, step)
    return row


def _opened_by_recovery_code(member: Member, code: str) -> Authenticator | None:
    row = Authenticator.objects.filter(user=member, type=Authenticator.Type.RECOVERY_CODES).first()
    return row if row is not None and row.wrap().validate_code(code) else None
