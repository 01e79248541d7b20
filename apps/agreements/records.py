"""A signature as a record that leaves the portal: the same fields in the same form on a receipt and under its hash."""

import hashlib
from datetime import UTC
from typing import Any

from apps.agreements.models import Signature
from tlog.canonical import canonical


def record_of(signature: Signature) -> dict[str, Any]:
    """Everything that is kept of a signature, as JSON values."""
    version = signature.version
    return {
        "signature_id": str(signature.pk),
        "agreement": version.agreement.reference,
        "agreement_id": str(version.agreement_id),
        "version": version.number,
        "version_id": str(version.pk),
        "edition": signature.edition,
        "text_sha256": signature.text_id,
        "document_sha256": signature.document_id,
        "center_id": str(signature.center_id),
        "signer_id": str(signature.signer_id),
        "printed_name": signature.printed_name,
        "affiliation": signature.affiliation,
        "orcid": signature.orcid,
        "capacity": signature.capacity,
        "meaning": signature.get_meaning_display(),
        "meaning_code": signature.meaning,
        "statement": signature.statement,
        "signed_at": signature.signed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "auth": {**signature.auth, "session": signature.session},
        "identity": signature.identity,
        "address": signature.address,
        "build": signature.build,
        # Not in those that were signed before it was kept: their hash stands in the record.
        **({"user_agent_sha256": signature.user_agent_sha256} if signature.user_agent_sha256 else {}),
    }


def sha256_of_record(signature: Signature) -> str:
    """The hash that the event of the signature carries."""
    return hashlib.sha256(canonical(record_of(signature)).encode()).hexdigest()
