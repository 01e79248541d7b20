"""Machines say why: what the gate refuses by state, open_to() explains before. All pairs are in tests/house."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.alliance.models import Center, Member, TrainingRecord
from apps.alliance.roles import Role
from apps.alliance.services import centers, people, training
from apps.alliance.states import CENTER, MEMBER, TRAINING_RECORD
from apps.audit.models import Event, Outcome
from apps.core.errors import NotAllowed, WrongState
from apps.core.machines import MACHINES
from apps.projects.models import Amendment
from apps.projects.services import proposals
from tests.factories import CenterFactory, MemberFactory, TrainingRecordFactory, alliance, holder
from tests.factories_agreements import drafted, wording
from tests.factories_catalog import LookFactory, VersionFactory
from tests.factories_jobs import job
from tests.factories_workspaces import run, workspace
from tests.house.source import import_everything
from tests.projects.world import proposed, published

pytestmark = pytest.mark.django_db
import_everything()


@pytest.fixture
def manager():
    return holder(Role.CENTER_MANAGER)


@pytest.fixture
def colleague(manager):
    return MemberFactory(center=manager.center)


def test_a_move_from_the_wrong_state_is_refused_recorded_and_changes_nothing(manager, colleague):
    with pytest.raises(WrongState, match="This is active now, so that step is not open"):
        people.reinstate(colleague, by=manager, reason="Why not.")

    colleague.refresh_from_db()
    event = Event.objects.get()
    assert colleague.status == Member.Status.ACTIVE
    assert (event.event, event.outcome) == ("alliance.member.reinstated", Outcome.REFUSED)


def test_the_state_that_counts_is_that_of_the_database_not_of_the_page(manager, colleague):
    seen_on_the_page = Member.objects.get(pk=colleague.pk)
    people.suspend(colleague, by=manager, reason="On leave.")

    with pytest.raises(WrongState, match="suspended now"):
        people.suspend(seen_on_the_page, by=manager, reason="On leave.")


def test_who_is_asked_before_in_which_state(colleague):
    with pytest.raises(NotAllowed):
        people.reinstate(colleague, by=MemberFactory(center=colleague.center), reason="Curious.")


def test_a_move_notes_from_where_to_where_and_when(manager, colleague):
    before = timezone.now()

    people.suspend(colleague, by=manager, reason="On leave.")

    colleague.refresh_from_db()
    assert colleague.status_at >= before
    assert {k: v for k, v in Event.objects.get().details.items() if k in {"from", "to"}} == {
        "from": "active",
        "to": "suspended",
    }


def test_a_step_whose_work_is_refused_does_not_move():
    applicant = CenterFactory(status=Center.Status.APPLICANT)
    with pytest.raises(Exception, match="no center manager"):
        centers.admit(applicant, by=holder(Role.ALLIANCE_MANAGER, alliance()), reason="Yes.")

    applicant.refresh_from_db()
    assert applicant.status == Center.Status.APPLICANT


def test_open_to_names_every_move(manager, colleague):
    assert set(MEMBER.open_to(manager, colleague)) == {"suspend", "reinstate", "leave"}


def test_open_to_says_which_state_stands_in_the_way(manager, colleague):
    assert MEMBER.open_to(manager, colleague)["reinstate"].reason.startswith("This is active now")


def test_open_to_says_who_could(manager, colleague):
    decision = MEMBER.open_to(colleague, manager)["suspend"]

    assert decision.reason == f"Only a center manager of {manager.center} can do that."


def test_open_to_says_that_another_must_do_it(manager):
    assert "Another manager of your center can" in MEMBER.open_to(manager, manager)["suspend"].reason


def test_open_to_tells_the_suspended_that_they_cannot_act(manager, colleague):
    Member.objects.filter(pk=manager.pk).update(status=Member.Status.SUSPENDED)

    decision = MEMBER.open_to(Member.objects.get(pk=manager.pk), colleague)["suspend"]

    assert decision.reason.startswith("Your membership is suspended")


def test_open_to_and_the_gate_say_the_same_sentence(manager, colleague):
    record = TrainingRecordFactory(member=manager)
    shown = TRAINING_RECORD.open_to(manager, record)["accept"].reason

    with pytest.raises(NotAllowed) as refusal:
        training.accept(record, by=manager)

    assert str(refusal.value) == shown
    assert Event.objects.get().reason == shown


def test_each_state_of_a_center_says_whose_turn_it_is():
    assert CENTER.waits_for[Center.Status.APPLICANT] == "alliance_manager"
    assert TRAINING_RECORD.waits_for[TrainingRecord.Status.SUBMITTED] == "center_manager"


@pytest.mark.parametrize("label", sorted(MACHINES))
def test_the_database_takes_no_state_that_the_table_does_not_know(label):
    lead = MemberFactory()
    make = {
        "alliance.center": CenterFactory,
        "alliance.member": MemberFactory,
        "alliance.trainingrecord": TrainingRecordFactory,
        "alliance.trainingtype": lambda: TrainingRecordFactory().type,
        "catalog.datasetversion": VersionFactory,
        "catalog.firstlook": LookFactory,
        "agreements.templateversion": lambda: wording(published=False),
        "agreements.agreementversion": drafted,
        "projects.project": lambda: _project(lead),
        "projects.accessrequest": lambda: _request(lead),
        "projects.amendment": lambda: Amendment.objects.create(
            project=_project(lead), number=1, title="Another question"
        ),
        "jobs.job": lambda: job(lead, _project(lead)),
        "workspaces.workspace": lambda: workspace(lead, _project(lead)),
        "workspaces.run": lambda: run(workspace(lead, _project(lead))),
    }[label]
    row = make()

    with pytest.raises(IntegrityError), transaction.atomic():
        type(row)._base_manager.filter(pk=row.pk).update(status="nonsense")


def _project(lead):
    return proposals.propose(lead.center, by=lead, title="A question")


def _request(lead):
    steward = holder(Role.DATA_STEWARD)
    return proposed(lead, published(steward.center, steward), submit=False).requests.get()
