"""Reminders: in time, each milestone once, to those who can act; and notices, each told once."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from apps.alliance.models import Member, TrainingRecord
from apps.alliance.roles import Role
from apps.alliance.tasks import remind_of_endings
from apps.audit.models import Event
from apps.core.models import Message, Notice
from apps.core.notices import mark_read, tell, unread
from tests.factories import MemberFactory, TrainingRecordFactory, give, holder

NOON = datetime(2027, 5, 4, 12, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOON, tick=False):
        yield


def train(member, *, days):
    """An accepted training that ends in so many days."""
    status = TrainingRecord.Status.ACCEPTED
    return TrainingRecordFactory(member=member, status=status, valid_until=TODAY + timedelta(days=days))


def told(member):
    return Notice.objects.filter(to=member, key__startswith="ending:").count()


@pytest.mark.parametrize("days", [60, 30, 14, 7, 1])
def test_a_training_that_ends_soon_is_told_on_each_milestone(colleague, days):
    train(colleague, days=days)

    remind_of_endings()

    assert told(colleague) == 1


@pytest.mark.parametrize("days", [61, -1])
def test_nobody_is_told_too_early_or_of_what_is_over(colleague, days):
    train(colleague, days=days)

    remind_of_endings()

    assert told(colleague) == 0


@pytest.mark.parametrize(("first", "then"), [(60, 31), (30, 15), (14, 8), (7, 2), (1, 0)])
def test_between_the_milestones_nobody_is_bothered(colleague, first, then):
    train(colleague, days=first)
    remind_of_endings()

    with time_machine.travel(NOON + timedelta(days=first - then), tick=False):
        remind_of_endings()

    assert told(colleague) == 1
    assert Event.objects.filter(event="alliance.member.reminded").count() == 1


@pytest.mark.parametrize(("days", "milestone"), [(59, 60), (29, 30), (13, 14), (6, 7), (0, 1)])
def test_a_milestone_whose_day_was_missed_is_told_late(colleague, days, milestone):
    train(colleague, days=days)

    remind_of_endings()

    assert Notice.objects.get(to=colleague).key.endswith(f":{milestone}")


def test_after_weeks_without_the_clock_only_the_latest_milestone_is_told(colleague):
    train(colleague, days=60)
    remind_of_endings()

    for days_left in (5, 4, 3):
        with time_machine.travel(NOON + timedelta(days=60 - days_left), tick=False):
            remind_of_endings()

    told_of = [notice.key.rpartition(":")[2] for notice in Notice.objects.filter(to=colleague).order_by("created_at")]
    assert told_of == ["60", "7"]


def test_a_missed_milestone_of_one_thing_is_told_beside_the_day_of_another(colleague):
    train(colleague, days=7)
    give(colleague, Role.DATA_STEWARD, ends_at=NOON + timedelta(days=20))

    remind_of_endings()
    remind_of_endings()

    assert told(colleague) == 2


def test_a_role_is_told_late_on_its_very_last_day(colleague):
    give(colleague, Role.DATA_STEWARD, ends_at=datetime.combine(TODAY, time(23, 59, 59), tzinfo=UTC))

    remind_of_endings()

    assert Notice.objects.get(to=colleague).text == "It ends on 4 May 2027."


def test_a_vouching_whose_day_was_missed_is_told_to_the_managers(center, manager):
    MemberFactory(center=center, vouched_until=TODAY + timedelta(days=12))

    remind_of_endings()
    remind_of_endings()

    assert [notice.key.rpartition(":")[2] for notice in Notice.objects.filter(to=manager)] == ["14"]


def test_over_two_months_five_reminders_come_and_no_more(colleague):
    train(colleague, days=65)

    for day in range(70):
        with time_machine.travel(NOON + timedelta(days=day), tick=False):
            remind_of_endings()

    assert told(colleague) == 5


def test_a_second_run_on_the_same_day_tells_nothing_twice(colleague):
    train(colleague, days=7)

    remind_of_endings()
    with time_machine.travel(NOON + timedelta(hours=3), tick=False):
        remind_of_endings()

    assert told(colleague) == 1
    assert Message.objects.filter(task="core.mail_notice").count() == 1


def test_a_second_run_on_the_same_day_leaves_no_second_event(colleague):
    train(colleague, days=7)

    remind_of_endings()
    with time_machine.travel(NOON + timedelta(hours=3), tick=False):
        remind_of_endings()

    assert Event.objects.filter(event="alliance.member.reminded").count() == 1


def test_the_event_counts_what_was_told(colleague):
    train(colleague, days=7)
    train(colleague, days=14)

    remind_of_endings()

    assert Event.objects.get().details == {"told": 2}


def test_everybody_is_reminded_however_many_end_on_one_day(center, monkeypatch):
    monkeypatch.setattr("apps.alliance.tasks.BATCH", 3)
    for member in MemberFactory.create_batch(7, center=center):
        train(member, days=7)

    for _ in range(3):
        remind_of_endings()

    assert Notice.objects.count() == 7


def test_the_managers_are_told_whose_vouching_ends(center, manager):
    member = MemberFactory(center=center, vouched_until=TODAY + timedelta(days=30))

    remind_of_endings()

    notice = Notice.objects.get()
    assert (notice.to, notice.path) == (manager, f"/people/{member.pk}/")
    assert str(member) in notice.subject


def test_a_manager_is_not_asked_to_vouch_for_themselves(center):
    holder(Role.CENTER_MANAGER, center, vouched_until=TODAY + timedelta(days=30))

    remind_of_endings()

    assert not Notice.objects.exists()


def test_a_role_that_ends_is_told_to_its_holder(colleague):
    give(
        colleague, Role.DATA_STEWARD, ends_at=datetime.combine(TODAY + timedelta(days=14), time(23, 59, 59), tzinfo=UTC)
    )

    remind_of_endings()

    assert Notice.objects.get().subject == "The role of data steward ends soon"


@pytest.mark.parametrize("status", [Member.Status.SUSPENDED, Member.Status.LEFT])
def test_nobody_is_reminded_who_cannot_act(center, status):
    train(MemberFactory(center=center, status=status), days=7)

    remind_of_endings()

    assert not Notice.objects.exists()


def test_a_returned_proof_reminds_of_nothing(colleague):
    TrainingRecordFactory(member=colleague, valid_until=TODAY + timedelta(days=7))

    remind_of_endings()

    assert not Notice.objects.exists()


# ── notices ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_notice_is_told_once_for_one_occasion(colleague):
    tell(colleague, key="occasion", subject="First", text="Words")
    tell(colleague, key="occasion", subject="Second", text="Words")

    assert [notice.subject for notice in Notice.objects.all()] == ["First"]
    assert Message.objects.count() == 1


def test_the_same_occasion_is_told_to_each(colleague, manager):
    tell(colleague, key="occasion", subject="First", text="Words")
    tell(manager, key="occasion", subject="First", text="Words")

    assert Notice.objects.count() == 2


def test_a_notice_is_mailed_with_its_link(colleague, deliver_all, settings):
    tell(colleague, key="occasion", subject="Look", text="Something waits.", path="/training/")

    deliver_all()

    (letter,) = mail.outbox
    assert letter.to == [colleague.email]
    assert f"{settings.BASE_URL}/training/" in letter.body
    assert Notice.objects.get().mailed_at == timezone.now()


def test_a_repeated_mail_carries_the_same_message_id(colleague, deliver_all):
    tell(colleague, key="occasion", subject="Look", text="Something waits.")
    deliver_all()
    Notice.objects.update(mailed_at=None)
    Message.objects.update(delivered_at=None, claimed_until=None)

    deliver_all()

    first, second = (letter.extra_headers["Message-ID"] for letter in mail.outbox)
    assert first == second
    assert str(Notice.objects.get().pk) in first


def test_a_notice_that_was_mailed_is_not_mailed_again(colleague, deliver_all):
    tell(colleague, key="occasion", subject="Look", text="Something waits.")
    deliver_all()
    Message.objects.update(delivered_at=None, claimed_until=None)

    deliver_all()

    assert len(mail.outbox) == 1


@pytest.mark.parametrize("subject", ["One\nBcc: thief@example.org", "One\r\nX: y", "N" * 400, "Tab\tand\x0bmore"])
def test_no_subject_breaks_the_mail(colleague, deliver_all, subject):
    tell(colleague, key="occasion", subject=subject, text="Something waits.")

    assert deliver_all() == [True]

    message = mail.outbox[0].message()
    assert "Bcc" not in message
    assert "\n" not in mail.outbox[0].subject


def test_reading_marks_only_ones_own_notices(colleague, manager):
    tell(colleague, key="occasion", subject="First", text="Words")
    tell(manager, key="occasion", subject="First", text="Words")

    mark_read(colleague)

    assert not unread(colleague).exists()
    assert unread(manager).exists()
