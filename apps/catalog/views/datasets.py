"""Pages on datasets: the catalog, one dataset, bringing one in, and what is said of it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.alliance.requests import MemberRequest
from apps.catalog import search, selectors, terms
from apps.catalog.forms import CatalogFilters, DatasetForm, NewDatasetForm
from apps.catalog.holdings import holdings
from apps.catalog.models import Dataset
from apps.catalog.needs import needs_of
from apps.catalog.services import datasets as services
from apps.catalog.states import VERSION
from apps.core.commands import demand, may
from apps.core.listing import Column, listing
from apps.core.views import form_page, typed_in

SHOWN = 10  # files on the dataset's own page


@require_safe
@login_required
def datasets(request: MemberRequest) -> HttpResponse:
    """The catalog: what data there is, whose it is, and on what terms."""
    filters = CatalogFilters(request.GET or None, member=request.user)
    asked = filters.cleaned_data if filters.is_bound and filters.is_valid() else {}
    found = search.found_by(request.user, asked)
    columns = [
        Column("Dataset", "title"),
        Column("Owner"),
        Column("Modality"),
        Column("Holds"),
        Column("Terms"),
        Column("Size", numeric=True),
    ]
    page = listing(found, request.GET, columns=columns, order="title", filters=filters)
    for row in page.rows:
        row.version = row.newest[0] if row.newest else None
        row.terms = terms.in_words(row.version.terms) if row.version else []
        row.holdings = holdings(row.version, selectors.floor_of(row)) if row.version else []
    filters.say_counts(search.facets(request.user, asked))
    context = {
        "listing": page,
        "may_bring": bool(selectors.stewarded_centers(request.user)),
        "less_asked": _less_asked(request, filters, asked) if page.empty else [],
    }
    return render(request, "catalog/datasets.html", context)


def _less_asked(request: MemberRequest, filters: CatalogFilters, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What one would find with one question less, and the way there."""
    told = []
    for name, count in search.less_asked(request.user, asked):
        query = request.GET.copy()
        for gone in (name, "after", "before"):
            query.pop(gone, None)
        told.append({"label": filters[name].label, "count": count, "url": f"?{query.urlencode()}"})
    return told


@require_safe
@login_required
def dataset(request: MemberRequest, slug: str) -> HttpResponse:
    """One dataset: what it is, on what terms, and what one would need."""
    found = get_object_or_404(selectors.visible_datasets(request.user), slug=slug)
    versions = list(selectors.visible_versions(request.user).filter(dataset=found).order_by("-number")[:50])
    newest = next((one for one in versions if one.status == one.Status.PUBLISHED), None)
    draft = next((one for one in versions if one.status == one.Status.DRAFT), None)
    shown = newest or (versions[0] if versions else None)
    is_steward = bool(may("catalog.dataset.edited", request.user, found))
    context: dict[str, Any] = {
        "dataset": found,
        "versions": versions,
        "version": shown,
        "draft": draft,
        "is_steward": is_steward,
        "may_appoint": may("catalog.steward.appointed", request.user, found),
        "may_lower": may("catalog.quorum.lowered", request.user, found),
        "own_stewards": list(selectors.own_stewards(found)[:20]),
        "floor": selectors.floor_of(found),
        "needs": needs_of(request.user, found, shown) if newest else None,
    }
    if shown:
        files = list(selectors.files_of(shown)[: SHOWN + 1])
        context |= {
            "terms": terms.in_words(shown.terms),
            "holdings": holdings(shown, selectors.floor_of(found)),
            "files": files[:SHOWN],
            "has_more_files": len(files) > SHOWN,
            "amount": selectors.amount_of(shown),
            "tables": selectors.shown_tables(shown, selectors.floor_of(found)),
            "open_to": VERSION.open_to(request.user, newest or shown),
        }
    return render(request, "catalog/dataset.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def dataset_create(request: MemberRequest) -> HttpResponse:
    """Bring a dataset of one's center into the catalog."""
    if not selectors.stewarded_centers(request.user):
        demand("catalog.dataset.created", by=request.user, target=request.user.center)
    return form_page(
        request,
        NewDatasetForm(typed_in(request), member=request.user),
        lambda typed: services.enter(typed.pop("center"), by=request.user, **typed),
        template="catalog/dataset_create.html",
        then=lambda made: reverse("catalog:version_start", args=[made.slug]),
        said=lambda made: f"{made} is entered; only your center's stewards see it. Next, describe its first version.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def dataset_edit(request: MemberRequest, slug: str) -> HttpResponse:
    """Change what is said of a dataset."""
    found = get_object_or_404(selectors.visible_datasets(request.user), slug=slug)
    demand("catalog.dataset.edited", by=request.user, target=found)
    fixed = services.BEFORE_PUBLICATION if selectors.was_published(found) else set()
    form = DatasetForm(typed_in(request), fixed=fixed, initial=_said_of(found))
    return form_page(
        request,
        form,
        lambda typed: services.edit(found, by=request.user, **typed),
        template="catalog/dataset_edit.html",
        then=reverse("catalog:dataset", args=[slug]),
        said="What is said of the dataset is changed.",
        dataset=found,
    )


def _said_of(dataset: Dataset) -> dict[str, Any]:
    return {name: getattr(dataset, name) for name in DatasetForm.base_fields}
