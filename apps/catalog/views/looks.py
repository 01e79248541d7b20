"""First looks for the stewards of the owner: at tables, slides, series of images and variants."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.alliance.requests import MemberRequest
from apps.catalog import looks, selectors
from apps.catalog.events import DATA_LOOKED_AT
from apps.catalog.models import DatasetVersion
from apps.catalog.policies import may_steward_version
from apps.catalog.services.looks import ask_for_looks
from apps.core.reads import demand_read
from apps.core.views import picture


@require_safe
@login_required
def version_looks(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """What others find at first sight once they may use the data, for the owner's stewards; the look is recorded."""
    found = _stewarded(request, slug, number)
    listed, shown = looks.opened(found, request.GET.get("of", ""), by=request.user)
    context = {
        "version": found,
        "dataset": found.dataset,
        "looks": listed,
        "shown": shown,
        "picture_url": reverse("catalog:look_picture", args=[slug, number, shown.look.pk]) if shown else "",
        "may_ask": found.status != DatasetVersion.Status.DRAFT,
    }
    return render(request, "catalog/version_looks.html", context)


@require_safe
@login_required
def look_picture(request: MemberRequest, slug: str, number: int, pk: UUID) -> HttpResponse:
    """The picture of a first look; seeing it is recorded."""
    return picture(looks.picture_of(_stewarded(request, slug, number), pk, by=request.user))


@require_POST
@login_required
def looks_ask(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """Have the first looks made that are missing or failed."""
    found = _version(request, slug, number)
    begun = ask_for_looks(found, by=request.user)
    words = "The looks that were missing are being made." if begun else "Nothing is missing: all that can be shown is."
    messages.success(request, words)
    return redirect("catalog:version_looks", slug=slug, number=number)


def _version(request: MemberRequest, slug: str, number: int) -> DatasetVersion:
    return get_object_or_404(selectors.visible_versions(request.user), dataset__slug=slug, number=number)


def _stewarded(request: MemberRequest, slug: str, number: int) -> DatasetVersion:
    found = _version(request, slug, number)
    demand_read(DATA_LOOKED_AT, may_steward_version(request.user, found), by=request.user, target=found)
    return found
