"""The demo's projects: one in every state, told once, by people who may."""

import io

import pytest
from django.core.management import call_command
from django.test import override_settings

from apps.alliance.models import Member
from apps.audit.models import Event, Outcome
from apps.projects.access import may_use
from apps.projects.demo_words import PROJECTS
from apps.projects.models import AccessRequest, Amendment, CloseOut, Project

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def load(name):
    said = io.StringIO()
    call_command(name, stdout=said)
    return said.getvalue().splitlines()


@override_settings(DEMO=True)
def test_it_tells_every_state_and_a_second_telling_changes_nothing():
    for name in ("load_demo", "load_demo_data", "load_demo_agreements"):
        load(name)

    told, again = load("load_demo_projects"), load("load_demo_projects")

    assert len(told) == len(again) == len(PROJECTS) == Project.objects.count()
    assert all("is there already" in line for line in again)
    assert set(Project.objects.values_list("status", flat=True)) == set(Project.Status.values)
    assert set(AccessRequest.objects.values_list("status", flat=True)) == set(AccessRequest.Status.values)
    revoked = AccessRequest.objects.get(status="revoked")
    assert revoked.answer
    assert revoked.project.requests.filter(status="approved").exists()
    amended = Amendment.objects.get(status="submitted").project
    assert sorted(amended.requests.exclude(amends=None).values_list("status", flat=True)) == ["approved", "waiting"]
    assert sum(one.is_renewal for one in AccessRequest.objects.filter(status="waiting")) == 1
    assert CloseOut.objects.get().project.status == "closed"
    refused = Event.objects.filter(event__startswith="projects.").exclude(outcome=Outcome.SUCCESS)
    assert [event.event for event in refused] == []
    _assert_one_training_is_all_that_grace_lacks()


def _assert_one_training_is_all_that_grace_lacks():
    """What her page shows is true: the rest of what the access decision asks is there."""
    grace = Member.objects.get(name="Grace Liu")
    running = Project.objects.get(status="active", lead=grace)
    for request in running.requests.all():
        decision = may_use(grace, request.version.dataset, running)
        assert {line.key for line in decision.missing} == {"training"}, [line.detail for line in decision.missing]
