"""A closed project's files: when which host is told to erase them, and that it stays written down."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.audit.models import Event
from apps.core.errors import AlreadyDelivered, WrongState
from apps.jobs.actors import HOST
from apps.jobs.models import Erasure, Host
from apps.jobs.services import heartbeat, keeping
from apps.jobs.told import beats_of
from apps.projects.models import Project
from apps.workspaces.limits import KEPT_DAYS
from tests.factories import arranged
from tests.workspaces.host import Host as Voice


def closed(world, days):
    """The project, closed so many days ago."""
    with arranged():
        ago = timezone.now() - timedelta(days=days)
        Project.objects.filter(pk=world.project.pk).update(status="closed", status_at=ago)
    return Project.objects.get(pk=world.project.pk)


def told(name="h1"):
    body = {"host": name, "offers": {"cpus": 2, "slot_memory": 4 * 10**9, "gpus": []}, "attempts": []}
    return heartbeat.beat(*beats_of(body))["erase"]


@pytest.mark.parametrize(("days", "is_told"), [(0, False), (KEPT_DAYS - 1, False), (KEPT_DAYS + 1, True)])
def test_files_are_kept_for_their_time_and_no_longer(world, host, days, is_told):
    project = closed(world, days)

    assert told() == ([str(project.pk)] if is_told else [])


def test_a_project_that_is_not_closed_is_never_erased(world, host):
    with arranged():
        Project.objects.filter(pk=world.project.pk).update(status_at=timezone.now() - timedelta(days=1000))

    assert told() == []
    with pytest.raises(WrongState, match="kept longer"):
        keeping.erased(world.project, by=HOST, host=host)


def test_each_host_is_told_until_it_has_said_so(world, host):
    project = closed(world, KEPT_DAYS + 1)
    assert told("h1") == told("h2") == [str(project.pk)]

    keeping.erased(project, by=HOST, host=host)

    assert (told("h1"), told("h2")) == ([], [str(project.pk)])
    event = Event.objects.get(event="jobs.project.erased", outcome="success")
    assert event.details["host"] == "h1"
    with pytest.raises(AlreadyDelivered):
        keeping.erased(project, by=HOST, host=host)


def test_what_was_erased_stays_written_down(world, host):
    keeping.erased(closed(world, KEPT_DAYS + 1), by=HOST, host=host)

    for change in (lambda: Erasure.objects.all().delete(), lambda: Erasure.objects.update(erased_at=timezone.now())):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_a_host_says_it_by_its_address_and_may_say_it_twice(world, host):
    project, voice = closed(world, KEPT_DAYS + 1), Voice()
    address = f"/internal/projects/{project.pk}/erased"

    def status(path, facts, of=voice):
        of.post(path, facts)
        return of.status

    assert [status(address, {"host": "h1"}) for _ in range(2)] == [200, 200]
    assert Erasure.objects.get().host == Host.objects.get(name="h1")
    assert status(address, {"host": "unknown"}) == status(address, ["h1"]) == 404
    assert status(f"/internal/projects/{host.pk}/erased", {"host": "h1"}) == 404
    assert status(address, {"host": "h1"}, Voice("another secret")) == 404
