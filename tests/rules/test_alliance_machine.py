"""Whatever anybody tries in whatever order: no role that its giver could not give, no act of whoever may not act.

Random commands by random people of three centers while the clock runs; after each, the oracle reads the tables again.
"""

from collections import Counter
from datetime import date, timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from apps.alliance.actors import CLOCK
from apps.alliance.evidence import Evidence
from apps.alliance.models import Center, Grant, Member, TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.alliance.selectors import lapsed_grants, lapsed_training, with_something_ending
from apps.alliance.services import centers, grants, people, reminders, training
from apps.core.actors import Nobody
from apps.core.errors import PortalError
from tests.factories import alliance
from tests.rules.oracle import broken_rules, count_of_events
from tests.rules.settled import BEGAN, settle

PAPER = Evidence("training/x.pdf", "x.pdf", "application/pdf", "0" * 64, 30)

pick = st.integers(0, 63)
# Who tries: mostly somebody who has, or had, the role that it takes there; or has it elsewhere; or just anybody.
FITS, NEAR, ANY = "fits", "near", ""
fit = st.sampled_from([FITS, FITS, NEAR, ANY])


class AllianceMachine(RuleBasedStateMachine):
    """One history; begins from the alliance that `settle` made and is undone at its end."""

    tried: Counter = Counter()

    def __init__(self):
        super().__init__()
        self.clock = time_machine.travel(BEGAN + timedelta(days=2), tick=False)
        self.turn = self.clock.start()
        self.undone = transaction.atomic()
        self.undone._from_testcase = True  # as Django marks a test's own transaction: commands may be durable within
        self.undone.__enter__()
        self.stale = {}
        self.attempts = 0
        self.before = count_of_events()

    def teardown(self):
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)
        self.clock.stop()

    # ── whom and what ────────────────────────────────────────────────────────────────────────────────────────────────
    def anyone(self, n, *, role=None, at=None, but=None):
        """Somebody; with a role, somebody who held it at some time, active ones first."""
        found = Member.objects.select_related("center")
        if role:
            held = Grant.history.filter(role=role, **({"center": at} if at else {}))
            likely = found.filter(pk__in=held.values("user_id")).exclude(pk=but.pk if but else None)
            found = likely if likely.exists() else found
        chosen = list(found.order_by("created_at", "pk"))
        return chosen[n % len(chosen)]

    def actor(self, n, *, role=None, at=None, but=None, fits=ANY, stale=False):
        """Whoever acts; `stale` as a page would that was drawn long ago."""
        if n == 63:
            return Nobody()
        person = self.anyone(n, role=role if fits else None, at=at if fits == FITS else None, but=but)
        if stale:
            return self.stale.setdefault(person.pk, person)
        person.grants()
        self.stale.setdefault(person.pk, person)
        return person

    def of(self, center, n):
        """One of the center's people, active ones first."""
        found = Member.objects.filter(center=center).order_by("created_at")
        return self.one_of(n, found.filter(status=Member.Status.ACTIVE)) or self.one_of(n, found)

    def center(self, n):
        chosen = list(Center.objects.order_by("created_at"))
        return chosen[n % len(chosen)]

    def one_of(self, n, rows):
        chosen = list(rows)
        return chosen[n % len(chosen)] if chosen else None

    def attempt(self, ask, target, *, by, **details):
        """Try it, a second after whatever was before; a refusal is as good as a success."""
        self.turn.shift(timedelta(seconds=1))
        if target is None:
            return
        self.attempts += isinstance(by, Member)
        name = ask.__name__
        try:
            ask(target, by=by, **details)
        except PortalError:
            self.tried[f"{name} refused"] += 1
        else:
            self.tried[name] += 1

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, c=pick, fits=fit, stale=st.booleans(), number=st.integers(0, 999))
    def invite(self, n, c, fits, stale, number):
        center = self.center(c)
        by = self.actor(n, role=Role.CENTER_MANAGER, at=center, fits=fits, stale=stale)
        self.attempt(people.invite, center, by=by, email=f"p{number}@{center.slug}.example.org", name=f"P{number}")

    @rule(n=pick, m=pick, fits=fit)
    def invite_back(self, n, m, fits):
        former = self.one_of(m, Member.objects.filter(status=Member.Status.LEFT).order_by("created_at"))
        if former is not None:
            by = self.actor(n, role=Role.CENTER_MANAGER, at=former.center, fits=fits)
            self.attempt(people.invite, former.center, by=by, email=former.email, name=former.name)

    @rule(n=pick, c=pick, fits=fit, number=st.integers(0, 999))
    def invite_first_manager(self, n, c, fits, number):
        center = self.center(c)
        by = self.actor(n, role=Role.ALLIANCE_MANAGER, fits=fits)
        address = f"p{number}@{center.slug}.example.org"
        self.attempt(people.invite_first_manager, center, by=by, email=address, name=f"P{number}")

    @rule(n=pick, m=pick, fits=fit)
    def renew_invitation(self, n, m, fits):
        invited = Member.objects.filter(invitations__isnull=False).distinct()
        if fits:
            invited = invited.filter(status=Member.Status.INVITED)
        member = self.one_of(m, invited.order_by("created_at"))
        if member is None:
            return
        by = self.actor(n, role=Role.CENTER_MANAGER, at=member.center, fits=fits)
        self.attempt(people.renew_invitation, member.center, by=by, invitation=member.invitations.latest("invited_at"))

    @rule(m=pick, n=pick, own=fit, waiting=fit)
    def accept(self, m, n, own, waiting):
        invited = Member.objects.filter(invitations__isnull=False)
        if waiting:
            invited = invited.filter(status=Member.Status.INVITED)
        member = self.one_of(m, invited.distinct().order_by("created_at"))
        if member is None:
            return
        by = member if own else self.actor(n)
        invitation = member.invitations.order_by("invited_at").last()
        self.attempt(people.accept_invitation, member, by=by, invitation=invitation, name=member.name)

    @rule(
        n=pick,
        m=pick,
        fits=fit,
        stale=st.booleans(),
        move=st.sampled_from(["suspend", "reinstate", "reinstate", "leave"]),
    )
    def move_member(self, n, m, fits, stale, move):
        member = self.anyone(m)
        if move == "reinstate" and fits:
            member = self.one_of(m, Member.objects.filter(status=Member.Status.SUSPENDED).order_by("created_at"))
        if member is not None:
            by = self.actor(n, role=Role.CENTER_MANAGER, at=member.center, but=member, fits=fits, stale=stale)
            self.attempt(getattr(people, move), member, by=by, reason="So.")

    @rule(n=pick, m=pick, fits=fit, stale=st.booleans())
    def vouch(self, n, m, fits, stale):
        member = self.anyone(m)
        by = self.actor(n, role=Role.CENTER_MANAGER, at=member.center, fits=fits, stale=stale)
        self.attempt(people.vouch, member, by=by)

    @rule(n=pick, m=pick, own=fit)
    def edit_profile(self, n, m, own):
        member = self.anyone(m)
        by = member if own else self.actor(n)
        self.attempt(people.edit_profile, member, by=by, name=member.name, position="Any", orcid="")

    # ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(
        n=pick,
        c=pick,
        m=pick,
        fits=fit,
        stale=st.booleans(),
        own=fit,
        role=st.sampled_from(list(Role)),
        days=st.sampled_from([None, None, 1, 30, -1]),
    )
    def give_at_center(self, n, c, m, fits, stale, own, role, days):
        center = self.center(c)
        member = self.of(center, m) if own else self.anyone(m)
        by = self.actor(n, role=Role.CENTER_MANAGER, at=center, fits=fits, stale=stale)
        ends_at = timezone.now() + timedelta(days=days) if days else None
        if member:
            self.attempt(grants.give_at_center, center, by=by, member=member, role=role, reason="So.", ends_at=ends_at)

    @rule(
        n=pick,
        m=pick,
        fits=fit,
        stale=st.booleans(),
        role=st.sampled_from([*Role, Role.ALLIANCE_MANAGER, Role.AUDITOR]),
    )
    def give_at_alliance(self, n, m, fits, stale, role):
        by = self.actor(n, role=Role.ALLIANCE_MANAGER, fits=fits, stale=stale)
        self.attempt(grants.give_at_alliance, alliance(), by=by, member=self.anyone(m), role=role, reason="So.")

    @rule(n=pick, c=pick, m=pick, fits=fit)
    def appoint_first_manager(self, n, c, m, fits):
        managed = Grant.objects.filter(role=Role.CENTER_MANAGER).values("center_id")
        center = self.one_of(c, Center.objects.exclude(pk__in=managed).order_by("created_at")) if fits else None
        center = center or self.center(c)
        member = self.of(center, m)
        by = self.actor(n, role=Role.ALLIANCE_MANAGER, fits=fits)
        if member:
            self.attempt(grants.appoint_first_manager, center, by=by, member=member, reason="So.")

    @rule(n=pick, g=pick, fits=fit, own=st.booleans())
    def end_grant(self, n, g, fits, own):
        grant = self.one_of(g, Grant.history.order_by("granted_at"))
        role = Role.CENTER_MANAGER if grant.center_id else Role.ALLIANCE_MANAGER
        by = grant.user if own else self.actor(n, role=role, at=grant.center, fits=fits)
        self.attempt(grants.end, grant, by=by, reason="So.")

    # ── centers ──────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(
        n=pick,
        c=pick,
        fits=fit,
        stale=st.booleans(),
        move=st.sampled_from(["admit", "reject", "apply_again", "suspend", "reinstate", "reinstate"]),
    )
    def rule_on_center(self, n, c, fits, stale, move):
        center = self.center(c)
        if fits:
            S = Center.Status
            known = set(Center.objects.values_list("status", flat=True))
            if S.REJECTED in known and S.APPLICANT not in known and move in {"admit", "reject"}:
                move = "apply_again"  # else few histories would ever come to it
            from_state = {"admit": S.APPLICANT, "reject": S.APPLICANT, "apply_again": S.REJECTED}
            wanted = {**from_state, "reinstate": S.SUSPENDED}.get(move)
            center = Center.objects.filter(status=wanted).first() or center
        by = self.actor(n, role=Role.ALLIANCE_MANAGER, fits=fits, stale=stale)
        self.attempt(getattr(centers, move), center, by=by, reason="So.")

    @rule(n=pick, c=pick, fits=fit, sure=st.integers(0, 7))
    def leave_alliance(self, n, c, fits, sure):
        if sure == 0:  # rarely, since it ends the story of that center
            center = self.center(c)
            by = self.actor(n, role=Role.SIGNING_OFFICIAL, at=center, fits=fits)
            self.attempt(centers.leave, center, by=by, reason="So.")

    @rule(n=pick, c=pick, fits=fit, count=st.integers(1, 20))
    def edit_center(self, n, c, fits, count):
        center = self.center(c)
        by = self.actor(n, role=Role.CENTER_MANAGER, at=center, fits=fits)
        self.attempt(centers.edit, center, by=by, smallest_count=count)

    # ── training ─────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, fits=fit, number=st.integers(0, 3), days=st.sampled_from([1, 30, 365]))
    def publish(self, n, fits, number, days):
        by = self.actor(n, role=Role.ALLIANCE_MANAGER, fits=fits)
        facts = {"name": f"T{number}", "description": "What it teaches.", "lifetime_days": days}
        self.attempt(training.publish_type, alliance(), by=by, **facts)

    @rule(n=pick, t=pick, fits=fit, sure=st.integers(0, 3))
    def retire(self, n, t, fits, sure):
        if sure == 0:
            kind = self.one_of(t, TrainingType.objects.order_by("created_at"))
            by = self.actor(n, role=Role.ALLIANCE_MANAGER, fits=fits)
            self.attempt(training.retire_type, kind, by=by, reason="So.")

    @rule(m=pick, n=pick, t=pick, own=fit, ago=st.integers(-1, 40))
    def submit(self, m, n, t, own, ago):
        member = self.anyone(m)
        by = member if own else self.actor(n)
        kind = self.one_of(t, TrainingType.objects.order_by("status", "created_at"))
        taken = timezone.now().date() - timedelta(days=ago)
        if kind:
            self.attempt(training.submit, member, by=by, training_type=kind, completed_on=taken, evidence=PAPER)

    @rule(
        n=pick,
        r=pick,
        fits=fit,
        stale=st.booleans(),
        move=st.sampled_from(["accept", "accept", "return_to_member", "resubmit"]),
    )
    def decide(self, n, r, fits, stale, move):
        wanted = TrainingRecord.Status.RETURNED if move == "resubmit" else TrainingRecord.Status.SUBMITTED
        records = TrainingRecord.objects.select_related("member__center", "type").order_by("submitted_at", "pk")
        if fits and not records.filter(status=wanted).exists():
            self.submit(r, n, n, True, 1)
        record = self.one_of(r, records.filter(status=wanted) if fits else records)
        if record is None:
            return
        by = self.actor(n, role=Role.CENTER_MANAGER, at=record.member.center, fits=fits, stale=stale)
        details = {"accept": {}, "return_to_member": {"reason": "So."}}.get(move)
        if move == "resubmit":
            by = record.member if fits else by
            details = {"completed_on": timezone.now().date(), "evidence": PAPER}
        self.attempt(getattr(training, move), record, by=by, **details)

    # ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(hours=st.sampled_from([1, 23, 24 * 6, 24 * 13, 24 * 15, 24 * 29, 24 * 366]))
    def time_passes(self, hours):
        self.turn.shift(timedelta(hours=hours))

    @rule()
    def the_clock_strikes(self):
        for grant in lapsed_grants():
            self.attempt(grants.lapse, grant, by=CLOCK)
        for record in lapsed_training():
            self.attempt(training.lapse, record, by=CLOCK)
        for member in with_something_ending():
            self.attempt(reminders.remind, member, by=CLOCK)

    # ── what must hold ───────────────────────────────────────────────────────────────────────────────────────────────
    @invariant()
    def no_rule_is_broken(self):
        assert broken_rules(timezone.now().date().isoformat()) == []

    @invariant()
    def each_attempt_left_one_event(self):
        assert count_of_events() - self.before == self.attempts


COMMANDS = [
    "invite",
    "accept_invitation",
    "renew_invitation",
    "vouch",
    "suspend",
    "reinstate",
    "leave",
    "give_at_center",
    "give_at_alliance",
    "appoint_first_manager",
    "end",
    "lapse",
    "admit",
    "reject",
    "apply_again",
    "publish_type",
    "retire_type",
    "submit",
    "accept",
    "return_to_member",
    "resubmit",
    "remind",
]
PROFILES = [
    pytest.param(16, 35, id="short"),
    pytest.param(320, 60, id="long", marks=pytest.mark.long),
]


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(("histories", "steps"), PROFILES)
def test_no_history_breaks_a_rule(histories, steps):
    settle()
    assert broken_rules(date(2027, 1, 5).isoformat()) == []
    AllianceMachine.tried.clear()

    run_state_machine_as_test(
        AllianceMachine, settings=settings(max_examples=histories, stateful_step_count=steps, deadline=None)
    )

    tried = AllianceMachine.tried
    done = sum(count for name, count in tried.items() if not name.endswith("refused"))
    assert done > sum(tried.values()) / 10, f"too little went through to prove anything: {tried}"
    if histories > 100:
        print(sum(tried.values()), "attempts:", dict(sorted(tried.items())))
        assert sum(tried.values()) >= 10_000
        # Few clocks run past an end, and few applications are decided: of those moves some must go through.
        few = {"lapse", "admit", "apply_again"}
        assert tried["lapse"] > 0
        assert tried["admit"] + tried["apply_again"] > 5
        for name in COMMANDS:
            assert name in few or tried[name] > 5, f"{name} went through only {tried[name]} times"
            assert name in {"lapse", "remind"} or tried[f"{name} refused"] > 5
