"""Commands of the system on jobs and their attempts: begun with slots, ended once, tried again where we failed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.alliance.models import Alliance
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import AlreadyDelivered, Invalid, WrongState
from apps.core.notices import tell
from apps.core.outbox import later
from apps.jobs import limits
from apps.jobs.admission import baseless
from apps.jobs.models import Account, Attempt, Figures, Host, Job, Result, Slot, Usage
from apps.jobs.rooms import can_mount, centers_of, cpu_slots
from apps.jobs.states import JOB
from apps.jobs.words import ended_words

J = Job.Status
UNCHARGED = {"lost", "refused"}
FENCED = "The portal has given up this attempt; nothing of it counts any more."


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, as its host says. `why`: finished, stopped, time, memory, disk, signal, refused, lost."""

    why: str
    words: str = ""
    exit_code: int | None = None
    cpu_seconds: float = 0.0
    memory_peak: int = 0
    results: tuple[tuple[str, str, int], ...] = field(default=())  # path, sha256, bytes


@dataclass(frozen=True)
class Offer:
    """What a host has for jobs: processors, the memory (bytes) that goes with each, devices with their models.

    `centers`: whose data it can mount, by short address; none: everybody's.
    """

    cpus: int
    slot_memory: int
    gpus: tuple[tuple[str, str], ...] = ()
    centers: tuple[str, ...] = ()

    def slots(self) -> list[tuple[str, int, str, str]]:
        """Kind, number, device, model of each."""
        processors = [(str(Slot.Kind.CPU), number, "", "") for number in range(self.cpus)]
        return processors + [(str(Slot.Kind.GPU), number, *gpu) for number, gpu in enumerate(self.gpus)]


# ── from the queue to a host ────────────────────────────────────────────────────────────────────────────────────────
@JOB.move("dispatch")
def dispatch(job: Job, *, by: Any, host: Host) -> None:
    """Give the job its slots on this host; from now on one attempt of it is under way."""
    if not can_mount(host, centers_of(job)):
        raise WrongState("Its machine can't mount its data.")
    held = _take_slots(job, host)
    job.fence += 1
    job.reason = ""
    attempt = Attempt.objects.create(job=job, fence=job.fence, host=host)
    Figures.objects.create(attempt=attempt)
    Slot.objects.filter(pk__in=[one.pk for one in held]).update(attempt=attempt)
    note(attempt=str(attempt.pk), fence=job.fence, host=host.name, slots=dict(Counter(one.kind for one in held)))


def _take_slots(job: Job, host: Host) -> list[Slot]:
    """Free slots, held until this command ends; whoever takes some at the same moment takes others."""
    held: list[Slot] = []
    for kind, wanted in ((Slot.Kind.CPU, cpu_slots(job, host)), (Slot.Kind.GPU, job.gpus)):
        free = Slot.objects.filter(host=host, kind=kind, attempt=None, is_gone=False).order_by("number")
        found = list(free.select_for_update(skip_locked=True, of=("self",))[:wanted]) if wanted else []
        if len(found) < wanted:
            raise WrongState("Its slots were taken a moment ago.")
        held += found
    return held


@JOB.move("refuse")
def refuse(job: Job, *, by: Any, reason: str) -> None:
    """Write down that a waiting job never starts, and tell whose it is."""
    job.ended_at, job.reason = timezone.now(), reason[:500]
    note(project=str(job.project_id))
    _tell(job, f"{job.reference} can’t start")


# ── what its host says ──────────────────────────────────────────────────────────────────────────────────────────────
@command("jobs.host.announced", policy=only_the_system, creates=Host)
def announce(alliance: Alliance, *, by: Any, name: str, offer: Offer) -> Host:
    """Keep what a host offers; a slot that it has no more is kept for what was counted on it, and given out no more."""
    host, _ = Host.objects.update_or_create(
        name=name, defaults={"slot_memory": offer.slot_memory, "centers": list(offer.centers)}
    )
    there = {(one.kind, one.number): one for one in host.slots.all()}
    for kind, number, device, model in offer.slots():
        slot = there.pop((kind, number), None) or Slot(host=host, kind=kind, number=number)
        slot.device, slot.model, slot.is_gone = device, model, False
        slot.save()
    for slot in there.values():
        slot.is_gone = True
        slot.save(update_fields=["is_gone"])
    note(cpus=offer.cpus, gpus=len(offer.gpus), slot_memory=offer.slot_memory, centers=list(offer.centers))
    later("jobs.dispatch")
    return host


@command("jobs.attempt.planned", policy=only_the_system)
def plan(attempt: Attempt, *, by: Any) -> str:
    """Ask the access decision once more, just before the start; "" where it says yes, else why the job has failed."""
    _demand_current(attempt)
    if attempt.job.status != J.STARTING:
        raise WrongState(f"This job is {attempt.job.get_status_display().lower()}; nothing of it starts now.")
    reason = baseless([J.STARTING], [attempt.job_id]).get(attempt.job_id, "")
    note(is_admitted=not reason)
    if reason:
        _finish(attempt, "refused", Ending("refused", reason))
    return reason


@command("jobs.attempt.begun", policy=only_the_system)
def begin(attempt: Attempt, *, by: Any, environment_hash: str, not_kept: Sequence[str]) -> None:
    """Keep in what it runs and what its walls don't keep; from now on the job runs."""
    _demand_current(attempt)
    if attempt.ran_at:
        raise AlreadyDelivered("This was told before.")
    attempt.ran_at, attempt.environment_hash = timezone.now(), environment_hash[:64]
    attempt.not_kept = [str(one)[:80] for one in not_kept][:50]
    attempt.save()
    note(environment=attempt.environment_hash, not_kept=attempt.not_kept)
    job = attempt.job
    if job.status == J.STARTING:
        JOB.follow("run", job)
        job.save()


@command("jobs.attempt.ended", policy=only_the_system)
def end(attempt: Attempt, *, by: Any, ending: Ending) -> None:
    """Keep how it ended, free its slots, count what it held, and take the job where that leads.

    The access decision is asked once more: where a basis ended a moment ago, nothing is left by what stood on it.
    """
    _demand_current(attempt)
    if len(ending.results) > limits.MOST_RESULTS:
        raise Invalid(f"An attempt leaves at most {limits.MOST_RESULTS} files.")
    outcome = _outcome(attempt, ending)
    if outcome == "succeeded" and (reason := baseless([J.STARTING, J.RUNNING], [attempt.job_id]).get(attempt.job_id)):
        outcome, ending = "failed", replace(ending, why="refused", words=reason, results=())
    Result.objects.bulk_create(
        Result(attempt=attempt, path=path, sha256=sha256, bytes=size) for path, sha256, size in ending.results
    )
    _finish(attempt, outcome, ending)


# ── what the watch finds ────────────────────────────────────────────────────────────────────────────────────────────
@command("jobs.attempt.lost", policy=only_the_system)
def lose(attempt: Attempt, *, by: Any, reason: str) -> None:
    """Give up an attempt of which nothing is heard; its host, should it come back, is told so."""
    _demand_current(attempt)
    _finish(attempt, "lost", Ending("lost", reason))


# ── shared steps ────────────────────────────────────────────────────────────────────────────────────────────────────
def _demand_current(attempt: Attempt) -> None:
    if attempt.ended_at or attempt.fence != attempt.job.fence:
        raise AlreadyDelivered(FENCED)


def _outcome(attempt: Attempt, ending: Ending) -> str:
    """In one word, what this end means for the job."""
    if attempt.job.status == J.CANCELLING:
        return "cancelled"
    if ending.why == "lost":
        return "lost"
    if ending.exit_code == limits.AGAIN:
        return "requeued"
    if ending.why == "finished":
        return "succeeded" if ending.exit_code == 0 else "failed"
    return "failed"


def _finish(attempt: Attempt, outcome: str, ending: Ending) -> None:
    """The end of an attempt, whoever says so. Its job is held by the command at work."""
    now = timezone.now()
    slots = list(attempt.slots.all())
    attempt.ended_at, attempt.outcome, attempt.exit_code = now, outcome, ending.exit_code
    attempt.reason = ended_words(ending.why, ending.exit_code, ending.words)[:500]
    attempt.cpu_seconds, attempt.memory_peak = ending.cpu_seconds, ending.memory_peak
    attempt.save()
    Slot.objects.filter(attempt=attempt).update(attempt=None)
    _count(attempt, slots, now)
    note(ended_as=outcome, why=ending.why, exit_code=ending.exit_code, results=len(ending.results))
    _lead_on(attempt.job, attempt, outcome)
    later("jobs.dispatch")  # its slots are free


def _count(attempt: Attempt, slots: Sequence[Slot], now: datetime) -> None:
    """What it held goes into the books; what the system failed at is written down and not charged."""
    job, seconds = attempt.job, (now - attempt.started_at).total_seconds()
    Usage.objects.bulk_create(
        Usage(
            attempt=attempt, center_id=job.project.center_id, project_id=job.project_id, member_id=job.member_id,
            resource=kind, model=model, seconds=seconds * number, is_charged=attempt.outcome not in UNCHARGED,
            started_at=attempt.started_at, ended_at=now,
        )
        for (kind, model), number in sorted(Counter((one.kind, one.model) for one in slots).items())
    )  # fmt: skip
    if any(one.kind == Slot.Kind.GPU for one in slots) and attempt.outcome not in UNCHARGED:
        later("jobs.count_gpu", attempt.pk)
    account = Account.objects.select_for_update().get(project_id=job.project_id)
    account.used = decayed(account, now) + seconds * len(slots)
    account.used_at = now
    account.save()


def decayed(account: Account, now: datetime) -> float:
    """Slot-seconds that still count, each week half of them."""
    return float(account.used * 0.5 ** ((now - account.used_at).total_seconds() / limits.HALF_LIFE))


def _lead_on(job: Job, attempt: Attempt, outcome: str) -> None:
    """From the end of an attempt to the state of its job."""
    now, job.reason = timezone.now(), attempt.reason
    if job.status == J.CANCELLING:
        _close(job, "close", now)
        return
    if outcome == "lost":
        job.failures = 1 if now - attempt.started_at >= limits.GOOD_WHILE else job.failures + 1
        job.not_before = now + limits.PAUSE * 2 ** (job.failures - 1)
    if outcome in {"requeued", "lost"} and job.failures <= limits.MOST_FAILURES and job.fence < limits.MOST_ATTEMPTS:
        JOB.follow("requeue", job)  # it keeps its place in the queue
        job.save()
        return
    if outcome == "lost":
        job.reason = (
            f"Its machine was lost {job.failures} times in a row, so it is not tried any more. Hand it in again."
        )
    if outcome == "requeued":
        job.reason = f"It asked to be tried again {limits.MOST_ATTEMPTS} times; it is not tried any more."
    _close(job, "succeed" if outcome == "succeeded" else "fail", now)


def _close(job: Job, step: str, now: datetime) -> None:
    JOB.follow(step, job)
    job.ended_at = now
    job.save()
    _tell(job, f"{job.reference} {job.get_status_display().lower()}")


def _tell(job: Job, subject: str) -> None:
    if job.cancel_asked_at:  # whose it is was told then, or asked for it
        return
    key, path = f"job-{job.status}:{job.pk}", f"/jobs/{job.pk}/"
    tell(job.member, key=key, subject=subject, text=job.reason, path=path)
