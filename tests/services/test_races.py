"""Two at the same moment: exactly one outcome, the other refused in words, both on the record."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.alliance.actors import CLOCK
from apps.alliance.models import Center, Grant, Invitation, Member, TrainingRecord, Vouch
from apps.alliance.roles import Role
from apps.alliance.services import centers, grants, people, reminders, training
from apps.core.models import Message, Notice
from tests.factories import (
    CenterFactory,
    InvitationFactory,
    MemberFactory,
    TrainingRecordFactory,
    TrainingTypeFactory,
    alliance,
    arranged,
    give,
    holder,
    proof,
)
from tests.rivals import judged

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("transactional_db")]
many = pytest.mark.parametrize("rounds", [50, pytest.param(1000, marks=pytest.mark.long)])
some = pytest.mark.parametrize("rounds", [10, pytest.param(300, marks=pytest.mark.long)])


@pytest.fixture
def other(center):
    """The center's second manager."""
    return holder(Role.CENTER_MANAGER, center)


# ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@many
def test_of_two_managers_who_suspend_each_other_one_wins(center, manager, other, rivals, rounds):
    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(
            lambda: people.suspend(other, by=manager, reason="You."),
            lambda: people.suspend(manager, by=other, reason="No, you."),
        )

        assert judged(outcomes, since) == 1
        assert Member.objects.filter(center=center, status=Member.Status.SUSPENDED).count() == 1
        with arranged():
            Member.objects.filter(center=center).update(status=Member.Status.ACTIVE)


@many
def test_a_suspended_person_gets_no_role_a_moment_later(center, manager, other, colleague, rivals, rounds):
    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(
            lambda: grants.give_at_center(center, by=manager, member=colleague, role=Role.DATA_STEWARD, reason="Yes."),
            lambda: people.suspend(colleague, by=other, reason="No."),
        )

        given = judged(outcomes, since) == 2
        assert not isinstance(outcomes[1], BaseException)
        if given:
            colleague.refresh_from_db()
            assert Grant.objects.get(user=colleague).granted_at <= colleague.status_at
        with arranged():
            Grant.history.filter(user=colleague, ended_at=None).update(ended_at=timezone.now())
            Member.objects.filter(pk=colleague.pk).update(status=Member.Status.ACTIVE)


@many
def test_an_invitation_is_accepted_once(center, rivals, rounds):
    for _ in range(rounds):
        invitation = InvitationFactory(member__center=center)
        member = invitation.member
        since = timezone.now()
        outcomes = rivals(
            lambda: people.accept_invitation(member, by=member, invitation=invitation, name="First"),
            lambda: people.accept_invitation(member, by=member, invitation=invitation, name="Second"),
        )

        assert judged(outcomes, since) == 1
        member.refresh_from_db()
        assert member.name == ("First" if outcomes[0] is None else "Second")


@some
def test_whoever_is_let_go_does_not_join_a_moment_later(center, manager, rivals, rounds):
    for _ in range(rounds):
        invitation = InvitationFactory(member__center=center)
        member = invitation.member
        since = timezone.now()
        outcomes = rivals(
            lambda: people.accept_invitation(member, by=member, invitation=invitation, name="New"),
            lambda: people.leave(Member.objects.get(pk=member.pk), by=manager, reason="Mistake."),
        )

        judged(outcomes, since)
        member.refresh_from_db()
        assert member.status == Member.Status.LEFT
        assert not Invitation.objects.filter(member=member, accepted_at=None, withdrawn_at=None).exists()


@some
def test_nobody_vouches_a_moment_after_their_suspension(center, manager, other, colleague, rivals, rounds):
    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(
            lambda: people.vouch(colleague, by=manager),
            lambda: people.suspend(manager, by=other, reason="No."),
        )

        judged(outcomes, since)
        manager.refresh_from_db()
        assert not Vouch.objects.filter(vouched_by=manager, vouched_at__gt=manager.status_at).exists()
        with arranged():
            Member.objects.filter(pk=manager.pk).update(status=Member.Status.ACTIVE)


@some
def test_two_managers_invite_one_person_once(center, manager, other, rivals, rounds):
    for number in range(rounds):
        address = f"n{number}@{center.email_domains[0]}"
        since = timezone.now()
        outcomes = rivals(
            lambda: people.invite(center, by=manager, email=address, name="New"),
            lambda: people.invite(center, by=other, email=address.upper(), name="New"),
        )

        assert judged(outcomes, since) == 1
        assert Message.objects.filter(created_at__gt=since).count() == 1


# ── training ────────────────────────────────────────────────────────────────────────────────────────────────────────
@many
def test_a_proof_is_accepted_once(center, manager, other, colleague, rivals, rounds):
    for _ in range(rounds):
        record = TrainingRecordFactory(member=colleague)
        since = timezone.now()
        outcomes = rivals(lambda: training.accept(record, by=manager), lambda: training.accept(record, by=other))

        assert judged(outcomes, since) == 1
        record.refresh_from_db()
        assert record.decided_by == (manager if outcomes[0] is None else other)


@some
def test_a_proof_is_either_accepted_or_returned(center, manager, other, colleague, rivals, rounds):
    for _ in range(rounds):
        record = TrainingRecordFactory(member=colleague)
        since = timezone.now()
        outcomes = rivals(
            lambda: training.accept(record, by=manager),
            lambda: training.return_to_member(record, by=other, reason="No name."),
        )

        assert judged(outcomes, since) == 1
        record.refresh_from_db()
        assert record.status == (
            TrainingRecord.Status.ACCEPTED if outcomes[0] is None else TrainingRecord.Status.RETURNED
        )


@some
def test_a_double_click_sends_one_proof(colleague, rivals, rounds):
    today = timezone.now().date()
    for _ in range(rounds):
        course, paper, sender = TrainingTypeFactory(), proof(), MemberFactory(center=colleague.center)
        since = timezone.now()
        facts = {"by": sender, "training_type": course, "completed_on": today, "evidence": paper}
        outcomes = rivals(*[lambda sender=sender, facts=facts: training.submit(sender, **facts)] * 2)

        assert judged(outcomes, since) == 1
        assert TrainingRecord.objects.filter(type=course).count() == 1


# ── roles ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@many
def test_a_role_is_given_once(center, manager, other, colleague, rivals, rounds):
    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(
            *[
                lambda by=by: grants.give_at_center(
                    center, by=by, member=colleague, role=Role.DATA_STEWARD, reason="Yes."
                )
                for by in (manager, other)
            ]
        )

        assert judged(outcomes, since) == 1
        assert Grant.objects.filter(user=colleague).count() == 1
        with arranged():
            Grant.history.filter(user=colleague, ended_at=None).update(ended_at=timezone.now())


@many
def test_a_role_is_either_ended_or_lapsed(center, manager, colleague, rivals, rounds):
    for _ in range(rounds):
        grant = give(colleague, Role.DATA_STEWARD)
        past = timezone.now() - timedelta(hours=1)
        with arranged():
            Grant.history.filter(pk=grant.pk).update(granted_at=past - timedelta(days=1), ends_at=past)
        since = timezone.now()
        outcomes = rivals(
            lambda: grants.end(grant, by=manager, reason="Enough."), lambda: grants.lapse(grant, by=CLOCK)
        )

        assert judged(outcomes, since) == 1
        grant.refresh_from_db()
        assert (grant.ended_by == manager) == (outcomes[0] is None)


@some
def test_of_two_managers_who_end_each_others_role_one_wins(center, manager, other, rivals, rounds):
    for _ in range(rounds):
        mine, theirs = manager.all_grants.get(ended_at=None), other.all_grants.get(ended_at=None)
        since = timezone.now()
        outcomes = rivals(
            lambda mine=mine: grants.end(mine, by=other, reason="You."),
            lambda theirs=theirs: grants.end(theirs, by=manager, reason="No, you."),
        )

        assert judged(outcomes, since) == 1
        (loser,) = Grant.history.filter(center=center, ended_at__gt=since)
        give(loser.user, Role.CENTER_MANAGER)


@some
def test_two_alliance_managers_cannot_both_lay_down_the_last_role(rivals, rounds):
    first, second = holder(Role.ALLIANCE_MANAGER, alliance()), holder(Role.ALLIANCE_MANAGER, alliance())
    for _ in range(rounds):
        held = [person.all_grants.get(ended_at=None) for person in (first, second)]
        since = timezone.now()
        outcomes = rivals(*[lambda grant=grant: grants.end(grant, by=grant.user, reason="Tired.") for grant in held])

        assert judged(outcomes, since) == 1
        assert Grant.objects.filter(role=Role.ALLIANCE_MANAGER).count() == 1
        (ended,) = Grant.history.filter(role=Role.ALLIANCE_MANAGER, ended_at__gt=since)
        give(ended.user, Role.ALLIANCE_MANAGER, alliance())


@some
def test_nobody_becomes_auditor_and_decider_at_the_same_moment(
    center, manager, alliance_manager, colleague, rivals, rounds
):
    whole = alliance()
    for _ in range(rounds):
        since = timezone.now()
        outcomes = rivals(
            lambda: grants.give_at_center(center, by=manager, member=colleague, role=Role.DATA_STEWARD, reason="Yes."),
            lambda: grants.give_at_alliance(
                whole, by=alliance_manager, member=colleague, role=Role.AUDITOR, reason="Yes."
            ),
        )

        assert judged(outcomes, since) == 1
        assert Grant.objects.filter(user=colleague).count() == 1
        with arranged():
            Grant.history.filter(user=colleague, ended_at=None).update(ended_at=timezone.now())


# ── centers and the clock ───────────────────────────────────────────────────────────────────────────────────────────
@some
def test_a_suspended_center_invites_nobody_a_moment_later(center, manager, alliance_manager, rivals, rounds):
    for number in range(rounds):
        address = f"n{number}@{center.email_domains[0]}"
        since = timezone.now()
        outcomes = rivals(
            lambda: people.invite(center, by=manager, email=address, name="New"),
            lambda: centers.suspend(center, by=alliance_manager, reason="A breach."),
        )

        judged(outcomes, since)
        center.refresh_from_db()
        assert not Member.objects.filter(email=address, created_at__gt=center.status_at).exists()
        with arranged():
            Center.objects.filter(pk=center.pk).update(status=Center.Status.ACTIVE)


@some
def test_a_center_is_admitted_once(alliance_manager, rivals, rounds):
    second = holder(Role.ALLIANCE_MANAGER, alliance())
    for _ in range(rounds):
        applicant = CenterFactory(status=Center.Status.APPLICANT)
        give(MemberFactory(center=applicant), Role.CENTER_MANAGER)
        since = timezone.now()
        outcomes = rivals(
            *[lambda by=by: centers.admit(applicant, by=by, reason="Yes.") for by in (alliance_manager, second)]
        )

        assert judged(outcomes, since) == 1


@some
def test_two_clocks_tell_a_thing_once(center, manager, rivals, rounds):
    for _ in range(rounds):
        member = MemberFactory(center=center, vouched_until=timezone.now().date() + timedelta(days=7))
        outcomes = rivals(*[lambda: reminders.remind(member, by=CLOCK)] * 2)

        assert outcomes == [None, None]
        assert Notice.objects.filter(to=manager, key__contains=str(member.pk)).count() == 1
