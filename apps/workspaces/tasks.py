"""Celery's doors into workspaces: the Hub is asked here, and nowhere inside a transaction."""

from uuid import UUID

from celery import shared_task

from apps.core.errors import NotAllowed
from apps.core.sweeps import quietly
from apps.projects.models import Project
from apps.workspaces.actors import WATCH
from apps.workspaces.gateways import JupyterHub
from apps.workspaces.models import Run, hub_name_of
from apps.workspaces.services import hub, runs, stopping


@shared_task(name="workspaces.keep_runs")
def keep_runs() -> None:
    """Stop what stands on nothing, write down what is lost or never came, seal what has ended."""
    stopping.keep_runs()


@shared_task(name="workspaces.stop_baseless")
def stop_baseless(pk: str) -> None:
    """An access of this project ended: stop what ran on it."""
    stopping.stop_baseless_of(Project.objects.get(pk=pk))


@shared_task(name="workspaces.start_at_hub")
def start_at_hub(pk: str) -> None:
    """Have the Hub start the run; what it refuses is written down, what it does not answer is tried again."""
    run = Run.objects.select_related("workspace").get(pk=pk)
    if run.status != Run.Status.STARTING:
        return
    workspace = run.workspace
    try:
        JupyterHub().start(workspace.hub_name, workspace.hub_server, run=str(run.pk))
    except NotAllowed as error:
        quietly(runs.fail, run, by=WATCH, reason=str(error))


@shared_task(name="workspaces.stop_at_hub")
def stop_at_hub(pk: str) -> None:
    """Have the Hub stop the server of a run, unless a later one has taken its place."""
    run = Run.objects.select_related("workspace").get(pk=pk)
    newest = run.workspace.runs.order_by("-started_at").first()
    if newest is not None and newest.pk == run.pk:
        JupyterHub().stop(run.workspace.hub_name, run.workspace.hub_server)


@shared_task(name="workspaces.sign_out_at_hub")
def sign_out_at_hub(pk: str) -> None:
    """A session of this member's ended at the portal: no browser enters their workspaces any more by what it has."""
    hub.forget_member(UUID(pk))
    JupyterHub().sign_out(hub_name_of(UUID(pk)))


@shared_task(name="workspaces.forget_tokens")
def forget_tokens() -> None:
    """Erase what the Hub was given to ask with, once it holds no more."""
    hub.forget_tokens()
