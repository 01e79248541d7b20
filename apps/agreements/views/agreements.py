"""Pages on agreements before and after the signatures: the list, one agreement, its drafts."""

import difflib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.agreements import selectors
from apps.agreements.forms import AgreementFilters, DiscardForm, DraftForm, NewAgreementForm
from apps.agreements.models import Agreement, AgreementVersion
from apps.agreements.policies import may_take_receipt
from apps.agreements.services import drafts as services
from apps.agreements.states import AGREEMENT_VERSION
from apps.agreements.texts import blocks_of, text_of, unfilled
from apps.agreements.timelines import timeline_of, turn_of
from apps.alliance.forms import ReasonForm
from apps.alliance.models import Member
from apps.alliance.requests import MemberRequest
from apps.core.commands import demand, may
from apps.core.listing import Column, listing
from apps.core.views import act, act_with_reason, form_page, typed_in

COLUMNS = [
    Column("Agreement", "number"),
    Column("Title", "title"),
    Column("State"),
    Column("Last day"),
    Column("Whose turn"),
]


@require_safe
@login_required
def agreements(request: MemberRequest) -> HttpResponse:
    """The agreements of one's own center: with whom, in which state, whose turn it is."""
    filters = AgreementFilters(request.GET or None)
    asked = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    found = selectors.narrowed(selectors.visible_to(request.user), **asked)
    page = listing(found, request.GET, columns=COLUMNS, order="-number", filters=filters)
    page.rows = _with_versions(page.rows, request.user)
    context = {
        "listing": page,
        "may_draft": may("agreements.agreement.drafted", request.user, request.user.center),
    }
    return render(request, "agreements/agreements.html", context)


def _with_versions(rows: Iterable[Agreement], member: Member) -> list[Agreement]:
    """The same agreements, each with the version that matters most now, one that is to follow it, and the turn."""
    shown = []
    of = selectors.versions_by_agreement(rows, member)
    for row in rows:
        versions = of.get(row.pk, [])
        row.now = _leading(versions)  # type: ignore[attr-defined]
        newest = _newest(versions)
        row.next = newest if row.now and newest and newest.number > row.now.number else None  # type: ignore[attr-defined]
        row.turn = turn_of(versions[0]) if versions else None  # type: ignore[attr-defined]
        shown.append(row)
    return shown


def _leading(versions: list[AgreementVersion]) -> AgreementVersion | None:
    """What binds now, else the newest that was not discarded, else the newest."""
    binding = next((one for one in versions if one.standing() == "in_force"), None)
    return binding or _newest(versions) or next(iter(versions), None)


def _newest(versions: list[AgreementVersion]) -> AgreementVersion | None:
    """The newest that was not discarded."""
    return next((one for one in versions if one.status != AgreementVersion.Status.DISCARDED), None)


@require_safe
@login_required
def agreement(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One agreement: its words, its data, its signatures, its life, and what is open to this person."""
    found = get_object_or_404(selectors.visible_to(request.user), pk=pk)
    versions = selectors.versions_of(found, request.user)
    if not versions:
        raise Http404
    chosen = request.GET.get("version", "")
    version = next((one for one in versions if str(one.number) == chosen), _leading(versions) or versions[0])
    before = _newest([one for one in versions if one.number < version.number])
    text = _text(version, request.user)
    context = {
        "agreement": found,
        "version": version,
        "newest": _newest(versions),
        "standing": version.standing(),
        "signatures": [(one, may_take_receipt(request.user, one)) for one in version.signatures.all()],
        "blocks": blocks_of(text),
        "changes": _changes(_text(before, request.user), text) if before and text else [],
        "before": before,
        "missing": unfilled(version) if version.status == AgreementVersion.Status.DRAFT else [],
        "open_to": (open_to := AGREEMENT_VERSION.open_to(request.user, version)),
        "waits_for_me": open_to["sign"] and selectors.waits_for_center(version, request.user.center_id),
        "may_amend": may("agreements.amendment.drafted", request.user, found),
        "discard_form": DiscardForm(),
        "turn": turn_of(version),
        "steps": timeline_of(version),
        "tabs": _tabs(found, versions, version),
    }
    return render(request, "agreements/agreement.html", context)


def _text(version: AgreementVersion, member: Member) -> str:
    """What was sent out, or what a draft would say, the latter for those who write it."""
    if version.text is not None:
        return version.text.text
    if member.center_id == version.agreement.receiving_id:
        return ""
    scope = sorted(version.datasets.all(), key=lambda one: (one.title, one.pk))
    return text_of(version, scope, edition=version.edition + 1)


def _changes(old: str, new: str) -> list[tuple[str, str]]:
    """The lines that differ: ("gone" or "new", the line); but the second, which says which version it is."""
    marks = {"-": "gone", "+": "new"}
    before, after = ([one.plain for place, one in enumerate(blocks_of(text)) if place != 1] for text in (old, new))
    lines = difflib.ndiff(before, after)
    return [(marks[line[0]], line[2:]) for line in lines if line[0] in marks]


def _tabs(found: Agreement, versions: list[AgreementVersion], current: AgreementVersion) -> list[dict[str, Any]]:
    url = reverse("agreements:agreement", args=[found.pk])
    return [
        {"label": f"Version {one.number}", "url": f"{url}?version={one.number}", "current": one is current}
        for one in reversed(versions)
    ]


# ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@login_required
def agreement_new(request: MemberRequest) -> HttpResponse:
    """Choose the words that a new agreement begins with."""
    demand("agreements.agreement.drafted", by=request.user, target=request.user.center)
    return render(request, "agreements/agreement_new.html", {"wordings": list(selectors.published_wordings()[:50])})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def agreement_draft(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Draft an agreement on one's center's data."""
    wording = get_object_or_404(selectors.published_wordings(), pk=pk)
    center = request.user.center
    demand("agreements.agreement.drafted", by=request.user, target=center)
    return form_page(
        request,
        NewAgreementForm(typed_in(request), wording=wording, center=center),
        lambda typed: services.draft(center, by=request.user, template_version=wording, **typed),
        template="agreements/draft.html",
        then=lambda made: reverse("agreements:agreement", args=[made.pk]),
        said=lambda made: f"{made.reference} is drafted. Read it through, then send it out for signature.",
        wording=wording,
        back=reverse("agreements:agreements"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def version_edit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Change a draft."""
    version = version_or_404(request, pk)
    demand("agreements.version.edited", by=request.user, target=version)
    wording = version.template_version
    initial = DraftForm.initial_of(version)
    back = page_of(version)
    return form_page(
        request,
        DraftForm(typed_in(request), initial=initial, wording=wording, center=version.agreement.providing),
        lambda typed: services.edit(version, by=request.user, **typed),
        template="agreements/draft.html",
        then=back,
        said="The draft is changed.",
        wording=wording,
        version=version,
        back=back,
    )


@require_POST
@login_required
def agreement_amend(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Draft an amendment of what is in force."""
    found = get_object_or_404(selectors.visible_to(request.user), pk=pk)
    return act(
        request,
        lambda: services.amend(found, by=request.user),
        then=lambda made: reverse("agreements:version_edit", args=[made.pk]),
        said=lambda made: f"{made} is a draft. What is in force goes on until both centers have signed it.",
        otherwise=reverse("agreements:agreement", args=[pk]),
    )


@require_POST
@login_required
def version_send(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Send a draft out for signature."""
    version = version_or_404(request, pk)
    return act(
        request,
        lambda: services.send(version, by=request.user),
        then=page_of(version),
        said=f"{version} is with the signing officials of both centers.",
    )


@require_POST
@login_required
def version_recall(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Call back what is out for signature."""
    version = version_or_404(request, pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.recall(version, by=request.user, reason=reason),
        event="agreements.version.recalled",
        target=version,
        then=page_of(version),
        said=f"{version} is a draft again.",
    )


@require_POST
@login_required
def version_discard(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Give a draft up, with a reason or without."""
    version = version_or_404(request, pk)
    form = DiscardForm(request.POST)
    if not form.is_valid():
        demand("agreements.version.discarded", by=request.user, target=version)
        messages.error(request, "Nothing was done: a reason has at most 500 characters.")
        return redirect(page_of(version))
    services.discard(version, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, f"{version} is discarded. It stays here as it was, and is never sent.")
    return redirect(page_of(version))


def version_or_404(request: MemberRequest, pk: UUID) -> AgreementVersion:
    """The version, if this person may see it."""
    return get_object_or_404(selectors.visible_versions(request.user), pk=pk)


def page_of(version: AgreementVersion) -> str:
    return f"{reverse('agreements:agreement', args=[version.agreement_id])}?version={version.number}"
