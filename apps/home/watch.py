"""Does the record keep up? Said on the platform's page, by /health/ready, and to those who must look."""

import hashlib

from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from psycopg_pool import PoolTimeout

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of, the_alliance
from apps.audit.selectors import state
from apps.core.health import Part
from apps.core.notices import tell


def record_part() -> Part:
    """The record among the platform's parts: how much is signed, how much waits, and what is wrong."""
    try:
        seen, now = state(), timezone.now()
    except (DatabaseError, PoolTimeout):
        return Part(False, "unknown while the database does not answer")
    finally:
        connection.close()
    if troubles := seen.troubles(now):
        return Part(False, " ".join(troubles))
    return Part(True, f"{seen.size:,} entries signed; {seen.waiting:,} wait, the oldest for {seen.lag(now):.0f} s")


def tell_of_troubles() -> int:
    """Tell the alliance's managers and auditors of what is wrong with the record, each once a day for each trouble."""
    now, told = timezone.now(), 0
    for words in state().troubles(now):
        # A lag grows by the second; it is the same trouble all day.
        mark = hashlib.sha256("".join(c for c in words if not c.isdigit()).encode()).hexdigest()[:16]
        with transaction.atomic():
            for member in _in_charge():
                key = f"record:{now:%Y-%m-%d}:{mark}"
                subject = "Something is wrong with the record"
                told += tell(member, key=key, subject=subject, text=words, path=reverse("home:record"))
    return told


def _in_charge() -> set[Member]:
    whole = the_alliance()
    return {member for role in (Role.ALLIANCE_MANAGER, Role.AUDITOR) for member in holders_of(role, whole)}
