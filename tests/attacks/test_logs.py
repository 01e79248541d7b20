"""A link that opens a door once stands in no line of a log, whatever happens at its address."""

import io
import logging

import pytest
from django.test import Client

from apps.alliance.invitations import link_for
from tests.factories import InvitationFactory
from tests.signin.ways import person, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(monkeypatch):
    """What the portal's own handler writes."""
    lines = io.StringIO()
    for handler in logging.getLogger().handlers:
        if getattr(handler, "name", "") == "lines":
            monkeypatch.setattr(handler, "stream", lines)
    return lines


@pytest.fixture
def link():
    return link_for(InvitationFactory())


def ask_again(client, link):
    client.get(link)


def send_a_weak_password(client, link):
    client.post(link, {"name": "New", "password": "short", "password_again": "short"})


def send_without_the_forms_token(client, link):
    Client(SERVER_NAME="localhost", enforce_csrf_checks=True).post(link, {})


def open_it_signed_in(client, link):
    sign_in(client, person())
    assert client.get(link).status_code == 409


def use_another_method(client, link):
    assert client.put(link).status_code == 405


def leave_the_slash_away(client, link):
    client.get(f"{link}x/")


@pytest.mark.parametrize(
    "do",
    [
        ask_again,
        send_a_weak_password,
        send_without_the_forms_token,
        open_it_signed_in,
        use_another_method,
        leave_the_slash_away,
    ],
)
def test_no_log_keeps_the_link_of_an_invitation(client, written, link, do):
    do(client, link)

    token = link.strip("/").rpartition("/")[2]
    assert written.getvalue()
    assert token not in written.getvalue()


def test_no_log_keeps_the_link_when_the_page_breaks(client, written, link, monkeypatch):
    def broken(token):
        raise RuntimeError("broken")

    monkeypatch.setattr("apps.alliance.signin.account_views.invitation_from", broken)
    client.raise_request_exception = False

    assert client.get(link).status_code == 500

    assert "Internal Server Error: invitation/<str:token>/" in written.getvalue()
    assert link.strip("/").rpartition("/")[2] not in written.getvalue()
