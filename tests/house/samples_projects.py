"""Projects of the sample alliance: one that is being written, one that waits, one that runs, one that changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.catalog.models import DatasetVersion
from apps.projects.models import AccessRequest, Amendment, Edition, Project, Remark, StandIn, TeamMember, Vote
from tests.factories import arranged, holder
from tests.projects.world import PURPOSE, RISKS, in_days


@dataclass
class Projects:
    """`draft` is complete and asks by `asked`; `submitted` waits, by `waiting`; `active` runs on `approved`.

    `changing` runs on `agreed`, and its lead writes `amendment`. `stand_in` looks after what the steward takes.
    """

    draft: Project
    asked: AccessRequest
    submitted: Project
    waiting: AccessRequest
    active: Project
    approved: AccessRequest
    changing: Project
    agreed: AccessRequest
    amendment: Amendment
    remark: Remark
    stand_in: StandIn


def make_projects(lead: Member, steward: Member, data: DatasetVersion) -> Projects:
    """All of them led by `lead`, about data of the center whose steward this is."""
    with arranged():
        titles = ("A draft", "A proposal", "A project", "A change")
        draft, submitted, active, changing = (_project(lead, title) for title in titles)
        asked, waiting, approved, agreed = (_request(one, data) for one in (draft, submitted, active, changing))
        for project, request in ((submitted, waiting), (active, approved), (changing, agreed)):
            _send(project, request)
        for project, request in ((active, approved), (changing, agreed)):
            Vote.objects.create(request=request, round=1, steward=steward, is_yes=True, ends_on=in_days(100))
            _stand(request, "approved", decided_at=timezone.now(), ends_on=in_days(100))
            _stand(project, "active")
        text = changing.text() | {"methods": "Random forests."}
        amendment = Amendment.objects.create(project=changing, number=1, **text)
        remark = Remark.objects.create(project=submitted, by=steward, text="Why all years?")
    stand_in = _stand_in(steward)
    return Projects(draft, asked, submitted, waiting, active, approved, changing, agreed, amendment, remark, stand_in)


def _stand_in(steward: Member) -> StandIn:
    with arranged():
        deputy = holder(Role.DATA_STEWARD, steward.center)
        return StandIn.objects.create(
            center=steward.center, away=steward, stand_in=deputy, starts_on=in_days(0), ends_on=in_days(10),
            named_by=steward,
        )  # fmt: skip


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
    _stand(request, "waiting", waits_since=timezone.now(), edition=edition_of(project), quorum=1)


def edition_of(project: Project) -> Edition:
    """The first edition of the project, made if it is not there."""
    found = Edition.objects.filter(project=project, number=1).first()
    return found or Edition.objects.create(project=project, number=1, submitted_by=project.lead, **project.text())


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
    "projects:renew": lambda world: {"pk": world.projects.active.pk, "asked": world.projects.approved.pk},
    "projects:change": lambda world: {"pk": world.projects.changing.pk},
    "projects:change_submit": lambda world: {"pk": world.projects.changing.pk},
    "projects:change_withdraw": lambda world: {"pk": world.projects.changing.pk},
    "access:stand_in_end": lambda world: {"pk": world.projects.stand_in.pk},
    "projects:ask": lambda world: {"slug": world.catalog.dataset.slug},
}
BY_BEGINNING: dict[str, Callable[[Any], dict[str, Any]]] = {
    "projects/<uuid:pk>/": lambda world: {"pk": world.projects.active.pk},
    "requests/<uuid:pk>/": lambda world: {"pk": world.projects.waiting.pk},
}
