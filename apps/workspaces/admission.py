"""Which data a member's workspace may have, by the access decision; and which runs stand on data that it may not."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from apps.alliance.models import Member
from apps.projects.access import AccessDecision, decide
from apps.projects.facts import Asked
from apps.projects.models import AccessRequest, Project
from apps.workspaces.models import LIVE, RunData


@dataclass(frozen=True)
class Answer:
    """The decision on one dataset of the project, for one person, as of now."""

    dataset: UUID
    slug: str
    title: str
    decision: AccessDecision

    @property
    def lines(self) -> list[dict[str, str]]:
        """What is missing, as a host is told it."""
        missing = self.decision.missing
        return [{"dataset": self.slug, "words": line.words, "detail": line.detail} for line in missing]

    @property
    def words(self) -> str:
        """What is missing, as a person reads it."""
        said = [f"{line.words}{f' ({line.detail})' if line.detail else ''}" for line in self.decision.missing]
        return f"{self.title}: not so: {'; '.join(said)}."


def answers_of(member: Member, project: Project) -> list[Answer]:
    """The decision on each dataset that the project asked its owners for: two queries."""
    states = AccessRequest.Status
    asked = AccessRequest.objects.filter(project=project).exclude(status__in=[states.DRAFT, states.DROPPED])
    data = asked.values_list("version__dataset_id", "version__dataset__slug", "version__dataset__title")
    rows = sorted(set(data), key=lambda row: row[2])
    decisions = decide([Asked(member.pk, project.pk, row[0]) for row in rows]) if rows else []
    return [Answer(*row, decision) for row, decision in zip(rows, decisions, strict=True)]


def baseless(runs: Collection[UUID] | None = None) -> dict[UUID, str]:
    """Of these live runs, or of all: those with data that may not be used any more, and why. Two queries."""
    found = RunData.objects.filter(run__status__in=LIVE)
    if runs is not None:
        found = found.filter(run__in=runs)
    of_run = ("run_id", "version_id", "run__workspace__member_id", "run__workspace__project_id")
    return why_not((*row, True) for row in found.values_list(*of_run, "version__dataset_id", "version__dataset__title"))


def why_not(rows: Iterable[tuple[UUID, UUID, UUID, UUID, UUID, str, bool]]) -> dict[UUID, str]:
    """Of what uses versions of data, that which may not (any more), and why: one question to the access decision.

    Each row: whatever uses it, the version, who uses it in which project, the dataset, its title, and whether it has
    begun already: nothing of that ends for money.
    """
    rows = list(rows)
    questions = sorted({Asked(row[2], row[3], row[4]) for row in rows})
    decisions = dict(zip(questions, decide(questions) if questions else [], strict=True))
    said: dict[UUID, list[str]] = defaultdict(list)
    for user, version, member, project, dataset, title, has_begun in rows:
        decision = decisions[Asked(member, project, dataset)]
        if not decision and not (has_begun and {line.key for line in decision.missing} == {"budget"}):
            said[user].append(Answer(dataset, "", title, decision).words)
        elif decision.version != version:
            said[user].append(f"{title}: another version took its place.")
    return {user: " ".join(words) for user, words in said.items()}
