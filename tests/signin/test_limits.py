from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.alliance.signin.sessions import NOTE_EVERY, end_sessions
from apps.alliance.signin.tasks import forget_ended_sessions
from tests.factories import give
from tests.signin.ways import code, give_password, is_signed_in, person, seen, sign_in

pytestmark = pytest.mark.django_db


def travel(**ahead: int):
    return time_machine.travel(timezone.now() + timedelta(**ahead), tick=False)


def test_a_session_ends_after_fifteen_minutes_without_activity(client):
    member = person()
    sign_in(client, member)
    key = client.session.session_key

    with travel(minutes=15, seconds=2):
        response = client.get("/account/")

        assert response.url == "/sign-in/?next=%2Faccount%2F"
        page = client.get(response.url).content.decode()
        assert "signed out after 15 minutes without activity" in page
        assert 'name="next" value="/account/"' in page
        stale = Client(SERVER_NAME="localhost")
        stale.cookies["caia_session"] = key
        assert not is_signed_in(stale)
    assert "15 minutes" in seen("alliance.session.closed")[0].details["why"]


def test_activity_keeps_a_session_awake(client):
    sign_in(client, person())

    for minutes in range(10, 100, 10):
        with travel(minutes=minutes):
            assert is_signed_in(client), f"after {minutes} minutes"


def test_a_session_ends_after_twelve_hours_whatever_its_activity(client):
    sign_in(client, person())

    for minutes in range(10, 720, 10):
        with travel(minutes=minutes):
            assert is_signed_in(client), f"after {minutes} minutes"
    with travel(hours=12, seconds=2):
        response = client.get("/account/")
        assert "after 12 hours" in client.get(response.url).content.decode()


def test_the_cookie_lives_no_longer_than_the_session(client):
    sign_in(client, person())

    assert 0 < client.cookies["caia_session"]["max-age"] <= 12 * 3600
    assert client.cookies["caia_session"]["httponly"]
    assert client.cookies["caia_session"]["samesite"] == "Lax"


def test_a_session_is_written_seldom_for_having_been_used(client):
    sign_in(client, person())
    client.get("/account/sessions/")

    with travel(seconds=NOTE_EVERY - 5):
        assert not _writes(client)
    with travel(seconds=NOTE_EVERY + 5):
        assert _writes(client)
        assert not _writes(client)


def _writes(client):
    with CaptureQueriesContext(connection) as queries:
        client.get("/account/sessions/")
    return [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]


def test_the_last_place_and_time_are_kept(client):
    sign_in(client, person())

    with travel(minutes=2):
        client.get("/account/sessions/", REMOTE_ADDR="198.51.100.4")
        assert "198.51.100.4" in client.get("/account/sessions/").content.decode()


def test_a_suspended_member_is_out_at_the_next_request(client):
    member = person()
    sign_in(client, member)
    Member.objects.filter(pk=member.pk).update(status=Member.Status.SUSPENDED)

    response = client.get("/account/")

    assert response.status_code == 302
    assert "Your membership is suspended" in client.get(response.url).content.decode()
    Member.objects.filter(pk=member.pk).update(status=Member.Status.ACTIVE)
    assert not is_signed_in(client)


def test_the_people_of_a_suspended_center_are_out_at_the_next_request(client):
    member = person()
    sign_in(client, member)
    Center.objects.filter(pk=member.center_id).update(status=Center.Status.SUSPENDED)

    assert client.get("/account/").status_code == 302
    assert not is_signed_in(client)


def shut_out_official(client):
    """The signing official of a center that was suspended, signed in again since."""
    official = person()
    give(official, Role.SIGNING_OFFICIAL)
    Center.objects.filter(pk=official.center_id).update(status=Center.Status.SUSPENDED)
    sign_in(client, official)
    return official


@pytest.mark.parametrize("path", ["/", "/people/", "/account/", "/search/?q=a", "/centers/", "/training/", "/help/"])
def test_a_suspended_centers_signing_official_is_led_to_the_centers_page_alone(client, path):
    own = f"/centers/{shut_out_official(client).center.slug}/"

    assert client.get(path).url == own
    page = client.get(own)
    assert page.status_code == 200
    assert "you can still take the center out of the alliance" in page.content.decode()
    assert f"{own}leave/" in page.content.decode()
    assert 'href="/people/"' not in page.content.decode(), "no link to what is shut"


def test_a_suspended_centers_signing_official_sees_no_other_center(client):
    official = shut_out_official(client)

    assert client.get(f"/centers/{person().center.slug}/").url == f"/centers/{official.center.slug}/"


def test_a_suspended_centers_signing_official_takes_it_out(client):
    official = shut_out_official(client)
    leave = f"/centers/{official.center.slug}/leave/"

    client.post(leave, {"reason": "The contract ends."})

    official.center.refresh_from_db()
    assert official.center.status == Center.Status.LEFT
    assert "/sign-in/" in client.get(f"/centers/{official.center.slug}/").url


def test_end_sessions_ends_all_of_a_member_and_nobody_elses(client, other_client):
    member, colleague = person(), person()
    sign_in(client, member)
    sign_in(other_client, colleague)
    third = Client(SERVER_NAME="localhost")
    sign_in(third, member)

    assert end_sessions(member) == 2
    assert not is_signed_in(client)
    assert not is_signed_in(third)
    assert is_signed_in(other_client)
    assert end_sessions(member) == 0


def test_a_member_sees_where_they_are_signed_in_and_ends_one_session(client, other_client):
    member = person()
    sign_in(client, member)
    sign_in(other_client, member)
    page = client.get("/account/sessions/").content.decode()
    assert page.count("Firefox on Linux") == 2
    assert "192.0.2.7" in page
    assert "This session" in page

    other = next(row for row in client.get("/account/sessions/").context["open_sessions"] if not row.is_this_one)
    assert client.post(f"/account/sessions/{other.pk}/end/").status_code == 302

    assert not is_signed_in(other_client)
    assert is_signed_in(client)
    assert seen("alliance.session.closed")[-1].details["sessions_ended"] == 1


def test_a_session_that_is_over_for_its_idleness_is_not_listed(client, other_client):
    member = person()
    sign_in(client, member)
    sign_in(other_client, member)

    with travel(minutes=10):
        client.get("/account/sessions/")
    with travel(minutes=16):
        assert len(client.get("/account/sessions/").context["open_sessions"]) == 1


def test_a_member_ends_all_other_sessions_at_once(client, other_client):
    member = person()
    sign_in(client, member)
    sign_in(other_client, member)

    client.post("/account/sessions/")

    assert not is_signed_in(other_client)
    assert is_signed_in(client)


def test_nobody_ends_somebody_elses_session(client, other_client):
    victim = person()
    sign_in(client, victim)
    sign_in(other_client, person())
    (row,) = client.get("/account/sessions/").context["open_sessions"]

    assert other_client.post(f"/account/sessions/{row.pk}/end/").status_code == 404
    assert is_signed_in(client)


def test_a_request_by_htmx_is_led_to_the_sign_in_page_as_a_whole(client):
    sign_in(client, person())

    with travel(minutes=16):
        response = client.get("/account/", HTTP_HX_REQUEST="true")

    assert response["HX-Redirect"].startswith("/sign-in/")


def test_a_machine_is_told_in_its_own_words(client):
    sign_in(client, person())

    with travel(minutes=16):
        response = client.get("/account/", HTTP_ACCEPT="application/json")

    assert response.status_code == 403
    assert "15 minutes" in response.json()["reason"]


def test_without_a_record_of_it_no_session_opens(client, monkeypatch):
    member = person()

    def broken(*args, **kwargs):
        raise RuntimeError("the record is full")

    monkeypatch.setattr("apps.core.sightings.record", broken)
    client.raise_request_exception = False

    sign_in_failed = client.post("/sign-in/", {"login": member.email, "password": "x"})
    assert sign_in_failed.status_code == 500
    monkeypatch.undo()
    give_password(client, member.email)
    monkeypatch.setattr("apps.core.sightings.record", broken)
    assert client.post("/sign-in/second-factor/", {"code": code()}).status_code == 500
    monkeypatch.undo()
    assert not is_signed_in(client)


def test_the_rows_of_sessions_that_ended_are_cleared_away(client, other_client):
    sign_in(client, person())
    client.cookies.clear()
    with travel(hours=13):
        sign_in(other_client, person())
        assert Session.objects.count() == 2

        forget_ended_sessions()

        assert Session.objects.count() == UserSession.objects.count() == 1
        assert is_signed_in(other_client)
