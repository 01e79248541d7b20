"""Pages of jobs: the list, one job, handing one in, and what it printed."""

import hashlib
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.alliance.forms import ReasonForm
from apps.alliance.requests import MemberRequest
from apps.core.commands import demand
from apps.core.listing import Column, listing
from apps.core.reads import demand_read, record_read
from apps.core.views import act_with_reason, form_page, typed_in
from apps.jobs import crates, limits, selectors, shown
from apps.jobs.asked import Code
from apps.jobs.books import balances, why_held_back
from apps.jobs.events import CRATE_TAKEN, LOG_READ
from apps.jobs.forms import JobFilters, JobForm
from apps.jobs.gateways import CodeStore
from apps.jobs.models import Job
from apps.jobs.policies import may_read_log, may_take_crate
from apps.jobs.services import submitting
from apps.jobs.states import JOB, ending_step
from apps.projects import selectors as projects
from apps.projects.models import Project
from apps.workspaces.admission import answers_of

COLUMNS = [Column("Job", "submitted_at"), Column("Project"), Column("Of"), Column("State"), Column("Why")]
CANCELLED = "It ends within seconds; what it left so far stays with it."


@require_safe
@login_required
def jobs(request: MemberRequest) -> HttpResponse:
    """Jobs of my projects, and on data that I steward or audit."""
    filters = JobFilters(request.GET or None)
    asked = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    found = selectors.visible_to(request.user)
    if asked.get("status"):
        found = found.filter(status=asked["status"])
    if asked.get("q"):
        found = found.filter(name__contains=asked["q"].lower())
    page = listing(found, request.GET, columns=COLUMNS, order="-submitted_at", filters=filters)
    active = projects.mine(projects.visible_to(request.user), request.user).filter(status=Project.Status.ACTIVE)
    return render(request, "jobs/jobs.html", {"listing": page, "active": list(active.order_by("-number")[:10])})


@require_safe
@login_required
def job(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One job: how it stands, its attempts, what it left, and all that it was made from."""
    found = _job(request, pk)
    if found.is_live and request.headers.get("X-Watching") == "1":
        return render(request, "jobs/_state.html", _state_of(found))
    columns = [Column("File", "path"), Column("Size", numeric=True), Column("SHA-256")]
    context = _state_of(found) | {
        "data": selectors.data_of(found),
        "may_cancel": JOB.open_to(request.user, found)[ending_step(found)],
        "may_read_log": may_read_log(request.user, found),
        "may_take_crate": may_take_crate(request.user, found),
        "results": listing(selectors.results_of(found), request.GET, columns=columns, order="path"),
    }
    return render(request, "jobs/job.html", context)


def _state_of(found: Job) -> dict[str, Any]:
    """How it stands, which its page asks for again and again while it lives."""
    attempts = selectors.attempts_of(found)
    newest = attempts[0] if attempts else None
    return {
        "job": found,
        "standing": shown.standing_of(found),
        "bars": shown.bars_of(found, newest),
        "metrics": shown.metrics_of(newest),
        "plots": shown.plots_of(found, newest) if found.is_live else [],
        "attempts": attempts,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Hand in a job of a project; `of`: the same as another one, `on`: going on where that one stopped."""
    project = get_object_or_404(projects.visible_to(request.user), pk=pk)
    demand("jobs.job.submitted", by=request.user, target=project)
    former = _former(request, project)
    admitted = [(str(one.dataset), one.title) for one in answers_of(request.user, project) if one.decision]
    form = JobForm(
        typed_in(request), request.FILES if request.method == "POST" else None, data_choices=admitted,
        has_code=former is not None, initial=_initial(former, admitted),
    )  # fmt: skip
    is_to_resume = request.GET.get("on") == "1" and former is not None
    cpus, memory = selectors.largest_host()
    budgets = balances(timezone.now(), [project.center_id])
    return form_page(
        request,
        form,
        lambda _: submitting.submit(
            project, by=request.user, code=_code(form, former), wish=form.wish(), datasets=form.chosen(),
            resumes=former if is_to_resume else None,
        ),
        template="jobs/new.html",
        then=lambda made: reverse("jobs:job", args=[made.pk]),
        said=lambda made: f"{made.reference} waits for its turn.",
        project=project, former=former, is_to_resume=is_to_resume, usual_wait=selectors.usual_wait(),
        used=selectors.used_by(project), most_cpus=cpus, most_memory=memory, limits=limits,
        bars=shown.budget_bars(budgets), held_back=why_held_back(budgets, 0, str(project.center)),
    )  # fmt: skip


def _code(form: JobForm, former: Job | None) -> Code:
    given = form.cleaned_data["code"]
    if given is None and former is not None:
        kept = former.snapshot
        return Code(kept.sha256, kept.bytes, kept.files)
    return CodeStore().keep(*given)


def _former(request: MemberRequest, project: Project) -> Job | None:
    try:
        of = UUID(request.GET.get("of", ""))
    except ValueError:
        return None
    return selectors.visible_to(request.user).filter(pk=of, project=project).select_related("snapshot").first()


def _initial(former: Job | None, admitted: list[tuple[str, str]]) -> dict[str, Any]:
    if former is None:
        return {"datasets": [pk for pk, _ in admitted]}
    data = {str(one) for one in former.data.values_list("version__dataset", flat=True)}
    return {
        "name": former.name, "command": " ".join(former.command), "cpus": former.cpus, "seed": former.seed,
        "memory": former.memory / limits.GB, "hours": former.seconds / 3600, "grace": former.grace,
        "priority": former.priority, "datasets": [pk for pk, _ in admitted if pk in data],
    }  # fmt: skip


@require_POST
@login_required
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take back a job that waits, or end one that runs, saying why."""
    found = _job(request, pk)
    step = ending_step(found)
    ask = {"withdraw": submitting.withdraw, "cancel": submitting.cancel}[step]
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: ask(found, by=request.user, reason=reason),
        event=JOB.moves[step].event,
        target=found,
        then=reverse("jobs:job", args=[pk]),
        said=CANCELLED,
    )


@require_safe
@login_required
def log(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The end of what its newest attempt printed; the look is recorded, and a script adds what comes."""
    found = _job(request, pk)
    demand_read(LOG_READ, may_read_log(request.user, found), by=request.user, target=found)
    record_read(LOG_READ, by=request.user, target=found)
    attempt = found.attempts.select_related("figures").order_by("-fence").first()
    whole = attempt.figures.log_bytes if attempt else 0
    start = max(0, whole - selectors.TAIL)
    said = selectors.log_from(attempt, start, selectors.TAIL) if attempt else b""
    context = {"job": found, "attempt": attempt, "text": shown.as_text(said), "start": start, "end": start + len(said)}
    return render(request, "jobs/log.html", context)


@require_safe
@login_required
def crate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Where its results come from, for machines: an RO-Crate's metadata; taking it is recorded first."""
    found = _job(request, pk)
    demand_read(CRATE_TAKEN, may_take_crate(request.user, found), by=request.user, target=found)
    told = crates.crate_of(found, settings.BASE_URL)
    record_read(CRATE_TAKEN, by=request.user, target=found, sha256=hashlib.sha256(told).hexdigest())
    response = HttpResponse(told, content_type="application/ld+json")
    response["Content-Disposition"] = f'attachment; filename="{found.reference}-{crates.NAME}"'
    return response


def _job(request: MemberRequest, pk: UUID) -> Job:
    return get_object_or_404(selectors.visible_to(request.user).select_related("snapshot", "resumes"), pk=pk)
