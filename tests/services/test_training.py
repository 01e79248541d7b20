"""Training: published by the alliance, proved by each for themselves, decided by another, lapsed by the clock."""

import hashlib
from datetime import date, timedelta

import pytest
import time_machine

from apps.alliance.evidence import Evidence
from apps.alliance.models import TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.alliance.selectors import lapsed_training, standing_of_training
from apps.alliance.services import training
from apps.alliance.tasks import close_what_lapsed
from apps.audit.models import Event
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.models import Notice
from apps.core.notices import unread
from tests.factories import PDF, MemberFactory, TrainingRecordFactory, TrainingTypeFactory, alliance, holder

S = TrainingRecord.Status
TODAY = date(2027, 5, 4)


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel("2027-05-04T12:00:00Z", tick=False):
        yield


@pytest.fixture
def course(db):
    return TrainingTypeFactory(name="Data security", lifetime_days=365, required_of_all=True)


def paper(body=PDF, name="certificate.pdf"):
    """A certificate as it is known once stored; the storage itself would refuse our turned clock."""
    return Evidence("training/x.pdf", name, "application/pdf", hashlib.sha256(body).hexdigest(), len(body))


def publish(by, **facts):
    facts = {"name": "Data security", "description": "How to keep data in.", "lifetime_days": 365, **facts}
    return training.publish_type(alliance(), by=by, **facts)


def submit(member, course, *, by=None, completed_on=TODAY - timedelta(days=3), **facts):
    facts.setdefault("evidence", paper())
    return training.submit(member, by=by or member, training_type=course, completed_on=completed_on, **facts)


# ── types ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_alliance_publishes_a_training(alliance_manager):
    made = publish(alliance_manager, required_for=[Role.OUTPUT_CHECKER.value])

    assert made.status == TrainingType.Status.PUBLISHED
    assert made.required_for == ["output_checker"]


def test_a_center_publishes_no_training(manager):
    with pytest.raises(NotAllowed, match="Only an alliance manager"):
        publish(manager)


def test_two_published_trainings_cannot_share_a_name(alliance_manager):
    publish(alliance_manager)

    with pytest.raises(Invalid, match="is published already"):
        publish(alliance_manager)


def test_a_retired_name_can_be_used_for_the_next_edition(alliance_manager):
    training.retire_type(publish(alliance_manager), by=alliance_manager, reason="A new edition.")

    assert publish(alliance_manager)


def test_a_training_is_retired_once(alliance_manager, course):
    training.retire_type(course, by=alliance_manager, reason="Old.")

    with pytest.raises(WrongState, match="retired now"):
        training.retire_type(course, by=alliance_manager, reason="Old.")


def test_a_center_retires_no_training(manager, course):
    with pytest.raises(NotAllowed, match="Only an alliance manager"):
        training.retire_type(course, by=manager, reason="Dull.")


def test_a_retired_training_is_asked_of_nobody(alliance_manager, colleague, course):
    assert [type_ for type_, _, _ in standing_of_training(colleague)] == [course]

    training.retire_type(course, by=alliance_manager, reason="Old.")

    assert standing_of_training(colleague) == []


def test_a_training_for_a_role_is_asked_of_its_holders_only(center, colleague):
    course = TrainingTypeFactory(required_for=[Role.OUTPUT_CHECKER.value])
    checker = holder(Role.OUTPUT_CHECKER, center)

    assert [type_ for type_, _, _ in standing_of_training(checker)] == [course]
    assert standing_of_training(colleague) == []


# ── submitting ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_proof_waits_for_the_centers_managers(manager, colleague, course):
    record = submit(colleague, course)

    assert record.status == S.SUBMITTED
    assert record.valid_until == TODAY + timedelta(days=362)
    assert Notice.objects.get(to=manager).path == f"/training/{record.pk}/"


def test_the_event_keeps_the_files_hash_and_not_its_name(colleague, course):
    file = paper(name="Ada Osei passport.pdf")

    submit(colleague, course, evidence=file)

    event = Event.objects.get()
    assert event.details == {"type": str(course.pk), "sha256": file.sha256}


def test_nobody_sends_proof_for_somebody_else(manager, colleague, course):
    with pytest.raises(NotAllowed, match="Only the person whose account"):
        submit(colleague, course, by=manager)


def test_a_training_taken_today_counts(colleague, course):
    assert submit(colleague, course, completed_on=TODAY).valid_until == TODAY + timedelta(days=365)


def test_a_training_of_tomorrow_is_refused(colleague, course):
    with pytest.raises(Invalid, match="in the future") as refusal:
        submit(colleague, course, completed_on=TODAY + timedelta(days=1))

    assert list(refusal.value.fields) == ["completed_on"]


def test_a_training_whose_time_is_over_is_refused(colleague, course):
    with pytest.raises(Invalid, match="valid for 365 days, so that proof has lapsed"):
        submit(colleague, course, completed_on=TODAY - timedelta(days=366))


def test_a_training_on_its_last_day_is_taken(colleague, course):
    assert submit(colleague, course, completed_on=TODAY - timedelta(days=365)).valid_until == TODAY


def test_only_one_proof_of_a_training_is_open(colleague, course):
    submit(colleague, course)

    with pytest.raises(Invalid, match="is with your center already"):
        submit(colleague, course)

    assert TrainingRecord.objects.count() == 1


def test_two_trainings_can_be_proved_at_once(colleague, course):
    submit(colleague, course)

    assert submit(colleague, TrainingTypeFactory())


def test_an_accepted_training_can_be_renewed_before_it_ends(manager, colleague, course):
    training.accept(submit(colleague, course), by=manager)

    assert submit(colleague, course).status == S.SUBMITTED


def test_a_retired_training_takes_no_proof(colleague):
    with pytest.raises(WrongState, match="is retired"):
        submit(colleague, TrainingTypeFactory(status="retired"))


# ── deciding ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_accepted_training_is_valid_until_its_end(manager, colleague, course):
    record = submit(colleague, course)

    training.accept(record, by=manager)

    record.refresh_from_db()
    assert (record.status, record.decided_by) == (S.ACCEPTED, manager)
    assert [standing for _, _, standing in standing_of_training(colleague)] == ["valid"]


def test_the_member_is_told_of_the_acceptance(manager, colleague, course):
    training.accept(submit(colleague, course), by=manager)

    assert Notice.objects.get(to=colleague).subject == "Data security is accepted"


def test_nobody_accepts_their_own_training(manager, course):
    record = submit(manager, course)

    with pytest.raises(NotAllowed, match="Nobody can accept their own training"):
        training.accept(record, by=manager)

    record.refresh_from_db()
    assert record.status == S.SUBMITTED


def test_nobody_returns_their_own_training(manager, course):
    with pytest.raises(NotAllowed, match="Nobody can accept their own training"):
        training.return_to_member(submit(manager, course), by=manager, reason="To myself.")


def test_another_manager_accepts_a_managers_training(center, manager, course):
    record = submit(manager, course)

    training.accept(record, by=holder(Role.CENTER_MANAGER, center))

    record.refresh_from_db()
    assert record.status == S.ACCEPTED


def test_another_centers_manager_accepts_nothing(other_manager, colleague, course):
    with pytest.raises(NotAllowed, match=f"Only a center manager of {colleague.center}"):
        training.accept(submit(colleague, course), by=other_manager)


def test_an_alliance_manager_accepts_nothing(alliance_manager, colleague, course):
    with pytest.raises(NotAllowed, match="Only a center manager"):
        training.accept(submit(colleague, course), by=alliance_manager)


def test_a_proof_that_ran_out_while_it_waited_is_not_accepted(manager, colleague, course):
    record = submit(colleague, course, completed_on=TODAY - timedelta(days=365))

    with time_machine.travel("2027-05-05T12:00:00Z"), pytest.raises(WrongState, match="ran out"):
        training.accept(record, by=manager)

    record.refresh_from_db()
    assert record.status == S.SUBMITTED


def test_a_proof_is_decided_once(manager, colleague, course):
    record = submit(colleague, course)
    training.accept(record, by=manager)

    with pytest.raises(WrongState, match="accepted now"):
        training.return_to_member(record, by=manager, reason="Second thoughts.")


def test_a_returned_proof_says_what_to_mend(manager, colleague, course):
    record = submit(colleague, course)

    training.return_to_member(record, by=manager, reason="It shows no name.")

    record.refresh_from_db()
    assert (record.status, record.reason) == (S.RETURNED, "It shows no name.")
    assert "It shows no name." in Notice.objects.get(to=colleague).text


# ── sending again ───────────────────────────────────────────────────────────────────────────────────────────────────
def resubmit(record, *, by):
    return training.resubmit(record, by=by, completed_on=TODAY - timedelta(days=1), evidence=paper(b"%PDF-1.7 mended"))


def test_a_returned_proof_is_sent_again_mended(manager, colleague, course):
    record = submit(colleague, course)
    training.return_to_member(record, by=manager, reason="It shows no name.")

    resubmit(record, by=colleague)

    former = record.evidence_sha256
    record.refresh_from_db()
    assert (record.status, record.reason, record.decided_by) == (S.SUBMITTED, "", None)
    assert record.evidence_sha256 != former
    assert record.completed_on == TODAY - timedelta(days=1)


def test_the_manager_is_told_again_of_a_mended_proof(manager, colleague, course):
    record = submit(colleague, course)
    training.return_to_member(record, by=manager, reason="It shows no name.")

    with time_machine.travel("2027-05-05T12:00:00Z"):
        resubmit(record, by=colleague)

    assert Notice.objects.filter(to=manager).count() == 2


def test_nobody_else_sends_a_proof_again(manager, colleague, course):
    record = submit(colleague, course)
    training.return_to_member(record, by=manager, reason="It shows no name.")

    with pytest.raises(NotAllowed, match="Only the person whose account"):
        resubmit(record, by=manager)


def test_a_waiting_proof_is_not_replaced(colleague, course):
    with pytest.raises(WrongState, match="submitted now"):
        resubmit(submit(colleague, course), by=colleague)


def test_a_second_proof_waits_until_the_returned_one_is_mended(manager, colleague, course):
    training.return_to_member(submit(colleague, course), by=manager, reason="It shows no name.")

    with pytest.raises(Invalid, match="change what you sent"):
        submit(colleague, course)


def test_what_one_manager_decided_is_new_to_no_other(center, manager, colleague, course):
    second = holder(Role.CENTER_MANAGER, center)
    record = submit(colleague, course)
    assert unread(second).count() == 1

    training.return_to_member(record, by=manager, reason="It shows no name.")

    assert not unread(second).exists()


def test_a_proof_sent_again_is_new_again(center, manager, colleague, course):
    record = submit(colleague, course)
    training.return_to_member(record, by=manager, reason="It shows no name.")

    with time_machine.travel("2027-05-05T12:00:00Z", tick=False):
        resubmit(TrainingRecord.objects.get(pk=record.pk), by=colleague)

    assert unread(manager).count() == 1


# ── lapsing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_training_counts_on_its_last_day(manager, colleague, course):
    record = submit(colleague, course)
    training.accept(record, by=manager)

    with time_machine.travel(record.valid_until + timedelta(hours=23)):
        close_what_lapsed()
        assert [standing for _, _, standing in standing_of_training(colleague)] == ["valid"]

    record.refresh_from_db()
    assert record.status == S.ACCEPTED


def test_on_its_last_day_nobody_tries_to_lapse_a_training(colleague, course):
    TrainingRecordFactory(member=colleague, type=course, status=S.ACCEPTED, valid_until=TODAY)

    close_what_lapsed()

    assert not lapsed_training().exists()
    assert not Event.objects.exists(), "not even a refused attempt"


def test_the_clock_lapses_a_training_on_the_day_after(manager, colleague, course):
    record = submit(colleague, course)
    training.accept(record, by=manager)

    with time_machine.travel(record.valid_until + timedelta(days=1, seconds=1)):
        close_what_lapsed()

    record.refresh_from_db()
    assert (record.status, record.decided_by) == (S.LAPSED, manager)
    assert Notice.objects.filter(to=colleague, subject="Data security has lapsed").exists()


def test_a_training_counts_no_more_even_before_the_clock_closes_it(colleague, course):
    TrainingRecordFactory(member=colleague, type=course, status=S.ACCEPTED, valid_until=TODAY - timedelta(days=1))

    assert [standing for _, _, standing in standing_of_training(colleague)] == ["lapsed"]


def test_a_training_lapses_once(colleague, course):
    TrainingRecordFactory(member=colleague, type=course, status=S.ACCEPTED, valid_until=TODAY - timedelta(days=1))

    close_what_lapsed()
    close_what_lapsed()

    assert Event.objects.filter(event="alliance.training.lapsed").count() == 1
    assert Notice.objects.count() == 1


def test_the_clock_goes_on_past_one_that_is_refused(colleague, monkeypatch):
    for _ in range(3):
        TrainingRecordFactory(member=colleague, status=S.ACCEPTED, valid_until=TODAY - timedelta(days=1))
    stubborn = TrainingRecord.objects.order_by("pk").first()
    monkeypatch.setattr("apps.alliance.selectors.lapsed_training", lambda: list(TrainingRecord.objects.order_by("pk")))
    TrainingRecord.objects.filter(pk=stubborn.pk).update(valid_until=TODAY)

    close_what_lapsed()

    assert TrainingRecord.objects.filter(status=S.LAPSED).count() == 2


def test_nobody_lapses_a_training_by_hand(manager, colleague, course):
    record = TrainingRecordFactory(
        member=colleague, type=course, status=S.ACCEPTED, valid_until=TODAY - timedelta(days=1)
    )

    with pytest.raises(NotAllowed, match="by itself"):
        training.lapse(record, by=manager)


def test_the_longest_names_still_reach_the_managers(center, manager):
    member = MemberFactory(center=center, name="N" * 120)

    submit(member, TrainingTypeFactory(name="T" * 120))

    assert Notice.objects.get(to=manager).subject.startswith("N" * 120)
