"""Changing the notary's key as its operator does, with all that stands on the key; and key files that are none."""

import os
import subprocess
import sys
from dataclasses import replace

import psycopg
import pytest

from apps.audit import exports
from apps.audit.gateways import ask_witnesses
from apps.audit.verification import verify
from caia_notary.sequencer import Sequencer
from tests.record.conftest import noted
from tests.record.judges import ROOT
from tlog.tiles import TileDirectory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def notary_said(place, *words):
    """The notary's own command line."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANCHOR_")},
        "NOTARY_DATABASE_URL": place.database_url,
        "NOTARY_HOME": str(place.home),
        "NOTARY_ORIGIN": place.origin,
    }
    return subprocess.run(
        [sys.executable, "-m", "caia_notary", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_key_is_changed_and_all_that_stands_on_it_goes_on(filled, place, witness, judges, tmp_path):
    witness.sees(filled)
    trust = {
        "origin": place.origin,
        "logs": [str(filled.key.verifier)],
        "witnesses": [{"center": "North", "vkey": witness.place.vkey}],
        "quorum": 1,
    }
    filled.connection.close()

    rotated = notary_said(place, "rotate")
    assert rotated.returncode == 0, rotated.stderr
    vkey, statement = rotated.stdout.split("\n")[0], rotated.stdout.split()[-1]
    assert notary_said(place, "vkey").stdout.strip() == vkey != trust["logs"][0]
    noted(10)
    again = notary_said(place, "once")
    assert again.returncode == 0, again.stderr

    with psycopg.connect(place.database_url) as connection:
        notary = Sequencer(place, connection)
        assert str(notary.key.verifier) == vkey
        assert "status 403" in witness.sees(notary)  # until its center trusts the new key
        witness.command("trust", "--rotation", statement)
        assert "cosigned" in witness.sees(notary)
        noted(10)
        notary.step()
        assert "cosigned" in witness.sees(notary)

    report = verify(tiles=TileDirectory(place.tiles))
    assert (report.wrong, report.unsigned_from) == ([], None)
    assert [one.agrees for one in ask_witnesses()] == [True]
    assert standing_alarms(place) == 0
    exports.export_whole(tmp_path / "bundle")
    for pinned in (None, trust):  # who only ever knew the old key follows the statement
        judged = judges.judge((tmp_path / "bundle").read_bytes(), trust=pinned, seen=[witness.seen()])
        assert judged["exit"] == 0, judged


def standing_alarms(place):
    with psycopg.connect(place.database_url) as connection:
        return connection.execute("select count(*) from audit.alarm where cleared_at is null").fetchone()[0]


def test_no_key_is_changed_beside_a_running_notary(filled, place):
    said = notary_said(place, "rotate")

    assert (said.returncode, said.stderr) == (1, "caia_notary: another notary is at work on this database\n")


def open_to_all(key):
    key.chmod(0o644)


def nonsense(key):
    key.write_text("nonsense")


def bytes_of_no_text(key):
    key.write_bytes(b"\xff\xfe")


def a_link(key):
    key.rename(key.with_name("elsewhere"))
    key.symlink_to(key.with_name("elsewhere"))


def gone(key):
    key.unlink()


@pytest.mark.parametrize("command", ["vkey", "rotate", "once"])
@pytest.mark.parametrize("spoil", [open_to_all, nonsense, bytes_of_no_text, a_link, gone])
def test_a_key_file_that_is_none_is_told_in_a_sentence(place, spoil, command):
    spoil(place.key)

    said = notary_said(place, command)

    assert said.returncode == 1
    assert said.stderr.startswith("caia_notary: ")
    assert said.stderr.count("\n") == 1


def test_a_database_that_does_not_answer_is_told_in_a_sentence(place):
    said = notary_said(replace(place, database_url="postgresql://127.0.0.1:1/none"), "rotate")

    assert said.returncode == 1
    assert said.stderr.startswith("caia_notary: ")
    assert "Traceback" not in said.stderr
