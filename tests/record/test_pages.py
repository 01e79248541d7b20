"""What an auditor gets of the record: its standing, one event with its proof, a file that verifies, the alarms."""

import json
import subprocess
import sys

import pytest
from django.utils import timezone

from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.models import Event
from apps.audit.selectors import LATE, state
from apps.audit.verification import verify
from apps.core import health
from apps.core.models import Message, Notice
from apps.home.watch import tell_of_troubles, verify_newest, verify_whole
from tests.factories import MemberFactory, alliance, holder
from tests.record.conftest import noted
from tests.record.judges import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def auditor(transactional_db):
    return holder(Role.AUDITOR, alliance())


@pytest.fixture
def suspended(auditor):
    """The event of a suspension, with the center whose affair it is."""
    manager = holder(Role.CENTER_MANAGER)
    people.suspend(MemberFactory(center=manager.center), by=manager, reason="On leave.")
    return Event.objects.get(event="alliance.member.suspended")


def text_of(response):
    assert response.status_code == 200, response.content[:2000]
    return response.content.decode()


def test_the_list_says_how_much_is_signed_and_who_has_seen_it(browse, auditor, suspended, at_hand, witness):
    at_hand.step()
    witness.sees(at_hand)

    page = text_of(browse(auditor).get("/record/"))

    assert f"{state().size:,} entries signed" in page
    assert f"Seen by 1 of 1 centers: North up to {state().size:,}" in page


def test_an_unsigned_event_says_that_it_waits_and_is_not_given_away(browse, auditor, suspended, at_hand):
    browser = browse(auditor)

    assert "Not signed yet" in text_of(browser.get(f"/record/{suspended.pk}/"))
    assert browser.get(f"/record/{suspended.pk}/bundle/").status_code == 409


def test_a_signed_event_shows_its_exact_text_and_its_proof(browse, auditor, suspended, at_hand):
    at_hand.step()

    page = browse(auditor).get(f"/record/{suspended.pk}/")

    assert page.context["event"].entry == suspended.entry
    proof = page.context["proof"]
    assert (proof.index, proof.size) == (Event.objects.get(pk=suspended.pk).idx, at_hand.head.frontier.size)
    assert proof.root == at_hand.head.frontier.root().hex()
    assert "On leave." in text_of(page)


def test_an_event_is_proved_under_the_head_that_most_centers_have_seen(
    browse, auditor, suspended, at_hand, witness, tmp_path
):
    browser, page = browse(auditor), f"/record/{suspended.pk}/"
    at_hand.step()
    assert "No center has seen this head yet" in text_of(browser.get(page))
    at_hand.step()
    witness.sees(at_hand)
    seen = at_hand.head.frontier.size
    noted(300)
    at_hand.step()

    answer = browser.get(page)

    assert (answer.context["proof"].size, answer.context["proof"].centers) == (seen, ("North",))
    assert "1 center: North" in text_of(answer)
    assert answer.context["proof"].note.count("\n— ") == 2
    file = tmp_path / "event.jsonl"
    file.write_bytes(browser.get(f"{page}bundle/").content)
    verifier = [sys.executable, str(ROOT / "verifier" / "caia_verify.py"), str(file), "--json"]
    said = json.loads(subprocess.run(verifier, capture_output=True, text=True, check=False).stdout)
    assert (said["exit"], said["centers"]) == (0, ["North"])
    (late,) = noted(1)
    at_hand.step()
    assert browser.get(f"/record/{late}/").context["proof"].size == at_hand.head.frontier.size


def test_a_damaged_tile_is_no_proof_and_no_mistake_either(browse, auditor, suspended, at_hand):
    at_hand.step()
    for tile in at_hand.place.tiles.rglob("*"):
        if tile.is_file():
            tile.write_bytes(b"\0" * tile.stat().st_size)

    page = text_of(browse(auditor).get(f"/record/{suspended.pk}/"))

    assert "published hashes are not at hand" in page
    assert "Signed head" not in page


def test_a_head_that_nobody_signed_is_no_proof_and_no_mistake_either(browse, auditor, suspended, at_hand, dba):
    at_hand.step()
    dba.execute("update audit.checkpoint set note = replace(note, 'caia', 'gaia')")

    page = text_of(browse(auditor).get(f"/record/{suspended.pk}/"))

    assert "Signed head" not in page


def test_the_file_of_an_event_verifies_without_the_portal_and_its_taking_is_recorded(
    browse, auditor, suspended, at_hand, tmp_path
):
    at_hand.step()

    answer = browse(auditor).get(f"/record/{suspended.pk}/bundle/")

    assert answer["Content-Disposition"].startswith("attachment;")
    file = tmp_path / "event.jsonl"
    file.write_bytes(answer.content)
    verifier = [sys.executable, str(ROOT / "verifier" / "caia_verify.py"), str(file), "--json"]
    said = subprocess.run(verifier, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert suspended.entry in answer.content.decode()
    file.write_bytes(answer.content.replace(b"On leave.", b"On trips."))
    assert subprocess.run(verifier, capture_output=True, check=False).returncode == 1
    assert Event.objects.get(event="audit.event.exported").details == {"event_id": str(suspended.pk)}


def test_verify_now_says_what_it_looked_at_and_that_it_holds(browse, auditor, suspended, at_hand):
    at_hand.step()

    page = browse(auditor).post("/record/verify/", follow=True)

    assert "The record holds" in text_of(page)
    found = Event.objects.get(event="audit.record.verified").details
    assert (found["holds"], found["wrong"], found["entries"] > 0, found["rows"] > 0) == (True, [], True, True)


def test_verify_now_on_a_part_promises_nothing_about_the_rest(browse, auditor, filled, monkeypatch):
    browser = browse(auditor)
    whole = text_of(browser.post("/record/verify/", follow=True))
    monkeypatch.setattr("apps.home.record_views.MOST_VERIFIED", 100)

    part = text_of(browser.post("/record/verify/", follow=True))

    found = [event.details for event in Event.objects.filter(event="audit.record.verified").order_by("id")]
    assert [(one["rows_checked"], one["rows"] > 0, one["start"] > 0) for one in found] == [
        (True, True, False),
        (False, False, True),
    ]
    assert "every governed row is as its last event left it" in whole
    assert "every governed row is as its last event left it" not in part
    assert "no governed row were checked" in part
    assert "were not looked at" in part


def test_verify_now_names_the_entry_that_somebody_changed(browse, auditor, suspended, at_hand, dba):
    at_hand.step()
    index = Event.objects.get(pk=suspended.pk).idx
    dba.execute("update audit.entry set entry = replace(entry, 'On leave.', 'On trips.') where idx = %s", [index])

    page = browse(auditor).post("/record/verify/", follow=True)

    assert f"First bad entry: {index}" in text_of(page)
    assert "The record does not hold" in text_of(page)


def test_what_is_wrong_names_rows_of_every_center_so_a_centers_auditor_only_learns_that_something_is(
    browse, auditor, suspended, at_hand, dba
):
    at_hand.step()
    dba.execute("update alliance_member set name = 'Somebody else' where id = %s", [auditor.pk])
    of_a_center = holder(Role.AUDITOR)

    page = text_of(browse(of_a_center).post("/record/verify/", follow=True))

    assert "The record does not hold" in page
    assert "1 finding." in page
    told = Event.objects.get(event="audit.record.verified")
    assert (told.details["wrong"], told.details["findings"]) == ([], 1)
    assert str(auditor.pk) not in page + told.entry
    assert str(auditor.pk) in Notice.objects.get(to=auditor).text, "those in charge are told at once"


def test_what_an_auditor_of_the_alliance_found_is_the_alliances_affair(browse, auditor, suspended, at_hand, dba):
    at_hand.step()
    dba.execute("update alliance_member set name = 'Somebody else' where id = %s", [auditor.pk])
    browse(auditor).post("/record/verify/")

    found = Event.objects.get(event="audit.record.verified")

    assert str(auditor.pk) in found.details["wrong"][0]
    beside = browse(holder(Role.AUDITOR, auditor.center))
    assert beside.get(f"/record/verified/{found.pk}/").status_code == 404
    assert beside.get(f"/record/{found.pk}/").status_code == 404


def test_the_record_is_verified_once_at_a_time(browse, auditor, suspended, at_hand, monkeypatch):
    at_hand.step()
    browser, others = browse(auditor), []

    def meanwhile(**asked):
        others.append(browse(auditor).post("/record/verify/").status_code)
        return verify(**asked)

    monkeypatch.setattr("apps.home.record_views.verify", meanwhile)

    assert browser.post("/record/verify/").status_code == 302
    assert others == [409]
    assert browser.post("/record/verify/").status_code == 302


def test_two_events_of_one_id_break_no_page(browse, auditor, suspended, at_hand, dba):
    at_hand.step()
    dba.execute(
        "insert into audit.entry (idx, sequenced_at, entry, leaf) "
        "select 1000, sequenced_at, replace(entry, 'On leave.', 'On trips.'), leaf from audit.entry where id = %s",
        [suspended.pk],
    )

    page = text_of(browse(auditor).get(f"/record/{suspended.pk}/"))

    assert "On leave." in page
    assert "On trips." not in page


def test_a_centers_auditor_sees_neither_event_nor_file_of_another_center(browse, suspended, at_hand):
    at_hand.step()
    browser = browse(holder(Role.AUDITOR))

    for address in (f"/record/{suspended.pk}/", f"/record/{suspended.pk}/bundle/"):
        assert browser.get(address).status_code == 404


def test_the_list_narrows_to_one_person_and_to_one_object(browse, auditor, suspended):
    browser = browse(auditor)
    suspension = json.loads(suspended.entry)

    by_object = browser.get("/record/", {"about": suspension["object"]["id"]}).context["listing"].rows
    by_person = browser.get("/record/", {"person": "nobody of this name"}).context["listing"].rows

    assert [row.pk for row in by_object] == [suspended.pk]
    assert by_person == []


def test_a_step_that_broke_off_is_found_by_its_outcome(browse, auditor, monkeypatch):
    manager = holder(Role.CENTER_MANAGER)

    def breaks(*args, **kwargs):
        raise ZeroDivisionError("never shown")

    colleague = MemberFactory(center=manager.center)
    monkeypatch.setattr("apps.core.commands._worked", breaks)
    with pytest.raises(ZeroDivisionError):
        people.suspend(colleague, by=manager, reason="On leave.")

    (row,) = browse(auditor).get("/record/", {"outcome": "error"}).context["listing"].rows
    assert (row.event, row.details) == ("alliance.member.suspended", {"error": "ZeroDivisionError"})
    page = text_of(browse(auditor).get(f"/record/{row.pk}/"))
    assert "Failed" in page
    assert "Attempt to" in page


def test_an_event_that_lacks_everything_spoils_nobodys_list(browse, auditor):
    (pk,) = noted(1)
    browser = browse(auditor)

    assert "Noted" in text_of(browser.get("/record/"))
    assert "Not signed yet" in text_of(browser.get(f"/record/{pk}/"))


# ── The watch ────────────────────────────────────────────────────────────────────────────────────────────────────────
def long_ago(superuser):
    noted(3)
    superuser.execute("alter table audit.pending disable trigger user")
    superuser.execute("update audit.pending set arrived_at = arrived_at - make_interval(secs => %s)", [LATE + 35])
    superuser.execute("alter table audit.pending enable trigger user")


def test_a_notary_that_stays_away_is_told_once_a_day_to_those_in_charge(auditor, superuser, browse):
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    bystander = holder(Role.CENTER_MANAGER)
    long_ago(superuser)

    tell_of_troubles()
    tell_of_troubles()

    assert {notice.to_id for notice in Notice.objects.all()} == {auditor.pk, runner.pk}
    assert bystander.pk not in {notice.to_id for notice in Notice.objects.all()}
    assert Message.objects.filter(task="core.mail_notice").count() == 2
    assert "The notary has not come by for" in text_of(browse(auditor).get("/record/"))


def test_the_platforms_parts_say_how_the_record_is(auditor, superuser, at_hand):
    at_hand.step()
    assert health.parts()["record"].ok

    long_ago(superuser)

    part = health.parts()["record"]
    assert not part.ok
    assert "has not come by" in part.words


def test_an_alarm_of_the_notary_reaches_those_in_charge(auditor, superuser):
    superuser.execute("insert into audit.alarm (words) values ('The witness of North refused the head.')")

    assert tell_of_troubles() == 1
    assert Notice.objects.get(to=auditor).text == "The witness of North refused the head."
    superuser.execute("update audit.alarm set cleared_at = now()")
    assert state().troubles(timezone.now()) == []


@pytest.mark.parametrize("look", [verify_newest, verify_whole])
def test_a_record_that_holds_troubles_nobody(auditor, suspended, at_hand, look):
    at_hand.step()

    assert look() == 0
    assert not Notice.objects.filter(to=auditor).exists()


@pytest.mark.parametrize("look", [verify_newest, verify_whole])
def test_an_entry_that_was_changed_is_told_within_the_minute(auditor, suspended, at_hand, dba, look):
    at_hand.step()
    index = Event.objects.get(pk=suspended.pk).idx
    dba.execute("update audit.entry set entry = replace(entry, 'On leave.', 'On trips.') where idx = %s", [index])

    assert look() == 1

    assert f"Entry {index} was changed" in Notice.objects.get(to=auditor).text
    assert look() == 0, "once a day is enough"


def test_a_row_that_was_changed_past_the_record_is_told_by_morning(auditor, suspended, at_hand, dba):
    at_hand.step()
    dba.execute("update alliance_member set name = 'Somebody else' where id = %s", [auditor.pk])

    verify_whole()

    assert "changed past the record" in Notice.objects.get(to=auditor).text
