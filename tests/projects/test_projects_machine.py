"""Whatever anybody tries in whatever order and however time passes: nobody is admitted against the rules.

Random commands by random people of three centers; after each, everybody is asked about all data in all projects, and
both restatements of the rules are read again: who may use what (oracle.py), and who decided what (broken.py).
"""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from apps.agreements import selectors as agreements
from apps.agreements.actors import AGREEMENTS_CLOCK
from apps.agreements.models import AgreementVersion
from apps.agreements.services import drafts, keeping, signing
from apps.agreements.services.terms import accept_terms
from apps.agreements.texts import sha256_of
from apps.alliance.models import Center, Grant, Member
from apps.alliance.roles import Role
from apps.alliance.services import centers, grants, people
from apps.core.actors import Nobody
from apps.projects.access import decide
from apps.projects.actors import ACCESS_CLOCK, METER
from apps.projects.closing import to_confirm
from apps.projects.facts import Asked
from apps.projects.held import sweep
from apps.projects.models import AccessInterval, AccessRequest, Amendment, GpuUse, Project
from apps.projects.services import amendments, closing, decisions, ending, proposals
from tests.projects.broken import broken_rules
from tests.projects.history import ANY, FITS, NEAR, History
from tests.projects.oracle import allowed
from tests.projects.settled import settle
from tests.projects.world import PURPOSE, RISKS, in_days
from tests.rules.oracle import count_of_events

P, R, A = Project.Status, AccessRequest.Status, Amendment.Status

pick = st.integers(0, 63)
fit = st.sampled_from([FITS, FITS, FITS, NEAR, ANY])
kinds = st.sampled_from(["biomedical", "general", "methods"])


class ProjectsMachine(History):
    """What people do, and what the clock does."""

    # ── proposals ────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, d=pick, m=pick, kind=kinds, together=st.booleans(), days=st.sampled_from([40, 200, 365]))
    def propose(self, n, d, m, kind, together, days):
        """A whole proposal, ready to be submitted."""
        lead = self.anybody(n)
        if isinstance(lead, Nobody) or Project.objects.count() >= 6:
            return
        before = set(Project.objects.values_list("pk", flat=True))
        self.attempt(proposals.propose, lead.center, by=lead, title="Survival after surgery")
        if (project := Project.objects.exclude(pk__in=before).first()) is None:
            return
        words = {"lay_summary": "L", "public_benefit": "B", "methods": "M", "outputs": "O", "risks": RISKS}
        ethics = {"ethics_reference": "IRB-1", "ethics_until": in_days(250), "gpu_hours": d % 2 * 40}
        purpose = PURPOSE | {"kind": kind, "collaborates": together}
        self.attempt(proposals.write, project, by=lead, purpose=purpose, ends_on=in_days(days), **words, **ethics)
        for version in {self.versions[d % 3], self.versions[m % 3]}:
            self.attempt(proposals.ask_for, project, by=lead, version=version, reason="It holds the outcomes.")
        self.attempt(proposals.add_to_team, project, by=lead, member=self.people[m % len(self.people)])

    @rule(n=pick, p=pick, fits=fit, kind=kinds, days=st.sampled_from([40, 300]))
    def write(self, n, p, fits, kind, days):
        project = self.project(p, P.DRAFT, P.RETURNED, fits=fits)
        if project:
            by = self.lead_of(n, project, fits=fits)
            purpose = PURPOSE | {"kind": kind}
            self.attempt(proposals.write, project, by=by, purpose=purpose, ends_on=in_days(days))

    @rule(n=pick, p=pick, d=pick, fits=fit)
    def ask_for(self, n, p, d, fits):
        project = self.project(p, P.DRAFT, P.RETURNED, P.ACTIVE, fits=fits)
        if project:
            by = self.lead_of(n, project, fits=fits)
            self.attempt(proposals.ask_for, project, by=by, version=self.versions[d % 3], reason="It helps.")

    @rule(n=pick, r=pick, fits=fit)
    def drop(self, n, r, fits):
        request = self.request(r, R.DRAFT, fits=fits)
        if request:
            self.attempt(proposals.drop, request, by=self.lead_of(n, request.project, fits=fits))

    @rule(n=pick, p=pick, m=pick, fits=fit)
    def join_team(self, n, p, m, fits):
        project = self.project(p, P.DRAFT, P.RETURNED, P.ACTIVE, fits=fits)
        if project:
            member = self.people[m % len(self.people)]
            self.attempt(proposals.add_to_team, project, by=self.lead_of(n, project, fits=fits), member=member)

    @rule(n=pick, p=pick, m=pick, fits=fit)
    def leave_team(self, n, p, m, fits):
        project = self.project(p, P.ACTIVE, fits=fits)
        one = project and self.one_of(m, self.team_of(project, fits))
        if one:
            by = self.lead_of(n, project, fits=fits)
            self.attempt(proposals.remove_from_team, project, by=by, member=one.member)

    @rule(n=pick, p=pick, fits=fit)
    def submit(self, n, p, fits):
        project = self.project(p, P.DRAFT, P.RETURNED, fits=fits)
        if project:
            self.attempt(proposals.submit, project, by=self.lead_of(n, project, fits=fits))

    @rule(n=pick, p=pick, fits=fit, sure=st.integers(0, 5))
    def withdraw(self, n, p, fits, sure):
        project = self.project(p, P.SUBMITTED, P.RETURNED, fits=fits) if sure == 5 else None
        if project:
            self.attempt(proposals.withdraw, project, by=self.lead_of(n, project, fits=fits))

    # ── the owners ───────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, r=pick, fits=fit, days=st.sampled_from([20, 80, 300]), sure=st.integers(0, 7))
    def decide(self, n, r, fits, days, sure):
        request = self.request(r, R.WAITING, fits=fits)
        if request:
            by = self.holder_of(n, Role.DATA_STEWARD, at=request.version.dataset.center, fits=fits)
            if sure == 7:
                self.attempt(decisions.refuse, request, by=by, reason="No.")
            else:
                # Now and then what was read is no longer what is asked for.
                number = request.edition.number - (sure == 6) if request.edition else 0
                self.attempt(decisions.approve, request, by=by, edition=number, ends_on=in_days(days))

    @rule(n=pick, r=pick, fits=fit)
    def take(self, n, r, fits):
        request = self.request(r, R.WAITING, fits=fits)
        if request:
            by = self.holder_of(n, Role.DATA_STEWARD, at=request.version.dataset.center, fits=fits)
            self.attempt(decisions.take, request, by=by)

    @rule(n=pick, r=pick, fits=fit, sure=st.integers(0, 1))
    def give_back(self, n, r, fits, sure):
        request = self.request(r, R.WAITING, fits=fits) if sure == 1 else None
        if request:
            by = self.holder_of(n, Role.DATA_STEWARD, at=request.version.dataset.center, fits=fits)
            self.attempt(decisions.return_to_lead, request.project, by=by, reason="Say more.")

    @rule(n=pick, r=pick, fits=fit, sure=st.integers(0, 1))
    def revoke(self, n, r, fits, sure):
        request = self.request(r, R.APPROVED, fits=fits) if sure == 1 else None
        if request:
            by = self.holder_of(n, Role.DATA_STEWARD, at=request.version.dataset.center, fits=fits)
            self.attempt(decisions.revoke, request, by=by, reason="Why.")

    # ── changes and renewals ─────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, p=pick, m=pick, d=pick, fits=fit, kind=kinds, days=st.sampled_from([60, 150]), what=st.integers(0, 7))
    def change(self, n, p, m, d, fits, kind, days, what):
        """Begin a change, or go on with the one that is open: other words, somebody more, more data; then send it."""
        project = self.project(p, P.ACTIVE, P.DECIDED, P.SUSPENDED, fits=fits)
        if project is None:
            return
        by = self.lead_of(n, project, fits=fits)
        if not project.amendments.filter(status__in=[A.DRAFT, A.SUBMITTED, A.RETURNED]).exists():
            self.attempt(amendments.begin, project, by=by)
        amendment = project.amendments.order_by("-number").first()
        if what & 1:
            purpose = PURPOSE | {"kind": kind, "collaborates": True}
            self.attempt(amendments.write, amendment, by=by, purpose=purpose, ends_on=in_days(days))
        if what & 2:
            self.attempt(proposals.add_to_team, project, by=by, member=self.people[m % len(self.people)])
        if what & 4:
            self.attempt(proposals.ask_for, project, by=by, version=self.versions[d % 3], reason="It helps.")
        self.attempt(amendments.submit, amendment, by=by)

    @rule(n=pick, a=pick, fits=fit, sure=st.integers(0, 1))
    def take_change_back(self, n, a, fits, sure):
        changes = Amendment.objects.order_by("created_at", "pk")
        open_ones = changes.filter(status__in=[A.DRAFT, A.SUBMITTED, A.RETURNED])
        amendment = self.one_of(a, open_ones if fits else changes) if sure == 1 else None
        if amendment:
            self.attempt(amendments.withdraw, amendment, by=self.lead_of(n, amendment.project, fits=fits))

    @rule(n=pick, r=pick, fits=fit)
    def give_change_back(self, n, r, fits):
        changes = Amendment.objects.order_by("created_at", "pk")
        amendment = self.one_of(r, changes.filter(status=A.SUBMITTED) if fits else changes)
        request = self.request(r, R.WAITING, fits=fits)
        if amendment:
            at = request.version.dataset.center if request else amendment.project.center
            by = self.holder_of(n, Role.DATA_STEWARD, at=at, fits=fits)
            self.attempt(decisions.return_amendment, amendment, by=by, reason="Say more.")

    @rule(n=pick, r=pick, fits=fit)
    def renew(self, n, r, fits):
        request = self.request(r, R.APPROVED, fits=fits)
        if request:
            self.attempt(amendments.ask_to_renew, request, by=self.lead_of(n, request.project, fits=fits))

    # ── a project's life ─────────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, p=pick, fits=fit)
    def start(self, n, p, fits):
        project = self.project(p, P.DECIDED, fits=fits)
        if project:
            self.attempt(decisions.start, project, by=self.lead_of(n, project, fits=fits))

    @rule(n=pick, p=pick, fits=fit, move=st.sampled_from([decisions.suspend, decisions.reinstate, decisions.reinstate]))
    def oversee(self, n, p, fits, move):
        project = self.project(p, P.ACTIVE if move is decisions.suspend else P.SUSPENDED, fits=fits)
        if project:
            by = self.holder_of(n, Role.CENTER_MANAGER, at=project.center, fits=fits)
            self.attempt(move, project, by=by, reason="Why.")

    @rule(n=pick, p=pick, fits=fit, sure=st.integers(0, 9))
    def close(self, n, p, fits, sure):
        project = self.project(p, P.ACTIVE, fits=fits) if sure == 9 else None
        if project:
            points = [point.key for point in to_confirm(project)]
            by = self.lead_of(n, project, fits=fits)
            self.attempt(closing.close, project, by=by, confirmed=points, learned="It was learned.")

    @rule(n=pick, p=pick, m=pick, fits=fit)
    def hand_over(self, n, p, m, fits):
        project = self.project(p, P.ACTIVE, fits=fits)
        team = project and self.team_of(project, fits)
        one = project and self.one_of(m, team.filter(member__center=project.center) if fits else team)
        if one:
            by = self.lead_of(n, project, fits=fits)
            self.attempt(closing.hand_over, project, by=by, to=one.member, reason="So.")

    @rule(p=pick, hours=st.sampled_from([1, 30]))
    def compute(self, p, hours):
        if project := self.project(p, P.ACTIVE):
            self.attempt(closing.use_gpu, project, by=METER, hours=Decimal(hours), of=f"job {GpuUse.objects.count()}")

    # ── agreements and terms ─────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, d=pick)
    def accept(self, n, d):
        version, member = self.versions[d % 3], self.anybody(n)
        found = agreements.terms_for(member, version) if isinstance(member, Member) else None
        if found:
            self.attempt(accept_terms, version, by=member, text_sha256=sha256_of(found.text))

    @rule(n=pick)
    def everybody_accepts(self, n):
        for member in self.people:
            self.accept(self.people.index(member), n)

    @rule(n=pick, a=pick, fits=fit, sure=st.integers(0, 5))
    def terminate(self, n, a, fits, sure):
        bound = AgreementVersion.objects.filter(signed_at__isnull=False, terminated_at=None).order_by("created_at")
        version = self.one_of(a, bound) if sure == 5 else None
        if version:
            by = self.holder_of(n, Role.SIGNING_OFFICIAL, at=version.agreement.providing, fits=fits)
            self.attempt(signing.terminate, version, by=by, reason="Why.")

    @rule(n=pick, a=pick, fits=fit)
    def agree_anew(self, n, a, fits):
        """Amend an agreement, or send and sign what is on its way."""
        version = self.one_of(a, AgreementVersion.objects.order_by("created_at", "pk"))
        agreement = version.agreement
        by = self.holder_of(n, Role.SIGNING_OFFICIAL, at=agreement.providing, fits=fits)
        self.attempt(drafts.amend, agreement, by=by)
        drafted = agreement.versions.filter(status="draft").first()
        self.attempt(drafts.send, drafted, by=by)
        for center in (agreement.providing, agreement.receiving):
            out = agreement.versions.filter(status="out_for_signature", signed_at=None).first()
            signer = self.holder_of(n, Role.SIGNING_OFFICIAL, at=center, fits=fits)
            self.attempt(signing.sign, out, by=signer, text_sha256=out.text_id if out else "")

    # ── people and centers ───────────────────────────────────────────────────────────────────────────────────────────
    @rule(n=pick, m=pick, fits=fit, away=st.booleans())
    def move_member(self, n, m, fits, away):
        """Whoever is away comes back first, or soon nobody may do anything."""
        gone = Member.objects.filter(status=Member.Status.SUSPENDED).first()
        member = gone or (self.one_of(m, self.people) if away else None)
        if member:
            by = self.holder_of(n, Role.CENTER_MANAGER, at=member.center, fits=fits)
            self.attempt(people.reinstate if gone else people.suspend, member, by=by, reason="Why.")

    @rule(n=pick, c=pick, fits=fit, away=st.integers(0, 3))
    def move_center(self, n, c, fits, away):
        gone = Center.objects.filter(status=Center.Status.SUSPENDED).first()
        center = gone or (self.one_of(c, {one.center for one in self.people}) if away == 0 else None)
        if center:
            by = Member.objects.get(center__short_name="Runners") if fits else self.anybody(n)
            self.attempt(centers.reinstate if gone else centers.suspend, center, by=by, reason="Why.")

    @rule(n=pick, m=pick, fits=fit)
    def vouch(self, n, m, fits):
        member = self.one_of(m, self.people)
        self.attempt(people.vouch, member, by=self.holder_of(n, Role.CENTER_MANAGER, at=member.center, fits=fits))

    @rule(n=pick, m=pick, fits=fit, gives=st.booleans())
    def change_steward(self, n, m, fits, gives):
        member = Member.objects.select_related("center").get(pk=self.one_of(m, self.people).pk)
        by = self.holder_of(n, Role.CENTER_MANAGER, at=member.center, fits=fits)
        if gives:
            self.attempt(
                grants.give_at_center, member.center, by=by, member=member, role=Role.DATA_STEWARD, reason="So."
            )
        else:
            grant = self.one_of(m, Grant.history.filter(role=Role.DATA_STEWARD, ended_at=None).order_by("granted_at"))
            self.attempt(grants.end, grant, by=by, reason="So.")

    # ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────
    @rule(hours=st.sampled_from([1, 23, 24 * 6, 24 * 29, 24 * 80]))
    def time_passes(self, hours):
        self.turn.shift(timedelta(hours=hours))

    @rule()
    def the_clock_strikes(self):
        for act, due in (
            (keeping.begin, agreements.to_begin()),
            (keeping.supersede, agreements.to_supersede()),
            (keeping.expire, agreements.to_expire()),
        ):
            for version in due:
                self.attempt(act, version, by=AGREEMENTS_CLOCK)
        for pk, change in [row for page in sweep() for row in page.items()]:
            project = Project.objects.get(pk=pk)
            if change.ended:
                self.attempt(ending.end, project, by=ACCESS_CLOCK)
            if change.began:
                self.attempt(ending.begin, project, by=ACCESS_CLOCK)
        admitted = {(question.member, question.project, version) for question, version in self.admitted()}
        seen = AccessInterval.objects.filter(until=None).values_list("member_id", "project_id", "version_id")
        assert set(seen) == admitted, "what the clock saw is what holds"

    def admitted(self):
        found = self.questions()
        return [(one, decision.version) for one, decision in zip(found, decide(found), strict=True) if decision]

    def questions(self):
        projects = Project.objects.values_list("pk", flat=True)
        everybody, data = [one.pk for one in self.people], [one.dataset_id for one in self.versions]
        return [Asked(*one) for one in product(everybody, projects, data)]

    # ── what must hold ───────────────────────────────────────────────────────────────────────────────────────────────
    @invariant()
    def whoever_is_admitted_satisfies_the_rules_and_nobody_else(self):
        self.turn.shift(timedelta(seconds=1))
        asked, at = self.questions(), timezone.now()
        theirs = allowed([(*one, at) for one in asked])
        ours = {place for place, decision in enumerate(decide(asked, at)) if decision}
        assert ours == theirs, [asked[place] for place in sorted(ours ^ theirs)[:3]]
        self.asked.update(questions=len(asked), admitted=len(ours))
        History.steps += 1

    @invariant()
    def no_rule_is_broken(self):
        assert broken_rules() == []

    @invariant()
    def each_attempt_left_one_event(self):
        assert count_of_events() - self.before == self.attempts


COMMANDS = [
    "proposals.propose", "proposals.write", "proposals.ask_for", "proposals.drop", "proposals.add_to_team",
    "proposals.remove_from_team", "amendments.begin", "amendments.write", "amendments.submit", "amendments.withdraw",
    "amendments.ask_to_renew", "decisions.return_amendment", "closing.close", "closing.hand_over", "closing.use_gpu",
    "proposals.submit", "proposals.withdraw", "decisions.approve", "decisions.refuse", "decisions.take",
    "decisions.return_to_lead", "decisions.revoke", "decisions.start", "decisions.suspend", "decisions.reinstate",
    "terms.accept_terms", "signing.terminate", "signing.sign", "drafts.amend", "drafts.send", "people.suspend",
    "people.reinstate", "centers.suspend", "centers.reinstate", "people.vouch", "grants.give_at_center", "grants.end",
    "ending.begin", "ending.end",
]  # fmt: skip
PROFILES = [
    pytest.param(12, 40, id="short"),
    pytest.param(200, 60, id="long", marks=pytest.mark.long),
]


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(("histories", "steps"), PROFILES)
def test_whatever_people_do_nobody_is_admitted_against_the_rules(histories, steps):
    settle()
    assert broken_rules() == []
    History.tried.clear()
    History.asked.clear()
    History.steps = 0

    run_state_machine_as_test(ProjectsMachine, settings=settings(max_examples=histories, stateful_step_count=steps))

    tried, asked = History.tried, History.asked
    done = sum(count for name, count in tried.items() if not name.endswith("refused"))
    assert done > sum(tried.values()) / 5, f"too little went through to prove anything: {tried}"
    assert asked["admitted"] > asked["questions"] / 1000, f"too few were admitted to prove anything: {asked}"
    if histories > 12:
        print(History.steps, "steps,", sum(tried.values()), "attempts:", dict(sorted(tried.items())), dict(asked))
        assert History.steps >= 10_000
        assert sum(tried.values()) >= 5_000
        never = [name for name in COMMANDS if not tried[name]]
        assert len(never) <= 4, f"these never went through: {never}"
