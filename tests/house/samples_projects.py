"""Two projects of the sample alliance: one that is being written, and one that runs on the center's own data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.alliance.models import Member
from apps.audit.source import coming_from
from apps.catalog.models import DatasetVersion
from apps.projects.models import AccessRequest, Project, Remark
from apps.projects.services import decisions, proposals
from tests.projects.world import in_days, proposed


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
    draft = proposed(lead, data, submit=False)
    submitted, active = proposed(lead, data), proposed(lead, data)
    approved = active.requests.get()
    with coming_from(component="test", auth={"method": "test", "age_s": 0}):
        decisions.approve(approved, by=steward, ends_on=in_days(100))
    active.refresh_from_db()
    decisions.start(active, by=lead)
    waiting = submitted.requests.get()
    return Projects(
        draft=draft,
        asked=draft.requests.get(),
        submitted=submitted,
        waiting=waiting,
        active=Project.objects.get(pk=active.pk),
        approved=AccessRequest.objects.get(pk=approved.pk),
        remark=proposals.remark(submitted, by=steward, text="Why all years?"),
    )


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
