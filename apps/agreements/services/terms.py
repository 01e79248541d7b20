"""The command by which a researcher accepts the terms of a dataset's version."""

from typing import Any

from django.utils import timezone

from apps.agreements import policies as may
from apps.agreements.models import KeptText, TermsAcceptance
from apps.agreements.selectors import terms_for
from apps.agreements.texts import sha256_of
from apps.catalog.models import DatasetVersion
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState


@command("agreements.terms.accepted", policy=may.may_accept_terms, creates=TermsAcceptance)
def accept_terms(dataset_version: DatasetVersion, *, by: Any, text_sha256: str) -> TermsAcceptance:
    """Accept the terms of use of a dataset's version, just as they were read."""
    now = timezone.now()
    found = terms_for(by, dataset_version, at=now)
    if found is None:
        raise WrongState(
            f"No agreement on this data is in force between {dataset_version.dataset.center} and your center."
        )
    if sha256_of(found.text) != text_sha256:
        raise Invalid("The terms changed since you opened them. Read them again.")
    kept, _ = KeptText.objects.get_or_create(sha256=text_sha256, defaults={"text": found.text})
    note(text_sha256=text_sha256, agreement_version=str(found.agreement_version.pk) if found.agreement_version else "")
    return TermsAcceptance.objects.create(
        member=by,
        dataset_version=dataset_version,
        agreement_version=found.agreement_version,
        text=kept,
        accepted_at=now,
    )
