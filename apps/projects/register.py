"""What the public may know of projects: no person, no request that was refused, nothing that is only being asked."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from apps.core.models import Standing
from apps.projects.models import AccessRequest, Project

P, R = Project.Status, AccessRequest.Status
SHOWN = ("id", "title", "lay_summary", "ends_on", "status", "center__legal_name", "closeout__learned")


def public_projects() -> QuerySet[Project]:
    """Those that run and those that ran and are closed; only what the register shows is read."""
    ran = Standing.objects.filter(label=Project._meta.label_lower, row_id=OuterRef("pk"), status=P.ACTIVE)
    begun = Project.objects.filter(Exists(ran), status__in=[P.ACTIVE, P.CLOSED], ends_on__isnull=False)
    return begun.select_related("center", "closeout").only(*SHOWN)


def data_of(projects: Iterable[Project]) -> dict[UUID, list[str]]:
    """By project, the titles of the data that its owners approved, also where the approval is over."""
    found: dict[UUID, list[str]] = defaultdict(list)
    approved = AccessRequest.objects.filter(
        project__in=[one.pk for one in projects], status__in=[R.APPROVED, R.REVOKED, R.REPLACED]
    )
    pairs = approved.values_list("project_id", "version__dataset__title").distinct()
    for project, title in pairs.order_by("version__dataset__title"):
        found[project].append(title)
    return dict(found)
