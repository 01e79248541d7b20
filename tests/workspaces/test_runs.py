"""Who starts, stops and resumes a workspace, and what the refusals say."""

import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit.models import Event
from apps.audit.source import coming_from
from apps.core.commands import may
from apps.core.errors import Invalid, NeedsFreshFactor, NotAllowed, WrongState
from apps.core.models import Message, Notice
from apps.projects.services import proposals
from apps.workspaces.models import Run, Workspace
from apps.workspaces.services import runs
from tests.factories import MemberFactory, arranged, holder
from tests.factories_workspaces import run as make_run
from tests.factories_workspaces import workspace
from tests.projects.world import again, second_steward

pytestmark = pytest.mark.django_db


def test_one_who_may_use_some_of_the_data_starts(world):
    run = runs.start(world.project, by=world.lead)

    assert (run.status, run.started_by, run.environment) == ("starting", world.lead, "python-cancer")
    assert run.workspace.member == world.lead
    assert Message.objects.get(task="workspaces.start_at_hub").args == [str(run.pk)]
    assert Event.objects.get(event="workspaces.run.started").target_ref == str(run.pk)


def test_the_workspace_lasts_from_run_to_run(world):
    first = runs.start(world.project, by=world.lead)
    with arranged():
        Run.objects.filter(pk=first.pk).update(status="stopped", ended_at=first.started_at, reason="Done.")
    second = runs.start(world.project, by=world.lead)

    assert (first.workspace, first.pk != second.pk) == (second.workspace, True)
    assert Workspace.objects.count() == 1


def test_names_for_other_systems_tell_nothing(world, place):
    other = workspace(world.colleague, world.project)
    names = {place.hub_name, place.hub_server, place.name, other.hub_name, other.name}

    assert len(names) == 5
    assert place.hub_server == other.hub_server
    assert all(len(name) == 21 and name[0] in "mpw" and int(name[1:], 16) >= 0 for name in names)


def test_a_colleague_whom_the_owner_has_not_agreed_to_is_told_what_is_missing(world):
    with arranged():
        world.project.team.create(member=world.colleague, added_by=world.lead)

    with pytest.raises(NotAllowed) as refusal:
        runs.start(world.project, by=world.colleague)

    assert "has not agreed to you yet" in str(refusal.value)
    assert "You accepted the terms" in str(refusal.value)


@pytest.mark.parametrize("who", ["steward", "manager", "official", "colleague"])
def test_nobody_outside_the_team_starts(world, who):
    with pytest.raises(NotAllowed, match="team"):
        runs.start(world.project, by=getattr(world, who))


def test_without_workspaces_nobody_starts(world, settings):
    settings.HAS_WORKSPACES = False

    with pytest.raises(NotAllowed, match=r"Workspaces are not set up on this portal\."):
        runs.start(world.project, by=world.lead)


def test_a_project_without_data_has_no_workspace(world):
    project = proposals.propose(world.home, by=world.lead, title="Nothing asked")
    type(project).objects.filter(pk=project.pk).update(status="active")

    assert "no data yet" in may("workspaces.run.started", world.lead, again(project)).reason


@pytest.mark.parametrize("status", ["starting", "running", "stopping"])
def test_one_workspace_runs_once(world, place, status):
    make_run(place, status=status)

    with pytest.raises(WrongState, match="started already"):
        runs.start(world.project, by=world.lead)


def test_a_sealed_workspace_never_starts(world, place):
    with arranged():
        Workspace.objects.filter(pk=place.pk).update(
            status="sealed", sealed_at=place.created_at, delete_on=place.created_at.date()
        )
    with pytest.raises(WrongState, match="sealed"):
        runs.start(world.project, by=world.lead)


@pytest.mark.parametrize("who", ["lead", "steward"])
def test_researcher_and_steward_stop_it(world, running, who):
    runs.stop(running, by=getattr(world, who), reason="It computes nothing.")

    run = again(running)
    assert (run.status, run.stop_asked_by, run.stops_at_once) == ("stopping", getattr(world, who), False)
    told = Notice.objects.filter(to=world.lead, key=f"workspace-stopped:{run.pk}").count()
    assert told == (who == "steward")


def test_the_lead_stops_a_colleagues(world):
    theirs = make_run(workspace(world.colleague, world.project), data=[world.version])

    runs.stop(theirs, by=world.lead, reason="We close.")

    assert again(theirs).status == "stopping"


def test_a_steward_of_data_that_is_not_in_it_cannot_stop_it(world, place):
    run = make_run(place)

    for actor in (world.steward, world.manager, world.official, world.colleague, MemberFactory()):
        with pytest.raises(NotAllowed):
            runs.stop(run, by=actor, reason="I want to.")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_stop_says_why(world, running, reason):
    with pytest.raises(Invalid):
        runs.stop(running, by=world.steward, reason=reason)


@pytest.fixture
def paused(world, place):
    return make_run(place, data=[world.version], paused_at=place.created_at)


def test_another_steward_lets_it_go_on(world, paused):
    other = second_steward(world.owner)
    runs.resume(paused, by=other, reason="A large figure.")

    assert again(paused).resume_asked_by == other
    with pytest.raises(WrongState, match="already"):
        runs.resume(again(paused), by=world.steward, reason="Again.")


@pytest.mark.parametrize("who", ["lead", "colleague", "manager", "official"])
def test_nobody_else_lets_it_go_on(world, paused, who):
    with pytest.raises(NotAllowed):
        runs.resume(paused, by=getattr(world, who), reason="I need it.")


def test_a_steward_who_was_on_the_team_does_not_let_it_go_on(world, paused):
    steward = holder("data_steward", world.owner)
    with arranged():
        world.project.team.create(member=steward, added_by=world.lead)

    with pytest.raises(NotAllowed, match="own team"):
        runs.resume(paused, by=steward, reason="I need it.")


def test_letting_it_go_on_needs_a_fresh_factor(world, paused):
    with coming_from(auth={}), pytest.raises(NeedsFreshFactor):
        runs.resume(paused, by=world.steward, reason="A large figure.")


def test_what_is_not_paused_is_not_resumed(world, running):
    with pytest.raises(WrongState, match="not paused"):
        runs.resume(running, by=world.steward, reason="A large figure.")


OF_RUN = "where id = (select workspace_id from workspaces_run where id = %s)"
RAW = [
    "update workspaces_run set status = 'running', ended_at = null where id = %s",
    "update workspaces_run set reason = 'Another.' where id = %s",
    "update workspaces_run set started_at = now() where id = %s",
    f"update workspaces_workspace set status = 'open' {OF_RUN}",
    f"update workspaces_workspace set uid = 20001 {OF_RUN}",
    f"update workspaces_workspace set uid = 0 {OF_RUN}",
    "delete from workspaces_run where id = %s",
    "update workspaces_runevent set kind = 'ended' where run_id = %s",
    "delete from workspaces_cellcode where run_id = %s",
]


@pytest.mark.parametrize("statement", RAW)
def test_postgresql_keeps_what_was(place, statement):
    over = make_run(place, status="stopped")
    with arranged():
        Workspace.objects.filter(pk=place.pk).update(
            status="sealed", sealed_at=place.created_at, delete_on=place.created_at.date()
        )

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [over.pk])
