"""The receipt of a signature: record, exact text and the proof of its event, for a verifier without the portal."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from apps.agreements.models import Signature
from apps.agreements.records import record_of
from apps.agreements.selectors import event_of
from apps.audit.exports import NotThere, export_events, published_tiles
from apps.audit.selectors import tiles_unreadable
from apps.core.errors import WrongState

WAIT = "The notary has not signed this event yet. Try again in a few seconds."


def receipt_of(signature: Signature) -> str:
    """The receipt as JSON; raises WrongState while the notary has not signed its event.

    Whoever holds it can show that this text was signed, whatever becomes of the portal (verifier/caia_receipt.py).
    """
    event = event_of(signature)
    if event is None or event.idx is None:
        raise WrongState(WAIT)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "event.jsonl"
        try:
            export_events(path, [event.pk], packed=False, tiles=published_tiles)
        except NotThere as error:
            raise WrongState(WAIT) from error
        except tiles_unreadable() as error:
            raise WrongState("The record's tiles can't be read now. Ask whoever runs it for the receipt.") from error
        bundle = path.read_text(encoding="utf-8")
    receipt = {
        "format": "caia-signature-receipt",
        "version": 1,
        "event_id": str(event.pk),
        "signature": record_of(signature),
        "text": signature.text.text,
        "bundle": bundle,
    }
    return json.dumps(receipt, ensure_ascii=False, indent=1) + "\n"
