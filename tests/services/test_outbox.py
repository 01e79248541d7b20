"""Effects that follow a change: all or none with it, once, and never lost."""

import contextvars
import threading
import time
from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from celery import current_app, shared_task
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connections, transaction
from django.utils import timezone

from apps.alliance.models import Member, Vouch
from apps.alliance.services import people
from apps.audit.models import Event, Outcome
from apps.audit.source import coming_from
from apps.core import outbox
from apps.core.errors import NotAllowed, Unavailable
from apps.core.models import Message
from apps.core.notices import tell
from apps.core.outbox import MOST_ATTEMPTS, PATIENCE, deliver, later
from apps.core.tasks import sweep_outbox
from tests.factories import MemberFactory
from tests.rivals import at_once

pytestmark = pytest.mark.usefixtures("transactional_db")


# ── what the messages do: a command, by a person, on a person ───────────────────────────────────────────────────────
def _person(pk):
    return Member.objects.select_related("center").get(pk=pk)


@shared_task(name="test.vouch")
def vouch(pk, by):
    people.vouch(_person(pk), by=_person(by))


@shared_task(name="test.vouch_and_break")
def vouch_and_break(pk, by):
    people.vouch(_person(pk), by=_person(by))
    raise RuntimeError("broke after the command")


@shared_task(name="test.vouch_and_die")
def vouch_and_die(pk, by):
    people.vouch(_person(pk), by=_person(by))
    raise SystemExit("killed after the command")


@shared_task(name="test.break")
def always_breaks():
    raise RuntimeError("broke")


@shared_task(name="test.unavailable")
def unavailable():
    raise Unavailable("The storage does not answer.")


PAUSED, GO_ON = threading.Event(), threading.Event()


@shared_task(name="test.pause_and_vouch")
def pause_and_vouch(pk, by):
    if threading.current_thread().name == "slow":
        PAUSED.set()
        assert GO_ON.wait(30)
    people.vouch(_person(pk), by=_person(by))


def put(task, *args, **facts):
    with transaction.atomic():
        return later(task, *args, **facts)


def waiting_for_a_worker():
    with current_app.connection_for_write() as connection:
        return connection.default_channel._size("control")


# ── with the change ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_message_wakes_a_worker_once_its_change_is_committed():
    with transaction.atomic():
        later("test.break")
        assert waiting_for_a_worker() == 0

    assert waiting_for_a_worker() == 1


def test_a_change_that_does_not_happen_leaves_no_message():
    with transaction.atomic():
        later("test.break")
        transaction.set_rollback(True)

    assert not Message.objects.exists()
    assert waiting_for_a_worker() == 0


def test_a_refused_command_leaves_no_message(center, colleague):
    with pytest.raises(NotAllowed):
        people.invite(center, by=colleague, email=f"x@{center.email_domains[0]}", name="X")

    assert not Message.objects.exists()


def test_a_message_for_later_waits_for_its_time(manager, colleague):
    message = put("test.vouch", colleague.pk, manager.pk, not_before=timezone.now() + timedelta(hours=1))

    assert not deliver(message.pk)
    assert waiting_for_a_worker() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=10)):
        sweep_outbox()
        assert Vouch.objects.count() == 1


# ── once ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_message_is_delivered_once(manager, colleague):
    message = put("test.vouch", colleague.pk, manager.pk)

    assert [deliver(message.pk), deliver(message.pk)] == [True, False]

    assert Vouch.objects.count() == 1
    message.refresh_from_db()
    assert message.delivered_at
    assert message.attempts == 1


def test_eight_workers_on_one_message_have_one_effect(manager, colleague):
    message = put("test.vouch", colleague.pk, manager.pk)

    outcomes = at_once(*[lambda: deliver(message.pk)] * 8)

    assert sorted(outcomes) == [False] * 7 + [True]
    assert Vouch.objects.count() == 1


def test_eight_workers_on_one_notice_send_one_mail(colleague):
    with transaction.atomic():
        tell(colleague, key="occasion", subject="Look", text="Something waits.")
    message = Message.objects.get()

    at_once(*[lambda: deliver(message.pk)] * 8)

    assert len(mail.outbox) == 1


def test_nobody_takes_up_what_another_worker_holds(manager, colleague):
    message = put("test.vouch", colleague.pk, manager.pk)
    Message.objects.filter(pk=message.pk).update(claimed_until=timezone.now() + timedelta(seconds=30))

    assert not deliver(message.pk)

    assert Vouch.objects.count() == 0


@pytest.mark.parametrize("task", ["test.vouch_and_break", "test.vouch_and_die"])
def test_a_crash_right_after_the_command_repeats_nothing(manager, colleague, task):
    message = put(task, colleague.pk, manager.pk)

    with suppress(SystemExit):
        deliver(message.pk)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        sweep_outbox()
        assert not deliver(message.pk)

    assert Vouch.objects.count() == 1
    assert Event.objects.filter(event="alliance.member.vouched").count() == 1


def test_a_crash_before_the_command_is_made_up_for(manager, colleague, monkeypatch):
    message = put("test.vouch", colleague.pk, manager.pk)
    monkeypatch.setattr(outbox, "settle_current", lambda: (_ for _ in ()).throw(SystemExit("killed before the commit")))
    with pytest.raises(SystemExit):
        deliver(message.pk)
    assert Vouch.objects.count() == 0
    monkeypatch.undo()

    with time_machine.travel(timezone.now() + outbox.LEASE + timedelta(seconds=1)):
        sweep_outbox()

    assert Vouch.objects.count() == 1


def test_a_worker_that_overslept_its_lease_has_no_second_effect(manager, colleague):
    PAUSED.clear()
    GO_ON.clear()
    message = put("test.pause_and_vouch", colleague.pk, manager.pk)
    outcome = []

    def oversleep():
        outcome.append(deliver(message.pk))
        connections.close_all()

    slow = threading.Thread(target=contextvars.copy_context().run, args=[oversleep], name="slow")
    slow.start()
    assert PAUSED.wait(30)
    Message.objects.filter(pk=message.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))

    assert deliver(message.pk)
    GO_ON.set()
    slow.join(30)

    assert outcome == [False]
    assert Vouch.objects.count() == 1
    assert Event.objects.filter(event="alliance.member.vouched").count() == 1


class CrashesAfterSending(EmailBackend):
    def send_messages(self, messages):
        super().send_messages(messages)
        raise SystemExit("killed after sending")


def test_a_mail_that_may_repeat_can_be_recognised(colleague, settings):
    with transaction.atomic():
        tell(colleague, key="occasion", subject="Look", text="Something waits.")
    message = Message.objects.get()
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.CrashesAfterSending"
    with pytest.raises(SystemExit):
        deliver(message.pk)
    settings.EMAIL_BACKEND = backend

    with time_machine.travel(timezone.now() + outbox.LEASE + timedelta(seconds=10)):
        sweep_outbox()

    assert len(mail.outbox) == 2
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 1


# ── never lost ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_lost_wake_up_is_swept(manager, colleague):
    put("test.vouch", colleague.pk, manager.pk)

    sweep_outbox()
    assert Vouch.objects.count() == 0, "a worker gets a moment first"

    with time_machine.travel(timezone.now() + PATIENCE + timedelta(seconds=1)):
        sweep_outbox()
    assert Vouch.objects.count() == 1


def test_the_sweep_leaves_alone_what_a_worker_holds(manager, colleague):
    message = put("test.vouch", colleague.pk, manager.pk)
    now = timezone.now()
    Message.objects.filter(pk=message.pk).update(claimed_until=now + timedelta(minutes=1))

    with time_machine.travel(now + timedelta(seconds=30)):
        sweep_outbox()

    assert Vouch.objects.count() == 0


@pytest.fixture
def broker_down(monkeypatch):
    monkeypatch.setattr(outbox, "_broker_rests_until", 0.0)
    former = current_app.conf.broker_url
    _point_to("redis://127.0.0.1:1/0")
    yield
    _point_to(former)


def test_a_broker_that_is_down_fails_no_command(center, manager, broker_down):
    people.invite(center, by=manager, email=f"x@{center.email_domains[0]}", name="X")

    assert Event.objects.get(event="alliance.member.invited").outcome == Outcome.SUCCESS
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        current_app.loader.import_default_modules()
        sweep_outbox()
    assert len(mail.outbox) == 1


def test_nobody_waits_for_a_broker_that_is_down(broker_down):
    put("test.break")  # the first command finds out
    began = time.monotonic()

    for _ in range(20):
        put("test.break")

    assert time.monotonic() - began < 1


def _point_to(url):
    current_app.conf.broker_url = current_app.conf.broker_write_url = url
    current_app._pool = current_app.amqp._producer_pool = None


# ── again, and not for ever ─────────────────────────────────────────────────────────────────────────────────────────
def test_each_try_waits_twice_as_long_and_the_last_gives_up():
    waits = []
    with time_machine.travel("2027-05-04T12:00:00Z", tick=False) as clock:
        message = put("test.break")
        for _ in range(MOST_ATTEMPTS):
            assert not deliver(message.pk)
            message.refresh_from_db()
            waits.append((message.next_try_at - timezone.now()).total_seconds())
            clock.move_to(message.next_try_at)

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]
    assert message.failed_at
    assert "RuntimeError: broke" in message.last_error


def test_whoever_gave_up_does_not_try_again():
    message = put("test.break")
    Message.objects.filter(pk=message.pk).update(failed_at=timezone.now(), attempts=MOST_ATTEMPTS)

    with time_machine.travel(timezone.now() + timedelta(days=2)):
        sweep_outbox()

    message.refresh_from_db()
    assert message.attempts == MOST_ATTEMPTS


def test_nothing_is_tried_before_its_wait_is_over():
    message = put("test.break")
    deliver(message.pk)

    deliver(message.pk)

    message.refresh_from_db()
    assert message.attempts == 1


def test_a_system_that_does_not_answer_is_tried_again():
    message = put("test.unavailable")

    assert not deliver(message.pk)

    message.refresh_from_db()
    assert message.delivered_at is None
    assert message.last_error == "The storage does not answer."


def test_a_refusal_ends_a_message_with_its_reason(manager):
    stranger = MemberFactory()
    message = put("test.vouch", stranger.pk, manager.pk)

    assert not deliver(message.pk)

    message.refresh_from_db()
    assert message.delivered_at
    assert "Only a center manager" in message.last_error
    assert Event.objects.filter(event="alliance.member.vouched", outcome=Outcome.REFUSED).count() == 1


def test_a_task_that_nobody_knows_is_kept_for_the_operator():
    message = put("test.no_such_task")

    assert not deliver(message.pk)

    message.refresh_from_db()
    assert message.delivered_at is None
    assert "no_such_task" in message.last_error


def test_what_arrives_after_all_counts_as_delivered(manager, colleague):
    """A worker that was slow finishes while another had just given the message up."""
    message = put("test.vouch", colleague.pk, manager.pk)
    claimed = outbox._claim(message.pk)
    Message.objects.filter(pk=message.pk).update(failed_at=timezone.now())

    with outbox._at_work(claimed):
        vouch(colleague.pk, manager.pk)

    message.refresh_from_db()
    assert (bool(message.delivered_at), message.failed_at) == (True, None)


def test_an_effect_is_recorded_under_the_request_that_asked_for_it(manager, colleague):
    with coming_from(request_id="the-request"):
        message = put("test.vouch", colleague.pk, manager.pk)

    deliver(message.pk)

    event = Event.objects.get(event="alliance.member.vouched")
    assert (event.request_id, event.component) == ("the-request", "worker")
