"""What takes the ground away from a running workspace, done by the portal's own commands in the home under test.

`python -m tests.live.arrange_ends WAY PROJECT PERSON`, as the people whose right it is; prints when it was done.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from apps.agreements.models import AgreementVersion  # noqa: E402
from apps.agreements.services import signing  # noqa: E402
from apps.alliance.models import Center, Member  # noqa: E402
from apps.alliance.roles import Role  # noqa: E402
from apps.alliance.selectors import holders_of, the_alliance  # noqa: E402
from apps.alliance.services import centers, people  # noqa: E402
from apps.audit.source import coming_from  # noqa: E402
from apps.projects.closing import to_confirm  # noqa: E402
from apps.projects.models import Project  # noqa: E402
from apps.projects.services import closing, decisions  # noqa: E402

WHY = "A test takes this away."


def _first(people_: Any) -> Member:
    found: Member = people_.select_related("center").order_by("created_at").first()
    return found


def _revoke(project: Project, person: Member) -> None:
    request = project.requests.select_related("version__dataset__center").get()
    decisions.revoke(request, by=_first(holders_of(Role.DATA_STEWARD, request.version.dataset.center)), reason=WHY)


def _suspend_project(project: Project, person: Member) -> None:
    decisions.suspend(project, by=_first(holders_of(Role.CENTER_MANAGER, project.center)), reason=WHY)


def _close_project(project: Project, person: Member) -> None:
    points = [point.key for point in to_confirm(project)]
    closing.close(project, by=person, confirmed=points, reason=WHY, learned=WHY, publications="")


def _terminate(project: Project, person: Member) -> None:
    owner = project.requests.get().version.dataset.center
    version = AgreementVersion.objects.get(
        agreement__providing=owner, agreement__receiving=person.center, status="in_force"
    )
    signing.terminate(version, by=_first(holders_of(Role.SIGNING_OFFICIAL, owner)), reason=WHY)


def _suspend_member(project: Project, person: Member) -> None:
    people.suspend(person, by=_first(holders_of(Role.CENTER_MANAGER, person.center)), reason=WHY)


def _suspend_center(project: Project, person: Member) -> None:
    center = Center.objects.get(pk=person.center_id)
    managers = holders_of(Role.ALLIANCE_MANAGER, the_alliance()).exclude(center=center)
    centers.suspend(center, by=_first(managers), reason=WHY)


WAYS: dict[str, Callable[[Project, Member], None]] = {
    "revoke": _revoke,
    "suspend project": _suspend_project,
    "close project": _close_project,
    "terminate agreement": _terminate,
    "suspend member": _suspend_member,
    "suspend center": _suspend_center,
}


def main(way: str, project: str, person: str) -> None:
    with coming_from(component="demo", auth={"method": "demo", "factors": ["demo"], "age_s": 0}):
        WAYS[way](Project.objects.get(pk=project), Member.objects.select_related("center").get(name=person))
    print(time.time())


if __name__ == "__main__":
    main(*sys.argv[1:])
