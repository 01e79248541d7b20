"""Who may use what, why, and until when: each line, and any past moment."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.agreements.services import signing
from apps.alliance.models import Vouch
from apps.alliance.services import centers, people, training
from apps.catalog.models import DatasetVersion
from apps.projects.access import may_use
from apps.projects.actors import METER
from apps.projects.models import TeamMember
from apps.projects.services import closing, decisions, proposals
from tests.database import turn_clock
from tests.factories import CenterFactory, alliance, arranged, holder
from tests.projects.world import accepted, again, agrees, in_days, joins, make_world, published

pytestmark = pytest.mark.usefixtures("begun_at_noon")

LINES = (
    "center", "membership", "training", "factor", "project", "team", "version", "approval", "agreement", "terms",
    "purpose", "ethics", "budget",
)  # fmt: skip


def asked(world, member=None, at=None):
    return may_use(member or world.lead, world.dataset, world.project, at)


def lacking(decision):
    return {line.key for line in decision.missing}


def test_whoever_has_everything_may_use_the_data_until_the_first_of_it_ends(world):
    decision = asked(world)

    assert decision, decision.missing
    assert tuple(line.key for line in decision.lines) == LINES
    assert decision.version == world.version.pk
    assert decision.until.date() == in_days(201), "the center's word ends first"


def test_it_is_one_query_however_many_lines_there_are(world):
    with CaptureQueriesContext(connection) as queries:
        asked(world)

    assert len(queries) == 1


# ── one thing is missing ────────────────────────────────────────────────────────────────────────────────────────────
def suspend_center(world):
    centers.suspend(world.home, by=holder("alliance_manager", alliance()), reason="For the test.")


def suspend_member(world):
    people.suspend(world.lead, by=world.manager, reason="For the test.")


def end_the_word(world):
    with arranged():
        Vouch.objects.filter(member=world.lead).update(ended_at=timezone.now())


def ask_for_more_training(world):
    runner = holder("alliance_manager", alliance())
    training.publish_type(
        alliance(), by=runner, name="A new one", description="It.", lifetime_days=365, required_of_all=True
    )


def lose_the_factor(world):
    turn_clock(timezone.now())
    Authenticator.objects.filter(user=world.lead).delete()


def suspend_project(world):
    decisions.suspend(world.project, by=world.manager, reason="For the test.")


def close_project(world):
    closing.close(world.project, by=world.manager, reason="Done.")


def leave_the_team(world):
    with arranged():
        TeamMember.objects.filter(member=world.lead).update(until=timezone.now(), removed_by=world.manager)


def withdraw_version(world):
    with arranged():
        version = DatasetVersion.objects.get(pk=world.version.pk)
        version.status, version.withdrawn_at, version.withdrawn_by = "withdrawn", timezone.now(), world.steward
        version.save()


def revoke(world):
    decisions.revoke(world.request, by=world.steward, reason="Consent was withdrawn.")


def terminate(world):
    signing.terminate(world.agreement, by=world.partner, reason="For the test.")


BROKEN = {
    suspend_center: {"center"},
    suspend_member: {"membership"},
    end_the_word: {"membership"},
    ask_for_more_training: {"training"},
    lose_the_factor: {"factor"},
    suspend_project: {"project"},
    close_project: {"project"},
    leave_the_team: {"team"},
    withdraw_version: {"version"},
    revoke: {"approval"},
    terminate: {"agreement", "terms"},
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda act: act.__name__)
def test_what_is_taken_away_is_what_is_missing_and_the_moment_before_stays_as_it_was(world, broken):
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        before = timezone.now()
        assert asked(world)
    with time_machine.travel(before + timedelta(hours=1), tick=False):
        broken(world)
    with time_machine.travel(before + timedelta(hours=2), tick=False):
        decision = asked(world)

        assert lacking(decision) == BROKEN[broken]
        assert all(line.mender for line in decision.missing), "whoever reads it learns who can help"
        assert lacking(asked(world, at=before)) == set()


def test_a_factor_that_was_removed_counts_for_as_long_as_it_was_there_and_a_new_one_from_then_on(world):
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False) as clock:
        moments = []
        for act in (lose_the_factor, find_recovery_codes, find_the_factor):
            act(world)
            moments += [timezone.now() - timedelta(seconds=1), timezone.now()]
            clock.shift(timedelta(hours=1))
        told = [lacking(asked(world, at=at)) for at in moments]

    assert told == [set(), *[{"factor"}] * 4, set()]


def find_recovery_codes(world):
    Authenticator.objects.create(user=world.lead, type=Authenticator.Type.RECOVERY_CODES, data={})


def find_the_factor(world):
    Authenticator.objects.create(user=world.lead, type=Authenticator.Type.WEBAUTHN, data={})


def test_a_colleague_who_is_not_on_the_team_lacks_just_that_and_the_terms(world):
    assert lacking(asked(world, world.colleague)) == {"team", "terms"}


def test_of_data_that_was_never_asked_for_nothing_is_met_that_needs_the_request(world):
    other = published(world.owner, world.steward, slug="other")

    assert lacking(may_use(world.lead, other.dataset, world.project)) == {
        "version", "approval", "agreement", "terms", "purpose",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("days", "missing"),
    [
        (150, set()),
        (201, {"membership"}),
        (251, {"membership", "ethics"}),
        (301, {"membership", "ethics", "approval"}),
        (366, {"membership", "ethics", "approval", "training", "project"}),
        (401, {"membership", "ethics", "approval", "training", "project", "agreement", "terms"}),
    ],
)
def test_each_thing_ends_by_its_own_date_with_nobody_doing_anything(world, days, missing):
    at = timezone.now() + timedelta(days=days)

    decision = asked(world, at=at)

    assert lacking(decision) - {"purpose"} == missing
    assert all(line.until is None or line.until > at for line in decision.lines if line.met)


def test_a_term_that_the_purpose_breaks_is_named(db):
    world = make_world(terms=[{"code": "DUO:0000042"}, {"code": "DUO:0000020"}])

    (line,) = asked(world).missing

    assert line.key == "purpose"
    assert "COL" in line.detail


def test_terms_that_cannot_be_read_allow_nothing(db):
    world = make_world(terms=[])

    assert lacking(asked(world)) == {"purpose"}


def test_data_of_ones_own_center_needs_no_agreement(world):
    steward = holder("data_steward", world.home)
    own = published(world.home, steward)

    line = next(line for line in may_use(world.lead, own.dataset, world.project).lines if line.key == "agreement")

    assert line.met


def test_another_centers_agreement_does_not_help(world):
    elsewhere = CenterFactory()
    guest = holder("output_checker", elsewhere)
    with arranged():
        TeamMember.objects.create(project=world.project, member=guest, added_by=world.lead)

    assert "agreement" in lacking(asked(world, guest))


def test_while_it_waits_it_says_whose_turn_it_is(db):
    world = make_world(quorum=2)

    approval = next(line for line in asked(world).lines if line.key == "approval")

    assert (approval.met, approval.waiting) == (False, True)
    assert approval.mender == "a data steward of Owner"


def test_before_anything_was_there_nothing_was_allowed(world):
    decision = asked(world, at=timezone.now() - timedelta(days=1))

    assert not decision
    assert {"center", "project", "team", "approval"} <= lacking(decision)


def test_somebody_who_joins_later_is_covered_by_the_owner_who_agreed_to_it_and_was_not_before(world):
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False) as clock:
        amendment = joins(world, world.colleague, clock)
        accepted(world.colleague, world.version)
        line = next(line for line in asked(world, world.colleague).missing)
        assert (line.key, line.detail) == ("team", "Owner has not agreed to you yet")
        clock.shift(timedelta(minutes=1))
        agrees(world)
        assert asked(world, world.colleague)
        assert again(amendment).status == "decided"
        assert lacking(asked(world, world.colleague, at=timezone.now() - timedelta(seconds=30))) == {"team"}
        assert lacking(asked(world, world.colleague, at=timezone.now() - timedelta(days=1))) == {"team", "terms"}


def test_who_is_taken_off_the_team_is_off_at_once_and_coming_back_needs_the_owner(world):
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False) as clock:
        joins(world, world.colleague, clock)
        agrees(world)
        accepted(world.colleague, world.version)
        assert asked(world, world.colleague)

        clock.shift(timedelta(minutes=1))
        proposals.remove_from_team(world.project, by=world.lead, member=world.colleague)
        assert lacking(asked(world, world.colleague)) == {"team"}

        clock.shift(timedelta(minutes=1))
        joins(world, world.colleague, clock)
        assert lacking(asked(world, world.colleague)) == {"team"}


# ── the budget ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_no_gpu_hours_are_left_once_as_many_were_used_as_the_owner_agreed_to(db):
    world = make_world(gpu_hours=500)
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False) as clock:
        closing.use_gpu(world.project, by=METER, hours=Decimal("12.25"), of="job 1")
        line = next(line for line in asked(world).lines if line.key == "budget")
        assert (line.met, line.detail) == (True, "12 of 500 used")
        clock.shift(timedelta(hours=1))
        closing.use_gpu(world.project, by=METER, hours=Decimal("487.75"), of="job 2")
        assert lacking(asked(world)) == {"budget"}
        assert asked(world, at=timezone.now() - timedelta(minutes=1)), "it was there before"


def test_a_project_that_asks_for_no_gpu_hours_has_nothing_to_run_out_of(world):
    closing.use_gpu(world.project, by=METER, hours=Decimal(3), of="job 1")

    line = next(line for line in asked(world).lines if line.key == "budget")

    assert (line.met, line.detail) == (True, "it asks for none")
