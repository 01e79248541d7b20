"""The life of a job. What only its host can know, follows from what it tells."""

from apps.core.actors import only_the_system
from apps.core.machines import Follow, Machine, Move
from apps.jobs import policies as may
from apps.jobs.models import Job

J = Job.Status
UNDER_WAY = frozenset({J.STARTING, J.RUNNING})
JOB = Machine(
    Job,
    {
        "withdraw": Move(frozenset({J.QUEUED}), J.CANCELLED, may.may_cancel, "jobs.job.withdrawn"),
        "cancel": Move(UNDER_WAY, J.CANCELLING, may.may_cancel, "jobs.job.cancelled"),
        "dispatch": Move(frozenset({J.QUEUED}), J.STARTING, only_the_system, "jobs.job.dispatched"),
        "refuse": Move(frozenset({J.QUEUED}), J.FAILED, only_the_system, "jobs.job.refused"),
    },
    start=J.QUEUED,
    waits_for={
        J.QUEUED: "the dispatcher",
        J.STARTING: "its host",
        J.RUNNING: "",
        J.CANCELLING: "its host",
        J.SUCCEEDED: "",
        J.FAILED: "",
        J.CANCELLED: "",
    },
    follows={
        "run": Follow(frozenset({J.STARTING}), J.RUNNING, "its host says that it runs"),
        "succeed": Follow(UNDER_WAY, J.SUCCEEDED, "its host says that it ended well"),
        "fail": Follow(UNDER_WAY, J.FAILED, "its host says that it ended badly, or it was lost too often"),
        "requeue": Follow(UNDER_WAY, J.QUEUED, "its attempt was lost, or it asked for another one"),
        "close": Follow(frozenset({J.CANCELLING}), J.CANCELLED, "nothing of it runs any more"),
    },
)


def ending_step(job: Job) -> str:
    """What ends it now."""
    return "withdraw" if job.status == J.QUEUED else "cancel"
