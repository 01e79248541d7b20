"""A job as its host reads it: names, limits, the code by its hash, and each version with its README and its files."""

from typing import Any

from apps.catalog.models import DatasetVersion
from apps.jobs import limits
from apps.jobs.gateways import CodeStore, key_of
from apps.jobs.models import Attempt
from apps.workspaces.limits import SHARED
from apps.workspaces.plans import dataset_of


def plan_of(attempt: Attempt) -> dict[str, Any]:
    """All that its host needs; the addresses of files hold for a while."""
    job = attempt.job
    versions = DatasetVersion.objects.filter(jobs__job=job).select_related("dataset__center").order_by("dataset__slug")
    code = job.snapshot
    return {
        "attempt": str(attempt.pk),
        "fence": attempt.fence,
        "job": str(job.pk),
        "resumes": str(job.resumes_id) if job.resumes_id else None,
        "label": f"{job.reference}-{job.name}".lower(),
        "name": job.host_name,
        "uid": job.uid,
        "environment": job.environment,
        "command": job.command,
        "seed": job.seed,
        "code": {
            "sha256": code.sha256, "size": code.bytes,
            "url": CodeStore().link(key_of(code.sha256), seconds=limits.LINK_SECONDS),
        },
        "datasets": [dataset_of(version, job.project) for version in versions],
        "project": str(job.project_id),
        "limits": {
            "cpus": job.cpus, "memory": job.memory, "seconds": job.seconds, "grace": job.grace,
            "processes": limits.PROCESSES, "work": limits.WORK, "shared": SHARED, "output": limits.LOG,
            "alone": limits.ALONE,
        },
    }  # fmt: skip
