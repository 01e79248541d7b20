"""Bringing files into a draft through the browser: as a plain form, or file by file where scripts are on."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.alliance.requests import MemberRequest
from apps.catalog import ingest, manifest, selectors
from apps.catalog.forms import UploadForm
from apps.catalog.models import DatasetFile, DatasetVersion
from apps.catalog.rooms import NAME, room_for
from apps.catalog.services import versions as services
from apps.core.commands import demand
from apps.core.errors import Invalid
from apps.core.views import form_page, typed_in

AT_ONCE = 2_000  # files in one answer to the page's script


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def version_upload(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """Bring files into a draft; the page's script asks for JSON, sends them one by one and hears of each."""
    found = get_object_or_404(selectors.visible_versions(request.user), dataset__slug=slug, number=number)
    demand("catalog.file.registered", by=request.user, target=found)
    services.demand_draft(found)
    form = UploadForm(typed_in(request), request.FILES or None)
    if request.headers.get("Accept") == "application/json":
        return _taken(request, form, found) if request.method == "POST" else _held(request, found)
    return form_page(
        request,
        form,
        lambda typed: _take(request, found, typed),
        template="catalog/version_upload.html",
        then=reverse("catalog:version_upload", args=[slug, number]),
        said=lambda taken: f"{len(taken):,} {'file is' if len(taken) == 1 else 'files are'} in the draft.",
        version=found,
        action=f"?{NAME}={room_for(request.user, found)}",
        largest=settings.UPLOAD_LARGEST,
        amount=selectors.amount_of(found),
        files=list(selectors.files_of(found).order_by("-stored_at")[:10]),
    )


def _take(request: MemberRequest, version: DatasetVersion, typed: dict[str, Any]) -> list[DatasetFile]:
    expected = manifest.files_in(typed["manifest"].read(manifest.LARGEST + 1)) if typed["manifest"] else {}
    return ingest.take(version, typed["uploads"], by=request.user, folder=typed["folder"], expected=expected)


def _taken(request: MemberRequest, form: UploadForm, version: DatasetVersion) -> HttpResponse:
    """What of it is in the draft now, or why none of it is."""
    if not form.is_valid():
        return JsonResponse(
            {"reason": " ".join(str(word) for words in form.errors.values() for word in words)}, status=422
        )
    try:
        taken = _take(request, version, form.cleaned_data)
    except Invalid as error:
        return JsonResponse({"reason": str(error)}, status=422)
    return JsonResponse({"files": [_told(file.path, file.bytes, file.sha256) for file in taken]}, status=201)


def _held(request: MemberRequest, version: DatasetVersion) -> HttpResponse:
    """What the draft has, by path, so many at once; `after` asks for the next ones."""
    after = request.GET.get("after", "").replace("\x00", "")
    rows = selectors.files_of(version).filter(path__gt=after).values_list("path", "bytes", "sha256")[: AT_ONCE + 1]
    files = [_told(*row) for row in rows]
    more = files[AT_ONCE - 1]["path"] if len(files) > AT_ONCE else None
    return JsonResponse({"files": files[:AT_ONCE], "after": more})


def _told(path: str, size: int, sha256: str) -> dict[str, Any]:
    return {"path": path, "bytes": size, "sha256": sha256}
