"""Commands of people on jobs: handing in, taking back, cancelling."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.core.actors import SystemActor
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import tell
from apps.core.outbox import later
from apps.jobs import bell, limits
from apps.jobs import policies as may
from apps.jobs.asked import Code, Wish
from apps.jobs.books import balances, why_held_back
from apps.jobs.models import LIVE, Account, Attempt, Job, JobData, Snapshot
from apps.jobs.rooms import can_mount, open_hosts
from apps.jobs.services.bookkeeping import demand_reason
from apps.jobs.states import JOB
from apps.projects.models import Project
from apps.workspaces.admission import answers_of


@command("jobs.job.submitted", policy=may.may_submit, creates=Job)
def submit(
    project: Project, *, by: Member, code: Code, wish: Wish, datasets: Sequence[UUID], resumes: Job | None = None
) -> Job:
    """Hand in a job of the project; it waits for its turn. `resumes`: a job whose checkpoints it begins from."""
    _demand_room(project)
    _demand_sense(wish)
    _demand_budget(project, wish)
    admitted = {one.dataset: one for one in answers_of(by, project) if one.decision}
    if not datasets or len(datasets) > limits.MOST_DATA:
        raise Invalid(fields={"datasets": f"Choose 1 to {limits.MOST_DATA} datasets that it works on."})
    if set(datasets) - set(admitted):
        raise Invalid(fields={"datasets": "You may not use one of these datasets now. Choose among those offered."})
    if resumes is not None:
        _demand_same_ground(resumes, project, datasets)
    demand_a_host(wish, datasets)
    snapshot, _ = Snapshot.objects.get_or_create(
        project=project, sha256=code.sha256, defaults={"bytes": code.bytes, "files": code.files, "added_by": by}
    )
    job = Job.objects.create(
        project=project, member=by, snapshot=snapshot, environment=limits.ENVIRONMENT, resumes=resumes,
        name=wish.name, command=list(wish.command), cpus=wish.cpus, memory=wish.memory, gpus=wish.gpus,
        seconds=wish.seconds, grace=wish.grace, seed=wish.seed, priority=wish.priority,
    )  # fmt: skip
    job.refresh_from_db(fields=["number", "uid"])
    Account.objects.get_or_create(project=project, defaults={"center_id": project.center_id})
    versions = [version for one in datasets if (version := admitted[one].decision.version)]
    JobData.objects.bulk_create(JobData(job=job, version_id=version) for version in versions)
    note(project=str(project.pk), code=code.sha256, versions=sorted(str(one) for one in versions), cpus=job.cpus,
         gpus=job.gpus, seconds=job.seconds)  # fmt: skip
    later("jobs.dispatch")
    return job


def _demand_same_ground(resumes: Job, project: Project, datasets: Sequence[UUID]) -> None:
    """Checkpoints hold what was learned from data: who goes on from them may use that data, too."""
    if resumes.project_id != project.pk:
        raise Invalid("A job goes on where another one of the same project stopped.")
    former = set(resumes.data.values_list("version__dataset_id", flat=True))
    if former - set(datasets):
        raise Invalid(fields={"datasets": f"{resumes.reference} worked on more: choose all of its datasets to go on."})


def _demand_room(project: Project) -> None:
    if Job.objects.filter(project=project, status__in=LIVE).count() >= limits.MOST_WAITING:
        raise WrongState(f"{limits.MOST_WAITING} jobs of this project wait or run already. Hand in more as they end.")


def _demand_budget(project: Project, wish: Wish) -> None:
    """Nothing new is taken once the month's budget is used up; what was taken before waits, and what runs goes on."""
    center = project.center
    if reason := why_held_back(balances(timezone.now(), [center.pk]), wish.gpus, str(center)):
        raise WrongState(reason)


def _demand_sense(wish: Wish) -> None:
    """The form says the same earlier and nicer; whoever asks without it is told here."""
    words = wish.command
    bounds = {
        "cpus": (1, wish.cpus, limits.MOST_CPUS), "gpus": (0, wish.gpus, limits.MOST_GPUS),
        "memory": (limits.LEAST_MEMORY, wish.memory, limits.MOST_MEMORY), "seconds": (1, wish.seconds, limits.LONGEST),
        "grace": (1, wish.grace, limits.LONGEST_GRACE), "seed": (-(2**62), wish.seed, 2**62),
        "priority": (0, wish.priority, 2),
    }  # fmt: skip
    wrong = {
        name: f"It must lie between {least:,} and {most:,}."
        for name, (least, given, most) in bounds.items()
        if not least <= given <= most
    }
    if "grace" not in wrong and 2 * wish.grace > wish.seconds:
        wrong["grace"] = "It is half of its time at most: ask for more time, or for less to save."
    if not words or len(words) > limits.MOST_WORDS or any(len(word) > limits.LONGEST_WORD for word in words):
        wrong["command"] = f"Name a program and its words: at most {limits.MOST_WORDS}, each at most 1,000 characters."
    elif any(ord(letter) < 32 for word in words for letter in word):
        wrong["command"] = "A command is one line, without control characters."
    if wrong:
        raise Invalid(fields=wrong)


def demand_a_host(wish: Wish, datasets: Collection[UUID]) -> None:
    """What no host could ever hold or mount would wait for ever; where there is no host yet, it waits for one."""
    rooms = open_hosts()
    if rooms and not any(room.holds(wish) for room in rooms):
        raise Invalid(fields={"cpus": "No machine has that much. The largest job is told beside this form."})
    centers = Center.objects.filter(datasets__in=datasets).distinct()
    slugs = {one.slug for one in centers}
    if rooms and not any(room.holds(wish) and can_mount(room.host, slugs) for room in rooms):
        raise Invalid(fields={"datasets": _nowhere(sorted(str(one) for one in centers))})


def _nowhere(centers: list[str]) -> str:
    if len(centers) == 1:
        return f"No machine that is large enough mounts the data of {centers[0]}. Ask for less, or ask its managers."
    return (
        f"No machine mounts the data of {', '.join(centers[:-1])} and {centers[-1]} together: compute goes to the "
        "data, and data stays with its center. Hand in one job for each."
    )


@JOB.move("withdraw")
def withdraw(job: Job, *, by: Any, reason: str) -> None:
    """Take back a job that waits; it never starts (again)."""
    demand_reason(reason)
    _note_wish(job, by, reason)
    job.ended_at = timezone.now()
    _tell_owner(job, by, f"{job.reference} was taken back")


@JOB.move("cancel")
def cancel(job: Job, *, by: Any, reason: str, at_once: bool = False) -> None:
    """Ask for the end of a job that starts or runs; `at_once`: without a moment to save, since its basis is gone."""
    demand_reason(reason)
    _note_wish(job, by, reason)
    for attempt in Attempt.objects.filter(job=job, ended_at=None).select_related("host"):  # one at most
        attempt.stop_asked_at, attempt.stops_at_once = timezone.now(), at_once
        attempt.save(update_fields=["stop_asked_at", "stops_at_once"])
        bell.ring(attempt.host.name)
    note(at_once=at_once)
    _tell_owner(job, by, f"{job.reference} is cancelled")


def _note_wish(job: Job, by: Any, reason: str) -> None:
    job.cancel_asked_at, job.reason = timezone.now(), reason[:500]
    job.cancel_asked_by = None if isinstance(by, SystemActor) else by
    note(project=str(job.project_id))


def _tell_owner(job: Job, by: Any, subject: str) -> None:
    if job.cancel_asked_by_id == job.member_id:
        return
    text = job.reason if isinstance(by, SystemActor) else f"{by} writes: {job.reason}"
    tell(job.member, key=f"job-cancelled:{job.pk}", subject=subject, text=text, path=f"/jobs/{job.pk}/")
