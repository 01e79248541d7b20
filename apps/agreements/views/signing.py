"""Pages that bind: read and sign, terminate; the PDF and the receipt; the terms that a researcher accepts."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.agreements import selectors
from apps.agreements.events import DOCUMENT_TAKEN, RECEIPT_TAKEN
from apps.agreements.forms import SignForm, TermsForm
from apps.agreements.models import AgreementVersion
from apps.agreements.pdf import document_of
from apps.agreements.policies import may_take_receipt
from apps.agreements.receipts import receipt_of
from apps.agreements.services import signing, terms
from apps.agreements.states import AGREEMENT_VERSION
from apps.agreements.texts import blocks_of, sha256_of
from apps.agreements.views.agreements import page_of, version_or_404
from apps.alliance.forms import ReasonForm
from apps.alliance.requests import MemberRequest
from apps.catalog.models import DatasetVersion
from apps.core.commands import demand
from apps.core.errors import WrongState
from apps.core.reads import demand_read, record_read
from apps.core.views import act_with_reason, form_page, typed_in


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def version_sign(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Read to the end, say so, show a factor, sign."""
    version = version_or_404(request, pk)
    AGREEMENT_VERSION.demand("sign", by=request.user, target=version)
    if not selectors.waits_for_center(version, request.user.center_id):
        raise WrongState(f"{request.user.center} has signed this already.")
    assert version.text is not None  # it is out for signature
    return form_page(
        request,
        SignForm(typed_in(request), initial={"text_sha256": version.text.sha256}),
        lambda typed: signing.sign(
            version, by=request.user, text_sha256=typed["text_sha256"], statement=typed["statement"]
        ),
        template="agreements/version_sign.html",
        then=page_of(version),
        said="You signed. Your receipt is ready in a few seconds; keep it outside the portal.",
        version=version,
        blocks=blocks_of(version.text.text),
        provides=request.user.center_id == version.agreement.providing_id,
    )


@require_POST
@login_required
def version_terminate(request: MemberRequest, pk: UUID) -> HttpResponse:
    """End a signed agreement at once."""
    version = version_or_404(request, pk)
    return act_with_reason(
        request,
        ReasonForm(request.POST),
        lambda reason: signing.terminate(version, by=request.user, reason=reason),
        event="agreements.version.terminated",
        target=version,
        then=page_of(version),
        said=f"{version} is terminated. Nobody uses data on it from now on.",
    )


@require_safe
@login_required
def version_pdf(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The agreement as PDF, with the signatures given so far; taking it is recorded first."""
    version = version_or_404(request, pk)
    document = _document(version)
    record_read(DOCUMENT_TAKEN, by=request.user, target=version, text_sha256=version.text_id)
    response = HttpResponse(document, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{version.agreement.reference}-v{version.number}.pdf"'
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    return response


def _document(version: AgreementVersion) -> bytes:
    """As it was kept with the last signature; before the first one it is made."""
    if version.text is None:
        raise WrongState("This is a draft. There is a PDF of it once it goes out for signature.")
    last = version.signatures.filter(edition=version.edition).select_related("document").order_by("-signed_at").first()
    if last is not None:
        return bytes(last.document.content)
    return document_of(str(version), version.text.text, version.text.sha256, [])


@require_safe
@login_required
def receipt(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The receipt of a signature, which verifier/caia_receipt.py checks without the portal."""
    signature = get_object_or_404(selectors.visible_signatures(request.user), pk=pk)
    demand_read(RECEIPT_TAKEN, may_take_receipt(request.user, signature), by=request.user, target=signature)
    words = receipt_of(signature)
    record_read(RECEIPT_TAKEN, by=request.user, target=signature)
    response = HttpResponse(words, content_type="application/json; charset=utf-8")
    name = f"{signature.version.agreement.reference}-v{signature.version.number}-receipt.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def terms_accept(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Read and accept the terms of a dataset's version."""
    published = DatasetVersion.objects.filter(status=DatasetVersion.Status.PUBLISHED)
    version = get_object_or_404(published.select_related("dataset__center"), pk=pk)
    demand("agreements.terms.accepted", by=request.user, target=version)
    found = selectors.terms_for(request.user, version)
    if found is None:
        raise WrongState(f"No agreement on this data is in force between {version.dataset.center} and your center.")
    accepted = selectors.acceptance_of(request.user, version, found.agreement_version)
    return form_page(
        request,
        TermsForm(typed_in(request), initial={"text_sha256": sha256_of(found.text)}),
        lambda typed: terms.accept_terms(version, by=request.user, text_sha256=typed["text_sha256"]),
        template="agreements/terms_accept.html",
        then=reverse("agreements:terms_accept", args=[pk]),
        said="You accepted the terms. They count until the agreement or the version changes.",
        version=version,
        blocks=blocks_of(found.text),
        accepted=accepted,
        agreement_version=found.agreement_version,
    )
