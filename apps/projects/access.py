"""The access decision: who may use which data, why, and until when. One function, for pages, API and machines.

Every line says whether it is met, until when, on which record it rests, and who can mend it. All of it is read from
records that keep their validity and are never erased, so that any past moment can be asked.

What a dataset's page says before anybody asks (catalog/needs.py) says some of these lines again, as does what the
agreements read (in_force_between); tests/projects/test_two_readers.py holds them to the same answers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog import duo
from apps.catalog.models import Dataset
from apps.core.errors import Invalid
from apps.projects.facts import Asked, Facts, facts_of
from apps.projects.models import AccessRequest, Project
from apps.projects.purposes import purpose_of_answers


class Line(NamedTuple):
    """One condition. `until`: the first moment at which it no longer holds; None: no end is known."""

    key: str
    words: str
    met: bool
    detail: str = ""
    until: datetime | None = None
    rests_on: str = ""  # "label:id" of the record
    mender: str = ""  # who can mend it, where it is not met
    waiting: bool = False  # somebody else's turn


@dataclass(frozen=True)
class AccessDecision:
    """The answer, line by line; truthy when every line is met."""

    at: datetime
    lines: tuple[Line, ...]
    request: UUID | None = None  # in force, or else the last one; its version of the dataset and that one's number
    version: UUID | None = None
    number: int | None = None

    def __bool__(self) -> bool:
        return bool(self.lines) and all(line.met for line in self.lines)

    @property
    def until(self) -> datetime | None:
        """When the first of its lines ends, as things stand."""
        return min((line.until for line in self.lines if line.met and line.until), default=None)

    @property
    def missing(self) -> list[Line]:
        return [line for line in self.lines if not line.met]


def may_use(member: Member, dataset: Dataset, project: Project, at: datetime | None = None) -> AccessDecision:
    """Whether the member may use the dataset in the project at this moment, past or present."""
    return decide([Asked(member.pk, project.pk, dataset.pk)], at)[0]


def decide(asked: Sequence[Asked], at: datetime | None = None) -> list[AccessDecision]:
    """The decisions on many questions as of one moment, in their order, by one query."""
    moment = at or timezone.now()
    found = facts_of(asked, moment)
    return [decided(facts, moment) for facts in found]


def if_approved(facts: Facts, request: AccessRequest, *, until: date, on: date) -> Facts:
    """The same facts, had the owner said yes to this request on that day; nothing else about them is assumed.

    The facts may rest on another request of the project, for another version of the data or an earlier edition: then
    those of this one count.
    """
    version, said = request.version, request.edition or request.project
    return facts._replace(
        project_ends_on=said.ends_on,
        ethics_reference=said.ethics_reference,
        ethics_until=said.ethics_until,
        purpose=json.dumps(said.purpose),
        gpu_hours=said.gpu_hours,
        named_at=request.edition.submitted_at if request.edition else None,
        request=request.pk,
        request_state="approved",
        approved_until=until,
        approved_on=on,
        version=version.pk,
        version_number=version.number,
        terms=json.dumps(version.terms),
        is_published=version.published_at is not None,
        is_withdrawn=version.withdrawn_at is not None,
        acceptance=facts.acceptance if facts.version == version.pk else None,
        edition=request.edition.pk if request.edition else None,
    )


def decided(facts: Facts, at: datetime) -> AccessDecision:
    """The decision on these facts."""
    lines = [
        _center(facts),
        _membership(facts, at),
        _training(facts),
        _factor(facts),
        _project(facts, at),
        _team(facts),
        _version(facts),
        _approval(facts),
        _agreement(facts),
        _terms(facts),
        _purpose(facts, at),
        _ethics(facts, at),
        _budget(facts),
    ]
    return AccessDecision(at, tuple(lines), facts.request, facts.version, facts.version_number)


OF_ANOTHER = (
    ("vouches for you", "vouches for {}"),
    ("Your training", "{}’s training"),
    ("You have", "{} has"),
    ("You are", "{} is"),
    ("You accepted", "{} accepted"),
    ("your membership", "this membership"),
    ("your own center", "their own center"),
    ("in your account", "in their account"),
    ("you, by", "{}, by"),
    ("you, in", "{}, in"),
)


def spoken_of(name: str, line: Line) -> Line:
    """The line in words about this person, for somebody else who reads it."""
    ours = line.detail if line.key in {"membership", "agreement"} else ""  # elsewhere it may be what somebody wrote
    words, mender, detail = (_of_another(name, said) for said in (line.words, line.mender, ours))
    return line._replace(words=words, mender=mender, detail=detail or line.detail)


def _of_another(name: str, said: str) -> str:
    for addressed, told in OF_ANOTHER:
        said = said.replace(addressed, told.format(name))
    return said


def _end_of(day: date | None) -> datetime | None:
    """The first moment after this day, in UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC) if day else None


def _center(facts: Facts) -> Line:
    met = facts.center_status == "active"
    words = f"{facts.home} is active in the alliance"
    detail = "" if met else f"{facts.home} is {facts.center_status or 'not there yet'}"
    rests_on = f"alliance.center:{facts.center}" if facts.center_status else ""
    return Line("center", words, met, detail, rests_on=rests_on, mender="the alliance's managers")


def _membership(facts: Facts, at: datetime) -> Line:
    until = _end_of(facts.vouched_until)
    detail, met = "", False
    if facts.member_status != "active":
        detail = f"your membership is {facts.member_status or 'not begun'}"
    elif until is None or until <= at:
        detail = "nobody vouches now"
    else:
        met = True
    rests_on = f"alliance.vouch:{facts.vouch}" if facts.vouch else ""
    words, mender = f"{facts.home} vouches for you", f"a center manager of {facts.home}"
    return Line("membership", words, met, detail, until if met else None, rests_on, mender)


def _training(facts: Facts) -> Line:
    missing = facts.training_missing or []
    rests_on = f"alliance.trainingrecord:{facts.training_record}" if facts.training_record else ""
    detail = f"missing: {', '.join(missing)}" if missing else ""
    until = None if missing else _end_of(facts.training_until)
    return Line("training", "Your training is valid", not missing, detail, until, rests_on, "you, by sending proof")


def _factor(facts: Facts) -> Line:
    met = facts.factor is not None
    rests_on = f"mfa.authenticator:{facts.factor}" if met else ""
    return Line("factor", "You have a second factor", met, rests_on=rests_on, mender="you, in your account")


def _project(facts: Facts, at: datetime) -> Line:
    until = _end_of(facts.project_ends_on)
    met = facts.project_status == "active" and until is not None and at < until
    is_over = facts.project_status == "active" and not met
    detail = "" if met else "its last day is over" if is_over else f"it is {facts.project_status or 'not there yet'}"
    waiting = facts.project_status == "submitted"
    mender = "the stewards of the data" if waiting else "the project's lead"
    if facts.project_status == "suspended":
        mender = "a center manager of the project's center"
    rests_on = f"projects.project:{facts.project}" if facts.project_status else ""
    return Line("project", "The project is active", met, detail, until if met else None, rests_on, mender, waiting)


def _team(facts: Facts) -> Line:
    rests_on = f"projects.teammember:{facts.team}" if facts.team else ""
    joined_later = bool(facts.named_at and facts.team_since and facts.team_since > facts.named_at)
    met = facts.team is not None and not joined_later
    if joined_later:
        detail, mender = f"{facts.owner} has not agreed to you yet", f"the project's lead, by asking {facts.owner}"
    else:
        detail, mender = "", "the project's lead"
    return Line("team", "You are on its team", met, detail, rests_on=rests_on, mender=mender)


def _version(facts: Facts) -> Line:
    met = bool(facts.is_published) and not facts.is_withdrawn
    number = f"Version {facts.version_number}" if facts.version_number else "The version asked for"
    detail, mender = "", "the project's lead, by asking for another version"
    if facts.version is None:
        detail, mender = "the project does not ask for this data", "the project's lead"
    elif facts.is_withdrawn:
        detail = "it was withdrawn"
    rests_on = f"catalog.datasetversion:{facts.version}" if facts.version else ""
    return Line("version", f"{number} is published", met, detail, rests_on=rests_on, mender=mender)


def _approval(facts: Facts) -> Line:
    state = facts.request_state or "not asked for"
    met = state == "approved"
    rests_on = f"projects.accessrequest:{facts.request}" if facts.request else ""
    waiting = state == "waiting"
    mender = f"a data steward of {facts.owner}" if waiting or state == "revoked" else "the project's lead"
    detail = facts.conditions or "" if met else state
    until = _end_of(facts.approved_until) if met else None
    return Line("approval", f"{facts.owner} approves it", met, detail, until, rests_on, mender, waiting)


def _agreement(facts: Facts) -> Line:
    if facts.is_own_data:
        return Line("agreement", "An agreement covers it", True, "your own center's data needs none")
    met = facts.agreement is not None
    detail = f"DUA-{facts.agreement_number:04d}" if facts.agreement_number else "none is in force"
    rests_on = f"agreements.agreementversion:{facts.agreement}" if met else ""
    words = f"An agreement between {facts.owner} and {facts.home} covers it"
    mender = f"the signing officials of {facts.owner} and {facts.home}"
    return Line("agreement", words, met, detail, facts.agreed_until, rests_on, mender)


def _terms(facts: Facts) -> Line:
    met = facts.acceptance is not None
    rests_on = f"agreements.termsacceptance:{facts.acceptance}" if met else ""
    words = "You accepted the terms of this version"
    return Line("terms", words, met, rests_on=rests_on, mender="you, by reading and accepting them")


def _purpose(facts: Facts, at: datetime) -> Line:
    words = "Its terms allow the purpose"
    if facts.terms is None:
        return Line("purpose", words, False, "the project does not ask for this data", mender="the project's lead")
    clauses = clauses_of(facts, at.astimezone(UTC).date())
    clashes = [clause.words for clause in clauses if not clause.met]
    met = bool(clauses) and not clashes
    mender = "the project's lead, or the owner by other terms"
    return Line("purpose", words, met, " ".join(clashes), rests_on=_text(facts), mender=mender)


def _ethics(facts: Facts, at: datetime) -> Line:
    until = _end_of(facts.ethics_until)
    met = bool(facts.ethics_reference) and until is not None and at < until
    detail = facts.ethics_reference if met else "it has ended" if until else "none is given"
    words, mender = "Ethics approval is valid", "the project's lead"
    return Line("ethics", words, met, detail, until if met else None, _text(facts), mender)


def _budget(facts: Facts) -> Line:
    met = not facts.gpu_hours or facts.gpu_used < facts.gpu_hours
    detail = f"{facts.gpu_used:.0f} of {facts.gpu_hours} used" if facts.gpu_hours else "it asks for none"
    mender = "the project's lead, by a change"
    return Line("budget", "GPU-hours are left", met, detail, rests_on=_text(facts), mender=mender)


def _text(facts: Facts) -> str:
    """What was sent to the owner, or else the project's own text where it is there."""
    if facts.edition:
        return f"projects.edition:{facts.edition}"
    return f"projects.project:{facts.project}" if facts.project_status else ""


def clauses_of(facts: Facts, on: date) -> tuple[duo.Clause, ...]:
    """Each term of the version against the project's purpose; terms that can't be read allow nothing."""
    is_approved = facts.request_state == "approved"
    ends = (facts.project_ends_on, facts.approved_until if is_approved else None)
    return _checked(
        facts.terms or "[]",
        facts.purpose,
        ethics_until=facts.ethics_until,
        ends_on=min(filter(None, ends), default=None),
        starts_on=facts.approved_on,
        center=facts.home_slug,
        is_approved=is_approved,
        on=on,
    )


@lru_cache(maxsize=4096)
def _checked(
    terms: str,
    purpose: str,
    *,
    ethics_until: date | None,
    ends_on: date | None,
    starts_on: date | None,
    center: str,
    is_approved: bool,
    on: date,
) -> tuple[duo.Clause, ...]:
    """The clauses, by all that they rest on and nothing else: the same for many people of one project."""
    said = purpose_of_answers(
        json.loads(purpose),
        ethics_until=ethics_until,
        ends_on=ends_on,
        starts_on=starts_on,
        centers=(center,),
        is_approved=is_approved,
    )
    return duo.check(_parsed(terms), said, on)


@lru_cache(maxsize=1024)
def _parsed(terms: str) -> tuple[duo.Term, ...]:
    try:
        return duo.parse(json.loads(terms))
    except Invalid:
        return ()
