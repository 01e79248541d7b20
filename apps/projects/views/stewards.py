"""The stewards' pages: what waits for them, one request with all that a decision needs, and the decisions."""

from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.agreements.timelines import days_words
from apps.alliance.forms import ReasonForm
from apps.alliance.models import Center, Member
from apps.alliance.requests import MemberRequest
from apps.catalog.selectors import stewards_anything
from apps.core.commands import demand, may
from apps.core.decisions import Decision, no
from apps.core.listing import Column, listing
from apps.core.views import act_with_reason, form_page, own_address, typed_in
from apps.projects import queue
from apps.projects.models import AccessRequest
from apps.projects.questions import QUESTIONS
from apps.projects.records import records_for
from apps.projects.selectors import open_amendments, usual_days
from apps.projects.services import decisions, proposals
from apps.projects.stand_ins import standing_in
from apps.projects.states import AMENDMENT, PROJECT, REQUEST
from apps.projects.steward_forms import ApproveForm, QueueFilters, RemarkForm

R = AccessRequest.Status
COLUMNS = [
    Column("Project", "project__title"),
    Column("Asks for"),
    Column("Purpose"),
    Column("Your yes opens"),
    Column("Waits", "waits_since"),
    Column("Held by"),
]


@require_safe
@login_required
def requests(request: MemberRequest) -> HttpResponse:
    """What waits for the stewards of a center's data, oldest first."""
    filters = QueueFilters(request.GET or None)
    asked = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    found = queue.narrowed(queue.visible_requests(request.user), member=request.user, **asked)
    page = listing(found, request.GET, columns=COLUMNS, order="waits_since", filters=filters)
    usual = usual_days({row.version.dataset.center_id for row in page.rows}) if page.rows else {}
    for row in page.rows:
        row.is_late = _is_late(row, usual.get(row.version.dataset.center_id))
        row.bar = _bar(row, usual.get(row.version.dataset.center_id))
    stand_in, assumed = standing_in(page.rows), queue.assuming_yes(page.rows)
    for row in page.rows:
        row.stand_in = stand_in.get(row.pk)
        row.purpose_words = queue.purpose_words(queue.text_asked(row))
        row.assumed = assumed[row.pk]
    context = {
        "listing": page,
        "usual": days_words(usual.get(request.user.center_id)),
        "may_name": stewards_anything(request.user),
    }
    return render(request, "projects/requests.html", context)


def _is_late(asked: AccessRequest, usual: float | None) -> bool:
    """Whether it waits longer than half of its owner's requests did."""
    if asked.status != R.WAITING or asked.waits_since is None or usual is None:
        return False
    return timezone.now() - asked.waits_since > timedelta(days=max(usual, 1))


def _bar(asked: AccessRequest, usual: float | None) -> dict[str, Any]:
    """Its age beside twice the center's usual time, in days; without any decision yet beside ten days."""
    days = (timezone.now() - asked.waits_since).days if asked.waits_since else 0
    limit = max(round(2 * usual), 2) if usual else 10
    return {"days": min(days, limit), "limit": limit, "tone": "warn" if _is_late(asked, usual) else "accent"}


@require_safe
@login_required
def request(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One request: all that a decision needs, and what is open to this steward."""
    found = _request_or_404(request, pk)
    weighed = queue.assuming_yes([found])[found.pk]
    text = queue.text_asked(found)
    context = {
        "asked": found,
        "project": found.project,
        "text": text,
        "weighed": weighed,
        "opened": _opened(request.user, found, weighed.opened),
        "others": list(queue.others_asked(found)),
        "votes": list(queue.votes_on(found)),
        "quorum": queue.quorum_of(found),
        "remarks": queue.remarks_on(found.project),
        "risks": [(question.words, text.risks.get(question.key, {})) for question in QUESTIONS],
        "open_to": _open_to(request.user, found),
        "stand_in": standing_in([found]).get(found.pk),
        "remark_form": RemarkForm(),
        "usual": _usually(found.version.dataset.center),
        **queue.difference_of(found),
    }
    return render(request, "projects/request.html", context)


def _opened(reader: Member, asked: AccessRequest, opened: list[queue.Opened]) -> list[tuple[queue.Opened, Any]]:
    """What a yes would open, person by person, each line with its record where the steward may see it."""
    told = [(one.person, one.decision) for one in opened]
    records = records_for(reader, asked.project, told, [asked.version])
    return [(one, queue.lines_for_page(one.decision, one.person, records)) for one in opened]


def _usually(center: Center) -> str:
    """How long the center's stewards usually take, in words; empty where nothing was decided yet."""
    return days_words(usual_days([center.pk]).get(center.pk))


def _open_to(member: Member, asked: AccessRequest) -> dict[str, Decision]:
    """Each step's name, and whether it is open now, or why not."""
    decide = _waits(asked) and may("projects.request.approved", member, asked)
    has_voted = any(vote.steward_id == member.pk for vote in queue.votes_on(asked))
    vote = no("You have decided. Another steward's word is missing.") if decide and has_voted else decide
    mine = asked.taken_by_id == member.pk
    return {
        "take": no("You have it already.") if decide and mine else decide,
        "let_go": decide if mine else no("You have not taken it."),
        "approve": vote,
        "refuse": vote,
        "ask": may("projects.remark.said", member, asked.project),
        "return": _return(member, asked),
        "revoke": REQUEST.open_to(member, asked)["revoke"],
    }


def _return(member: Member, asked: AccessRequest) -> Decision:
    """Giving back the proposal or the change, whichever this belongs to; to a renewal one only says yes or no."""
    if asked.is_renewal:
        return no("It asks for more time and changes nothing. Approve or refuse it.")
    change = open_amendments(asked.project).first()
    return AMENDMENT.open_to(member, change)["return"] if change else PROJECT.open_to(member, asked.project)["return"]


def _waits(asked: AccessRequest) -> Decision:
    waits = asked.status == R.WAITING
    return Decision(waits, "" if waits else f"This request is {asked.get_status_display().lower()}.")


@require_POST
@login_required
def request_take(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say that one looks at it."""
    decisions.take(_request_or_404(request, pk), by=request.user)
    messages.success(request, "You have this request. The other stewards see it.")
    return redirect(own_address(request.POST.get("next", "")) or reverse("access:request", args=[pk]))


@require_POST
@login_required
def request_let_go(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Leave it to the others."""
    decisions.let_go(_request_or_404(request, pk), by=request.user)
    messages.success(request, "The request is free again.")
    return redirect("access:request", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def request_approve(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say yes: until when, and on what conditions."""
    found = _request_or_404(request, pk)
    demand("projects.request.approved", by=request.user, target=found, fresh=True)
    project = found.project
    was_read = request.GET.get("edition") or (found.edition and found.edition.number)
    form = ApproveForm(typed_in(request), initial={"ends_on": _proposed_end(found), "edition": was_read})
    return form_page(
        request,
        form,
        lambda typed: decisions.approve(found, by=request.user, **typed),
        template="projects/request_approve.html",
        then=reverse("access:request", args=[pk]),
        said=f"Your yes to {project} is recorded.",
        asked=found,
        project=project,
        votes=list(queue.votes_on(found)),
        quorum=queue.quorum_of(found),
        opened=queue.assuming_yes([found])[found.pk].opened,
    )


def _proposed_end(asked: AccessRequest) -> date:
    return queue.text_asked(asked).ends_on or timezone.now().date()


@require_POST
@login_required
def request_refuse(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Say no, and why."""
    found = _request_or_404(request, pk)
    was_read = request.GET.get("edition", "")[:9]
    refuse = partial(decisions.refuse, edition=int(was_read) if was_read.isdecimal() else None)
    return _with_reason(request, found, "projects.request.refused", refuse, "The team reads your no and why.")


@require_POST
@login_required
def request_revoke(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Take an approval back at once."""
    found = _request_or_404(request, pk)
    said = "The approval is revoked. What runs on this data stops within a minute."
    return _with_reason(request, found, "projects.request.revoked", decisions.revoke, said)


@require_POST
@login_required
def request_return(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Give the whole proposal, or the change, back to its lead."""
    found = _request_or_404(request, pk)
    form = ReasonForm(request.POST)
    change = open_amendments(found.project).first()
    return act_with_reason(
        request,
        form,
        lambda reason: (
            decisions.return_amendment(change, by=request.user, reason=reason)
            if change
            else decisions.return_to_lead(found.project, by=request.user, reason=reason)
        ),
        event="projects.amendment.returned" if change else "projects.project.returned",
        target=change or found.project,
        then=reverse("access:requests") if form.is_valid() else reverse("access:request", args=[pk]),
        said=f"{found.project} is with its lead again, who reads what to change.",
    )


@require_POST
@login_required
def request_ask(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Ask the team something."""
    found = _request_or_404(request, pk)
    form = RemarkForm(request.POST)
    if not form.is_valid():
        demand("projects.remark.said", by=request.user, target=found.project)
        messages.error(request, "Nothing was sent: write your question first.")
        return redirect("access:request", pk=pk)
    proposals.remark(found.project, by=request.user, text=form.cleaned_data["text"], request=found)
    messages.success(request, "The team is told of your question.")
    return redirect("access:request", pk=pk)


def _with_reason(request: MemberRequest, found: AccessRequest, event: str, act: Any, said: str) -> HttpResponse:
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: act(found, by=request.user, reason=reason),
        event=event,
        target=found,
        then=reverse("access:request", args=[found.pk]),
        said=said,
    )


def _request_or_404(request: MemberRequest, pk: UUID) -> AccessRequest:
    return get_object_or_404(queue.visible_requests(request.user), pk=pk)
