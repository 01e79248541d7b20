"""The background duties of workspaces, each with its short list of commands."""

from apps.core.actors import SystemActor

HOST = SystemActor(
    "workspace host",
    frozenset(
        {
            "workspaces.run.planned",
            "workspaces.run.begun",
            "workspaces.run.ended",
            "workspaces.run.paused",
            "workspaces.run.reported",
            "workspaces.code.recorded",
            "workspaces.workspace.erased",
        }
    ),
)
INSTALLER = SystemActor("workspace installer", frozenset({"workspaces.hub.registered"}))
WATCH = SystemActor(
    "workspace watch",
    frozenset(
        {"workspaces.run.stopped", "workspaces.run.failed", "workspaces.run.closed", "workspaces.workspace.sealed"}
    ),
)
