"""What a run may mount, decided at the moment at which its host asks."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import WrongState
from apps.core.notices import tell
from apps.workspaces.admission import Answer, answers_of
from apps.workspaces.limits import bounded
from apps.workspaces.models import Run, RunData
from apps.workspaces.states import RUN


@dataclass(frozen=True)
class Planned:
    """The decisions, those that say yes; where none does, the run has failed for `reason`."""

    run: Run
    admitted: list[Answer]
    refused: list[Answer]
    reason: str = ""


@command("workspaces.run.planned", policy=only_the_system)
def plan(run: Run, *, by: Any, offered: Any = None) -> Planned:
    """Ask the access decision for each dataset and keep which versions the run may mount; with none it has failed.

    `offered`: the most memory (bytes) and processors that its machine gives one workspace.
    """
    if run.status != Run.Status.STARTING:
        raise WrongState(f"This run is {run.get_status_display().lower()}; only one that starts is given a plan.")
    answers = answers_of(run.workspace.member, run.workspace.project)
    admitted = [one for one in answers if one.decision]
    refused = [one for one in answers if not one.decision]
    note(
        versions=[str(one.decision.version) for one in admitted],
        refused=[
            {"dataset": str(one.dataset), "lacks": [line.key for line in one.decision.missing]} for one in refused
        ],
    )
    if not admitted:
        return _refused(run, refused)
    figures = run.figures
    figures.memory_limit, figures.cpus_limit = bounded(offered)
    figures.save(update_fields=["memory_limit", "cpus_limit"])
    for one in admitted:
        RunData.objects.get_or_create(run=run, version_id=one.decision.version)
    return Planned(run, admitted, refused)


def _refused(run: Run, refused: list[Answer]) -> Planned:
    """The run ends here: its researcher may use nothing now."""
    said = " ".join(one.words for one in refused)
    reason = f"You may not use any of the project's data now. {said}".strip()[:500]
    run.reason, run.ended_at = reason, timezone.now()
    RUN.follow("break", run)
    run.save()
    workspace = run.workspace
    key, path = f"workspace-stopped:{run.pk}", f"/projects/{workspace.project_id}/workspace/"
    tell(workspace.member, key=key, subject=f"Your workspace in {workspace.project} stops", text=reason, path=path)
    return Planned(run, [], refused, reason)
