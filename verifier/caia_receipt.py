#!/usr/bin/env python3
"""Check the receipt of a signature without trusting the portal: the text, the signature, its event, the event's proof.

    python3 caia_receipt.py RECEIPT [--document PDF] [--trust FILE] [--seen FILE]...

Exit code: 0 it holds, 1 it is broken, 2 it can't be read. Needs Python 3.9 or newer and caia_verify.py beside it.
The chain: SHA-256 of the text → the signature's record → SHA-256 of that record in the event → the signed tree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
import traceback
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # also under python -I

import caia_verify

FIELDS = {"format", "version", "event_id", "signature", "text", "bundle"}
ENTRY = re.compile(r'\{"entry":\d+,"proof":"[^"]*","event":(\{.*\})\}')
# Of the event's details → of the signature's record.
SAME = {
    "signature": "signature_id",
    "text_sha256": "text_sha256",
    "document_sha256": "document_sha256",
    "meaning": "meaning_code",
    "edition": "edition",
}


class Unreadable(Exception):
    """This is no whole receipt of a known version."""


def read_receipt(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            receipt = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(f"{path} can't be read: {error}") from None
    if not isinstance(receipt, dict) or set(receipt) != FIELDS or not isinstance(receipt["signature"], dict):
        raise Unreadable("This is no receipt of a signature.")
    if (receipt["format"], receipt["version"]) != ("caia-signature-receipt", 1):
        raise Unreadable("This receipt is of another version.")
    if not all(isinstance(receipt[name], str) for name in ("event_id", "text", "bundle")):
        raise Unreadable("A part of this receipt is no text.")
    return receipt


def judge(receipt: dict[str, Any], trust: str | None, seen: list[str], document: str | None) -> dict[str, Any]:
    """The verifier's report on the bundle, with what else does not hold as further findings."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "event.jsonl")
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(receipt["bundle"])
        report = caia_verify.verify(path, trust, seen)
    if report["exit"] == 2:
        return report
    found = [*problems(receipt), *document_problems(receipt["signature"], document)]
    report["findings"] += [{"code": "receipt", "index": None, "words": words} for words in found]
    report["exit"] = 1 if report["findings"] else 0
    return report


def problems(receipt: dict[str, Any]) -> list[str]:
    """Where text, signature and event do not say the same."""
    record, event = receipt["signature"], event_of(receipt)
    if event is None:
        return ["The bundle does not hold the event of this signature."]
    details, found = event.get("details", {}), []
    if sha256(receipt["text"].encode()) != record.get("text_sha256"):
        found.append("The text is not the one that was signed.")
    if sha256(canonical(record)) != details.get("record_sha256"):
        found.append("The signature's record is not the one that the event speaks of.")
    found += [
        f"The event and the signature differ in {told}."
        for told, kept in SAME.items()
        if details.get(told) != record.get(kept)
    ]
    if (event.get("kind"), event.get("outcome")) != ("agreements.version.signed", "success"):
        found.append("The event is not that of a signature.")
    if event.get("actor", {}).get("ref") != record.get("signer_id"):
        found.append("Somebody else acted in this event.")
    if event.get("object", {}).get("id") != record.get("version_id"):
        found.append("The event is about another agreement.")
    return found


def event_of(receipt: dict[str, Any]) -> dict[str, Any] | None:
    """The one event of the bundle with the receipt's id."""
    for line in receipt["bundle"].split("\n"):
        match = ENTRY.fullmatch(line)
        event = json.loads(match[1]) if match else None
        if isinstance(event, dict) and event.get("id") == receipt["event_id"]:
            return event
    return None


def document_problems(record: dict[str, Any], path: str | None) -> list[str]:
    if path is None:
        return []
    with open(path, "rb") as file:
        same = sha256(file.read()) == record.get("document_sha256")
    return [] if same else [f"{path} is not the PDF as it was when this was signed."]


def canonical(value: Any) -> bytes:
    """RFC 8785, for values without floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check the receipt of a signature without trusting who gave it.")
    parser.add_argument("receipt")
    parser.add_argument("--document", metavar="PDF", help="the agreement as PDF, as it was after this signature")
    parser.add_argument("--trust", metavar="FILE", help="origin, logs, witnesses and quorum that you trust, as JSON")
    parser.add_argument("--seen", metavar="FILE", action="append", default=[], help="a witness's file, or a checkpoint")
    words = parser.parse_args(arguments)
    try:
        receipt = read_receipt(words.receipt)
    except Unreadable as error:
        print(f"IT CAN'T BE READ.\n  - {caia_verify.plain(str(error))}")
        return 2
    report = judge(receipt, words.trust, words.seen, words.document)
    record = receipt["signature"]
    about = [
        f"{name.replace('_', ' '):<14}{record.get(name)}"
        for name in ("agreement", "version", "printed_name", "affiliation", "meaning", "signed_at")
    ]
    print("\n".join(map(caia_verify.plain, [*caia_verify.in_words(report), "", *about])))
    return int(report["exit"])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:  # noqa: BLE001 (a fault of this program must not look like a verdict)
        traceback.print_exc()
        sys.exit(2)
