"""Which data a member's workspace may have, by the access decision; and which runs stand on data that it may not."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple
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


class Use(NamedTuple):
    """That something (`of`: a run, a job) uses a version of a dataset for a member in a project."""

    of: UUID
    version: UUID
    member: UUID
    project: UUID
    dataset: UUID
    title: str
    has_begun: bool  # nothing of that ends for money


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
    rows = found.values_list(*of_run, "version__dataset_id", "version__dataset__title")
    return why_not(Use._make((*row, True)) for row in rows)


def why_not(uses: Iterable[Use]) -> dict[UUID, str]:
    """What uses data that may not be used (any more), and why: one question to the access decision."""
    uses = list(uses)
    questions = sorted({Asked(use.member, use.project, use.dataset) for use in uses})
    decisions = dict(zip(questions, decide(questions) if questions else [], strict=True))
    said: dict[UUID, list[str]] = defaultdict(list)
    for use in uses:
        decision = decisions[Asked(use.member, use.project, use.dataset)]
        if not decision and not (use.has_begun and {line.key for line in decision.missing} == {"budget"}):
            said[use.of].append(Answer(use.dataset, "", use.title, decision).words)
        elif decision.version != use.version:
            said[use.of].append(f"{use.title}: another version took its place.")
    return {of: " ".join(words) for of, words in said.items()}
