"""Roles: who gives them to whom, what cannot sit with one person, and how they end."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.alliance.actors import CLOCK
from apps.alliance.models import Grant, Member
from apps.alliance.roles import ON_CENTER, Role
from apps.alliance.services import grants, people
from apps.alliance.tasks import close_what_lapsed
from apps.audit.models import Event, Outcome
from apps.core.errors import Invalid, NeedsFreshFactor, NotAllowed, WrongState
from apps.core.models import Notice
from tests.factories import CenterFactory, MemberFactory, alliance, give, holder

OTHERS = [role for role in ON_CENTER if role != Role.AUDITOR]


def give_at_center(center, manager, member, role=Role.DATA_STEWARD, **facts):
    return grants.give_at_center(center, by=manager, member=member, role=role, reason="Named by the board.", **facts)


def give_at_alliance(manager, member, role=Role.AUDITOR, **facts):
    return grants.give_at_alliance(alliance(), by=manager, member=member, role=role, reason="Elected.", **facts)


def in_force(member, role=Role.DATA_STEWARD):
    return Grant.objects.filter(user=member, role=role).count()


# ── giving ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("role", ON_CENTER)
def test_a_center_manager_gives_each_of_the_centers_roles(center, manager, colleague, role):
    give_at_center(center, manager, colleague, role)

    assert Member.objects.get(pk=colleague.pk).holds(role, on=center)


def test_a_role_counts_on_its_own_center_only(center, manager, colleague, elsewhere):
    give_at_center(center, manager, colleague)

    assert not Member.objects.get(pk=colleague.pk).holds(Role.DATA_STEWARD, on=elsewhere)


def test_the_person_is_told_of_a_new_role(center, manager, colleague):
    give_at_center(center, manager, colleague)

    assert Notice.objects.get(to=colleague).subject == f"You are now data steward at {center}"


def test_the_event_names_person_and_role(center, manager, colleague):
    grant = give_at_center(center, manager, colleague)

    event = Event.objects.get(event="alliance.grant.given")
    assert (event.target_ref, event.center_ref, event.reason) == (str(grant.pk), str(center.pk), "Named by the board.")
    assert event.details == {"member": str(colleague.pk), "role": "data_steward", "ends_at": None}


def test_nobody_gives_a_role_to_themselves(center, manager):
    with pytest.raises(NotAllowed, match="Nobody can give a role to themselves"):
        give_at_center(center, manager, manager)

    assert not in_force(manager)


def test_an_alliance_manager_gives_no_role_to_themselves(alliance_manager):
    with pytest.raises(NotAllowed, match="Nobody can give a role to themselves"):
        give_at_alliance(alliance_manager, alliance_manager)


def test_another_centers_manager_gives_no_role(center, other_manager, colleague):
    with pytest.raises(NotAllowed, match=f"Only a center manager of {center}"):
        give_at_center(center, other_manager, colleague)


def test_an_alliance_manager_gives_no_role_of_a_center(center, alliance_manager, colleague):
    with pytest.raises(NotAllowed, match=f"Only a center manager of {center}"):
        give_at_center(center, alliance_manager, colleague)


def test_a_center_manager_gives_no_role_of_the_alliance(manager, colleague):
    with pytest.raises(NotAllowed, match="Only an alliance manager"):
        give_at_alliance(manager, colleague)


def test_a_centers_roles_are_for_its_own_people(center, manager, elsewhere):
    stranger = MemberFactory(center=elsewhere)

    with pytest.raises(NotAllowed, match="A center's roles are for its own people"):
        give_at_center(center, manager, stranger)

    assert not in_force(stranger)


@pytest.mark.parametrize("status", [Member.Status.INVITED, Member.Status.SUSPENDED, Member.Status.LEFT])
def test_only_active_members_hold_roles(center, manager, status):
    person = MemberFactory(center=center, status=status)

    with pytest.raises(NotAllowed, match="Only active members hold roles"):
        give_at_center(center, manager, person)


@pytest.mark.parametrize("role", ["alliance_manager", "superuser", "", "center_manager "])
def test_a_role_that_does_not_exist_there_is_refused(center, manager, colleague, role):
    with pytest.raises(NotAllowed, match="no such role"):
        give_at_center(center, manager, colleague, role)


@pytest.mark.parametrize("role", OTHERS)
def test_the_alliance_gives_none_of_a_centers_roles(alliance_manager, colleague, role):
    with pytest.raises(NotAllowed, match="no such role"):
        give_at_alliance(alliance_manager, colleague, role)


@pytest.mark.stale_proof
def test_giving_a_role_needs_a_fresh_factor(center, manager, colleague):
    with pytest.raises(NeedsFreshFactor):
        give_at_center(center, manager, colleague)


# ── what cannot sit with one person ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("role", OTHERS)
def test_an_auditor_gets_no_role_that_decides(center, manager, role):
    auditor = holder(Role.AUDITOR, center)

    with pytest.raises(NotAllowed, match="An auditor can't hold a role that decides"):
        give_at_center(center, manager, auditor, role)


@pytest.mark.parametrize("role", OTHERS)
def test_whoever_decides_does_not_become_auditor(center, manager, role):
    person = holder(role, center)

    with pytest.raises(NotAllowed, match="An auditor can't hold a role that decides"):
        give_at_center(center, manager, person, Role.AUDITOR)


def test_the_alliances_auditor_gets_no_role_of_a_center(center, manager, alliance_manager, colleague):
    give_at_alliance(alliance_manager, colleague, Role.AUDITOR)

    with pytest.raises(NotAllowed, match="An auditor can't hold"):
        give_at_center(center, manager, colleague)


def test_a_center_manager_does_not_become_the_alliances_auditor(manager, alliance_manager):
    with pytest.raises(NotAllowed, match="An auditor can't hold"):
        give_at_alliance(alliance_manager, manager, Role.AUDITOR)


def test_a_centers_auditor_can_audit_the_alliance_too(center, alliance_manager):
    auditor = holder(Role.AUDITOR, center)

    assert give_at_alliance(alliance_manager, auditor, Role.AUDITOR)


def test_a_former_steward_can_become_auditor(center, manager, colleague):
    grant = give_at_center(center, manager, colleague)
    grants.end(grant, by=manager, reason="Moves to audit.")

    assert give_at_center(center, manager, colleague, Role.AUDITOR)


# ── twice, and for a time ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_role_in_force_is_not_given_twice(center, manager, colleague):
    give_at_center(center, manager, colleague)

    with pytest.raises(Invalid, match="holds that role already"):
        give_at_center(center, manager, colleague)

    assert in_force(colleague) == 1


def test_a_role_ends_by_the_clock_before_anybody_sweeps(center, manager, colleague):
    give_at_center(center, manager, colleague, ends_at=timezone.now() + timedelta(days=10))

    with time_machine.travel(timezone.now() + timedelta(days=10, seconds=1)):
        assert not Member.objects.get(pk=colleague.pk).holds(Role.DATA_STEWARD, on=center)
        assert not in_force(colleague)


def test_a_role_that_ran_out_unswept_can_be_given_again(center, manager, colleague):
    first = give_at_center(center, manager, colleague, ends_at=timezone.now() + timedelta(days=1))

    with time_machine.travel(timezone.now() + timedelta(days=2)):
        give_at_center(center, manager, colleague)
        assert in_force(colleague) == 1

    first.refresh_from_db()
    assert first.ended_at
    assert first.ended_by is None


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), timedelta(days=400)])
def test_a_role_cannot_end_before_it_begins(center, manager, colleague, late):
    with time_machine.travel("2027-05-04T12:00:00Z", tick=False), pytest.raises(Invalid, match="in the future"):
        give_at_center(center, manager, colleague, ends_at=timezone.now() - late)

    assert not in_force(colleague)


def test_a_lapsed_manager_can_do_nothing(center, colleague):
    lapsed = MemberFactory(center=center)
    give(lapsed, Role.CENTER_MANAGER, ends_at=timezone.now() + timedelta(hours=1))

    with (
        time_machine.travel(timezone.now() + timedelta(hours=2)),
        pytest.raises(NotAllowed, match="Only a center manager"),
    ):
        people.vouch(colleague, by=lapsed)


# ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_manager_takes_a_role_back_at_once(center, manager, colleague):
    grant = give_at_center(center, manager, colleague)

    grants.end(grant, by=manager, reason="Reorganised.")

    grant.refresh_from_db()
    assert (grant.ended_by, grant.end_reason) == (manager, "Reorganised.")
    assert not Member.objects.get(pk=colleague.pk).holds(Role.DATA_STEWARD, on=center)


def test_the_person_is_told_who_ended_a_role(center, manager, colleague):
    grant = give(colleague, Role.DATA_STEWARD)

    grants.end(grant, by=manager, reason="Reorganised.")

    assert Notice.objects.get(to=colleague).text == f"{manager} ended the role: Reorganised."


def test_anybody_lays_down_their_own_role(center, colleague):
    grant = give(colleague, Role.OUTPUT_CHECKER)

    grants.end(grant, by=colleague, reason="Too much.")

    assert not in_force(colleague, Role.OUTPUT_CHECKER)
    assert not Notice.objects.exists()


def test_a_colleague_cannot_end_a_role(center, colleague):
    grant = give(MemberFactory(center=center), Role.DATA_STEWARD)

    with pytest.raises(NotAllowed, match="Only a center manager"):
        grants.end(grant, by=colleague, reason="Envy.")

    assert Grant.objects.filter(pk=grant.pk).exists()


def test_an_alliance_manager_cannot_end_a_centers_role(alliance_manager, colleague):
    grant = give(colleague, Role.DATA_STEWARD)

    with pytest.raises(NotAllowed, match="Only a center manager"):
        grants.end(grant, by=alliance_manager, reason="Order.")


def test_a_center_manager_cannot_end_a_role_of_the_alliance(manager, colleague):
    grant = give(colleague, Role.AUDITOR, alliance())

    with pytest.raises(NotAllowed, match="Only an alliance manager"):
        grants.end(grant, by=manager, reason="Our person.")


def test_a_role_ends_once(center, manager, colleague):
    grant = give(colleague, Role.DATA_STEWARD)
    grants.end(grant, by=manager, reason="First.")

    with pytest.raises(WrongState, match="ended already"):
        grants.end(grant, by=manager, reason="Second.")

    grant.refresh_from_db()
    assert grant.end_reason == "First."


def test_the_alliances_last_manager_cannot_lay_the_role_down(alliance_manager):
    with pytest.raises(WrongState, match="last manager"):
        grants.end(alliance_manager.all_grants.get(), by=alliance_manager, reason="Tired.")

    assert in_force(alliance_manager, Role.ALLIANCE_MANAGER)


def test_one_of_two_alliance_managers_can_lay_the_role_down(alliance_manager):
    second = holder(Role.ALLIANCE_MANAGER, alliance())

    grants.end(second.all_grants.get(), by=second, reason="Tired.")

    assert not in_force(second, Role.ALLIANCE_MANAGER)


def test_a_suspended_colleague_does_not_count_as_another_manager(alliance_manager):
    holder(Role.ALLIANCE_MANAGER, alliance(), status=Member.Status.SUSPENDED)

    with pytest.raises(WrongState, match="last manager"):
        grants.end(alliance_manager.all_grants.get(), by=alliance_manager, reason="Tired.")


def test_a_manager_of_a_suspended_center_does_not_count_as_another(alliance_manager):
    holder(Role.ALLIANCE_MANAGER, alliance(), center=CenterFactory(status="suspended"))

    with pytest.raises(WrongState, match="last manager"):
        grants.end(alliance_manager.all_grants.get(), by=alliance_manager, reason="Tired.")


def test_a_manager_whose_role_will_end_does_not_count_as_another(alliance_manager):
    """Or the alliance would have no manager on the day after."""
    holder(Role.ALLIANCE_MANAGER, alliance(), ends_at=timezone.now() + timedelta(days=30))

    with pytest.raises(WrongState, match="without an end date"):
        grants.end(alliance_manager.all_grants.get(), by=alliance_manager, reason="Tired.")


def test_a_suspended_alliance_managers_role_can_be_taken_back(alliance_manager):
    idle = holder(Role.ALLIANCE_MANAGER, alliance(), status=Member.Status.SUSPENDED)

    grants.end(idle.all_grants.get(), by=alliance_manager, reason="Suspended by the center.")

    assert not in_force(idle, Role.ALLIANCE_MANAGER)


# ── by the clock ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_clock_closes_a_role_at_the_moment_it_ran_out(colleague):
    grant = give(colleague, Role.DATA_STEWARD, ends_at=timezone.now() + timedelta(hours=1))

    with time_machine.travel(timezone.now() + timedelta(hours=5)):
        close_what_lapsed()

    grant.refresh_from_db()
    assert grant.ended_at == grant.ends_at
    assert Event.objects.get(event="alliance.grant.lapsed").actor_ref == "clock"
    assert Notice.objects.filter(to=colleague, key=f"grant-lapsed:{grant.pk}").exists()


def test_the_clock_closes_nothing_early(colleague):
    grant = give(colleague, Role.DATA_STEWARD, ends_at=timezone.now() + timedelta(hours=1))

    close_what_lapsed()

    grant.refresh_from_db()
    assert grant.ended_at is None
    assert not Event.objects.exists()


def test_the_clock_closes_a_role_once(colleague):
    give(colleague, Role.DATA_STEWARD, ends_at=timezone.now() + timedelta(hours=1))

    with time_machine.travel(timezone.now() + timedelta(hours=5)):
        close_what_lapsed()
        close_what_lapsed()

    assert Event.objects.filter(event="alliance.grant.lapsed").count() == 1


def test_a_role_without_end_never_lapses(colleague):
    with pytest.raises(WrongState, match="has not run out"):
        grants.lapse(give(colleague, Role.DATA_STEWARD), by=CLOCK)


def test_nobody_lapses_a_role_by_hand(manager, colleague):
    grant = give(colleague, Role.DATA_STEWARD, ends_at=timezone.now() + timedelta(hours=1))

    with pytest.raises(NotAllowed, match="by itself"):
        grants.lapse(grant, by=manager)

    assert Event.objects.get().outcome == Outcome.REFUSED


# ── the first manager of a center ───────────────────────────────────────────────────────────────────────────────────
def test_the_alliance_appoints_a_centers_first_manager(alliance_manager, center, colleague):
    grants.appoint_first_manager(center, by=alliance_manager, member=colleague, reason="Named in the letter.")

    assert in_force(colleague, Role.CENTER_MANAGER)


def test_a_center_with_a_manager_appoints_for_itself(alliance_manager, center, manager, colleague):
    with pytest.raises(NotAllowed, match="The alliance can't decide for a center"):
        grants.appoint_first_manager(center, by=alliance_manager, member=colleague, reason="Order.")


@pytest.mark.parametrize("standing", ["suspended", "left"])
def test_a_center_whose_people_cannot_act_gets_no_manager(alliance_manager, standing):
    colleague = MemberFactory(center=CenterFactory(status=standing))

    with pytest.raises(NotAllowed, match="its people can't act"):
        grants.appoint_first_manager(colleague.center, by=alliance_manager, member=colleague, reason="Letter.")


def test_nobody_appoints_at_their_own_center(alliance_manager):
    colleague = MemberFactory(center=alliance_manager.center)

    with pytest.raises(NotAllowed, match="their own center"):
        grants.appoint_first_manager(alliance_manager.center, by=alliance_manager, member=colleague, reason="Mine.")
