"""Pages on what computing costs: the books of a month, each center's budgets and share, and the books as CSV."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.alliance.models import Center
from apps.alliance.requests import MemberRequest
from apps.alliance.selectors import the_alliance
from apps.core.commands import demand, may
from apps.core.listing import gathered
from apps.core.reads import record_read
from apps.core.views import form_page, typed_in
from apps.jobs import bills, selectors, shown
from apps.jobs.books import Month, balances, why_held_back
from apps.jobs.events import USAGE_EXPORTED
from apps.jobs.forms import BudgetForm, ShareForm, UsageFilters
from apps.jobs.models import Share, Usage
from apps.jobs.services import bookkeeping

LABELS = ("Processor hours", "GPU hours", "Not charged")


@require_safe
@login_required
def usage(request: MemberRequest) -> HttpResponse:
    """What was used in a month, of all that one may see."""
    filters, asked = _filters(request)
    month, center = _month(asked), asked.get("center") or None
    by = asked.get("by") or "center"
    found = bills.lines(request.user, month, by, center)
    marks, labels = [one.mark for one in found], [bills.BY[by], *LABELS]
    page = gathered(found, marks, request.GET, labels=labels, numeric=LABELS, filters=filters)
    context = {
        "listing": page, "month": month, "plots": bills.history(request.user, month, center),
        "centers": list(selectors.centers_told(request.user).order_by("short_name")[:100]),
        "query": urlencode({key: value for key, value in request.GET.items() if key in {"month", "center"} and value}),
    }  # fmt: skip
    return render(request, "jobs/usage.html", context)


@require_safe
@login_required
def usage_csv(request: MemberRequest) -> HttpResponse:
    """Every line of the books of a month that one may see."""
    _, asked = _filters(request)
    month, center = _month(asked), asked.get("center") or None
    chosen = str(center.pk) if center else ""
    record_read(USAGE_EXPORTED, by=request.user, target=the_alliance(), month=str(month), center=chosen)
    answer = HttpResponse("".join(bills.as_csv(request.user, month, center)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="caia-computing-{month}.csv"'
    return answer


@require_safe
@login_required
def center(request: MemberRequest, slug: str) -> HttpResponse:
    """How much of its budgets a center has used this month, what it is entitled to, and what one can do about it."""
    found = _center(request, slug)
    held = balances(timezone.now(), [found.pk])
    share = Share.objects.filter(center=found).first()
    context = {
        "center": found, "month": Month.of(timezone.now()), "bars": shown.budget_bars(held),
        "unbound": [label for kind, label in Usage.Resource.choices
                    if not any(one.resource == kind and one.hours is not None for one in held)],
        "held_back": why_held_back(held, 1, str(found)), "share": share.weight if share else 1.0,
        "may_set_budget": may("jobs.budget.changed", request.user, found),
        "may_set_share": may("jobs.share.changed", request.user, found),
    }  # fmt: skip
    return render(request, "jobs/center.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def budget(request: MemberRequest, slug: str) -> HttpResponse:
    """Change how much a center pays for in a month."""
    found = _center(request, slug)
    demand("jobs.budget.changed", by=request.user, target=found, fresh=True)
    return _change(
        request, found, BudgetForm(typed_in(request)), lambda typed: bookkeeping.set_budget(
            found, by=request.user, resource=typed["resource"], hours=typed["hours"], reason=typed["reason"]
        ), "budget", "The budget is changed.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share(request: MemberRequest, slug: str) -> HttpResponse:
    """Change what a center is entitled to beside the others."""
    found = _center(request, slug)
    demand("jobs.share.changed", by=request.user, target=found, fresh=True)
    return _change(
        request, found, ShareForm(typed_in(request)), lambda typed: bookkeeping.set_share(
            found, by=request.user, weight=typed["weight"], reason=typed["reason"]
        ), "share", "The share is changed.",
    )  # fmt: skip


def _change(request: MemberRequest, found: Center, form: Any, ask: Any, what: str, said: str) -> HttpResponse:
    then, page = reverse("jobs:center", args=[found.slug]), "jobs/center_change.html"
    return form_page(request, form, ask, template=page, then=then, said=said, center=found, what=what)


def _filters(request: MemberRequest) -> tuple[UsageFilters, dict[str, Any]]:
    now = Month.of(timezone.now())
    filters = UsageFilters(request.GET or None, centers=selectors.centers_told(request.user), now=now)
    return filters, filters.cleaned_data if filters.is_bound and filters.is_valid() else {}


def _month(asked: dict[str, Any]) -> Month:
    return Month.read(asked.get("month") or "") or Month.of(timezone.now())


def _center(request: MemberRequest, slug: str) -> Center:
    return get_object_or_404(selectors.centers_told(request.user), slug=slug)
