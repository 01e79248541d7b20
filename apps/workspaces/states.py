"""The lives of workspaces and of their runs. What only the host can know, follows from what it tells."""

from apps.core.actors import only_the_system
from apps.core.machines import Follow, Machine, Move
from apps.workspaces import policies as may
from apps.workspaces.models import Run, Workspace

R = Run.Status
ALIVE = frozenset({R.STARTING, R.RUNNING, R.STOPPING})
RUN = Machine(
    Run,
    {
        "stop": Move(frozenset({R.STARTING, R.RUNNING}), R.STOPPING, may.may_stop, "workspaces.run.stopped"),
        "close": Move(frozenset({R.STOPPING}), R.STOPPED, only_the_system, "workspaces.run.closed"),
        "fail": Move(ALIVE, R.FAILED, only_the_system, "workspaces.run.failed"),
    },
    start=R.STARTING,
    waits_for={
        R.STARTING: "the workspace host",
        R.RUNNING: "",
        R.STOPPING: "the workspace host",
        R.STOPPED: "",
        R.FAILED: "",
    },
    follows={
        "run": Follow(frozenset({R.STARTING}), R.RUNNING, "its host says that it runs"),
        "end": Follow(ALIVE, R.STOPPED, "its host says that it ended"),
        "break": Follow(ALIVE, R.FAILED, "its host says that it broke, or it may have no data"),
    },
)

W = Workspace.Status
WORKSPACE = Machine(
    Workspace,
    {
        "seal": Move(frozenset({W.OPEN}), W.SEALED, only_the_system, "workspaces.workspace.sealed"),
        "erase": Move(frozenset({W.SEALED}), W.DELETED, only_the_system, "workspaces.workspace.erased"),
    },
    start=W.OPEN,
    waits_for={W.OPEN: "", W.SEALED: "the workspace host", W.DELETED: ""},
)
