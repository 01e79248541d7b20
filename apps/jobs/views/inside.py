"""What is asked about jobs from inside a workspace: by its member, about its project, with that member's own rights.

A host carries it here and says by which run's socket it came; whatever else is said in it decides nothing about who
asks. Nobody who speaks from inside has shown a factor just now, so what needs a fresh one stays refused.
"""

import base64
import binascii
import functools
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.audit.source import coming_from
from apps.core.commands import demand
from apps.core.errors import Invalid, NotFound
from apps.core.hosts import for_hosts
from apps.core.reads import demand_read, record_read
from apps.jobs import limits, selectors, shown
from apps.jobs.events import ASKED_INSIDE, LOG_READ
from apps.jobs.forms import JobForm
from apps.jobs.gateways import CodeStore
from apps.jobs.models import Attempt, Job
from apps.jobs.policies import may_ask_inside, may_read_log
from apps.jobs.services import submitting
from apps.jobs.states import ending_step
from apps.workspaces.admission import Answer, answers_of
from apps.workspaces.models import Run
from apps.workspaces.told import cleaned, whole

NEWEST = 50  # jobs in a list
MOST_RESULTS = 100  # of a job
PIECE = 256 * 1024  # bytes of a log in one answer
LOOK = 300  # seconds that one recorded look at a log lasts, as on its page
_JOB = re.compile(r"^[Jj]-?(\d{1,9})$", re.ASCII)
_NAME = re.compile(r"^[^/\\\x00-\x1f]{1,200}$")
Facts = dict[str, Any]
Tell = Callable[[Run, Facts], Facts]
USUAL: Facts = {"name": "", "cpus": 1, "memory": 2, "hours": 1, "grace": 30, "priority": 1, "seed": 0}


def from_inside(tell: Tell) -> Callable[..., Any]:
    """The address of a function that is told the run by whose socket somebody asks, and what they ask."""

    @for_hosts
    @functools.wraps(tell)
    def answer(body: Any, pk: UUID) -> tuple[int, Facts]:
        run = Run.objects.select_related("workspace__member__center", "workspace__project").filter(pk=pk).first()
        if run is None:
            raise NotFound("There is no such workspace.")
        member = run.workspace.member
        with coming_from(component="workspace", session=str(run.pk), auth={}):
            demand_read(ASKED_INSIDE, may_ask_inside(member, run), by=member, target=run)
            return 200, tell(run, cleaned(body) if isinstance(body, dict) else {})

    return answer


@from_inside
def submit(run: Run, asked: Facts) -> Facts:
    """Hand in a job of the workspace's project."""
    project, member = run.workspace.project, run.workspace.member
    demand("jobs.job.submitted", by=member, target=project)
    answers = answers_of(member, project)
    admitted = [(str(one.dataset), one.title) for one in answers if one.decision]
    typed = {name: asked.get(name, usual) for name, usual in USUAL.items()}
    typed |= {"command": _command(asked.get("command")), "datasets": _datasets(asked.get("datasets"), answers)}
    form = JobForm(typed, {"code": _code(asked)}, data_choices=admitted)
    if not form.is_valid():
        raise Invalid(" ".join(f"{form[name].label}: {' '.join(map(str, said))}" for name, said in form.errors.items()))
    gpus = asked.get("gpus", 0)
    if not whole(gpus, most=limits.MOST_GPUS):
        raise Invalid(f"Graphics processors: It must lie between 0 and {limits.MOST_GPUS}.")
    made = submitting.submit(
        project, by=member, code=CodeStore().keep(*form.cleaned_data["code"]), wish=replace(form.wish(), gpus=gpus),
        datasets=form.chosen(),
    )  # fmt: skip
    return _line(made) | {"datasets": [one.version.dataset.slug for one in selectors.data_of(made)]}


@from_inside
def list_jobs(run: Run, _asked: Facts) -> Facts:
    """The newest jobs of the project that the member may see."""
    return {"jobs": [_line(one) for one in _visible(run).order_by("-submitted_at", "-pk")[:NEWEST]]}


@from_inside
def show(run: Run, asked: Facts) -> Facts:
    """How a job stands, what it is made from, and what it left."""
    job = _job(run, asked)
    results = selectors.results_of(job).order_by("path")[:MOST_RESULTS]
    return _line(job) | {
        "standing": shown.standing_of(job),
        "command": job.command,
        "code": job.snapshot.sha256,
        "seed": job.seed,
        "datasets": [one.version.dataset.slug for one in selectors.data_of(job)],
        "attempts": [
            {"attempt": one.fence, "host": one.host.name, "outcome": one.outcome, "reason": one.reason}
            for one in reversed(selectors.attempts_of(job))
        ],
        "results": [{"path": one.path, "sha256": one.sha256, "bytes": one.bytes} for one in results],
        "folder": f"/shared/jobs/{job.reference}-{job.name}".lower(),
    }


@from_inside
def log(run: Run, asked: Facts) -> Facts:
    """A piece of what an attempt printed, for the project's team; permission is asked each time."""
    job, member = _job(run, asked), run.workspace.member
    demand_read(LOG_READ, may_read_log(member, job), by=member, target=job)
    if cache.add(f"jobs:look:{run.pk}:{job.pk}", 1, LOOK):  # who follows a log looks at it once, for a while
        record_read(LOG_READ, by=member, target=job)
    said = {"state": job.status, "standing": shown.standing_of(job), "newest": job.fence}
    attempt = _attempt(job, asked)
    if attempt is None:
        return said | {"attempt": 0, "start": 0, "next": 0, "text": "", "is_over": not job.is_live}
    kept, offset = attempt.figures.log_bytes, asked.get("offset")
    start = offset if whole(offset, most=limits.LOG_KEPT) else max(0, kept - selectors.TAIL)
    is_ended = attempt.ended_at is not None
    content = shown.whole_characters(selectors.log_from(attempt, start, PIECE), is_over=is_ended)
    end = start + len(content)
    return said | {
        "attempt": attempt.fence, "start": start, "next": end, "text": shown.as_text(content),
        "is_over": is_ended and end >= kept,
    }  # fmt: skip


@from_inside
def cancel(run: Run, asked: Facts) -> Facts:
    """Take back a job that waits, or end one that runs, saying why."""
    job = _job(run, asked)
    ask = {"withdraw": submitting.withdraw, "cancel": submitting.cancel}[ending_step(job)]
    ask(job, by=run.workspace.member, reason=_word(asked, "reason")[:500])
    job.refresh_from_db()
    return _line(job)


# ── what is read from what they say ─────────────────────────────────────────────────────────────────────────────────
def _visible(run: Run) -> Any:
    """Jobs of this project alone, whatever else the member sees elsewhere."""
    return selectors.visible_to(run.workspace.member).filter(project=run.workspace.project)


def _job(run: Run, asked: Facts) -> Job:
    named = _JOB.match(_word(asked, "job"))
    found = named and _visible(run).select_related("snapshot").filter(number=int(named[1])).first()
    if not isinstance(found, Job):
        raise NotFound("There is no such job in this project. caia-job list names those that there are.")
    return found


def _attempt(job: Job, asked: Facts) -> Attempt | None:
    """The one that is asked for, or the newest."""
    fence = asked.get("attempt")
    wanted = fence if whole(fence, least=1, most=limits.MOST_ATTEMPTS) else job.fence
    return job.attempts.select_related("figures").filter(fence=wanted).first()


def _word(asked: Facts, name: str) -> str:
    word = asked.get(name)
    return word if isinstance(word, str) else ""


def _command(given: Any) -> str:
    """Its words as one line, which the form parts again."""
    if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
        raise Invalid("Command: Say after -- what shall run, such as python train.py.")
    return shlex.join(given)


def _code(asked: Facts) -> SimpleUploadedFile:
    name = _word(asked, "file")
    if not _NAME.match(name) or name in {".", ".."}:
        raise Invalid("Code: Its file has no proper name.")
    try:
        return SimpleUploadedFile(name, base64.b64decode(_word(asked, "content"), validate=True))
    except (binascii.Error, ValueError):
        raise Invalid("Code: It must come in base64.") from None


def _datasets(given: Any, answers: list[Answer]) -> list[str]:
    """Those that are named as under /data, or all that may be used now. Invalid says why one of them may not be."""
    if not given:
        return [str(one.dataset) for one in answers if one.decision]
    if not isinstance(given, list) or len(given) > limits.MOST_DATA:
        raise Invalid(f"Datasets: Choose 1 to {limits.MOST_DATA}.")
    known = {one.slug: one for one in answers}
    chosen = []
    for slug in given:
        one = known.get(slug) if isinstance(slug, str) else None
        if one is None:
            raise Invalid(f"Datasets: “{str(slug)[:80]}” is none of this project’s. They are: {', '.join(known)}.")
        if not one.decision:
            raise Invalid(f"Datasets: You may not use it now. {one.words}")
        chosen.append(str(one.dataset))
    return chosen


def _line(job: Job) -> Facts:
    return {
        "job": job.reference, "name": job.name, "state": job.status, "of": job.member.name,
        "submitted_at": job.submitted_at.isoformat(timespec="seconds"),
    }  # fmt: skip
