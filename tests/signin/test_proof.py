from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.alliance.models import Center
from apps.alliance.roles import Role
from tests.factories import holder
from tests.signin.ways import (
    PASSWORD,
    code,
    forget_codes,
    give_app,
    give_password,
    is_signed_in,
    person,
    seen,
    sign_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.stale_proof]

LATER = timedelta(minutes=6)


@pytest.fixture
def manager(client):
    """A center manager, signed in six minutes ago by the clock of the test."""
    manager = holder(Role.CENTER_MANAGER)
    manager.set_password(PASSWORD)
    manager.save()
    give_app(manager)
    sign_in(client, manager)
    forget_codes(manager)
    with time_machine.travel(timezone.now() + LATER, tick=False):
        yield manager


def suspend(client, colleague, **more):
    return client.post(f"/people/{colleague.pk}/suspend/", {"reason": "Left the institute"}, **more)


@pytest.fixture
def colleague(manager):
    from tests.factories import MemberFactory

    return MemberFactory(center=manager.center)


def test_a_fresh_sign_in_is_proof_enough(client):
    manager = holder(Role.CENTER_MANAGER)
    manager.set_password(PASSWORD)
    manager.save()
    give_app(manager)
    sign_in(client, manager)
    from tests.factories import MemberFactory

    colleague = MemberFactory(center=manager.center)

    assert not suspend(client, colleague).url.startswith("/prove/")
    colleague.refresh_from_db()
    assert colleague.status == "suspended"


def test_a_step_that_matters_asks_for_a_factor_and_then_goes_on_with_what_was_sent(client, manager, colleague):
    asked = suspend(client, colleague)
    assert asked.url == f"/prove/code/?next=%2Fpeople%2F{colleague.pk}%2Fsuspend%2F"
    colleague.refresh_from_db()
    assert colleague.status == "active"

    done = client.post(asked.url, {"code": code()})

    assert done.status_code == 302
    assert not done.url.startswith("/prove/")
    colleague.refresh_from_db()
    assert colleague.status == "suspended"
    (event,) = [event for event in seen("alliance.member.suspended") if event.outcome == "success"]
    assert event.reason == "Left the institute"
    assert event.auth["age_s"] == 0
    assert "totp" in event.auth["factors"]
    assert seen("alliance.session.proved")[0].actor_ref == str(manager.pk)


def test_the_center_gives_no_word_without_a_fresh_factor(client, manager, colleague):
    before = colleague.vouched_until
    asked = client.post(f"/people/{colleague.pk}/vouch/")
    assert asked.url.startswith("/prove/code/")
    colleague.refresh_from_db()
    assert colleague.vouched_until == before

    assert client.post(asked.url, {"code": code()}).url == f"/people/{colleague.pk}/"

    assert colleague.vouches.get().vouched_by == manager


def test_training_is_not_accepted_without_a_fresh_factor(client, manager, colleague):
    from tests.factories import TrainingRecordFactory

    record = TrainingRecordFactory(member=colleague)
    asked = client.post(f"/training/{record.pk}/accept/")
    assert asked.url.startswith("/prove/code/")
    record.refresh_from_db()
    assert record.status == "submitted"

    client.post(asked.url, {"code": code()})

    record.refresh_from_db()
    assert (record.status, record.decided_by) == ("accepted", manager)


def test_nobody_is_invited_without_a_fresh_factor(client, manager):
    from tests.factories import InvitationFactory

    again = InvitationFactory(member__center=manager.center).member
    page = f"/centers/{manager.center.slug}/invite/"

    assert client.get(page).url.startswith("/prove/code/")
    assert client.post(page, {"name": "N", "email": "n@x.org"}).url.startswith("/prove/code/")
    assert client.post(f"/people/{again.pk}/invite-again/").url.startswith("/prove/code/")
    assert again.invitations.count() == 1


def test_no_first_manager_is_invited_without_a_fresh_factor(client, manager):
    from tests.factories import CenterFactory, alliance, give

    give(manager, Role.ALLIANCE_MANAGER, alliance())
    page = f"/centers/{CenterFactory(status='applicant').slug}/first-manager/"

    assert client.get(page).url.startswith("/prove/code/")


def test_a_wrong_code_carries_nothing_out(client, manager, colleague):
    asked = suspend(client, colleague)

    assert client.post(asked.url, {"code": "000000"}).status_code == 200

    colleague.refresh_from_db()
    assert colleague.status == "active"


def test_what_was_suspended_is_carried_out_only_once(client, manager, colleague):
    asked = suspend(client, colleague)
    client.post(asked.url, {"code": code()})
    forget_codes(manager)

    again = client.post(asked.url, {"code": code()})

    assert again.status_code == 302
    assert len([event for event in seen("alliance.member.suspended") if event.outcome == "success"]) == 1


def test_a_proof_lasts_five_minutes_and_no_longer(client, manager, colleague):
    asked = suspend(client, colleague)
    client.post(asked.url, {"code": code()})

    with time_machine.travel(timezone.now() + timedelta(minutes=4, seconds=50), tick=False):
        assert not client.post(f"/people/{colleague.pk}/reinstate/", {"reason": "Back again"}).url.startswith("/prove/")
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=10), tick=False):
        assert suspend(client, colleague).url.startswith("/prove/")


def test_a_password_is_no_fresh_factor(client, manager, colleague):
    suspend(client, colleague)

    response = client.post("/prove/password/", {"password": PASSWORD})

    assert response.url.startswith("/prove/code/")
    assert suspend(client, colleague).url.startswith("/prove/")


def test_refusals_stand_before_the_question_for_a_factor(client, manager):
    from tests.factories import MemberFactory

    stranger = MemberFactory()

    assert suspend(client, stranger).status_code in {403, 404}


def test_htmx_is_led_there_as_a_whole_page(client, manager, colleague):
    response = suspend(client, colleague, HTTP_HX_REQUEST="true")

    assert response["HX-Redirect"].startswith("/prove/code/")


def test_a_machine_gets_a_plain_refusal(client, manager, colleague):
    response = suspend(client, colleague, HTTP_ACCEPT="application/json")

    assert response.status_code == 403
    assert "Prove once more" in response.json()["reason"]


def test_input_that_is_refused_after_the_proof_comes_back_and_can_be_sent_again(client, manager):
    page = f"/centers/{manager.center.slug}/sign-in/"
    typed = {"issuer": "ftp://wrong", "client_id": "portal", "client_secret": "s3cret"}
    asked = client.post(page, typed)
    refused = client.post(asked.url, {"code": code()})
    assert refused.status_code == 422
    assert 'value="portal"' in refused.content.decode()

    # A form without an action of its own would send the second try to the address of the proof.
    again = client.post(asked.url, {**typed, "issuer": "http://not-encrypted.example.org"})

    assert again.status_code == 422
    assert "must begin with https" in again.content.decode()
    assert Center.objects.get(pk=manager.center_id)


@pytest.mark.parametrize("target", ["//evil.example/people/", "https://evil.example/", "/\\evil.example"])
def test_a_proof_never_leads_elsewhere(client, manager, target):
    response = client.post(f"/prove/code/?next={target}", {"code": code()})

    assert response.url == "/"


def test_the_proof_pages_are_for_those_who_are_signed_in(client):
    for path in ["/prove/password/", "/prove/code/", "/prove/passkey/"]:
        assert client.get(path).url.startswith("/sign-in/"), path


def test_a_stray_form_goes_nowhere_without_a_fresh_proof(client, manager, colleague):
    response = client.post(f"/prove/code/?next=/people/{colleague.pk}/suspend/", {"reason": "Sneaky"})

    assert response.status_code == 200  # the question again
    colleague.refresh_from_db()
    assert colleague.status == "active"
    assert is_signed_in(client)


@pytest.mark.parametrize("page", ["/account/", "/centers/{}/invite/", "/training/types/new/"])
def test_a_stray_form_reaches_nothing_that_needs_a_second_factor(client, page):
    member = holder(Role.CENTER_MANAGER, name="As Before")
    member.set_password(PASSWORD)
    member.save()
    give_password(client, member.email)
    sent = {"name": "No Factor", "position": "", "orcid": "", "email": f"x@{member.center.email_domains[0]}"}

    response = client.post(f"/prove/password/?next={page.format(member.center.slug)}", sent)

    assert response.url == "/account/second-factor/"
    member.refresh_from_db()
    assert member.name == "As Before"
    assert member.center.members.count() == 1


def test_a_sign_in_by_password_alone_counts_as_no_factor_shown(client):
    give_password(client, person(app=False).email)

    (event,) = seen("alliance.session.opened")

    assert event.auth == {"method": "password", "factors": ["password"]}


def test_who_takes_long_over_the_first_factor_enters_the_password_again_and_goes_on(client):
    member = person(app=False)
    give_password(client, member.email)
    secret = client.get("/account/factors/app/").context["form"].secret

    with time_machine.travel(timezone.now() + LATER, tick=False):
        asked = client.post("/account/factors/app/", {"code": code(secret)})
        assert asked.url.startswith("/prove/password/")
        assert client.post(asked.url, {"password": "guess"}).status_code == 200
        done = client.post(asked.url, {"password": PASSWORD})
        assert done.url == "/account/factors/codes/"
        assert client.get(done.url).context["can_view_codes"]
    assert len(seen("alliance.factor.added")) == 1
