"""Where the record can't be written, nothing happens: no change, no evidence, no sign-in, and the answer is 503."""

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.models import Event, Outcome
from apps.core.errors import NotRecorded
from tests import database
from tests.factories import MemberFactory, TrainingRecordFactory, arranged, holder, proof
from tests.signin.ways import PASSWORD, code, give_app, give_password, is_signed_in

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@contextmanager
def revoked():
    with database.owner() as owner:
        owner.execute("revoke execute on function audit.append(text) from caia_portal")
        yield
        owner.execute("grant execute on function audit.append(text) to caia_portal")


@contextmanager
def locked():
    with connection.cursor() as cursor:
        cursor.execute("set lock_timeout = '150ms'")
    with database.owner() as owner, owner.transaction(force_rollback=True):
        owner.execute("lock table audit.pending in access exclusive mode")
        yield


def failing(table, words, errcode):
    @contextmanager
    def fails():
        with database.owner() as owner:
            owner.execute(
                "create function audit.fails() returns trigger language plpgsql as "
                f"$$ begin raise exception '{words}' using errcode = '{errcode}'; end $$"
            )
            owner.execute(f"create trigger fails before insert on {table} for each row execute function audit.fails()")
            yield
            owner.execute("drop function audit.fails() cascade")

    return fails


TROUBLES = {
    "the grant is gone": revoked,
    "somebody holds the table": locked,
    "the disk is full": failing("audit.pending", "No space left on device", "disk_full"),
    "the disk is full at commit": failing("audit.changed", "No space left on device", "disk_full"),
    "the table is broken": failing("audit.pending", "invalid page in block 7", "data_corrupted"),
}
BEFORE_COMMIT = [name for name in TROUBLES if "commit" not in name]


@pytest.fixture
def manager(transactional_db):
    return holder(Role.CENTER_MANAGER)


@pytest.fixture
def colleague(manager):
    return MemberFactory(center=manager.center)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_page_that_changes_something_answers_503_and_changes_nothing(browse, manager, colleague, trouble):
    browser = browse(manager)

    with TROUBLES[trouble]():
        response = browser.post(f"/people/{colleague.pk}/suspend/", {"reason": "Unseen."})

    assert response.status_code == 503
    assert Member.objects.get(pk=colleague.pk).status == Member.Status.ACTIVE
    events = Event.objects.filter(event="alliance.member.suspended").values_list("outcome", flat=True)
    assert list(events) == ([Outcome.ERROR] if trouble == "the disk is full at commit" else [])


@pytest.mark.parametrize("trouble", BEFORE_COMMIT)
def test_a_refusal_that_cannot_be_recorded_is_no_answer_either(browse, manager, colleague, trouble):
    browser = browse(colleague)

    with TROUBLES[trouble]():
        response = browser.post(f"/people/{manager.pk}/suspend/", {"reason": "Revenge."})

    assert response.status_code == 503


@pytest.mark.parametrize("trouble", BEFORE_COMMIT)
def test_evidence_is_not_shown_before_its_reading_is_recorded(browse, manager, colleague, trouble):
    kept = proof()
    record = TrainingRecordFactory(member=colleague, evidence_key=kept.key)
    browser = browse(manager)
    address = f"/training/{record.pk}/evidence/"
    assert b"%PDF" in b"".join(browser.get(address))

    with TROUBLES[trouble]():
        response = browser.get(address)

    assert response.status_code == 503
    assert b"%PDF" not in response.content


@pytest.mark.parametrize("trouble", BEFORE_COMMIT)
def test_nobody_is_let_in(colleague, trouble):
    with arranged():
        colleague.set_password(PASSWORD)
        colleague.save()
    give_app(colleague)
    browser = Client(SERVER_NAME="localhost")

    with TROUBLES[trouble]():
        wrong = give_password(browser, colleague.email, "not it at all")
    assert give_password(browser, colleague.email).status_code == 302
    with TROUBLES[trouble]():
        right = browser.post("/sign-in/second-factor/", {"code": code()})

    assert (wrong.status_code, right.status_code) == (503, 503)
    assert not is_signed_in(browser)


@pytest.mark.parametrize("trouble", BEFORE_COMMIT)
def test_a_session_whose_end_cannot_be_recorded_shows_nothing_more(browse, colleague, trouble):
    browser = browse(colleague)
    with arranged():
        Member.objects.filter(pk=colleague.pk).update(status=Member.Status.SUSPENDED)

    with TROUBLES[trouble]():
        response = browser.get("/people/")

    assert response.status_code == 503
    assert colleague.name not in response.content.decode()
    assert browser.get("/people/").status_code == 302
    assert Event.objects.filter(event="alliance.session.closed").count() == 1


def test_the_gate_says_so_in_words_and_keeps_the_reason(manager, colleague):
    with revoked(), pytest.raises(NotRecorded, match="nothing was done") as raised:
        people.suspend(colleague, by=manager, reason="Unseen.")

    assert "permission denied" in str(raised.value.__cause__)
