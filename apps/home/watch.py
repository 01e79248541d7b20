"""Does the record keep up? Said on the platform's page, by /health/ready, and to those who must look."""

import hashlib

import structlog
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from psycopg_pool import PoolTimeout

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of, the_alliance
from apps.audit.exports import tiles_at_hand
from apps.audit.selectors import state
from apps.audit.verification import Report, verify
from apps.core.health import Part
from apps.core.notices import tell

NEWEST = 10_000  # entries that are verified again every minute
log = structlog.get_logger("caia.record")


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
    """Tell those in charge of standing alarms and of a notary that does not come by."""
    return _tell(state().troubles(timezone.now()))


def verify_newest() -> int:
    """Verify the newest entries, and tell those in charge where they do not hold."""
    return _verify(start=max(state().size - NEWEST, 0), rows=False)


def verify_whole() -> int:
    """Verify every entry, tile and governed row, and tell those in charge where they do not hold."""
    return _verify(start=0, rows=True)


def _verify(*, start: int, rows: bool) -> int:
    report = verify(start=start, rows=rows, tiles=tiles_at_hand() if rows else None)
    log.info("verified", start=start, entries=report.entries, rows=report.rows, holds=report.holds)
    return tell_of(report)


def tell_of(report: Report) -> int:
    """Tell those in charge what a verification found, if it found something."""
    if report.holds:
        return 0
    more = f" and {len(report.wrong) - 1} more" if len(report.wrong) > 1 else ""
    return _tell(
        [f"The record does not hold: {report.wrong[0]}{more} Press Verify now, and call whoever runs the portal."]
    )


def _tell(troubles: list[str]) -> int:
    """Each of those in charge once a day for each trouble; how many notices that makes.

    No command: this word must get through while the record takes no event.
    """
    now, told = timezone.now(), 0
    for words in troubles:
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
