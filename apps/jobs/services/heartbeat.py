"""What a host says of its jobs every few seconds, and what it hears: what to start, to end, and to erase.

A heartbeat renews the lease of every attempt that it names. It is a question, too: data that may not be used any more
ends what stands on it, within seconds, even where no sweep comes by.
"""

from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.alliance.selectors import the_alliance
from apps.core.samples import sampled
from apps.jobs import limits
from apps.jobs.actors import HOST
from apps.jobs.models import Attempt, Figures, Host, Job, LogPiece, Pulse, Slot
from apps.jobs.services import attempts, keeping
from apps.jobs.services.watching import stop_baseless
from apps.jobs.told import Beat

GONE = {"now": True, "reason": attempts.FENCED}
J = Job.Status


def beat(name: str, offer: attempts.Offer, told: list[Beat]) -> dict[str, Any]:
    """Keep the figures, and say what the host has to do."""
    host = _host(name, offer)
    now = timezone.now()
    live = {one.pk: one for one in _live_on(host)}
    going = [live[one.attempt].job_id for one in told if one.attempt in live]
    if going:
        stop_baseless(going)
    live = {one.pk: one for one in _live_on(host)}
    _keep([(live[one.attempt].figures, one) for one in told if one.attempt in live], now)
    known = {one.attempt for one in told}
    stops = [_stop_of(one.attempt, live.get(one.attempt)) for one in told]
    return {
        "start": [
            {"attempt": str(one.pk), "fence": one.fence}
            for one in live.values()
            if one.pk not in known and one.job.status == J.STARTING and one.figures.seen_at is None
        ],
        "stop": [stop for stop in stops if stop],
        "erase": keeping.to_erase(host, now),
    }


def _host(name: str, offer: attempts.Offer) -> Host:
    """The host of this name, as it is now; what it offers is written down where that changed."""
    host = Host.objects.filter(name=name).first()
    there = {(one.kind, one.number, one.device, one.model) for one in Slot.objects.filter(host=host, is_gone=False)}
    told = (offer.slot_memory, offer.centers, set(offer.slots()))
    if host is None or (host.slot_memory, tuple(host.centers), there) != told:
        host = attempts.announce(the_alliance(), by=HOST, name=name, offer=offer)
    Pulse.objects.update_or_create(host=host, defaults={"seen_at": timezone.now()})
    return host


def _live_on(host: Host) -> list[Attempt]:
    found = Attempt.objects.filter(host=host, ended_at=None).select_related("job", "figures").order_by("started_at")
    return [one for one in found if one.fence == one.job.fence]


def _stop_of(pk: Any, attempt: Attempt | None) -> dict[str, Any] | None:
    if attempt is None:
        return {"attempt": str(pk), **GONE}
    if attempt.stop_asked_at:
        return {"attempt": str(pk), "now": attempt.stops_at_once, "reason": attempt.job.reason}
    return None


def _keep(rows: list[tuple[Figures, Beat]], now: datetime) -> None:
    for row, told in rows:
        row.seen_at = now
        figures = told.figures
        row.samples = sampled(row.samples, cpu_seconds=figures["cpu_seconds"], memory=figures["memory"], now=now)
        for name, value in figures.items():
            setattr(row, name, value)
    names = ["seen_at", "samples", "words", "cpu_seconds", "memory", "step", "total", "metrics"]
    Figures.objects.bulk_update([row for row, _ in rows], names, batch_size=200)


def keep_log(attempt: Attempt, offset: int, content: bytes) -> int:
    """Add to the log what is new in this piece; up to which byte it is here. What is told twice is kept once."""
    figures = Figures.objects.get(attempt=attempt)
    here = figures.log_bytes
    if offset > here or here >= limits.LOG_KEPT:
        return here
    fresh = content[here - offset :][: limits.LOG_KEPT - here]
    if fresh:
        _, is_new = LogPiece.objects.get_or_create(attempt=attempt, offset=here, defaults={"content": fresh})
        if is_new:
            Figures.objects.filter(pk=figures.pk, log_bytes=here).update(log_bytes=here + len(fresh))
            return here + len(fresh)
    return Figures.objects.get(pk=figures.pk).log_bytes
