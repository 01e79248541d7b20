"""From a command to a signed tree head, and over again after a crash at every line."""

import json

import psycopg
import pytest

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.models import Checkpoint, Entry, Event
from caia_notary.sequencer import Alarm, Sequencer
from tests.factories import MemberFactory, holder
from tlog.merkle import leaf_hash, root_of
from tlog.notes import open_checkpoint

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager(transactional_db):
    return holder(Role.CENTER_MANAGER)


def suspended(manager):
    colleague = MemberFactory(center=manager.center)
    people.suspend(colleague, by=manager, reason="On leave.")
    return colleague


def test_a_command_becomes_two_leaves_the_event_and_the_rows_it_changed(manager, notary):
    colleague = suspended(manager)

    notary.step()

    entries = list(Entry.objects.all())
    event = next(entry for entry in entries if entry.kind == "alliance.member.suspended")
    rows = json.loads(entries[event.idx + 1].entry)
    assert [entry.idx for entry in entries] == list(range(len(entries)))
    assert rows["kind"] == "audit.rows"
    assert rows["event"] == str(event.id)
    assert [(row["table"], row["id"], row["op"]) for row in rows["rows"]] == [
        ("alliance_member", str(colleague.pk), "U")
    ]


def test_the_signed_head_is_the_root_of_what_is_stored(manager, notary):
    suspended(manager)
    notary.step()

    checkpoint = Checkpoint.objects.first()
    leaves = [leaf_hash(entry.entry.encode()) for entry in Entry.objects.all()]
    _, opened = open_checkpoint(checkpoint.note, notary.place.origin, [notary.key.verifier])
    assert (opened.size, opened.root) == (len(leaves), root_of(leaves))


def test_a_step_without_news_signs_nothing(manager, notary):
    suspended(manager)
    notary.step()
    count = Checkpoint.objects.count()

    assert notary.step() == 0
    assert Checkpoint.objects.count() == count


def test_an_uncommitted_event_waits_and_none_is_skipped(manager, notary, place):
    with psycopg.connect(place.database_url.replace("caia_notary", "caia_notary")) as slow:
        slow.execute("select 1")
        suspended(manager)
        notary.step()
        suspended(manager)
        notary.step()

    assert Event.objects.filter(event="alliance.member.suspended", idx=None).count() == 0
    assert Event.objects.filter(event="alliance.member.suspended").count() == 2


def test_what_was_moved_but_not_signed_is_signed_after_a_crash(manager, place, monkeypatch):
    suspended(manager)
    with psycopg.connect(place.database_url) as first:
        notary = Sequencer(place, first)
        monkeypatch.setattr(notary, "_sign_what_is_in_order", lambda: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            notary.step()
    assert Checkpoint.objects.count() == 0

    with psycopg.connect(place.database_url) as second:
        Sequencer(place, second).step()

    assert Checkpoint.objects.get().size == Entry.objects.count()


def test_two_notaries_never_work_at_once(notary, place):
    with psycopg.connect(place.database_url) as other, pytest.raises(Alarm, match="another notary"):
        Sequencer(place, other)


def test_an_entry_changed_before_it_was_signed_is_never_signed(manager, notary, superuser):
    suspended(manager)
    notary._move_pending()
    superuser.execute("alter table audit.entry disable trigger user")
    superuser.execute("update audit.entry set entry = replace(entry, 'On leave', 'On fire') where idx = 0")
    superuser.execute("update audit.entry set entry = replace(entry, 'example', 'exemple') where idx = 0")
    superuser.execute("update audit.entry set leaf = '\\x00' where idx = 0")

    with pytest.raises(Alarm, match="entry 0"):
        notary.step()


def test_raw_sql_without_an_event_is_refused_at_commit(manager):
    from django.db import DatabaseError

    with pytest.raises(DatabaseError, match="nothing changes without an event"):
        Member.objects.filter(pk=manager.pk).update(name="Somebody Else")

    manager.refresh_from_db()
    assert manager.name != "Somebody Else"
