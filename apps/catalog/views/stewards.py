"""Pages on who decides about a dataset: its own stewards, and how many of them must say yes."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.alliance.requests import MemberRequest
from apps.catalog import selectors
from apps.catalog.forms import AppointForm, QuorumForm, ReasonForm
from apps.catalog.models import Dataset
from apps.catalog.services import stewards as services
from apps.core.commands import demand, may
from apps.core.views import act_with_reason, form_page, typed_in


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def quorum(request: MemberRequest, slug: str) -> HttpResponse:
    """Change how many stewards must say yes: stewards of the data raise it, a manager who is none lowers it."""
    found = _dataset(request, slug)
    can_raise = may("catalog.quorum.raised", request.user, found)
    demand(
        "catalog.quorum.raised" if can_raise else "catalog.quorum.lowered", by=request.user, target=found, fresh=True
    )

    def ask(typed: dict[str, Any]) -> Any:
        act = services.raise_quorum if typed["quorum"] > found.quorum else services.lower_quorum
        return act(found, by=request.user, **typed)

    return form_page(
        request,
        QuorumForm(typed_in(request), initial={"quorum": found.quorum}),
        ask,
        template="catalog/quorum.html",
        then=reverse("catalog:dataset", args=[slug]),
        said="It is changed, and the stewards of the data are told.",
        dataset=found,
        can_raise=bool(can_raise),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def steward_appoint(request: MemberRequest, slug: str) -> HttpResponse:
    """Make one of the center's people a steward of this dataset."""
    found = _dataset(request, slug)
    demand("catalog.steward.appointed", by=request.user, target=found, fresh=True)
    return form_page(
        request,
        AppointForm(typed_in(request), dataset=found),
        lambda typed: services.appoint(found, by=request.user, **typed),
        template="catalog/steward_appoint.html",
        then=reverse("catalog:dataset", args=[slug]),
        said=lambda made: f"{made.member} stewards this dataset now, and is told.",
        dataset=found,
    )


@require_POST
@login_required
def steward_dismiss(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End that somebody stewards a dataset."""
    found = get_object_or_404(selectors.visible_stewards(request.user), pk=pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.dismiss(found, by=request.user, reason=reason),
        event="catalog.steward.dismissed",
        target=found,
        then=reverse("catalog:dataset", args=[found.dataset.slug]),
        said=f"{found.member} stewards this dataset no more.",
    )


def _dataset(request: MemberRequest, slug: str) -> Dataset:
    return get_object_or_404(selectors.visible_datasets(request.user), slug=slug)
