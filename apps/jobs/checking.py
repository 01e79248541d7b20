"""Whether the books agree with what else is known: the times of attempts, the slots, and what hosts counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.utils import timezone

from apps.jobs.models import Attempt, Slot, Usage
from apps.projects.models import GpuUse

LOOKED_BACK = timedelta(days=35)
MOST = 200_000  # attempts
MOST_TOLD = 500
ROUGHLY = 1.05  # a kernel counts in ticks
SPARE = 5.0  # seconds of processor that laying out and clearing away may take


@dataclass(frozen=True)
class Difference:
    """What does not agree, in words; `about`: the label and identifier of an attempt or of a project."""

    about: str
    words: str


def check(now: datetime | None = None) -> tuple[int, list[Difference]]:
    """How many ended attempts of the last weeks were looked at, and what does not agree. Five queries."""
    since = (now or timezone.now()) - LOOKED_BACK
    ended = Attempt.objects.filter(ended_at__gte=since).select_related("job").order_by("ended_at")[:MOST]
    held = {kind: Sum("usage__seconds", filter=Q(usage__resource=kind), default=0.0) for kind in ("cpu", "gpu")}
    found, looked_at = [], 0
    for attempt in ended.annotate(cpu_held=held["cpu"], gpu_held=held["gpu"]).iterator(chunk_size=2_000):
        looked_at += 1
        found += _of_attempt(attempt, cpu_held=attempt.cpu_held, gpu_held=attempt.gpu_held)
    return looked_at, [*found, *_slots(), *_projects()][:MOST_TOLD]


def _of_attempt(attempt: Attempt, *, cpu_held: float, gpu_held: float) -> list[Difference]:
    """Held for as long as it lasted, at least what the job asked for; and no more used than was held. Seconds."""
    job, said = attempt.job, []
    lasted = ((attempt.ended_at or attempt.started_at) - attempt.started_at).total_seconds()
    name = f"{job.reference}, attempt {attempt.fence}"
    for what, held, asked in (("processors", cpu_held, job.cpus), ("GPUs", gpu_held, job.gpus)):
        if held < asked * lasted - 1e-3:
            said.append(f"{name}: the books have {held:,.0f} s of {what}, it held {asked * lasted:,.0f}.")
    if attempt.cpu_seconds > cpu_held * ROUGHLY + SPARE:
        said.append(f"{name}: its host counted {attempt.cpu_seconds:,.0f} s of processors, it held {cpu_held:,.0f}.")
    return [Difference(f"jobs.attempt:{attempt.pk}", words) for words in said]


def _slots() -> list[Difference]:
    """No slot is held by what has ended."""
    held = Slot.objects.filter(attempt__ended_at__isnull=False).select_related("host", "attempt")[:MOST_TOLD]
    return [Difference(f"jobs.attempt:{one.attempt_id}", f"{one} is held by what has ended.") for one in held]


def _projects() -> list[Difference]:
    """What a project's budget of GPU hours shrank by is what its attempts were charged."""
    of = ("project", "project__number")
    gpu = Usage.objects.filter(resource=Usage.Resource.GPU, is_charged=True).values_list(*of)
    charged = {row[:2]: row[2] / 3600 for row in gpu.annotate(total=Sum("seconds"))}
    shrunk = GpuUse.objects.values_list(*of).annotate(total=Sum("hours"))
    written = {row[:2]: float(row[2]) for row in shrunk}
    return [
        Difference(
            f"projects.project:{pk}",
            f"P-{number:04d} was charged {charged.get((pk, number), 0):,.2f} GPU hours, its budget shrank by "
            f"{written.get((pk, number), 0):,.2f}.",
        )
        for pk, number in sorted({*charged, *written}, key=lambda one: one[1])
        if abs(charged.get((pk, number), 0.0) - written.get((pk, number), 0.0))
        > 0.02 + 0.001 * charged.get((pk, number), 0.0)
    ]
