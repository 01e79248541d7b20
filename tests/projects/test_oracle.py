"""A year of an alliance in which anything may happen, and every question about it answered twice."""

import random
from collections import Counter
from datetime import timedelta
from itertools import product

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.db.models import QuerySet
from django.utils import timezone

from apps.agreements.models import AgreementVersion
from apps.agreements.selectors import terms_for
from apps.agreements.services import drafts, signing
from apps.agreements.services.terms import accept_terms
from apps.agreements.texts import sha256_of
from apps.alliance.models import Center, Member, TrainingType, Vouch
from apps.alliance.roles import Role
from apps.alliance.services import centers, people, training
from apps.alliance.signin.events import FACTOR_ADDED
from apps.alliance.signin.services import reset_factors
from apps.catalog.models import DatasetVersion
from apps.core.errors import PortalError
from apps.core.sightings import record_sighting
from apps.projects import held
from apps.projects.access import decide
from apps.projects.closing import to_confirm
from apps.projects.facts import Asked
from apps.projects.models import AccessInterval, AccessRequest, Amendment, Project, TeamMember
from apps.projects.services import amendments, closing, decisions, proposals
from apps.projects.tasks import keep_access
from tests.database import turn_clock
from tests.factories import CenterFactory, TrainingRecordFactory, TrainingTypeFactory, alliance, arranged, holder
from tests.projects.oracle import allowed
from tests.projects.settled import BEGAN
from tests.projects.world import GRU, PURPOSE, able, accepted, agreed, approve, in_days, proposed, published

HEALTH = [{"code": "DUO:0000006"}]
TOGETHER = [{"code": "DUO:0000042"}, {"code": "DUO:0000020"}]
KINDS = ("biomedical", "general", "methods")


class Year:
    """Three centers, each with people and data; `chance` decides what happens next."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.runner = holder(Role.ALLIANCE_MANAGER, alliance(), center=CenterFactory())
        self.training = TrainingTypeFactory(required_of_all=True)
        self.centers = [CenterFactory() for _ in range(3)]
        self.of = {center.pk: self._staff(center) for center in self.centers}
        self.people = [able(c, self.of[c.pk]["manager"], self.training) for c in self.centers for _ in range(3)]
        for person in self.people:
            record_sighting(FACTOR_ADDED, by=person, target=person, kind="totp", sessions_ended=0)
        self.versions = []
        for center, terms, quorum in zip(self.centers, (GRU, HEALTH, TOGETHER), (1, 2, 1), strict=True):
            self.versions.append(published(center, self.of[center.pk]["steward"], terms=terms, quorum=quorum))
        for owner, version in zip(self.centers, self.versions, strict=True):
            for home in self.centers:
                if home != owner and self.chance.random() < 0.8:
                    officials = (self.of[owner.pk]["official"], self.of[home.pk]["official"])
                    agreed(owner, home, *officials, version.dataset, name=f"{owner.pk}{home.pk}")

    def _staff(self, center):
        roles = {"manager": Role.CENTER_MANAGER, "steward": Role.DATA_STEWARD, "second": Role.DATA_STEWARD}
        return {name: holder(role, center) for name, role in (roles | {"official": Role.SIGNING_OFFICIAL}).items()}

    def go_on(self) -> bool:
        """One thing happens, or is refused; whether it happened."""
        act = self.chance.choice(ACTS)
        try:
            act(self)
        except (PortalError, Nothing):
            return False
        self.done[act.__name__] += 1
        return True

    def one_of(self, rows):
        rows = sorted(rows, key=self._place) if isinstance(rows, QuerySet) else list(rows)
        if not rows:
            raise Nothing
        return self.chance.choice(rows)

    def _place(self, row):
        """By what happened first; keys hold chance of their own, and would order otherwise each time."""
        match row:
            case Project():
                return (row.number,)
            case Amendment():
                return (row.project.number, row.number)
            case AgreementVersion():
                return (row.agreement.number, row.number)
            case AccessRequest():
                return (row.created_at, row.project.number, self.versions.index(row.version))
            case TeamMember():
                return (row.since, self.people.index(row.member))
        return (row.pk,)  # one at a time: the moments in their keys differ

    def staff(self, center_id, name):
        return Member.objects.get(pk=self.of[center_id][name].pk)


class Nothing(Exception):
    """There is nothing with which this could happen now."""


def _begin(year):
    lead = Member.objects.get(pk=year.one_of(year.people).pk)
    version = year.one_of(year.versions)
    purpose = PURPOSE | {"kind": year.chance.choice(KINDS), "collaborates": year.chance.random() < 0.7}
    days = year.chance.choice((90, 365))
    project = proposed(lead, version, submit=False, purpose=purpose, days=days)
    for colleague in year.chance.sample(year.people, 2):
        if colleague.pk != lead.pk and Member.objects.get(pk=colleague.pk).standing():
            proposals.add_to_team(project, by=lead, member=colleague)
    proposals.submit(project, by=lead)


def _vote(year):
    request = year.one_of(AccessRequest.objects.filter(status="waiting"))
    steward = year.staff(request.version.dataset.center_id, year.chance.choice(("steward", "second")))
    if year.chance.random() < 0.1:
        decisions.refuse(request, by=steward, reason="No.")
    else:
        approve(request, by=steward, ends_on=in_days(year.chance.choice((20, 80))))


def _return(year):
    request = year.one_of(AccessRequest.objects.filter(status="waiting"))
    if year.chance.random() > 0.3:
        raise Nothing
    steward = year.staff(request.version.dataset.center_id, "steward")
    decisions.return_to_lead(request.project, by=steward, reason="Say more.")


def _send_again(year):
    project = year.one_of(Project.objects.filter(status="returned"))
    proposals.submit(project, by=project.lead)


def _start(year):
    project = year.one_of(Project.objects.filter(status="decided"))
    decisions.start(project, by=project.lead)


def _halt(year):
    project = year.one_of(Project.objects.filter(status="active"))
    decisions.suspend(project, by=year.staff(project.center_id, "manager"), reason="Why.")


def _let_go_on(year):
    project = year.one_of(Project.objects.filter(status="suspended"))
    decisions.reinstate(project, by=year.staff(project.center_id, "manager"), reason="Why.")


def _close(year):
    if year.chance.random() > 0.2:
        raise Nothing
    project = year.one_of(Project.objects.filter(status__in=["active", "suspended"]))
    points = [point.key for point in to_confirm(project)]
    closing.close(project, by=project.lead, confirmed=points, learned="It was learned.")


def _revoke(year):
    request = year.one_of(AccessRequest.objects.filter(status="approved"))
    if year.chance.random() > 0.7:
        raise Nothing
    decisions.revoke(request, by=year.staff(request.version.dataset.center_id, "steward"), reason="Why.")


def _leave_team(year):
    project = year.one_of(Project.objects.filter(status__in=["active", "draft", "returned"]))
    one = year.one_of(project.team.filter(until=None))
    proposals.remove_from_team(project, by=project.lead, member=one.member)


def _join_team(year):
    project = year.one_of(Project.objects.filter(status="returned"))
    proposals.add_to_team(project, by=project.lead, member=year.one_of(year.people))


def _change(year):
    """Other words, sometimes with somebody more; goes on with what was given back."""
    project = year.one_of(Project.objects.filter(status__in=["active", "decided"]))
    amendment = project.amendments.filter(status__in=["draft", "returned"]).first()
    amendment = amendment or amendments.begin(project, by=project.lead)
    purpose = PURPOSE | {"kind": year.chance.choice(KINDS), "collaborates": year.chance.random() < 0.7}
    amendments.write(amendment, by=project.lead, purpose=purpose, ends_on=in_days(year.chance.choice((40, 300))))
    joining = Member.objects.get(pk=year.one_of(year.people).pk)
    if not project.team.filter(member=joining, until=None).exists() and joining.standing():
        proposals.add_to_team(project, by=project.lead, member=joining)
    amendments.submit(amendment, by=project.lead)


def _take_change_back(year):
    amendment = year.one_of(Amendment.objects.filter(status__in=["submitted", "returned"]))
    if year.chance.random() > 0.3:
        raise Nothing
    amendments.withdraw(amendment, by=amendment.project.lead)


def _give_change_back(year):
    amendment = year.one_of(Amendment.objects.filter(status="submitted"))
    request = year.one_of(amendment.project.requests.filter(status="waiting"))
    if year.chance.random() > 0.3:
        raise Nothing
    steward = year.staff(request.version.dataset.center_id, "steward")
    decisions.return_amendment(amendment, by=steward, reason="Say more.")


def _renew(year):
    request = year.one_of(AccessRequest.objects.filter(status="approved", project__status="active"))
    amendments.ask_to_renew(request, by=request.project.lead)


def _hand_over(year):
    project = year.one_of(Project.objects.filter(status="active"))
    closing.hand_over(project, by=project.lead, to=year.one_of(project.team.filter(until=None)).member, reason="So.")


def _accept(year):
    member = Member.objects.get(pk=year.one_of(year.people).pk)
    version = year.one_of(year.versions)
    found = terms_for(member, version)
    if found is None:
        raise Nothing
    accept_terms(version, by=member, text_sha256=sha256_of(found.text))


def _stand_center(year):
    """Who is suspended comes back before another is suspended, or soon nobody may do anything."""
    away = Center.objects.filter(status="suspended").first()
    act = centers.reinstate if away else centers.suspend
    act(away or Center.objects.get(pk=year.one_of(year.centers).pk), by=year.runner, reason="Why.")


def _stand_member(year):
    away = Member.objects.filter(status="suspended").first()
    member = away or Member.objects.get(pk=year.one_of(year.people).pk)
    act = people.reinstate if away else people.suspend
    act(member, by=year.staff(member.center_id, "manager"), reason="Why.")


def _factor(year):
    """Somebody loses theirs; whoever has none sets one up before another does."""
    without = Member.objects.filter(pk__in=[one.pk for one in year.people], authenticator=None).first()
    if not without and year.chance.random() > 0.3:
        raise Nothing
    turn_clock(timezone.now())
    if without:
        Authenticator.objects.create(user=without, type=Authenticator.Type.TOTP, data={"secret": "none"})
        record_sighting(FACTOR_ADDED, by=without, target=without, kind="totp", sessions_ended=0)
    else:
        member = Member.objects.get(pk=year.one_of(year.people).pk)
        reset_factors(member, by=year.staff(member.center_id, "manager"), reason="Lost the phone.")


def _vouch(year):
    member = Member.objects.get(pk=year.one_of(year.people).pk)
    people.vouch(member, by=year.staff(member.center_id, "manager"))


def _end_word(year):
    if year.chance.random() > 0.2:
        raise Nothing
    with arranged():
        Vouch.objects.filter(member=year.one_of(year.people), ended_at=None).update(ended_at=timezone.now())


def _train(year):
    type_ = year.one_of(TrainingType.objects.filter(status="published"))
    member = year.one_of(year.people)
    TrainingRecordFactory(
        member=member, type=type_, status="accepted", decided_at=timezone.now(),
        decided_by=year.of[member.center_id]["manager"], valid_until=in_days(year.chance.choice((5, 60, 300))),
    )  # fmt: skip


def _ask_training(year):
    if year.chance.random() > 0.15:
        raise Nothing
    words = {"name": f"Course {year.done.total()}", "description": "It.", "lifetime_days": 100}
    training.publish_type(alliance(), by=year.runner, required_of_all=True, **words)


def _retire_training(year):
    type_ = year.one_of(TrainingType.objects.filter(status="published").exclude(pk=year.training.pk))
    training.retire_type(type_, by=year.runner, reason="Why.")


def _terminate(year):
    if year.chance.random() > 0.15:
        raise Nothing
    version = year.one_of(AgreementVersion.objects.filter(terminated_at=None, signed_at__isnull=False))
    signing.terminate(version, by=year.staff(version.agreement.providing_id, "official"), reason="Why.")


def _amend(year):
    if year.chance.random() > 0.4:
        raise Nothing
    version = year.one_of(AgreementVersion.objects.filter(terminated_at=None, signed_at__isnull=False))
    agreement = version.agreement
    official = year.staff(agreement.providing_id, "official")
    newer = drafts.amend(agreement, by=official)
    drafts.send(newer, by=official)
    newer.refresh_from_db()
    for center in (agreement.providing_id, agreement.receiving_id):
        signing.sign(newer, by=year.staff(center, "official"), text_sha256=newer.text_id)


def _withdraw(year):
    if year.chance.random() > 0.03:
        raise Nothing
    version = DatasetVersion.objects.get(pk=year.one_of(year.versions).pk)
    if version.status == "published":
        with arranged():
            version.status, version.withdrawn_at = "withdrawn", timezone.now()
            version.withdrawn_by = year.of[version.dataset.center_id]["steward"]
            version.save()


ACTS = [
    *[_begin] * 4, *[_vote] * 14, _return, *[_send_again] * 3, *[_start] * 8, _halt, *[_let_go_on] * 4, _close, _revoke,
    _leave_team, _join_team, *[_accept] * 12, *[_change] * 2, _take_change_back, *[_give_change_back] * 2,
    *[_renew] * 3, _hand_over, *[_stand_center] * 2, *[_stand_member] * 2, *[_vouch] * 6, _end_word,
    *[_factor] * 2, *[_train] * 4, _ask_training, *[_retire_training] * 2, _terminate, _amend, _withdraw,
]  # fmt: skip


def _everything(year: Year) -> list[Asked]:
    """Every question that can be asked about the year's people, projects and data."""
    projects, datasets = Project.objects.values_list("pk", flat=True), [one.dataset_id for one in year.versions]
    return [Asked(*one) for one in product([one.pk for one in year.people], projects, datasets)]


def _sweep(year: Year) -> tuple[int, int]:
    """The sweep asks about a part only; it must find what differs among all. How many accesses began and ended."""
    asked = _everything(year)
    admitted = {(one.project, one.member, said.version) for one, said in zip(asked, decide(asked), strict=True) if said}
    known = set(AccessInterval.objects.filter(until=None).values_list("project", "member", "version"))
    found = [(project, change) for page in held.sweep() for project, change in page.items()]
    began = {(project, *one) for project, change in found for one in change.began}
    ended = {(one.project_id, one.member_id, one.version_id) for _, change in found for one, _ in change.ended}
    assert (began, ended) == (admitted - known, known - admitted)
    keep_access()
    assert set(AccessInterval.objects.filter(until=None).values_list("project", "member", "version")) == admitted
    return len(began), len(ended)


def _live(seed: int, *, steps: int, questions: int) -> tuple[Counter[str], int, int]:
    """Let it happen, then ask everything of everybody as of so many moments: what was done, asked and admitted."""
    with time_machine.travel(BEGAN, tick=False) as clock:
        year = Year(seed)
        for person in year.people:
            for version in year.versions:
                if terms_for(person, version):
                    accepted(person, version)
        seen = []
        for step in range(steps):
            clock.shift(timedelta(minutes=year.chance.randrange(1, 400), microseconds=year.chance.randrange(10**6)))
            if year.go_on():
                seen.append(timezone.now() + timedelta(seconds=1))
            if step % 10 == 0:
                began, ended = _sweep(year)
                year.done += Counter({"sweep began": began, "sweep ended": ended})
        clock.shift(timedelta(days=1))
        asked = _everything(year)
        moments = min(-(-questions // len(asked)), len(seen))
        admitted = 0
        for at in year.chance.sample(seen, moments):
            theirs = allowed([(*one, at) for one in asked])
            ours = {place for place, decision in enumerate(decide(asked, at)) if decision}
            assert ours == theirs, [(asked[place], at) for place in sorted(ours ^ theirs)[:3]]
            admitted += len(theirs)
    return year.done, len(asked) * moments, admitted


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_whoever_is_admitted_satisfies_the_rules_and_whoever_satisfies_them_is_admitted(db, seed):
    done, asked, admitted = _live(seed, steps=400, questions=20_000)

    assert asked >= 20_000, done
    assert admitted > 20, done
    assert min(done["sweep began"], done["sweep ended"]) > 2, done


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 105))
def test_a_hundred_thousand_questions_are_answered_as_the_oracle_does(db, seed):
    done, asked, admitted = _live(seed, steps=800, questions=100_000)

    assert asked >= 100_000, done
    assert admitted > 100, done
    assert len(done) >= 15, "a year in which much happens"
