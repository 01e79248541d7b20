import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import apps.alliance.tasks  # noqa: F401  (as the worker does)
from apps.alliance.models import Member
from apps.core.models import Message, Notice
from apps.core.outbox import deliver
from tests.signin.ways import PASSWORD, give_password, is_signed_in, person, seen, sign_in

pytestmark = pytest.mark.django_db

NEW = "a quite different passphrase"


def ask(client, email, capture):
    """Ask for a link and let the worker mail it; the link's path, or None when no mail went out."""
    mail.outbox.clear()
    with capture(execute=False):
        response = client.post("/password/forgotten/", {"email": email})
    assert response.url == "/password/asked/"
    for message in Message.objects.filter(delivered_at=None):
        deliver(message.pk)
    if not mail.outbox:
        return None
    (sent,) = mail.outbox
    assert sent.to == [email.lower()]
    return re.search(r"http://[^/]+(/\S+)", sent.body).group(1)


def open_link(client, path):
    response = client.get(path)
    return client.get(response.url) if response.status_code == 302 else response


def test_a_link_sets_a_new_password_and_ends_all_sessions(client, other_client, django_capture_on_commit_callbacks):
    member = person()
    sign_in(other_client, member)
    path = ask(client, member.email, django_capture_on_commit_callbacks)
    page = open_link(client, path)

    response = client.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW})

    assert response.url == "/sign-in/"
    assert not is_signed_in(other_client)
    assert give_password(client, member.email).status_code == 200
    assert give_password(client, member.email, NEW).url == "/sign-in/second-factor/"
    assert seen("alliance.password.changed")[0].details["sessions_ended"] == 1


@pytest.mark.parametrize(
    "password",
    [
        "123456789012",
        "202611232027",
        "qwertyuiop12",
        "passwordpassword",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "1q2w3e4r5t6y",
        "Passw0rd!Passw0rd!",
        "Password2026!",
        "margarethe99",
        "ab" * 100,
    ],
)
def test_a_password_that_is_soon_guessed_is_refused(password):
    with pytest.raises(ValidationError):
        validate_password(password, user=Member(name="Margarethe Oss", email="m.oss@center.example.org"))


@pytest.mark.parametrize(
    "password", [PASSWORD, NEW, "kT9#vw2Lq8zx", "vierzig rote Schuhe im Regen", "nine blue " + "doors " * 20]
)
def test_a_password_that_is_hard_to_guess_is_taken(password):
    validate_password(password, user=Member(name="Margarethe Oss", email="m.oss@center.example.org"))


def test_a_link_works_once(client, other_client, django_capture_on_commit_callbacks):
    member = person()
    path = ask(client, member.email, django_capture_on_commit_callbacks)
    page = open_link(client, path)
    client.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW})

    assert "This link no longer works" in open_link(other_client, path).content.decode()


def test_a_link_works_for_an_hour(client, django_capture_on_commit_callbacks):
    member = person()
    path = ask(client, member.email, django_capture_on_commit_callbacks)

    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert "This link no longer works" in open_link(client, path).content.decode()


def test_a_link_is_void_once_its_owner_signed_in(client, other_client, django_capture_on_commit_callbacks):
    member = person()
    path = ask(client, member.email, django_capture_on_commit_callbacks)
    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        sign_in(other_client, member)

        assert "This link no longer works" in open_link(client, path).content.decode()


def test_the_key_of_a_link_leaves_the_address_bar_at_once(client, django_capture_on_commit_callbacks):
    member = person()
    path = ask(client, member.email, django_capture_on_commit_callbacks)

    assert client.get(path).url.endswith("-set-password/")


def test_known_and_unknown_addresses_cost_the_same_and_get_the_same_answer(client, other_client):
    member = person()
    with CaptureQueriesContext(connection) as for_known:
        known = client.post("/password/forgotten/", {"email": member.email}, follow=True)
    with CaptureQueriesContext(connection) as for_unknown:
        unknown = other_client.post("/password/forgotten/", {"email": "nobody@x.example.org"}, follow=True)

    assert known.redirect_chain == unknown.redirect_chain
    strip = re.compile(rb"[0-9a-zA-Z]{32,64}")
    assert strip.sub(b"", known.content) == strip.sub(b"", unknown.content)
    shapes = [[re.split(r"[\"']", query["sql"])[0] for query in queries] for queries in (for_known, for_unknown)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("status", [Member.Status.INVITED, Member.Status.SUSPENDED, Member.Status.LEFT])
def test_only_active_members_get_a_link(client, status, django_capture_on_commit_callbacks):
    member = person(status=status)

    assert ask(client, member.email, django_capture_on_commit_callbacks) is None


def test_the_link_lies_in_no_table(client, django_capture_on_commit_callbacks):
    member = person()
    path = ask(client, member.email, django_capture_on_commit_callbacks)

    assert not [message for message in Message.objects.all() if path.split("-")[-1].strip("/") in str(message.args)]
    assert Message.objects.get(task="alliance.mail_password_reset").args == [str(member.pk)]


def test_a_new_password_still_asks_for_the_second_factor(client, django_capture_on_commit_callbacks):
    member = person()
    path = ask(client, member.email, django_capture_on_commit_callbacks)
    page = open_link(client, path)
    client.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW})

    assert not is_signed_in(client)


@pytest.mark.parametrize("weak", ["short", "password1234", "1q2w3e4r5t6y", "eleven char"])
def test_weak_passwords_are_refused(client, weak, django_capture_on_commit_callbacks):
    member = person()
    path = ask(client, member.email, django_capture_on_commit_callbacks)
    page = open_link(client, path)

    response = client.post(page.request["PATH_INFO"], {"password1": weak, "password2": weak})

    assert response.status_code == 200
    member.refresh_from_db()
    assert member.check_password(PASSWORD)


def test_the_password_is_changed_by_the_present_one_and_other_sessions_end(client, other_client):
    member = person()
    sign_in(client, member)
    sign_in(other_client, member)

    response = client.post("/account/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    assert response.url == "/account/"
    assert is_signed_in(client)
    assert not is_signed_in(other_client)
    assert give_password(other_client, member.email, NEW).url == "/sign-in/second-factor/"


def test_the_session_gets_a_new_id_when_the_password_changes(client):
    member = person()
    sign_in(client, member)
    before = client.session.session_key

    client.post("/account/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    assert client.session.session_key != before


def test_without_the_present_password_nothing_changes(client):
    member = person()
    sign_in(client, member)

    response = client.post("/account/password/", {"oldpassword": "guess", "password1": NEW, "password2": NEW})

    assert "not your present password" in response.content.decode()
    member.refresh_from_db()
    assert member.check_password(PASSWORD)


def test_who_has_no_password_is_told_how_to_get_one(client):
    member = person()
    sign_in(client, member)
    member.set_unusable_password()
    member.save()
    client.force_login(member)

    assert "You have no password here" in client.get("/account/password/").content.decode()


def test_the_member_is_told_of_the_change(client):
    member = person()
    sign_in(client, member)

    client.post("/account/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    notice = Notice.objects.get(to=member)
    assert notice.subject == "Your password was changed"
    assert "127.0.0.1" in notice.text
