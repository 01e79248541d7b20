"""The cases of the commands on projects; the sample draft is brought into the state that each needs."""

from decimal import Decimal
from typing import Any

from django.utils import timezone

from apps.projects.models import AccessRequest, Amendment, Project, Vote
from tests.house.samples import World
from tests.house.samples_projects import edition_of
from tests.projects.world import in_days


def draft(world: World) -> Project:
    return Project.objects.get(pk=world.projects.draft.pk)


def asked(world: World) -> AccessRequest:
    return AccessRequest.objects.get(pk=world.projects.asked.pk)


def waiting(world: World) -> AccessRequest:
    return AccessRequest.objects.get(pk=world.projects.waiting.pk)


def approved(world: World) -> AccessRequest:
    return AccessRequest.objects.get(pk=world.projects.approved.pk)


def send(world: World) -> None:
    """The sample draft waits for the owner."""
    Project.objects.filter(pk=world.projects.draft.pk).update(status="submitted", round=1)
    waiting_fields(world)


def _voted(world: World, *, is_yes: bool) -> dict[str, Any]:
    send(world)
    said = {"ends_on": in_days(90)} if is_yes else {"reason": "For the test."}
    Vote.objects.create(
        request=world.projects.asked, round=1, steward=world.members["data_steward"], is_yes=is_yes, **said
    )
    return {"decided_at": timezone.now(), **({"ends_on": in_days(90)} if is_yes else {})}


def approved_fields(world: World) -> dict[str, Any]:
    return _voted(world, is_yes=True)


def refused_fields(world: World) -> dict[str, Any]:
    return _voted(world, is_yes=False)


def revoked_fields(world: World) -> dict[str, Any]:
    AccessRequest.objects.filter(pk=world.projects.asked.pk).update(status="approved", **approved_fields(world))
    return {"revoked_at": timezone.now(), "revoked_by": world.members["data_steward"]}


def approve(world: World) -> None:
    """So that there is something to begin with; the project then goes back to where it stood."""
    stood = draft(world).status
    AccessRequest.objects.filter(pk=world.projects.asked.pk).update(status="approved", **approved_fields(world))
    Project.objects.filter(pk=world.projects.draft.pk).update(status=stood)


def waiting_fields(world: World) -> dict[str, Any]:
    """What a submitted project asks for waits for its owners."""
    AccessRequest.objects.filter(pk=world.projects.asked.pk).update(status="waiting", **asked_fields(world))
    return {}


def asked_fields(world: World) -> dict[str, Any]:
    """What a request that waits rests on."""
    return {"waits_since": timezone.now(), "edition": edition_of(world.projects.draft), "quorum": 1}


def is_sent(world: World) -> None:
    """The sample draft is with its owners, whatever its request says."""
    stand(world, "submitted")
    Project.objects.filter(pk=world.projects.draft.pk).update(round=1)


def is_taken(world: World) -> None:
    """A steward took the request."""
    is_sent(world)
    AccessRequest.objects.filter(pk=world.projects.asked.pk, status="waiting").update(
        taken_by=world.members["data_steward"], taken_at=timezone.now()
    )


def replaced_fields(world: World) -> dict[str, Any]:
    AccessRequest.objects.filter(pk=world.projects.asked.pk).update(status="approved", **approved_fields(world))
    return {"replaced_at": timezone.now()}


def sent_fields(world: World) -> dict[str, Any]:
    """The change was sent, and the owner whom it touches has not decided."""
    agreed = world.projects.agreed
    AccessRequest.objects.create(
        project=agreed.project, version=agreed.version, status="waiting", amends=agreed,
        **asked_fields(world) | {"edition": edition_of(world.projects.submitted)},
    )  # fmt: skip
    return {"submitted_at": timezone.now()}


def came_back_fields(world: World) -> dict[str, Any]:
    return {"submitted_at": timezone.now()}


def change_is_sent(world: World) -> None:
    Amendment.objects.filter(pk=world.projects.amendment.pk).update(status="submitted", **sent_fields(world))


def _take(world: World) -> None:
    AccessRequest.objects.filter(pk=world.projects.waiting.pk).update(
        taken_by=world.members["data_steward"], taken_at=timezone.now()
    )


def _colleague(world: World) -> dict[str, Any]:
    return {"member": world.members["researcher"]}


def _join(world: World) -> None:
    world.projects.draft.team.create(member=world.members["researcher"], added_by=world.owner)


def amendment(world: World) -> Amendment:
    return Amendment.objects.get(pk=world.projects.amendment.pk)


def _colleague_on_active(world: World) -> None:
    world.projects.active.team.create(member=world.members["researcher"], added_by=world.owner)


def _closing(world: World) -> dict[str, Any]:
    confirmed = ["outputs", "copies", "returned", "publications"]
    return {"reason": "For the test.", "confirmed": confirmed, "learned": "It works.", "publications": ""}


def _other_data(world: World) -> dict[str, Any]:
    return {"version": world.agreed.data, "reason": "To compare."}


def project_cases(Case: Any, reason: Any) -> dict[str, Any]:
    """By event; `Case` and the reason come from cases.py, which merges these."""
    words = {"text": "Why all years?"}
    return {
        "projects.project.proposed": Case(
            lambda world: world.center, "researcher", "other_manager", lambda _: {"title": "A question"}
        ),
        "projects.project.written": Case(draft, "owner", "researcher", lambda _: {"methods": "Cox models."}),
        "projects.request.added": Case(draft, "owner", "data_steward", _other_data),
        "projects.request.reasoned": Case(asked, "owner", "researcher", reason),
        "projects.request.dropped": Case(asked, "owner", "data_steward"),
        "projects.team_member.added": Case(draft, "owner", "center_manager", _colleague),
        "projects.team_member.removed": Case(draft, "owner", "center_manager", _colleague, _join),
        "projects.project.submitted": Case(draft, "owner", "researcher"),
        "projects.project.returned": Case(
            lambda world: world.projects.submitted, "data_steward", "center_manager", reason
        ),
        "projects.project.withdrawn": Case(draft, "owner", "center_manager"),
        "projects.project.started": Case(
            draft, "owner", "data_steward", ready=lambda world: (approve(world), stand(world, "decided"))
        ),
        "projects.project.suspended": Case(lambda world: world.projects.active, "center_manager", "owner", reason),
        "projects.project.reinstated": Case(
            draft, "center_manager", "owner", reason, lambda world: stand(world, "suspended")
        ),
        "projects.request.taken": Case(waiting, "data_steward", "center_manager"),
        "projects.request.let_go": Case(waiting, "data_steward", "center_manager", ready=_take),
        "projects.request.approved": Case(
            waiting, "data_steward", "owner", lambda _: {"edition": 1, "ends_on": in_days(90), "conditions": ""}
        ),
        "projects.request.refused": Case(waiting, "data_steward", "center_manager", reason),
        "projects.request.revoked": Case(approved, "data_steward", "owner", reason),
        "projects.remark.said": Case(lambda world: world.projects.submitted, "owner", "researcher", lambda _: words),
    }


def change_cases(Case: Any, reason: Any) -> dict[str, Any]:
    """The same for what happens to a project after it was decided."""
    return {
        "projects.project.closed": Case(lambda world: world.projects.active, "owner", "data_steward", _closing),
        "projects.project.handed_over": Case(
            lambda world: world.projects.active,
            "owner",
            "data_steward",
            lambda world: {"to": world.members["researcher"], "reason": "For the test."},
            _colleague_on_active,
        ),
        "projects.project.reminded": Case(lambda world: world.projects.active, "access clock", "owner"),
        "projects.gpu.used": Case(
            lambda world: world.projects.active, "meter", "owner", lambda _: {"hours": Decimal(2), "of": "A job"}
        ),
        "projects.amendment.begun": Case(lambda world: world.projects.active, "owner", "researcher"),
        "projects.amendment.written": Case(amendment, "owner", "researcher", lambda _: {"methods": "Cox, twice."}),
        "projects.amendment.submitted": Case(amendment, "owner", "researcher"),
        "projects.amendment.returned": Case(amendment, "data_steward", "center_manager", reason, change_is_sent),
        "projects.amendment.withdrawn": Case(amendment, "owner", "center_manager"),
        "projects.stand_in.named": Case(
            lambda world: world.members["data_steward"],
            "data_steward",
            "researcher",
            lambda world: {
                "stand_in": world.projects.stand_in.stand_in,
                "starts_on": in_days(20),
                "ends_on": in_days(30),
            },
        ),
        "projects.stand_in.ended": Case(lambda world: world.projects.stand_in, "data_steward", "owner"),
        "projects.renewal.asked": Case(approved, "owner", "data_steward"),
    }


def stand(world: World, status: str) -> None:
    Project.objects.filter(pk=world.projects.draft.pk).update(status=status, submitted_at=timezone.now())
