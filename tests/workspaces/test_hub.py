"""The Hub as the portal's worker asks it: started with the run's identifier, stopped, and what its silence leads to."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone
from oauth2_provider.models import AccessToken

from apps.core.errors import NotAllowed, Unavailable
from apps.core.models import Message
from apps.core.outbox import deliver
from apps.workspaces.gateways import JupyterHub
from apps.workspaces.models import Run, hub_name_of
from apps.workspaces.services import runs
from tests.factories import arranged
from tests.projects.world import again
from tests.signin.ways import PASSWORD, give_app, sign_in
from tests.workspaces.hub import StandIn, served

TOKEN = "what-the-portal-shows-the-hub-of-the-tests"


@pytest.fixture(params=["tcp", "unix"])
def hub(request, tmp_path_factory, settings):
    standing = StandIn(TOKEN)
    place = tmp_path_factory.mktemp("h") / "s" if request.param == "unix" else None
    with served(standing, place) as url:
        settings.HUB_API_URL, settings.HUB_TOKEN = url, TOKEN
        yield standing


def carried(task):
    """The effect of the only message of this task."""
    return deliver(Message.objects.get(task=task, delivered_at=None).pk)


def test_a_server_is_started_for_a_user_that_is_made_on_the_way(hub):
    JupyterHub().start("m1", "p1", run="r1")
    JupyterHub().start("m1", "p1", run="r1")

    assert hub.servers == {("m1", "p1"): {"run": "r1"}}


def test_stopping_what_does_not_run_changes_nothing(hub):
    JupyterHub().stop("m1", "p1")
    JupyterHub().start("m1", "p1", run="r1")
    JupyterHub().stop("m1", "p1")

    assert hub.servers == {}


@pytest.mark.parametrize(
    ("status", "error"), [(403, NotAllowed), (400, NotAllowed), (500, Unavailable), (503, Unavailable)]
)
def test_a_refusal_is_told_from_a_silence(hub, status, error):
    hub.refuses = status

    with pytest.raises(error):
        JupyterHub().start("m1", "p1", run="r1")


def test_a_wrong_token_is_a_refusal(hub):
    with pytest.raises(NotAllowed, match="403"):
        JupyterHub(token="wrong").start("m1", "p1", run="r1")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hub/api", "http+unix://%2Fnowhere%2Fs/hub/api"])
def test_a_hub_that_is_not_there_is_unavailable(url):
    with pytest.raises(Unavailable):
        JupyterHub(url).stop("m1", "p1")


def test_a_start_reaches_the_hub_with_its_run(world, hub):
    run = runs.start(world.project, by=world.lead)

    assert carried("workspaces.start_at_hub")
    assert hub.servers == {(run.workspace.hub_name, run.workspace.hub_server): {"run": str(run.pk)}}


def test_a_start_that_the_hub_refuses_has_failed_in_words(world, hub):
    hub.refuses = 403
    run = runs.start(world.project, by=world.lead)
    carried("workspaces.start_at_hub")

    assert (again(run).status, "refused to start" in again(run).reason) == ("failed", True)


def test_a_hub_that_is_down_is_asked_again(world, hub):
    hub.refuses = 503
    run = runs.start(world.project, by=world.lead)

    assert not carried("workspaces.start_at_hub")
    assert (again(run).status, Message.objects.get(task="workspaces.start_at_hub").attempts) == ("starting", 1)


def test_a_stop_reaches_the_hub(world, hub):
    run = runs.start(world.project, by=world.lead)
    carried("workspaces.start_at_hub")
    runs.stop(again(run), by=world.lead, reason="Enough.")

    assert carried("workspaces.stop_at_hub")
    assert hub.servers == {}


def test_a_start_that_was_stopped_meanwhile_does_not_reach_the_hub(world, hub):
    run = runs.start(world.project, by=world.lead)
    runs.stop(again(run), by=world.lead, reason="Enough.")
    carried("workspaces.start_at_hub")

    assert hub.asked == []


def test_a_late_stop_leaves_the_next_start_alone(world, hub):
    first = runs.start(world.project, by=world.lead)
    carried("workspaces.start_at_hub")
    runs.stop(again(first), by=world.lead, reason="Enough.")
    with arranged():
        Run.objects.filter(pk=first.pk).update(status="stopped", ended_at=again(first).stop_asked_at)
    hub.servers.clear()
    runs.start(world.project, by=world.lead)
    carried("workspaces.start_at_hub")
    carried("workspaces.stop_at_hub")

    assert len(hub.servers) == 1


def come_in(client, member):
    """By password and app, so that the portal knows the session."""
    Authenticator.objects.filter(user=member).delete()
    member.set_password(PASSWORD)
    with arranged():
        member.save()
    give_app(member)
    sign_in(client, member)


def test_whoever_signs_out_of_the_portal_has_signed_out_at_the_hub(world, hub, client):
    runs.start(world.project, by=world.lead)
    come_in(client, world.lead)
    token = AccessToken.objects.create(
        user=world.lead, token="t" * 30, expires=timezone.now() + timedelta(hours=1), scope="openid"
    )
    client.post("/sign-out/")

    assert carried("workspaces.sign_out_at_hub")
    assert hub.signed_out == [hub_name_of(world.lead.pk)]
    assert not AccessToken.objects.filter(pk=token.pk).exists()


def test_whoever_has_no_workspace_signs_out_of_the_portal_alone(world, hub, client):
    come_in(client, world.lead)
    client.post("/sign-out/")

    assert not Message.objects.filter(task="workspaces.sign_out_at_hub").exists()


def test_a_hub_that_does_not_know_of_a_sign_out_is_told_again(hub):
    hub.refuses = 403

    with pytest.raises(Unavailable):
        JupyterHub().sign_out("m1")
