"""Which jobs stand on data that they may not use (any more), by the access decision."""

from collections.abc import Collection
from uuid import UUID

from apps.jobs.models import JobData
from apps.workspaces.admission import Use, why_not


def baseless(statuses: Collection[str], jobs: Collection[UUID] | None = None) -> dict[UUID, str]:
    """Of the jobs in these states, or of just these: those with data that may not be used now, and why. Two queries.

    A job that has had an attempt goes on to its end though the hours of its project are used up meanwhile.
    """
    found = JobData.objects.filter(job__status__in=statuses)
    if jobs is not None:
        found = found.filter(job__in=jobs)
    of_job = ("job_id", "version_id", "job__member_id", "job__project_id")
    rows = found.values_list(*of_job, "version__dataset_id", "version__dataset__title", "job__fence")
    return why_not(Use._make((*row[:-1], row[-1] > 0)) for row in rows)
