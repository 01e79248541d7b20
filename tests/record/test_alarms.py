"""Alarms end when what they are about works again, and a witness that left is asked no more and stays checkable."""

from dataclasses import replace

import psycopg
import pytest

from apps.audit import exports
from apps.audit.gateways import ask_witnesses
from apps.audit.selectors import state
from apps.audit.verification import verify
from caia_notary import __main__ as notary_process
from caia_notary.sequencer import Alarm, raise_alarm
from tests.factories import alliance, holder
from tests.record.conftest import Witness, noted, shown

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alarms(superuser):
    """The words of the alarms that stand."""

    def standing():
        return [words for (words,) in superuser.execute("select words from audit.alarm where cleared_at is null")]

    return standing


def grown(notary):
    noted(3)
    notary.step()
    return notary


def test_a_refusal_stands_until_the_same_witness_cosigns_again(filled, witness, alarms, superuser):
    trusted = (witness.folder / "logs").read_text()
    (witness.folder / "logs").write_text("")
    assert "refused: status 404" in witness.sees(filled)
    raise_alarm(filled.connection, "The witness of East refused the record's head: no.", about="witness East")
    raise_alarm(filled.connection, "somebody has to look")
    assert len(alarms()) == 3

    (witness.folder / "logs").write_text(trusted)
    assert "cosigned" in witness.sees(filled)

    assert alarms() == ["The witness of East refused the record's head: no.", "somebody has to look"]
    assert superuser.execute("select count(*) from audit.alarm").fetchone()[0] == 3  # its history stays


def test_damaged_tiles_are_an_alarm_until_a_witness_can_be_asked_again(filled, witness, alarms):
    witness.sees(filled)
    tile = max(path for path in filled.place.tiles.rglob("*") if path.is_file())
    grown(filled)
    kept = {path: path.read_bytes() for path in (filled.place.tiles / "tile").rglob("*") if path.is_file()}
    for path in kept:
        path.write_bytes(b"short")

    assert "was not asked" in witness.sees(filled)
    assert "tiles are damaged" in alarms()[0]
    for path, content in kept.items():
        path.write_bytes(content)
    assert "cosigned" in witness.sees(filled)

    assert alarms() == []
    assert tile.exists()


def test_tiles_that_were_not_signed_are_an_alarm_until_the_next_head(filled, place, alarms, monkeypatch):
    def once():
        with psycopg.connect(place.database_url) as again:
            notary_process._work(place, again, notary_process.Stop(), once=True)

    filled.connection.close()
    noted(3)
    with monkeypatch.context() as patch:
        patch.setattr("caia_notary.sequencer.Sequencer._read_back", damaged_after(1))
        with pytest.raises(Alarm, match="the tiles are damaged"):
            once()
    assert len(alarms()) == 1

    once()

    assert alarms() == []


def damaged_after(sound):
    """The first of these readings succeed, as the one at the start does."""
    from tlog.tiles import TileBroken

    seen = []

    def read_back(self, start, size, root):
        seen.append(size)
        if len(seen) > sound:
            raise TileBroken("a bit")

    return read_back


def test_a_witness_that_is_no_longer_named_is_asked_no_more_and_what_it_signed_stays_checkable(
    filled, witness, superuser, browse
):
    witness.sees(filled)
    size = filled.head.frontier.size
    assert shown(grown(filled)) == []

    assert ask_witnesses() == []
    seen = state()
    assert (seen.witnesses, [(one.center, one.size) for one in seen.gone]) == ([], [("North", size)])
    assert verify().wrong == []
    assert exports.newest_head(quorum=1).centers == ("North",)
    assert [one.center for one in exports.trust().witnesses] == ["North"]
    page = browse(holder("auditor", alliance())).get("/record/").content.decode()
    assert "The witness of North left" in page
    superuser.execute("alter table audit.cosignature disable trigger user")
    superuser.execute("update audit.cosignature set line = replace(line, 'A', 'B')")
    assert "signed another head" in " ".join(verify().wrong)


def test_a_witness_that_comes_back_counts_again(filled, witness):
    witness.sees(filled)
    shown(grown(filled))
    assert state().witnesses == []

    witness.sees(filled)

    assert [(one.center, one.left_at) for one in state().witnesses] == [("North", None)]
    assert state().gone == []
    assert ask_witnesses()[0].agrees


def test_a_center_can_take_a_new_witness_and_what_the_old_one_signed_still_holds(filled, witness, tmp_path):
    witness.sees(filled)
    other = Witness(tmp_path / "other", str(filled.key.verifier))
    try:
        assert "cosigned" in shown(grown(filled), other.place)[0]

        assert verify().wrong == []
        assert [one.agrees for one in ask_witnesses()] == [True]
        assert [one.center for one in state().witnesses] == ["North"]
        assert state().gone == []
        assert len(exports.trust().witnesses) == 2
    finally:
        other.stop()


def test_a_key_that_is_none_is_an_alarm_and_stops_nobody(filled, witness, alarms):
    false = replace(witness.place, center="East", vkey="nonsense")

    assert [line.split()[1] for line in shown(filled, false, witness.place)] == ["refused:", "cosigned"]
    assert "its key in witnesses.json is none" in alarms()[0]
    assert verify().wrong == []
