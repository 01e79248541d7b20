"""Commands that bind: sign and terminate. What a signature holds, and where its proofs come from."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from apps.agreements.models import AgreementVersion, KeptDocument, Signature
from apps.agreements.pdf import document_of
from apps.agreements.pdf import sha256_of as sha256_of_document
from apps.agreements.records import sha256_of_record
from apps.agreements.selectors import officials_of
from apps.agreements.services.drafts import waiting_key
from apps.agreements.services.parties import demand_able, demand_standing_before, tell_all
from apps.agreements.states import AGREEMENT_VERSION
from apps.alliance.models import Member
from apps.audit.source import current_source
from apps.core.commands import note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import settle
from apps.core.outbox import later

V = AgreementVersion.Status


@AGREEMENT_VERSION.move("sign")
def sign(version: AgreementVersion, *, by: Any, text_sha256: str, statement: str = "") -> Signature:
    """Sign for one's own center, under just the text that was read."""
    if text_sha256 != version.text_id:
        raise Invalid("This is another text than the one you read. Read it again from the start, then sign.")
    demand_able(version)
    before = demand_standing_before(version)
    given = list(version.signatures.filter(edition=version.edition).order_by("signed_at", "pk"))
    if any(one.center_id == by.center_id for one in given):
        raise WrongState(f"{by.center} has signed this already.")
    signature = _signature(version, by, statement)
    _keep_document(signature, [*given, signature])
    signature.save(force_insert=True)
    note(
        signature=str(signature.pk),
        text_sha256=signature.text_id,
        document_sha256=signature.document_id,
        record_sha256=sha256_of_record(signature),
        meaning=signature.meaning,
        edition=signature.edition,
    )
    settle(officials_of(version, of=by.center), key=waiting_key(version))
    if given:
        _conclude(version, before, at=signature.signed_at)
    return signature


@AGREEMENT_VERSION.move("terminate")
def terminate(version: AgreementVersion, *, by: Any, reason: str) -> None:
    """End a signed agreement at once, with an amendment of it that was to begin later."""
    now = timezone.now()
    if version.over_at <= now:
        if version.superseded_at:
            raise WrongState("An amendment has just taken its place. Open that one to end what binds now.")
        raise WrongState(f"This ended on {version.over_at:%-d %B %Y} already.")
    version.terminated_at, version.terminated_by, version.reason = now, by, reason
    others = AgreementVersion.objects.select_for_update(no_key=True).filter(
        agreement_id=version.agreement_id, signed_at__isnull=False, over_at__gt=now
    )
    ended = list(others.exclude(pk=version.pk))
    for other in ended:
        other.status, other.status_at, other.reason = V.TERMINATED, now, reason
        other.terminated_at, other.terminated_by = now, by
        other.save()
    note(also=[str(other.pk) for other in ended])
    tell_all(
        [person for person in officials_of(version) if person.pk != by.pk],
        key=f"agreement-terminated:{version.pk}",
        subject=f"{version} is terminated",
        text=f"{by} of {by.center} ended it: {reason}",
        version=version,
    )


def _signature(version: AgreementVersion, by: Member, statement: str) -> Signature:
    assert version.sent_at is not None  # it is out for signature
    assert version.text is not None
    provides = by.center_id == version.agreement.providing_id
    source = current_source()
    return Signature(
        version=version,
        edition=version.edition,
        center=by.center,
        signer=by,
        printed_name=by.name,
        affiliation=by.center.legal_name,
        orcid=by.orcid,
        capacity="Signing official",
        meaning=Signature.Meaning.PROVIDES if provides else Signature.Meaning.RECEIVES,
        statement=statement,
        sent_at=version.sent_at,
        signed_at=timezone.now(),
        text=version.text,
        auth=source.auth,
        session=source.session,
        identity=_known_by(by),
        address=source.ip,
        user_agent_sha256=source.user_agent_sha256,
        build=settings.VERSION,
    )


def _known_by(member: Member) -> str:
    """By whose word this person is known here: the center's for this year, else the invitation that they accepted."""
    vouch = member.vouches.filter(ended_at=None, ends_on__gte=timezone.now().date()).order_by("-vouched_at").first()
    if vouch is not None:
        return f"vouch {vouch.pk} of {vouch.vouched_at:%Y-%m-%d} by {vouch.vouched_by_id}"
    joined = member.invitations.filter(accepted_at__isnull=False).order_by("-accepted_at").first()
    return f"invitation {joined.pk} of {joined.invited_at:%Y-%m-%d}" if joined else f"member {member.pk}"


def _keep_document(signature: Signature, signatures: list[Signature]) -> None:
    """The PDF with this signature on it, as it is now."""
    version = signature.version
    content = document_of(str(version), version.text.text, version.text.sha256, signatures)  # type: ignore[union-attr]
    kept, _ = KeptDocument.objects.get_or_create(sha256=sha256_of_document(content), defaults={"content": content})
    signature.document = kept


def _conclude(version: AgreementVersion, before: AgreementVersion | None, *, at: Any) -> None:
    """Both have signed: it binds from its first day on, and from then on no longer the one before."""
    version.signed_at = at
    if before is not None and before.over_at > version.begins:
        before.superseded_at = version.begins
        before.save(update_fields=["superseded_at"])
        note(supersedes=str(before.pk))
    later("agreements.settle", str(version.agreement_id))
    tell_all(
        officials_of(version),
        key=f"agreement-signed:{version.pk}",
        subject=f"{version} is signed by both centers",
        text=f"It binds from {version.begins:%-d %B %Y} to the end of {version.ends_on:%-d %B %Y}.",
        version=version,
    )
