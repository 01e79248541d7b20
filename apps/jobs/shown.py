"""A job as its page shows it: where it stands in a sentence, what it uses, and what it printed."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from apps.alliance.models import Center
from apps.core import samples
from apps.core.rationing import NEARLY, WHOLLY
from apps.core.samples import Plot
from apps.core.templatetags.words import count, number, size, span
from apps.jobs import selectors
from apps.jobs.books import Balance, balances, why_held_back
from apps.jobs.models import Attempt, Job
from apps.jobs.rooms import can_mount, centers_of, open_hosts

J = Job.Status
TONES = {WHOLLY: "bad", NEARLY: "warn", 0: "accent"}  # of a bar


@dataclass(frozen=True)
class Bar:
    """How much of something is used, or done."""

    label: str
    value: float
    limit: float
    words: str
    tone: str = "accent"


def standing_of(job: Job) -> str:
    """What it waits for, or how it ended, in a sentence."""
    if job.status == J.QUEUED:
        if job.not_before > timezone.now():
            return f"{job.reason} It is tried again in {span(job.not_before - timezone.now())}."
        if not job.fence and (reason := held_back(job.project.center, job.gpus)):
            return reason
        centers = centers_of(job)
        if not any(room.holds(job) and can_mount(room.host, centers) for room in open_hosts()):
            return "No machine that can hold it and mount its data takes jobs now. It waits for one."
        ahead = selectors.ahead_of(job)
        wait = selectors.usual_wait()
        usual = f" Usually a job starts after {span(wait)}." if wait is not None else ""
        before = f"{count(ahead, 'job,jobs')} were handed in before it" if ahead else "Nothing was handed in before it"
        why = f"{job.reason} " if job.reason else ""
        return f"{why}{before}; whose center and project used least goes first.{usual}"
    if job.status == J.STARTING:
        return "Its slots are taken; its host lays out code and data."
    if job.status == J.RUNNING:
        return "It runs."
    return job.reason


def held_back(center: Center, gpus: int = 0) -> str:
    """Why nothing new of this center begins now; "" where it does."""
    return why_held_back(balances(timezone.now(), [center.pk]), gpus, str(center))


def budget_bars(of: Iterable[Balance]) -> list[Bar]:
    """How much of each budget is used; those without a bound have no bar."""
    return [
        Bar(
            one.label, min(one.used, one.hours), max(one.hours, 1),
            f"{number(round(one.used, 1))} of {one.hours:,} hours",
            TONES[one.level],
        )
        for one in of if one.hours is not None
    ]  # fmt: skip


def bars_of(job: Job, attempt: Attempt | None) -> list[Bar]:
    """Progress as it reports it, time and memory of a running attempt."""
    if attempt is None or attempt.ended_at or not attempt.ran_at:
        return []
    figures, bars = attempt.figures, []
    if figures.step is not None and figures.total:
        words = f"{figures.step:,} of {figures.total:,}"
        bars.append(Bar("Progress, as it reports", min(figures.step, figures.total), figures.total, words))
    elapsed = (timezone.now() - attempt.ran_at).total_seconds()
    bars.append(Bar("Time", min(elapsed, job.seconds), job.seconds, f"{span(elapsed)} of {span(job.seconds)}"))
    bars.append(Bar("Memory", figures.memory, job.memory, f"{size(figures.memory)} of {size(job.memory)}"))
    return bars


def metrics_of(attempt: Attempt | None) -> list[tuple[str, str]]:
    """What the job last reported of itself, by name."""
    if attempt is None:
        return []
    return [(name, f"{value:g}") for name, value in sorted(attempt.figures.metrics.items())]


def plots_of(job: Job, attempt: Attempt | None) -> list[Plot]:
    """Processors and memory over the last hour."""
    return samples.plots_of(attempt.figures.samples, cpus=job.cpus, memory=job.memory) if attempt else []


def as_text(content: bytes) -> str:
    """What was printed, as text: no control character gets to a terminal or a page."""
    said = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter if letter in "\n\t" or letter.isprintable() else "�" for letter in said)


def whole_characters(content: bytes, *, is_over: bool) -> bytes:
    """Without a last character of which only a part is here; all of it where nothing more comes."""
    for cut in range(1, min(4, len(content) + 1)):
        last = content[-cut]
        if last >= 0xC0:
            needs = 2 if last < 0xE0 else 3 if last < 0xF0 else 4
            return content if is_over or needs <= cut else content[:-cut]
        if last < 0x80:
            break
    return content
