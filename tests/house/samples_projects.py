"""Projects of the sample alliance: one that is being written, one that waits, and one that runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.catalog.models import DatasetVersion
from apps.projects.models import AccessRequest, Project, Remark, TeamMember, Vote
from tests.factories import arranged
from tests.projects.world import PURPOSE, RISKS, in_days


@dataclass
class Projects:
    """`draft` is complete and asks by `asked`; `submitted` waits, by `waiting`; `active` runs on `approved`."""

    draft: Project
    asked: AccessRequest
    submitted: Project
    waiting: AccessRequest
    active: Project
    approved: AccessRequest
    remark: Remark


def make_projects(lead: Member, steward: Member, data: DatasetVersion) -> Projects:
    """All of them led by `lead`, about data of the center whose steward this is."""
    with arranged():
        draft, submitted, active = (_project(lead, title) for title in ("A draft", "A proposal", "A project"))
        asked, waiting, approved = (_request(project, data) for project in (draft, submitted, active))
        _send(submitted, waiting)
        _send(active, approved)
        Vote.objects.create(request=approved, round=1, steward=steward, is_yes=True, ends_on=in_days(100))
        _stand(approved, "approved", decided_at=timezone.now(), ends_on=in_days(100))
        _stand(active, "active")
        remark = Remark.objects.create(project=submitted, by=steward, text="Why all years?")
    return Projects(draft, asked, submitted, waiting, active, approved, remark)


def _project(lead: Member, title: str) -> Project:
    project = Project.objects.create(
        center=lead.center, lead=lead, title=title, lay_summary="What we want to know.", public_benefit="Better care.",
        methods="Cox models.", outputs="Tables.", purpose=PURPOSE, risks=RISKS, ethics_reference="IRB-1",
        ethics_until=in_days(250), ends_on=in_days(365),
    )  # fmt: skip
    project.refresh_from_db()
    TeamMember.objects.create(project=project, member=lead, added_by=lead)
    return project


def _request(project: Project, data: DatasetVersion) -> AccessRequest:
    return AccessRequest.objects.create(project=project, version=data, reason="It holds the outcomes.")


def _send(project: Project, request: AccessRequest) -> None:
    _stand(project, "submitted", round=1, submitted_at=timezone.now())
    _stand(request, "waiting", waits_since=timezone.now())


def _stand(row: Project | AccessRequest, status: str, **more: Any) -> None:
    for name, value in {"status": status, **more}.items():
        setattr(row, name, value)
    row.save()


ARGUMENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "projects:write": lambda world: {"pk": world.projects.draft.pk},
    "projects:datasets": lambda world: {"pk": world.projects.draft.pk},
    "projects:team": lambda world: {"pk": world.projects.draft.pk},
    "projects:submit": lambda world: {"pk": world.projects.draft.pk},
    "projects:withdraw": lambda world: {"pk": world.projects.draft.pk},
    "projects:request_reason": lambda world: {"pk": world.projects.draft.pk, "asked": world.projects.asked.pk},
    "projects:request_drop": lambda world: {"pk": world.projects.draft.pk, "asked": world.projects.asked.pk},
    "projects:team_remove": lambda world: {"pk": world.projects.draft.pk, "person": world.owner.pk},
    "projects:ask": lambda world: {"slug": world.catalog.dataset.slug},
}
BY_BEGINNING: dict[str, Callable[[Any], dict[str, Any]]] = {
    "projects/<uuid:pk>/": lambda world: {"pk": world.projects.active.pk},
    "requests/<uuid:pk>/": lambda world: {"pk": world.projects.waiting.pk},
}
