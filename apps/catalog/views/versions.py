"""Pages on versions: start one, describe it, publish it, withdraw it."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.alliance.requests import MemberRequest
from apps.catalog import selectors, terms
from apps.catalog.croissant import croissant
from apps.catalog.dcat import dcat
from apps.catalog.forms import PublishForm, ReasonForm, VersionForm
from apps.catalog.models import DatasetVersion
from apps.catalog.services import versions as services
from apps.catalog.states import VERSION
from apps.core.commands import demand, may
from apps.core.listing import Column, listing
from apps.core.views import act_with_reason, form_page, typed_in


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def version_start(request: MemberRequest, slug: str) -> HttpResponse:
    """Start the draft of a dataset's next version, described as the one before unless said otherwise."""
    dataset = get_object_or_404(selectors.visible_datasets(request.user), slug=slug)
    demand("catalog.version.started", by=request.user, target=dataset)
    known = VersionForm.of(dataset.versions.order_by("-number").first()) | {"changes": ""}
    form = VersionForm(typed_in(request), initial=known)
    return form_page(
        request,
        form,
        lambda _: services.start(dataset, by=request.user, **form.facts()),
        template="catalog/version_start.html",
        then=lambda made: reverse("catalog:version_upload", args=[slug, made.number]),
        said="The draft is there. Next, bring in its files.",
        dataset=dataset,
    )


@require_safe
@login_required
def version(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """One version: its terms, where it comes from, each file with size and hash."""
    found = _version(request, slug, number)
    columns = [Column("File", "path"), Column("Kind"), Column("SHA-256"), Column("Size", "bytes", numeric=True)]
    may_drop = found.status == DatasetVersion.Status.DRAFT and may("catalog.file.dropped", request.user, found)
    if may_drop:
        columns.append(Column(""))
    context = {
        "version": found,
        "dataset": found.dataset,
        "terms": terms.in_words(found.terms),
        "amount": selectors.amount_of(found),
        "listing": listing(selectors.files_of(found), request.GET, columns=columns, order="path"),
        "open_to": VERSION.open_to(request.user, found),
        "may_edit": may_drop,
        "may_look": may("catalog.looks.asked", request.user, found) and bool(found.published_at),
    }
    for row in context["listing"].rows:  # type: ignore[attr-defined]
        row.version, row.may_drop = found, bool(may_drop)
    return render(request, "catalog/version.html", context)


@require_safe
@login_required
def version_croissant(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """What is said of a version, as Croissant; it leads to no bytes."""
    found = _version(request, slug, number)
    return _metadata(found, croissant(*selectors.told_of(found), settings.BASE_URL), "croissant")


@require_safe
@login_required
def version_dcat(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """What is said of a version, as DCAT; it leads to no bytes."""
    found = _version(request, slug, number)
    return _metadata(found, dcat(*selectors.told_of(found), settings.BASE_URL), "dcat")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def version_edit(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """Change what a draft says of itself."""
    found = _version(request, slug, number)
    demand("catalog.version.described", by=request.user, target=found)
    services.demand_draft(found)
    form = VersionForm(typed_in(request), initial=VersionForm.of(found))
    return form_page(
        request,
        form,
        lambda _: services.describe(found, by=request.user, **form.facts()),
        template="catalog/version_edit.html",
        then=reverse("catalog:version", args=[slug, number]),
        said="The draft is changed.",
        version=found,
    )


@require_POST
@login_required
def file_drop(request: MemberRequest, slug: str, number: int, pk: UUID) -> HttpResponse:
    """Take a file out of a draft."""
    found = _version(request, slug, number)
    file = get_object_or_404(selectors.files_of(found), pk=pk)
    services.drop_file(found, by=request.user, file=file)
    messages.success(request, f"{file.path} is out of the draft; its bytes are erased unless another version has them.")
    return redirect("catalog:version", slug=slug, number=number)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def version_publish(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """The last look at a draft, and publishing it."""
    found = _version(request, slug, number)
    VERSION.demand("publish", by=request.user, target=found)
    return form_page(
        request,
        PublishForm(typed_in(request)),
        lambda _: services.publish(found, by=request.user),
        template="catalog/version_publish.html",
        then=reverse("catalog:dataset", args=[slug]),
        said=f"Version {number} is published. Every member sees it now.",
        version=found,
        terms=terms.in_words(found.terms),
        amount=selectors.amount_of(found),
        missing=services.missing_for_publication(found),
    )


@require_POST
@login_required
def version_withdraw(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """Withdraw a published version."""
    found = _version(request, slug, number)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: services.withdraw(found, by=request.user, reason=reason),
        event="catalog.version.withdrawn",
        target=found,
        then=reverse("catalog:dataset", args=[slug]),
        said=f"Version {number} is withdrawn; your center's stewards are told why.",
    )


def _metadata(version: DatasetVersion, told: dict[str, Any], kind: str) -> HttpResponse:
    response = JsonResponse(told, content_type="application/ld+json", json_dumps_params={"indent": 1})
    name = f"{version.dataset.slug}-{version.number}.{kind}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _version(request: MemberRequest, slug: str, number: int) -> DatasetVersion:
    return get_object_or_404(selectors.visible_versions(request.user), dataset__slug=slug, number=number)
