"""Reads of those who decide: what waits for them, what a yes would open, how long such steps take."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.catalog.duo import Clause, Research
from apps.catalog.selectors import stewarded
from apps.projects.access import AccessDecision, clauses_of, decided, if_approved, spoken_of
from apps.projects.differences import differences, people_since
from apps.projects.facts import Asked, facts_of
from apps.projects.models import AccessRequest, Project, Remark, TeamMember, Vote, Written
from apps.projects.records import Records, named
from apps.projects.selectors import questions_of, threaded

R = AccessRequest.Status
MOST_REMARKS = 50


def visible_requests(member: Member) -> QuerySet[AccessRequest]:
    """What was ever sent for the data that one stewards; not what is being written, nor taken back."""
    requests = AccessRequest.objects.filter(version__dataset__in=stewarded(member))
    seen = requests.exclude(status__in=[R.DRAFT, R.DROPPED])
    return seen.select_related(
        "project__center", "project__lead__center", "version__dataset__center", "taken_by", "edition", "amends__edition"
    )


def to_decide(member: Member) -> QuerySet[AccessRequest]:
    """What waits for this steward's word: not of a team they were ever on, and not voted on already."""
    waiting = visible_requests(member).filter(status=R.WAITING)
    own = TeamMember.objects.filter(member=member).values("project_id")
    said = Vote.objects.filter(steward=member, round=F("request__edition__number")).values("request_id")
    return waiting.exclude(project__in=own).exclude(pk__in=said).order_by("waits_since", "pk")


def narrowed(
    requests: QuerySet[AccessRequest], *, words: str = "", state: str = "", who: str = "", member: Member
) -> QuerySet[AccessRequest]:
    """Those with these words in project or dataset, in this state, held by me or by nobody."""
    if words:
        requests = requests.filter(Q(project__title__icontains=words) | Q(version__dataset__title__icontains=words))
    if who:
        requests = requests.filter(taken_by=member if who == "me" else None)
    return requests.filter(status=state or R.WAITING)


@dataclass(frozen=True)
class Opened:
    """What a yes would open for one of the team: the decision with the approval assumed."""

    person: Member
    decision: AccessDecision


@dataclass(frozen=True)
class Assumed:
    """What a steward weighs: each term against the purpose, by center, and what a yes would open, by person."""

    clauses: list[tuple[Center, tuple[Clause, ...]]]
    opened: list[Opened]

    @property
    def clashes(self) -> list[str]:
        """The terms that the purpose does not meet for people of any of the centers, each once."""
        found = [clause.label for _, clauses in self.clauses for clause in clauses if not clause.met]
        return list(dict.fromkeys(found))

    @property
    def is_readable(self) -> bool:
        """Whether there is any term to check; terms that can't be read allow nothing."""
        return any(clauses for _, clauses in self.clauses)

    @property
    def at_once(self) -> int:
        """How many of the team could use the data the moment it is approved."""
        return sum(bool(one.decision) for one in self.opened)


def assuming_yes(requests: Collection[AccessRequest]) -> dict[UUID, Assumed]:
    """By request: each term and each of the team as if the owner had approved, until the project's last day where none
    is said. Two queries, however many requests.
    """
    now = timezone.now()
    teams: dict[UUID, list[Member]] = {}
    team = TeamMember.objects.filter(project__in={one.project_id for one in requests}, until=None)
    for joined in team.select_related("member__center").order_by("since", "pk") if requests else ():
        teams.setdefault(joined.project_id, []).append(joined.member)
    pairs = [(one, person) for one in requests for person in teams.get(one.project_id, [])]
    rows = facts_of([Asked(who.pk, one.project_id, one.version.dataset_id) for one, who in pairs], now) if pairs else []
    clauses: dict[UUID, dict[Center, tuple[Clause, ...]]] = {one.pk: {} for one in requests}
    opened: dict[UUID, list[Opened]] = {one.pk: [] for one in requests}
    for (one, person), row in zip(pairs, rows, strict=True):
        until = one.ends_on or text_asked(one).ends_on or now.date()
        facts = if_approved(row, one, until=until, on=now.date())
        clauses[one.pk].setdefault(person.center, clauses_of(facts, now.date()))
        opened[one.pk].append(Opened(person, decided(facts, now)))
    return {pk: Assumed(list(clauses[pk].items()), opened[pk]) for pk in opened}


def purpose_words(text: Written) -> str:
    """The kind of research, in the words of the data-use ontology's answers."""
    kinds = {kind.value: kind.words for kind in Research}
    words = kinds.get(text.purpose.get("kind", ""), "no purpose said")
    return words[:1].upper() + words[1:]


def text_asked(request: AccessRequest) -> Written:
    """The text that this owner is asked about, or agreed to."""
    return request.edition or request.project


def difference_of(request: AccessRequest) -> dict[str, Any]:
    """Where it amends an approval: what differs from the edition that this owner approved, and who joined or left."""
    if request.amends is None or request.amends.edition is None or request.edition is None:
        return {}
    return {
        "before": request.amends,
        "differences": differences(request.amends.edition, request.edition),
        "people": people_since(request.project, request.amends.edition.submitted_at),
    }


def quorum_of(request: AccessRequest) -> int:
    """How many yeses it needs: the dataset's quorum now or when it began to wait, whichever is larger."""
    return max(request.quorum, request.version.dataset.quorum)


def others_asked(request: AccessRequest) -> QuerySet[AccessRequest]:
    """The project's requests of other owners; their states are told, their reasons are not."""
    own = [pk for pk in (request.pk, request.amends_id) if pk]
    asked = AccessRequest.objects.filter(project=request.project_id).exclude(pk__in=own)
    asked = asked.exclude(status__in=[R.DRAFT, R.DROPPED, R.REPLACED])
    return asked.select_related("version__dataset__center").order_by("created_at", "pk")


def votes_on(request: AccessRequest) -> QuerySet[Vote]:
    """What the owner's stewards said on the edition that is or was asked for."""
    votes = request.votes.filter(round=request.edition.number if request.edition else 0)
    return votes.select_related("steward").order_by("voted_at")


def remarks_on(project: Project) -> list[Remark]:
    """The newest fifty questions in the order in which they were asked, each with the answers to it as `thread`."""
    return threaded(list(questions_of(project).order_by("-said_at")[:MOST_REMARKS])[::-1])


def lines_for_page(decision: AccessDecision, person: Member, records: Records) -> list[dict[str, Any]]:
    """The lines about this person as the decision component shows them to somebody else."""
    told = [spoken_of(person.name, line) for line in decision.lines]
    return [
        {
            "met": line.met,
            "words": line.words,
            "detail": line.detail,
            "until": line.until and f"{line.until:%-d %b %Y, %H:%M} UTC",
            "mend": "" if line.met else f"{'waits for' if line.waiting else 'up to'} {line.mender}",
            "waiting": line.waiting,
            "url": records.get(line.rests_on, ""),
            "record": named(line),
        }
        for line in told
    ]
