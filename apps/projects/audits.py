"""Reads of auditors: which projects they may look into, and whose access to what."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import audits_everything
from apps.catalog.models import Dataset
from apps.projects.models import AccessRequest, Project


def audited_projects(member: Member) -> QuerySet[Project]:
    """All that were sent for the alliance's auditors; for a center's, its own and those that asked for its data."""
    projects = Project.objects.select_related("center", "lead").filter(submitted_at__isnull=False)
    if audits_everything(member):
        return projects
    centers = _audited_centers(member)
    asked = AccessRequest.objects.filter(project=OuterRef("pk"), version__dataset__center__in=centers)
    return projects.filter(Q(center__in=centers) | Exists(asked.exclude(status=AccessRequest.Status.DRAFT)))


def audited_datasets(member: Member, project: Project) -> QuerySet[Dataset]:
    """The data that the project asked for; of another center's project only the auditor's own center's."""
    asked = AccessRequest.objects.filter(project=project).values("version__dataset_id")
    datasets = Dataset.objects.filter(pk__in=asked).order_by("title")
    centers = _audited_centers(member)
    if audits_everything(member) or project.center_id in centers:
        return datasets
    return datasets.filter(center__in=centers)


def people_of(project: Project) -> QuerySet[Member]:
    """Everybody who was ever on the team."""
    return Member.objects.filter(pk__in=project.team.values("member_id")).order_by("name")


def _audited_centers(member: Member) -> list[Any]:
    return [grant.center_id for grant in member.grants() if grant.role == Role.AUDITOR and grant.center_id]
