"""Each way to a change that starts at the door, at the command line or with the clock: it commits, with its event.

Ordinary tests roll back and never meet the record's rule at COMMIT; these do.
"""

import re
from datetime import timedelta

import pytest
import time_machine
from celery import current_app
from django.contrib.auth.hashers import identify_hasher
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from apps.alliance.invitations import link_for
from apps.alliance.models import Grant, Member, TrainingRecord
from apps.alliance.roles import Role
from apps.alliance.signin.demo import give_demo_factor
from apps.audit.verification import verify
from apps.core.models import Message
from apps.core.outbox import waiting
from tests.factories import InvitationFactory, MemberFactory, TrainingRecordFactory, give, holder
from tests.quick_hasher import QuickArgon2
from tests.signin.ways import FIREFOX, PASSWORD, code, forget_codes, give_password, person, seen, sign_in

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

NEW = "a quite different passphrase"
FOUNDED = {
    "short_name": "First Center",
    "legal_name": "The First Cancer Center",
    "email_domains": "first.example.org",
    "contact_name": "Data office",
    "contact_email": "data@first.example.org",
    "email": "head@first.example.org",
    "name": "Head",
}


@pytest.fixture
def client():
    return Client(SERVER_NAME="localhost", HTTP_USER_AGENT=FIREFOX)


@pytest.fixture(autouse=True)
def _record_holds(at_hand):
    """After each way: all rows are as the record has them."""
    yield
    at_hand.step()
    assert verify().wrong == []


def goes(response, *, to=None):
    assert response.status_code == 302, response.content.decode()[:500]
    assert to is None or response.url == to


def names_of_changed(table):
    """What happened to rows of this table, and in the name of which event."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select op::text, entry::json ->> 'kind' from audit.changed join audit.pending p on p.id = pending_id "
            "where table_name = %s order by number",
            [table],
        )
        return cursor.fetchall()


# ── in and out ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_signing_in_and_out_changes_no_governed_row(client):
    member = person()

    sign_in(client, member)
    goes(client.post("/sign-out/"))

    assert seen("alliance.session.opened")
    assert seen("alliance.session.closed")
    assert {event for _, event in names_of_changed("alliance_member")} == {"test.arranged"}


def test_a_password_is_hashed_anew_under_its_own_event(client, monkeypatch):
    member = person()
    monkeypatch.setattr(QuickArgon2, "time_cost", 2)

    goes(give_password(client, member.email), to="/sign-in/second-factor/")
    goes(give_password(Client(SERVER_NAME="localhost"), member.email))  # the second time there is nothing to do

    stored = Member.objects.get(pk=member.pk)
    assert stored.check_password(PASSWORD)
    assert not identify_hasher(stored.password).must_update(stored.password)
    (event,) = seen("alliance.password.rehashed")
    assert (event.actor_ref, event.target_ref) == (str(member.pk), str(member.pk))
    assert names_of_changed("alliance_member")[-1] == ("U", "alliance.password.rehashed")


def test_whoever_is_kept_out_gets_no_new_hash(client, monkeypatch):
    member = person(status=Member.Status.SUSPENDED)
    monkeypatch.setattr(QuickArgon2, "time_cost", 2)

    assert give_password(client, member.email).status_code == 200

    assert not seen("alliance.password.rehashed")


def test_proving_by_password_while_parameters_change_changes_nothing(client, monkeypatch):
    member = person(app=False)
    give_password(client, member.email)
    monkeypatch.setattr(QuickArgon2, "time_cost", 2)

    goes(client.post("/prove/password/", {"password": PASSWORD}))

    assert seen("alliance.session.proved")
    assert not seen("alliance.password.rehashed")
    goes(client.get("/account/"), to="/account/second-factor/")


@override_settings(DEMO=True)
def test_becoming_an_invented_person(client):
    member = MemberFactory(email="ada@example.org")
    give_demo_factor(member)

    goes(client.post(reverse("alliance:demo_sign_in"), {"member": str(member.pk)}))

    assert seen("alliance.session.opened")


def test_joining_by_an_invitation(client):
    invitation = InvitationFactory(invited_by=MemberFactory())

    goes(
        client.post(link_for(invitation), {"name": "Ines", "password": NEW, "password_again": NEW}),
        to="/account/second-factor/",
    )

    assert seen("alliance.member.joined")
    assert names_of_changed("alliance_invitation")[-1] == ("U", "alliance.member.joined")


# ── passwords and factors ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_new_password_by_a_link(client):
    member = person()
    current_app.loader.import_default_modules()
    goes(client.post("/password/forgotten/", {"email": member.email}), to="/password/asked/")
    current_app.tasks["alliance.mail_password_reset"](str(member.pk))
    page = client.get(re.search(r"http://[^/]+(/\S+)", mail.outbox[-1].body).group(1))

    goes(client.post(page.url, {"password1": NEW, "password2": NEW}), to="/sign-in/")

    assert Member.objects.get(pk=member.pk).check_password(NEW)
    assert names_of_changed("alliance_member")[-1] == ("U", "alliance.password.changed")


def test_a_new_password_by_the_old_one(client):
    member = person()
    sign_in(client, member)

    goes(
        client.post("/account/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}),
        to="/account/",
    )

    assert Member.objects.get(pk=member.pk).check_password(NEW)
    assert names_of_changed("alliance_member")[-1] == ("U", "alliance.password.changed")


def test_an_app_and_codes_are_added_and_renewed(client):
    member = person(app=False)
    give_password(client, member.email)
    secret = client.get("/account/factors/app/").context["form"].secret

    goes(client.post("/account/factors/app/", {"code": code(secret)}))
    goes(client.post("/account/factors/codes/new/"))

    assert seen("alliance.factor.added")
    assert seen("alliance.recovery_codes.renewed")


def test_a_manager_resets_a_factor(client):
    member = person()
    manager = person(center=member.center)
    give(manager, Role.CENTER_MANAGER)
    sign_in(client, manager)

    goes(client.post(f"/people/{member.pk}/reset-factors/", {"reason": "Lost the phone."}))

    assert seen("alliance.factor.reset")[0].outcome == "success"


def test_ending_sessions(client):
    member = person()
    sign_in(client, member)
    other = Client(SERVER_NAME="localhost", HTTP_USER_AGENT=FIREFOX)
    forget_codes(member)
    sign_in(other, member)

    goes(client.post("/account/sessions/"), to="/account/sessions/")

    assert other.get("/account/").status_code == 302
    assert seen("alliance.session.closed")


# ── the command line ────────────────────────────────────────────────────────────────────────────────────────────────
def test_founding_the_alliance(client, capsys):
    call_command("found_alliance", **FOUNDED)

    goes(
        client.post(
            re.search(r"http://[^/]+(/invitation/\S+)", capsys.readouterr().out).group(1),
            {"name": "Head", "password": NEW, "password_again": NEW},
        )
    )
    assert seen("alliance.center.founded")
    assert seen("alliance.member.founded")
    assert seen("alliance.member.joined")


@override_settings(DEMO=True)
def test_loading_the_demo():
    call_command("load_demo", verbosity=0)

    assert Member.objects.count() > 30
    assert seen("alliance.member.joined")


# ── the clock and the worker ────────────────────────────────────────────────────────────────────────────────────────
def test_each_task_of_the_clock():
    soon = timezone.now() + timedelta(days=7)
    member = holder(Role.DATA_STEWARD, ends_at=soon)
    record = TrainingRecordFactory(
        member=member, status=TrainingRecord.Status.ACCEPTED, valid_until=soon.date() - timedelta(days=1)
    )
    current_app.loader.import_default_modules()
    tasks = sorted({entry["task"] for entry in current_app.conf.beat_schedule.values()})
    for task in tasks:
        current_app.tasks[task]()
    with time_machine.travel(soon + timedelta(days=1)):
        for task in tasks:
            current_app.tasks[task]()
        assert waiting(timezone.now()) == []

    record.refresh_from_db()
    assert record.status == TrainingRecord.Status.LAPSED
    assert Grant.history.get(user=member).ended_at
    assert seen("alliance.member.reminded")
    assert {event for _, event in names_of_changed("alliance_grant")} == {"test.arranged", "alliance.grant.lapsed"}
    assert not Message.objects.exclude(last_error="").exists()
