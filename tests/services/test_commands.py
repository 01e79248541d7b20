"""The gate: one transaction for change, event and message; the policy on locked rows; refusals that stay."""

import pytest
from django.db import OperationalError, connection

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.services import people
from apps.audit.models import Event, Outcome
from apps.core.commands import COMMANDS, command, may, note
from apps.core.decisions import YES
from apps.core.errors import Invalid, NeedsFreshFactor, NotAllowed, NotFound, WrongState
from apps.core.models import Message
from tests.factories import MemberFactory, holder

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager():
    return holder(Role.CENTER_MANAGER)


@pytest.fixture
def colleague(manager):
    return MemberFactory(center=manager.center)


def test_a_command_leaves_its_change_and_one_event(manager, colleague):
    people.suspend(colleague, by=manager, reason="On leave.")

    colleague.refresh_from_db()
    event = Event.objects.get(event="alliance.member.suspended")
    assert colleague.status == Member.Status.SUSPENDED
    assert (event.outcome, event.reason) == (Outcome.SUCCESS, "On leave.")
    assert event.actor_ref == str(manager.pk)
    assert event.target_ref == str(colleague.pk)
    assert event.center_ref == str(manager.center_id)
    assert event.details["from"] == "active"
    assert event.details["to"] == "suspended"


def test_a_refusal_changes_nothing_and_stays_in_the_record(manager, colleague):
    with pytest.raises(NotAllowed, match="Only a center manager"):
        people.suspend(manager, by=colleague, reason="Revenge.")

    manager.refresh_from_db()
    event = Event.objects.get()
    assert manager.status == Member.Status.ACTIVE
    assert (event.outcome, event.actor_ref) == (Outcome.REFUSED, str(colleague.pk))
    assert "Only a center manager" in event.reason


def test_a_move_from_the_wrong_state_is_refused(manager, colleague):
    with pytest.raises(WrongState, match="active now"):
        people.reinstate(colleague, by=manager, reason="Twice.")


def test_a_target_that_is_gone_is_not_found(manager):
    gone = MemberFactory.build(center=manager.center)

    with pytest.raises(NotFound):
        people.suspend(gone, by=manager, reason="Too late.")


@pytest.mark.stale_proof
def test_a_sensitive_command_asks_for_a_fresh_factor(manager, colleague):
    with pytest.raises(NeedsFreshFactor):
        people.suspend(colleague, by=manager, reason="Later.")

    colleague.refresh_from_db()
    assert colleague.status == Member.Status.ACTIVE


def test_the_gate_reads_the_actor_again_and_does_not_trust_the_page(manager, colleague):
    Member.objects.filter(pk=manager.pk).update(status=Member.Status.SUSPENDED)

    with pytest.raises(NotAllowed, match="membership is suspended"):
        people.suspend(colleague, by=manager, reason="While suspended.")


def test_a_role_that_ended_since_the_page_was_drawn_gives_no_right(manager, colleague):
    assert may("alliance.member.suspended", manager, colleague)
    manager.all_grants.update(ended_at=manager.created_at, ended_by=None)

    with pytest.raises(NotAllowed):
        people.suspend(colleague, by=manager, reason="Too late.")


def test_a_broken_record_keeps_the_change_from_happening(manager, colleague, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the record can't be written")

    monkeypatch.setattr("apps.core.commands.record", broken)
    with pytest.raises(RuntimeError):
        people.suspend(colleague, by=manager, reason="Unseen.")

    colleague.refresh_from_db()
    assert colleague.status == Member.Status.ACTIVE


@pytest.mark.django_db(transaction=True)
def test_work_that_breaks_off_changes_nothing_and_stays_in_the_record_without_its_words(manager, colleague):
    @command("test.broke_off", policy=lambda actor, target: YES)
    def break_off(member, *, by, reason):
        """Break off."""
        Member.objects.filter(pk=member.pk).update(name="Somebody Else")
        note(step="halfway")
        raise ZeroDivisionError("divided 7 by the secret")

    try:
        with pytest.raises(ZeroDivisionError):
            break_off(colleague, by=manager, reason="Because.")
    finally:
        del COMMANDS["test.broke_off"]

    event = Event.objects.get(event="test.broke_off")
    assert Member.objects.get(pk=colleague.pk).name == colleague.name
    assert (event.outcome, event.reason, event.details) == (Outcome.ERROR, "", {"error": "ZeroDivisionError"})
    assert (event.actor_ref, event.target_ref) == (str(manager.pk), str(colleague.pk))
    assert "secret" not in event.entry


def test_a_database_that_is_gone_is_not_asked_once_more(manager, colleague, monkeypatch):
    def gone(*args, **kwargs):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("apps.core.commands._worked", gone)
    with pytest.raises(OperationalError):
        people.suspend(colleague, by=manager, reason="Unseen.")

    assert not Event.objects.exists()


def test_a_broken_constraint_reads_as_its_own_sentence(manager):
    center = manager.center
    people.invite(center, by=manager, email=f"a@{center.email_domains[0]}", name="A")

    with pytest.raises(Invalid, match="is a member already"):
        people.invite(center, by=manager, email=f"A@{center.email_domains[0].upper()}", name="B")

    assert Message.objects.count() == 1


def test_commands_never_call_commands(manager, colleague, transactional_db):
    @command("test.outer", policy=lambda actor, target: YES)
    def outer(member, *, by):
        people.suspend(member, by=by, reason="Inside.")

    try:
        with pytest.raises(RuntimeError, match="durable"):
            outer(colleague, by=manager)
    finally:
        del COMMANDS["test.outer"]

    colleague.refresh_from_db()
    assert colleague.status == Member.Status.ACTIVE


def test_two_commands_cannot_share_an_event():
    with pytest.raises(ValueError, match="share"):
        command("alliance.member.suspended", policy=lambda actor, target: YES)(lambda target, by: None)


def test_the_portal_role_owns_nothing_and_cannot_change_the_record(manager, colleague):
    people.suspend(colleague, by=manager, reason="On leave.")
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = current_user"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "select rolsuper or rolcreaterole or rolbypassrls or rolcreatedb from pg_roles where rolname = current_user"
        )
        assert cursor.fetchone() == (False,)
        for table in ("audit.pending", "audit.changed", "audit.entry", "audit.checkpoint"):
            for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                cursor.execute("select has_table_privilege(%s, %s)", [table, privilege])
                assert cursor.fetchone() == (False,), (table, privilege)
