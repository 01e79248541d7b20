"""The background duties of jobs, each with its short list of commands."""

from apps.core.actors import SystemActor

DISPATCHER = SystemActor("job dispatcher", frozenset({"jobs.job.dispatched", "jobs.job.refused"}))
HOST = SystemActor(
    "job host",
    frozenset(
        {
            "jobs.host.announced",
            "jobs.attempt.planned",
            "jobs.attempt.begun",
            "jobs.attempt.ended",
            "jobs.project.erased",
        }
    ),
)
WATCH = SystemActor("job watch", frozenset({"jobs.attempt.lost", "jobs.job.refused", "jobs.job.cancelled"}))
BOOKKEEPER = SystemActor("bookkeeper", frozenset({"jobs.budget.warned", "jobs.books.checked"}))
