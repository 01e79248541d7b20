"""Pages on templates: the words that agreements begin with, kept by the alliance's managers."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.agreements import selectors
from apps.agreements.forms import TemplateForm, WordingForm
from apps.agreements.models import TemplateVersion
from apps.agreements.services import templates as services
from apps.agreements.states import TEMPLATE_VERSION
from apps.agreements.texts import blanks_of, blocks_of, preview_of
from apps.alliance.forms import ReasonForm
from apps.alliance.requests import MemberRequest
from apps.alliance.selectors import the_alliance
from apps.core.commands import demand, may
from apps.core.listing import Column, listing
from apps.core.views import act_with_reason, form_page, typed_in


@require_safe
@login_required
def templates(request: MemberRequest) -> HttpResponse:
    """The wordings that the alliance offers."""
    columns = [Column("Template", "template__name"), Column("Version", numeric=True), Column("State"), Column("Since")]
    page = listing(selectors.visible_wordings(request.user), request.GET, columns=columns, order="template__name")
    may_draft = may("agreements.template.drafted", request.user, the_alliance())
    return render(request, "agreements/templates.html", {"listing": page, "may_draft": may_draft})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def template_new(request: MemberRequest) -> HttpResponse:
    """Draft a new kind of agreement."""
    alliance = the_alliance()
    demand("agreements.template.drafted", by=request.user, target=alliance)
    return form_page(
        request,
        TemplateForm(typed_in(request)),
        lambda typed: services.draft_template(alliance, by=request.user, **typed),
        template="agreements/wording_edit.html",
        then=lambda made: reverse("agreements:wording", args=[made.versions.get().pk]),
        said="The template is drafted. Read it through, then publish it.",
        back=reverse("agreements:templates"),
    )


@require_safe
@login_required
def wording(request: MemberRequest, pk: UUID) -> HttpResponse:
    """One wording of a template, as centers will read it."""
    found = _wording(request, pk)
    context = {
        "wording": found,
        "blocks": blocks_of(preview_of(found.text)),
        "blanks": blanks_of(found.text),
        "open_to": TEMPLATE_VERSION.open_to(request.user, found),
        "may_edit": may("agreements.wording.edited", request.user, found),
    }
    return render(request, "agreements/wording.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def wording_edit(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Change a wording that is not published yet."""
    found = _wording(request, pk)
    demand("agreements.wording.edited", by=request.user, target=found)
    back = reverse("agreements:wording", args=[pk])
    return form_page(
        request,
        WordingForm(typed_in(request), initial={"text": found.text}),
        lambda typed: services.edit_wording(found, by=request.user, **typed),
        template="agreements/wording_edit.html",
        then=back,
        said="The wording is changed.",
        wording=found,
        back=back,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def wording_new(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Draft another wording of a template, beginning with this one."""
    found = _wording(request, pk)
    demand("agreements.wording.drafted", by=request.user, target=found.template)
    return form_page(
        request,
        WordingForm(typed_in(request), initial={"text": found.text}),
        lambda typed: services.draft_wording(found.template, by=request.user, **typed),
        template="agreements/wording_edit.html",
        then=lambda made: reverse("agreements:wording", args=[made.pk]),
        said="The new version is drafted. The one before stays published until you retire it.",
        back=reverse("agreements:wording", args=[pk]),
    )


@require_POST
@login_required
def wording_publish(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Publish a wording."""
    found = _wording(request, pk)
    services.publish_wording(found, by=request.user)
    messages.success(request, f"{found} is published. Centers can draft agreements with it.")
    return redirect("agreements:wording", pk=pk)


@require_POST
@login_required
def wording_retire(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Offer a wording no more."""
    found = _wording(request, pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.retire_wording(found, by=request.user, reason=reason),
        event="agreements.wording.retired",
        target=found,
        then=reverse("agreements:wording", args=[pk]),
        said=f"{found} is retired.",
    )


def _wording(request: MemberRequest, pk: UUID) -> TemplateVersion:
    return get_object_or_404(selectors.visible_wordings(request.user), pk=pk)
