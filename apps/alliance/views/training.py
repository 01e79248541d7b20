"""Pages on training: my own, the manager's queue, the types, one proof and its evidence."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.alliance import evidence, selectors
from apps.alliance.events import EVIDENCE_VIEWED
from apps.alliance.forms import ReasonForm, TrainingFilters, TrainingProofForm, TrainingTypeForm
from apps.alliance.models import TrainingRecord, TrainingType
from apps.alliance.policies import may_see_evidence
from apps.alliance.requests import MemberRequest
from apps.alliance.services import training as services
from apps.alliance.states import TRAINING_RECORD, TRAINING_TYPE
from apps.alliance.timelines import timeline_of
from apps.core.commands import demand, may
from apps.core.gateways import Objects
from apps.core.listing import Column, listing
from apps.core.reads import demand_read, record_read
from apps.core.views import act_with_reason, form_page, typed_in


@require_safe
@login_required
def training(request: MemberRequest) -> HttpResponse:
    """What training I need, what I have proved, until when it counts."""
    records = selectors.visible_training(request.user).filter(member=request.user).order_by("-submitted_at")[:50]
    context = {
        "needed": selectors.standing_of_training(request.user),
        "records": list(records),
        "tabs": _tabs(request, "mine"),
    }
    return render(request, "alliance/training.html", context)


@require_safe
@login_required
def training_queue(request: MemberRequest) -> HttpResponse:
    """Proofs of the center's people, those that wait first."""
    filters = TrainingFilters(request.GET or None)
    asked = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    records = selectors.visible_training(request.user).exclude(member=request.user)
    records = records.filter(**{name: value for name, value in asked.items() if value})
    columns = [
        Column("Training"),
        Column("Person"),
        Column("State"),
        Column("Sent", "submitted_at"),
        Column("Valid until", "valid_until"),
    ]
    page = listing(records, request.GET, columns=columns, order="-submitted_at", filters=filters)
    waiting = [] if page.filtered else list(selectors.training_to_decide(request.user)[:10])
    context = {"listing": page, "waiting": waiting, "tabs": _tabs(request, "queue")}
    return render(request, "alliance/training_queue.html", context)


@require_safe
@login_required
def training_types(request: MemberRequest) -> HttpResponse:
    """The trainings that the alliance asks for."""
    columns = [
        Column("Training", "name"),
        Column("Needed by"),
        Column("Valid for", "lifetime_days", numeric=True),
        Column("State"),
    ]
    page = listing(selectors.visible_training_types(request.user), request.GET, columns=columns, order="name")
    may_publish = may("alliance.training_type.published", request.user, selectors.the_alliance())
    context = {"listing": page, "may_publish": may_publish, "tabs": _tabs(request, "types")}
    return render(request, "alliance/training_types.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def training_type_publish(request: MemberRequest) -> HttpResponse:
    """Publish a training."""
    alliance = selectors.the_alliance()
    demand("alliance.training_type.published", by=request.user, target=alliance)
    return form_page(
        request,
        TrainingTypeForm(typed_in(request)),
        lambda typed: services.publish_type(alliance, by=request.user, **typed),
        template="alliance/training_type_publish.html",
        then=lambda made: reverse("alliance:training_type", args=[made.pk]),
        said=lambda made: f"{made} is published; whoever needs it sees it on their home.",
    )


@require_safe
@login_required
def training_type(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One training: what it is and who needs it."""
    found = get_object_or_404(selectors.visible_training_types(request.user), pk=pk)
    return render(
        request, "alliance/training_type.html", {"type": found, "open_to": TRAINING_TYPE.open_to(request.user, found)}
    )


@require_POST
@login_required
def training_type_retire(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Ask for a training no more."""
    found = get_object_or_404(selectors.visible_training_types(request.user), pk=pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.retire_type(found, by=request.user, reason=reason),
        event="alliance.training_type.retired",
        target=found,
        then=reverse("alliance:training_type", args=[pk]),
        said=f"{found} is retired.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def training_submit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Send proof of a training to one's center."""
    found = get_object_or_404(
        selectors.visible_training_types(request.user).filter(status=TrainingType.Status.PUBLISHED), pk=pk
    )
    demand("alliance.training.submitted", by=request.user, target=request.user)
    return _proof_page(
        request,
        lambda **proof: services.submit(request.user, by=request.user, training_type=found, **proof),
        type=found,
    )


@require_safe
@login_required
def training_record(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One proof: its state, whose turn it is, the evidence, and the decision."""
    found = _record(request, pk)
    context = {
        "record": found,
        "open_to": TRAINING_RECORD.open_to(request.user, found),
        "may_see": may_see_evidence(request.user, found),
        "steps": timeline_of(found, selectors.median_training_days(found.member.center)),
    }
    return render(request, "alliance/training_record.html", context)


@require_POST
@login_required
def training_accept(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Accept a proof."""
    found = _record(request, pk)
    services.accept(found, by=request.user)
    messages.success(request, f"{found.type} of {found.member} is accepted until {found.valid_until:%-d %B %Y}.")
    waiting = selectors.training_to_decide(request.user).first()
    return redirect("alliance:training_record", pk=waiting.pk) if waiting else redirect("alliance:training_queue")


@require_POST
@login_required
def training_return(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Give a proof back, saying what to mend."""
    found = _record(request, pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.return_to_member(found, by=request.user, reason=reason),
        event="alliance.training.returned",
        target=found,
        then=reverse("alliance:training_queue"),
        said=f"{found.member} is told what to mend.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def training_resubmit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Send a returned proof again."""
    found = _record(request, pk)
    TRAINING_RECORD.demand("resubmit", by=request.user, target=found)
    return _proof_page(
        request, lambda **proof: services.resubmit(found, by=request.user, **proof), type=found.type, record=found
    )


@require_safe
@login_required
def training_evidence(request: MemberRequest, pk: UUID) -> StreamingHttpResponse:
    """The certificate, as a download only; opening it is recorded first."""
    found = _record(request, pk)
    demand_read(EVIDENCE_VIEWED, may_see_evidence(request.user, found), by=request.user, target=found)
    with ExitStack() as unless_recorded:
        stored = unless_recorded.enter_context(closing(Objects().open(found.evidence_key)))
        record_read(EVIDENCE_VIEWED, by=request.user, target=found, sha256=found.evidence_sha256)
        unless_recorded.pop_all()
    response = StreamingHttpResponse(stored, content_type=found.evidence_type)
    response["Content-Disposition"] = f'attachment; filename="{found.evidence_name}"'
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    return response


def _proof_page(request: MemberRequest, ask: Callable[..., Any], **context: Any) -> HttpResponse:
    def send(typed: dict[str, Any]) -> Any:
        with evidence.kept(typed["evidence"], name=typed["evidence"].name) as stored:
            return ask(completed_on=typed["completed_on"], evidence=stored)

    return form_page(
        request,
        TrainingProofForm(typed_in(request), request.FILES or None),
        send,
        template="alliance/training_submit.html",
        then=reverse("alliance:training"),
        said="Your proof is with your center's managers; you are told when they answer.",
        **context,
    )


def _record(request: MemberRequest, pk: UUID) -> TrainingRecord:
    return get_object_or_404(selectors.visible_training(request.user), pk=pk)


def _tabs(request: MemberRequest, current: str) -> list[dict[str, Any]]:
    rows = [("mine", "My training", "alliance:training"), ("types", "All trainings", "alliance:training_types")]
    if selectors.managed_centers(request.user):
        rows.insert(1, ("queue", "Our people's proofs", "alliance:training_queue"))
    return [{"label": label, "url": reverse(name), "current": key == current} for key, label, name in rows]
