"""A receipt shows, without the portal, that just this text was signed; a changed byte anywhere is seen."""

import hashlib
import json
import subprocess
import sys

import pytest

from apps.agreements.models import Signature
from apps.agreements.receipts import receipt_of
from apps.agreements.services import signing
from apps.alliance.roles import Role
from apps.core.errors import WrongState
from tests.conftest import sign_in
from tests.factories import MemberFactory, holder
from tests.factories_agreements import drafted, official, reloaded, sent
from tests.record.judges import ROOT

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-I", str(ROOT / "verifier" / "caia_receipt.py")]


@pytest.fixture
def given(at_hand):
    """A signature given by command and signed into the record by the notary."""
    version = sent(drafted())
    by = official(version.agreement.providing)
    made = signing.sign(reloaded(version), by=by, text_sha256=version.text_id, statement="Read it.")
    at_hand.step()
    return Signature.objects.get(pk=made.pk)


@pytest.fixture
def receipt(given):
    return json.loads(receipt_of(given))


@pytest.fixture
def judge(tmp_path):
    def ask(receipt, *more):
        path = tmp_path / "receipt.json"
        path.write_text(receipt if isinstance(receipt, str) else json.dumps(receipt), encoding="utf-8")
        answer = subprocess.run([*PROGRAM, str(path), *map(str, more)], capture_output=True, text=True, check=False)
        return answer.returncode, answer.stdout + answer.stderr

    return ask


def test_it_holds_without_the_portal(receipt, judge, given):
    code, said = judge(receipt)

    assert code == 0, said
    assert "IT HOLDS" in said
    assert given.printed_name in said


def test_the_pdf_of_that_moment_belongs_to_it(receipt, judge, given, tmp_path):
    path = tmp_path / "agreement.pdf"
    path.write_bytes(bytes(given.document.content))
    assert judge(receipt, "--document", path)[0] == 0

    changed = bytearray(given.document.content)
    changed[len(changed) // 2] ^= 1
    path.write_bytes(bytes(changed))
    assert judge(receipt, "--document", path)[0] == 1


def test_every_flipped_byte_of_the_text_is_seen(receipt, judge):
    text = receipt["text"]
    for place in range(0, len(text), max(1, len(text) // 12)):
        flipped = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        code, said = judge({**receipt, "text": flipped})
        assert code == 1
        assert "not the one that was signed" in said


def test_every_changed_field_of_the_signature_is_seen(receipt, judge):
    for name, value in receipt["signature"].items():
        changed = (
            f"{value}x" if isinstance(value, str) else value + 1 if isinstance(value, int) else {**value, "age_s": 9}
        )
        assert judge({**receipt, "signature": {**receipt["signature"], name: changed}})[0] == 1, name


def test_a_field_that_is_gone_or_new_is_seen(receipt, judge):
    fewer = {name: value for name, value in receipt["signature"].items() if name != "orcid"}
    assert judge({**receipt, "signature": fewer})[0] == 1
    assert judge({**receipt, "signature": {**receipt["signature"], "more": "words"}})[0] == 1


def test_a_changed_event_is_seen(receipt, judge):
    for old, new in (("agreements.version.signed", "agreements.version.sighed"), ('"edition":1', '"edition":2')):
        assert old in receipt["bundle"]
        assert judge({**receipt, "bundle": receipt["bundle"].replace(old, new)})[0] in {1, 2}
    place = receipt["bundle"].index('"record_sha256":"') + 20
    flipped = (
        receipt["bundle"][:place] + ("0" if receipt["bundle"][place] != "0" else "1") + receipt["bundle"][place + 1 :]
    )
    assert judge({**receipt, "bundle": flipped})[0] in {1, 2}


def test_text_and_signature_changed_together_are_seen(receipt, judge):
    """Whoever forges both alike still lacks the event."""
    text = receipt["text"] + "More.\n"
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    forged = {**receipt, "text": text, "signature": {**receipt["signature"], "text_sha256": sha256}}
    assert judge(forged)[0] == 1


def test_the_event_of_another_signature_does_not_serve(receipt, judge, at_hand, given):
    version = reloaded(given.version)
    other = signing.sign(version, by=official(version.agreement.receiving), text_sha256=version.text_id)
    at_hand.step()
    foreign = json.loads(receipt_of(Signature.objects.get(pk=other.pk)))

    mixed = {**receipt, "bundle": foreign["bundle"], "event_id": foreign["event_id"]}
    assert judge(mixed)[0] == 1
    assert judge({**receipt, "bundle": foreign["bundle"]})[0] == 1


@pytest.mark.parametrize("broken", ["", "{}", "[]", "null", '{"format": "caia-signature-receipt"}'])
def test_what_is_no_receipt_is_unreadable(judge, broken):
    assert judge(broken)[0] == 2


def test_before_the_notary_came_by_there_is_none_yet(at_hand):
    version = sent(drafted())
    made = signing.sign(reloaded(version), by=official(version.agreement.providing), text_sha256=version.text_id)

    with pytest.raises(WrongState, match="few seconds"):
        receipt_of(Signature.objects.get(pk=made.pk))


# ── who takes it ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_signer_and_auditors_take_it_and_nobody_else(given, client):
    path = f"/agreements/signatures/{given.pk}/receipt/"
    center = given.center
    auditor = holder(Role.AUDITOR, center)
    manager = holder(Role.CENTER_MANAGER, center)
    answers = {}
    for name, person in {
        "signer": given.signer, "auditor": auditor, "manager": manager,
        "colleague": MemberFactory(center=center), "other official": official(given.version.agreement.receiving),
        "stranger": MemberFactory(),
    }.items():  # fmt: skip
        browser = client.__class__(SERVER_NAME="localhost")
        sign_in(browser, person)
        answers[name] = browser.get(path).status_code
    assert answers == {
        "signer": 200, "auditor": 200, "manager": 403, "colleague": 403, "other official": 403, "stranger": 404,
    }  # fmt: skip
