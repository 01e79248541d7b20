"""The record's page: each auditor reads what is theirs to audit, narrows it, and is recorded doing so."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.services import grants, people, training
from apps.audit.models import Event
from apps.core.errors import NotAllowed
from tests.factories import MemberFactory, TrainingRecordFactory, alliance, give, holder
from tests.recorded import happened

pytestmark = pytest.mark.django_db


def refuse(by, target):
    with pytest.raises(NotAllowed):
        people.suspend(target, by=by, reason="No.")


@pytest.fixture
def story():
    """Events of two centers and of the alliance: by center, and the events."""
    here, there = (holder(Role.CENTER_MANAGER) for _ in range(2))
    for who in (here, there):
        people.suspend(MemberFactory(center=who.center), by=who, reason="On leave.")
        refuse(MemberFactory(center=who.center), who)
    runner = holder(Role.ALLIANCE_MANAGER, alliance())
    training.publish_type(alliance(), by=runner, name="T", description="Words.", lifetime_days=3)
    return {"here": here.center, "there": there.center}


def lines(browse, auditor, **asked):
    page = browse(auditor).get("/record/", asked)
    assert page.status_code == 200
    return [
        (event.event.removeprefix("alliance."), event.outcome, event.center_ref)
        for event in page.context["listing"].rows
    ]


def test_a_centers_auditor_reads_the_centers_affairs_only(browse, story):
    auditor = holder(Role.AUDITOR, story["here"])

    here = str(story["here"].pk)
    assert lines(browse, auditor) == [("member.suspended", "refused", here), ("member.suspended", "success", here)]


def test_the_alliances_auditor_reads_everything(browse, story):
    seen = lines(browse, holder(Role.AUDITOR, alliance()))

    assert len(seen) == 5
    assert ("training_type.published", "success", "") in seen


def test_an_auditor_of_both_reads_everything(browse, story):
    auditor = holder(Role.AUDITOR, story["here"])
    give(auditor, Role.AUDITOR, alliance())

    assert len(lines(browse, auditor)) == 5


def test_an_auditor_whose_role_ended_reads_nothing(browse, story):
    auditor = holder(Role.AUDITOR, story["here"])
    auditor.all_grants.update(ended_at=timezone.now())

    assert browse(auditor).get("/record/").status_code == 403


def test_looking_is_recorded_with_how_much_was_seen(browse, story):
    auditor = holder(Role.AUDITOR, story["here"])

    lines(browse, auditor)

    event = Event.objects.get(event="audit.record.viewed")
    assert (event.actor_ref, event.details) == (str(auditor.pk), {"events": 2})


def test_the_record_can_be_narrowed_by_outcome(browse, story):
    assert {outcome for _, outcome, _ in lines(browse, holder(Role.AUDITOR, alliance()), outcome="refused")} == {
        "refused"
    }


def test_the_record_can_be_narrowed_by_event(browse, story):
    auditor = holder(Role.AUDITOR, alliance())

    wanted = "alliance.training_type.published"
    assert [name for name, *_ in lines(browse, auditor, event=wanted)] == ["training_type.published"]


def test_the_record_can_be_narrowed_by_center(browse, story):
    auditor = holder(Role.AUDITOR, alliance())

    assert {center for *_, center in lines(browse, auditor, center=story["there"].slug)} == {str(story["there"].pk)}


def test_a_centers_auditor_gets_no_further_by_naming_another_center(browse, story):
    assert lines(browse, holder(Role.AUDITOR, story["here"]), center=story["there"].slug) == []


def test_the_record_can_be_narrowed_to_days_the_last_one_included(browse):
    auditor = holder(Role.AUDITOR, alliance())
    day = datetime(2027, 5, 4, tzinfo=UTC)
    for moment in (
        day - timedelta(seconds=1),
        day,
        datetime.combine(day, time(23, 59, 59), tzinfo=UTC),
        day + timedelta(days=1),
    ):
        happened("alliance.x.done", moment)

    page = browse(auditor).get("/record/", {"since": "2027-05-04", "until": "2027-05-04"})

    assert sorted(event.occurred_at for event in page.context["listing"].rows) == [
        day, datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
    ]  # fmt: skip


def test_the_record_names_people_and_says_sentences(browse, story):
    page = browse(holder(Role.AUDITOR, story["here"])).get("/record/").content.decode()

    assert "Member suspended" in page
    assert "Attempt to stop everything this person can do" in page
    assert Member.objects.get(center=story["here"], all_grants__role=Role.CENTER_MANAGER).name in page


def test_the_record_says_whose_training_and_whose_role(browse):
    manager = holder(Role.CENTER_MANAGER)
    person = MemberFactory(center=manager.center, name="Grace Liu")
    grants.give_at_center(manager.center, by=manager, member=person, role=Role.DATA_STEWARD, reason="Elected.")
    proof = TrainingRecordFactory(member=person, type__name="Data security")
    training.return_to_member(proof, by=manager, reason="No name on it.")

    page = browse(holder(Role.AUDITOR, alliance())).get("/record/").content.decode()

    assert "Data steward (Grace Liu)" in page
    assert "Data security of Grace Liu" in page


def test_a_refused_look_reads_as_an_attempt(browse):
    browse(holder(Role.DATA_STEWARD)).get("/record/")

    page = browse(holder(Role.AUDITOR, alliance())).get("/record/").content.decode()

    assert "Attempt to look through the record" in page


@pytest.mark.parametrize(
    "role", [None, Role.CENTER_MANAGER, Role.DATA_STEWARD, Role.SIGNING_OFFICIAL, Role.OUTPUT_CHECKER]
)
def test_nobody_but_auditors_reads_the_record(browse, role):
    member = holder(role) if role else MemberFactory()

    page = browse(member).get("/record/")

    assert page.status_code == 403
    assert "Only auditors read the record." in page.content.decode()
