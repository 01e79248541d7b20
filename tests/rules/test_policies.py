"""Who may do what, as tables: each role of the center at hand, of another center and of the alliance, asked in turn."""

import pytest

from apps.alliance import policies as may
from apps.alliance.models import Center, Grant, Member
from apps.alliance.roles import ON_ALLIANCE, ON_CENTER, Role, clash
from apps.core.actors import SYSTEM_ACTORS, Nobody, SystemActor, only_the_system
from tests.factories import (
    CenterFactory,
    InvitationFactory,
    MemberFactory,
    TrainingRecordFactory,
    TrainingTypeFactory,
    alliance,
    give,
    holder,
)

pytestmark = pytest.mark.django_db

# Columns: self is the person whom it is about; f_… hold a role at another center; a_… hold one of the alliance's own,
# a_manager and a_auditor from a third center, a_insider from the center at hand. "yes", or how the refusal begins.
WHO = (
    "self researcher manager steward official checker auditor "
    "f_manager f_official f_auditor a_manager a_insider a_auditor"
)
TABLE = """
manage the center      | M M yes M M M M M M M M M M
take the center out    | S S S S yes S S S S S S S S
rule on the center     | O O O O O O O A A A yes O A
look after the person  | N M yes M M M M M M M M M M
edit the profile       | yes P P P P P P P P P P P P
end the person's role  | yes M yes M M M M M M M M M M
end the alliance's role| yes A A A A A A A A A yes yes A
submit training        | yes P P P P P P P P P P P P
resubmit training      | yes P P P P P P P P P P P P
decide on training     | T M yes M M M M M M M M M M
open the evidence      | yes M yes M M M M M M M M M M
run the alliance       | A A A A A A A A A A yes yes A
retire a training      | A A A A A A A A A A yes yes A
read the record        | R R R R R R yes R R yes R R yes
"""
REASONS = {
    "M": "Only a center manager of Home can do that.",
    "S": "Only a signing official of Home can take the center out",
    "O": "Nobody decides on the standing of their own center. Another center's alliance manager can.",
    "A": "Only an alliance manager can do that.",
    "N": "Nobody can do that for themselves. Another manager of your center can.",
    "P": "Only the person whose account it is can do that.",
    "T": "Nobody can accept their own training. Another manager of your center can.",
    "R": "Only auditors read the record.",
}


class World:
    """One of each, and the things that they are asked about."""

    def __init__(self):
        home, foreign = CenterFactory(short_name="Home"), CenterFactory(short_name="Foreign")
        self.center, self.alliance = home, alliance()
        self.person = MemberFactory(center=home)
        self.people = {
            "self": self.person,
            "researcher": MemberFactory(center=home),
            "manager": holder(Role.CENTER_MANAGER, home),
            "steward": holder(Role.DATA_STEWARD, home),
            "official": holder(Role.SIGNING_OFFICIAL, home),
            "checker": holder(Role.OUTPUT_CHECKER, home),
            "auditor": holder(Role.AUDITOR, home),
            "f_manager": holder(Role.CENTER_MANAGER, foreign),
            "f_official": holder(Role.SIGNING_OFFICIAL, foreign),
            "f_auditor": holder(Role.AUDITOR, foreign),
            "a_manager": holder(Role.ALLIANCE_MANAGER, self.alliance),
            "a_insider": holder(Role.ALLIANCE_MANAGER, self.alliance, center=home),
            "a_auditor": holder(Role.AUDITOR, self.alliance),
        }
        self.record = TrainingRecordFactory(member=self.person)

    def questions(self):
        center_role = Grant(user=self.person, role=Role.DATA_STEWARD, center=self.center, object_pk=str(self.center.pk))
        alliance_role = Grant(user=self.person, role=Role.AUDITOR, object_pk="1")
        return {
            "manage the center": lambda who: may.may_manage_center(who, self.center),
            "take the center out": lambda who: may.may_leave_alliance(who, self.center),
            "rule on the center": lambda who: may.may_rule_on_center(who, self.center),
            "look after the person": lambda who: may.may_manage_member(who, self.person),
            "edit the profile": lambda who: may.may_edit_profile(who, self.person),
            "end the person's role": lambda who: may.may_end_grant(who, center_role),
            "end the alliance's role": lambda who: may.may_end_grant(who, alliance_role),
            "submit training": lambda who: may.may_submit_training(who, self.person),
            "resubmit training": lambda who: may.may_resubmit_training(who, self.record),
            "decide on training": lambda who: may.may_decide_training(who, self.record),
            "open the evidence": lambda who: may.may_see_evidence(who, self.record),
            "run the alliance": lambda who: may.may_run_alliance(who, self.alliance),
            "retire a training": lambda who: may.may_retire_training(who, TrainingTypeFactory()),
            "read the record": may.may_see_record,
        }


def rows():
    for line in TABLE.strip().splitlines():
        action, cells = line.split("|")
        yield pytest.param(action.strip(), dict(zip(WHO.split(), cells.split(), strict=True)), id=action.strip())


@pytest.mark.parametrize(("action", "stated"), list(rows()))
def test_each_role_may_just_what_the_table_says(action, stated):
    world = World()
    ask = world.questions()[action]

    said = {}
    for who, person in world.people.items():
        decision = ask(Member.objects.select_related("center").get(pk=person.pk))
        reason = decision.reason
        said[who] = "yes" if decision else next((k for k, words in REASONS.items() if reason.startswith(words)), reason)

    assert said == stated


def test_the_table_asks_every_question():
    assert {row.id for row in rows()} == set(World().questions())


# ── what one person can hold ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("held", list(Role))
@pytest.mark.parametrize("wanted", list(Role))
def test_an_auditor_holds_nothing_else_and_all_other_pairs_go_together(held, wanted):
    clashes = bool(clash(wanted, held))

    assert clashes == ((held == Role.AUDITOR) != (wanted == Role.AUDITOR))


@pytest.mark.parametrize("role", list(Role))
def test_a_role_exists_only_where_it_is_granted(role):
    person = MemberFactory()

    assert bool(may.may_hold(role, person, person.center)) == (role in ON_CENTER)
    assert bool(may.may_hold(role, person, alliance())) == (role in ON_ALLIANCE)


def test_a_role_elsewhere_clashes_too():
    person = MemberFactory()
    give(person, Role.AUDITOR, alliance())

    decision = may.may_hold(Role.SIGNING_OFFICIAL, person, person.center)

    assert decision.reason.startswith(f"{person} is auditor already.")


# ── standing ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("of_center", Center.Status.values)
@pytest.mark.parametrize("of_person", Member.Status.values)
def test_only_active_people_of_centers_in_good_standing_act(of_person, of_center):
    person = MemberFactory.build(status=of_person, center=CenterFactory.build(status=of_center, short_name="Home"))

    standing = person.standing()

    assert bool(standing) == (of_person == "active" and of_center in {"active", "applicant"})
    assert bool(standing.reason) != bool(standing)


def test_whoever_has_not_signed_in_has_no_standing():
    assert Nobody().standing().reason == "Sign in first."


# ── invitations and the clock ───────────────────────────────────────────────────────────────────────────────────────
def test_an_invitation_is_for_one_person():
    invited, other = InvitationFactory().member, MemberFactory()

    assert may.may_accept_invitation(invited, invited)
    assert may.may_accept_invitation(other, invited).reason == "This invitation is for somebody else."


@pytest.mark.parametrize("role", list(Role))
def test_no_role_does_by_hand_what_the_clock_does(role):
    person = holder(role, alliance() if role == Role.ALLIANCE_MANAGER else None)

    assert "nobody can do it by hand" in only_the_system(person, person).reason


def test_a_system_actor_does_what_is_on_its_list_and_nothing_else(monkeypatch):
    monkeypatch.setitem(SYSTEM_ACTORS, "test duty", None)  # so that it is forgotten afterwards
    actor = SystemActor("test duty", frozenset({"alliance.grant.lapsed"}))

    assert actor.may_do("alliance.grant.lapsed")
    assert not actor.may_do("alliance.grant.given")


# ── Django's own questions ──────────────────────────────────────────────────────────────────────────────────────────
def test_djangos_question_is_answered_by_the_grants():
    steward = holder(Role.DATA_STEWARD)

    assert steward.has_perm("alliance.data_steward", steward.center)
    assert not steward.has_perm("alliance.data_steward", CenterFactory())
    assert not steward.has_perm("alliance.center_manager", steward.center)


def test_nobody_stands_above_the_rules():
    manager = holder(Role.ALLIANCE_MANAGER, alliance())

    assert not manager.is_superuser
    assert not manager.is_staff
    assert not manager.has_perm("alliance.alliance_manager")
    assert not manager.has_module_perms("alliance")
