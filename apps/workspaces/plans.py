"""A plan as its host reads it: names, limits, and each admitted version with its README and its files by hash."""

from typing import Any

from apps.catalog.gateways import DatasetStore, key_of
from apps.catalog.models import DatasetVersion
from apps.projects.models import Project
from apps.workspaces import limits
from apps.workspaces.readme import readme_of
from apps.workspaces.services.planning import Planned


def plan_of(planned: Planned) -> dict[str, Any]:
    """All that its host needs; the addresses of files hold for a quarter of an hour."""
    run, workspace = planned.run, planned.run.workspace
    ids = [one.decision.version for one in planned.admitted if one.decision.version]
    versions = DatasetVersion.objects.filter(pk__in=ids).select_related("dataset__center").order_by("dataset__slug")
    return {
        "run": str(run.pk),
        "workspace": str(workspace.pk),
        "name": workspace.name,
        "uid": workspace.uid,
        "environment": run.environment,
        "datasets": [dataset_of(version, workspace.project) for version in versions],
        "shared": str(workspace.project_id),
        **limits.as_plan(run.figures.memory_limit, run.figures.cpus_limit),
    }


def dataset_of(version: DatasetVersion, project: Project) -> dict[str, Any]:
    """One version for a host: its README, and its files with addresses that hold for a while."""
    store = DatasetStore()
    files = version.files.order_by("path").values_list("path", "sha256", "bytes")
    return {
        "slug": version.dataset.slug,
        "version": str(version.pk),
        "readme": readme_of(version, project),
        "files": [
            {
                "path": path,
                "sha256": sha256,
                "size": size,
                "url": store.link(key_of(sha256), seconds=limits.LINK_SECONDS),
            }
            for path, sha256, size in files
        ],
    }
