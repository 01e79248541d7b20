from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.utils import timezone

from apps.alliance.invitations import SALT, invitation_from, link_for
from apps.alliance.models import Member
from apps.audit.ids import uuid7
from tests.factories import InvitationFactory, MemberFactory
from tests.signin.ways import code, give_password, is_signed_in, person, seen, sign_in

pytestmark = pytest.mark.django_db

NEW = "a quite different passphrase"
GIVEN = {"name": "Ines Costa", "password": NEW, "password_again": NEW}


@pytest.fixture
def invitation():
    host = MemberFactory(name="Ada Osei")
    return InvitationFactory(invited_by=host, member__center=host.center, member__name="Ines")


def test_the_link_says_who_invites_whom(client, invitation):
    page = client.get(link_for(invitation)).content.decode()

    assert "Ada Osei invites you" in page
    assert invitation.member.center.legal_name in page
    assert invitation.member.email in page


def test_accepting_opens_a_session_that_leads_to_the_second_factor(client, invitation):
    response = client.post(link_for(invitation), GIVEN)

    assert response.url == "/account/second-factor/"
    member = Member.objects.get(pk=invitation.member_id)
    assert (member.status, member.name) == ("active", "Ines Costa")
    assert client.get("/account/").url == "/account/second-factor/"
    secret = client.get("/account/factors/app/").context["form"].secret
    client.post("/account/factors/app/", {"code": code(secret)})
    assert is_signed_in(client)
    assert seen("alliance.session.opened")[0].auth["method"] == "invitation"


def test_the_new_password_opens_afterwards(client, other_client, invitation):
    client.post(link_for(invitation), GIVEN)

    assert give_password(other_client, invitation.member.email, NEW).status_code == 302


def test_a_weak_password_comes_back_on_the_form(client, invitation):
    response = client.post(link_for(invitation), {**GIVEN, "password": "short", "password_again": "short"})

    assert response.status_code == 422
    assert "too short" in response.content.decode()
    assert Member.objects.get(pk=invitation.member_id).status == "invited"


def test_two_different_passwords_come_back_on_the_form(client, invitation):
    response = client.post(link_for(invitation), {**GIVEN, "password_again": "another passphrase"})

    assert response.status_code == 422
    assert "differ" in response.content.decode()


def test_an_invitation_is_accepted_once(client, other_client, invitation):
    client.post(link_for(invitation), GIVEN)

    assert other_client.get(link_for(invitation)).status_code == 404
    assert other_client.post(link_for(invitation), GIVEN).status_code == 404


def _closed_links(invitation):
    withdrawn = InvitationFactory(withdrawn_at=timezone.now())
    late = InvitationFactory(ends_at=timezone.now() - timedelta(seconds=1))
    accepted = InvitationFactory(accepted_at=timezone.now())
    return [
        link_for(withdrawn),
        link_for(late),
        link_for(accepted),
        f"/invitation/{signing.dumps(str(uuid7()), salt=SALT)}/",
        f"/invitation/{signing.dumps(str(invitation.pk), salt='other')}/",
        f"/invitation/{signing.dumps('not a uuid', salt=SALT)}/",
        f"/invitation/{invitation.pk}/",
        "/invitation/garbage:more:garbage/",
    ]


def test_every_link_that_opens_nothing_gets_the_same_answer(client, invitation):
    answers = [client.get(path) for path in _closed_links(invitation)]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_an_invitation_runs_out_by_our_clock(client, invitation):
    with time_machine.travel(timezone.now() + timedelta(days=14, seconds=1)):
        assert client.get(link_for(invitation)).status_code == 404
        assert client.post(link_for(invitation), GIVEN).status_code == 404


def test_somebody_who_is_signed_in_is_asked_to_sign_out_first(client, invitation):
    sign_in(client, person())

    assert client.get(link_for(invitation)).status_code == 409
    assert client.post(link_for(invitation), GIVEN).status_code == 409
    assert client.post("/sign-out/", {"next": link_for(invitation)}).url == link_for(invitation)


def test_a_token_of_something_else_is_no_invitation(invitation):
    assert invitation_from(signing.dumps(str(invitation.pk), salt=SALT)) == invitation
    assert invitation_from(signing.dumps(str(invitation.pk), salt="listing")) is None
    assert invitation_from(signing.dumps(["a", "list"], salt=SALT)) is None
