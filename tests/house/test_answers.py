"""Rule 8 where something goes wrong: the answer is still a page that helps, with every security header."""

import uuid

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.core import errors
from tests.factories import MemberFactory
from tests.house import findings
from tests.house.site import Answer

RAISED = [
    (errors.NotAllowed("Not you."), 403),
    (errors.NotFound("Gone."), 404),
    (errors.WrongState("It moved on."), 409),
    (errors.Invalid("It cannot be taken."), 422),
    (errors.Unavailable("The storage sleeps."), 503),
    (OperationalError("the database is away"), 503),
    (RuntimeError("a secret that nobody may read"), 500),
]


@pytest.fixture
def client(browse) -> Client:
    client = browse(MemberFactory())
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(("error", "status"), RAISED, ids=lambda value: getattr(type(value), "__name__", value))
def test_an_error_is_a_page_that_helps(client, monkeypatch, error, status):
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("apps.home.selectors.waits_for", broken)
    _assert_helps(client.get("/", HTTP_ACCEPT="text/html"), status)


@pytest.mark.parametrize(("error", "status"), RAISED, ids=lambda value: getattr(type(value), "__name__", value))
def test_a_machine_gets_the_error_as_json(client, monkeypatch, error, status):
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("apps.home.selectors.waits_for", broken)
    response = client.get("/", HTTP_ACCEPT="application/json")

    assert response.status_code == status
    assert response.json()["status"] == status
    assert findings.in_headers(response) == []


def test_an_unknown_address_is_a_page_that_helps(client):
    _assert_helps(client.get("/no/such/page/"), 404)


def test_an_unknown_row_reads_like_a_foreign_one(client):
    """ASVS V8.2.2: the answer does not tell whether the row exists."""
    foreign = client.get(reverse("alliance:person", args=[MemberFactory().pk]))
    unknown = client.get(reverse("alliance:person", args=[uuid.uuid4()]))

    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert _without_request_id(foreign) == _without_request_id(unknown)


def test_a_static_file_is_as_safe_and_may_be_kept(client):
    response = client.get("/static/css/app.css")

    assert b"".join(response.streaming_content)
    response.close()
    assert response.status_code == 200
    found = [words for words in findings.in_headers(response) if not words.startswith("header Cache-Control")]
    assert found == []
    assert "no-store" not in response.get("Cache-Control", "")


def test_another_host_name_is_refused(db):
    _assert_helps(Client(SERVER_NAME="evil.example.org", raise_request_exception=False).get("/"), 400)


def test_a_form_without_its_token_is_refused(browse):
    member = MemberFactory()
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.cookies = browse(member).cookies

    _assert_helps(client.post(reverse("home:notices_read"), {}), 403)


def _assert_helps(response: HttpResponse, status: int) -> None:
    answer = Answer(str(response.status_code), response, 0, 0, response.content.decode())
    assert response.status_code == status
    assert findings.in_headers(response) == []
    assert findings.in_page(answer) == []
    assert "secret" not in answer.body
    assert "Traceback" not in answer.body


def _without_request_id(response: HttpResponse) -> str:
    return response.content.decode().replace(response["X-Request-ID"], "")
