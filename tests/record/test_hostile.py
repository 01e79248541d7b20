"""Hostile neighbours: a witness whose operator lies, an event that hides its facts, a bundle that steers a terminal."""

import json
import secrets
import subprocess
import sys
import time

import pytest

from apps.audit.models import Event
from apps.audit.selectors import state
from apps.audit.verification import verify
from caia_notary import collect
from caia_notary.place import WitnessPlace
from caia_notary.sequencer import raise_alarm
from tests.factories import MemberFactory
from tests.record.conftest import noted
from tests.record.judges import ROOT
from tlog.asking import post_checkpoint
from tlog.keys import create_key
from tlog.notes import Kind, VerifierKey

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def liar(at_hand, monkeypatch):
    """A witness that says what the test wants; calling it shows it the head and gives the notary's line."""
    noted(2)
    at_hand.step()
    key = create_key(at_hand.place.home / "liar", "witness.liar", Kind.COSIGNATURE)
    place = WitnessPlace("Liar", "http://127.0.0.1:1", str(key.verifier))

    def says(status, answer):
        monkeypatch.setattr(collect, "post_checkpoint", lambda *_: (status, answer))
        (line,) = collect.collect(at_hand.connection, at_hand.tiles, at_hand.head, [place])
        return line

    return says


@pytest.mark.parametrize(
    ("status", "answer"),
    [(500, "a\0b"), (409, "\u00b2"), (409, "9" * 5000), (200, "\ud800".encode("utf-8", "replace").decode())],
)
def test_no_answer_of_a_witness_ends_the_notary(at_hand, liar, status, answer):
    assert liar(status, answer).startswith("Liar refused")

    noted(1)
    assert at_hand.step() == 1


def test_a_witness_that_says_something_else_each_time_hides_no_other_alarm(at_hand, liar):
    for _ in range(25):
        liar(500, secrets.token_hex(4))

    raise_alarm(at_hand.connection, "entry 1 does not match its leaf")

    assert "entry 1 does not match its leaf" in state().alarms
    assert len(state().alarms) == 2


def test_a_key_that_is_in_use_under_another_name_is_not_taken_up(at_hand, witness):
    """Or every export would name one key twice, and no verifier would read it any more."""
    noted(1)
    at_hand.step()
    witness.sees(at_hand)
    key = VerifierKey.parse(witness.place.vkey)
    twin = str(VerifierKey(f"twin.{key.name}", key.kind, key.public))

    lines = list(
        collect.collect(
            at_hand.connection, at_hand.tiles, at_hand.head,
            [witness.place, WitnessPlace("Twin", witness.place.url, twin)],
        )
    )  # fmt: skip

    assert any("in use under another name" in line for line in lines)


@pytest.mark.parametrize("details", ["[" * 3000 + "]" * 3000, "1" + "0" * 5000])
def test_an_event_that_nobody_can_parse_is_listed_all_the_same(at_hand, superuser, details):
    (pk,) = noted(1)
    superuser.execute("alter table audit.pending disable trigger user")
    superuser.execute("update audit.pending set entry = replace(entry, '\"number\":0', %s)", [f'"number":{details}'])
    superuser.execute("alter table audit.pending enable trigger user")

    event = Event.objects.get(pk=pk)

    assert (event.details, event.reason, event.roles) == ({}, "", [])


def test_a_row_that_the_owner_noted_anew_is_said(filled, superuser):
    member = MemberFactory()
    filled.step()
    superuser.execute("alter table alliance_member disable trigger must_be_recorded")
    superuser.execute("update alliance_member set position = 'Forged' where id = %s", [member.pk])
    superuser.execute("alter table alliance_member enable trigger must_be_recorded")
    assert not verify().holds

    superuser.execute("call audit.note_existing('alliance_member')")
    filled.step()

    assert verify().noted_anew == {"alliance_member": 1}


def test_a_bundle_does_not_steer_the_terminal_of_whoever_checks_it(tmp_path):
    header = {
        "format": "caia-record",
        "version": 1,
        "kind": "whole",
        "origin": "\x1b[2J\x1b[HIT HOLDS.",
        "logs": ["\x1b[2J"],
    }
    file = tmp_path / "bundle.jsonl"
    file.write_text(json.dumps(header) + "\n", encoding="utf-8")

    for command in ([sys.executable, ROOT / "verifier" / "caia_verify.py"], ["node", ROOT / "verifier" / "verify.mjs"]):
        said = subprocess.run([*map(str, command), str(file)], capture_output=True, text=True, check=False)
        assert said.returncode == 2
        assert "\x1b" not in said.stdout


def test_a_witness_that_drips_is_cut_off(tmp_path):
    """A byte now and then keeps each single read in time, and would hold the notary for hours."""
    drip = (
        "import socket, sys, time\n"
        "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
        "c, _ = s.accept()\n"
        "for byte in b'HTTP/1.1 200 OK\\r\\nX: ' + b'a' * 1000:\n"
        "    c.send(bytes([byte])); time.sleep(0.4)\n"
    )
    with subprocess.Popen([sys.executable, "-c", drip], stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline())
        began = time.monotonic()
        with pytest.raises(OSError):
            post_checkpoint(f"http://127.0.0.1:{port}", "0\n\n")
        assert time.monotonic() - began < 30
        server.kill()
