"""The reads of jobs that the record keeps."""

from apps.core.events import read

LOG_READ = read(
    "jobs.log.viewed",
    "Read what a job printed",
    attempt="read what a job printed",
    when="Before the log of a job is shown to somebody of its project's team, and each time its live view begins anew.",
    about=("jobs.job",),
)
CRATE_TAKEN = read(
    "jobs.crate.taken",
    "Took the provenance of a job",
    attempt="take the provenance of a job",
    when="Before the description of an ended job for machines leaves: what it was made from and its files, by hash.",
    about=("jobs.job",),
)
ASKED_INSIDE = read(
    "jobs.workspace.asked",
    "Asked about jobs from inside a workspace",
    attempt="ask about jobs from inside a workspace",
    when="Where somebody asks about jobs from inside a workspace that does not run, or may not act. What is allowed "
    "there is written as it is on the pages.",
    about=("workspaces.run",),
)

USAGE_EXPORTED = read(
    "jobs.usage.exported",
    "Took the books of computing as CSV",
    attempt="take the books of computing as CSV",
    when="Before the lines of the books that somebody may see of a month are given out as a file.",
    about=("alliance.alliance",),
)
