"""For each command, by its event: a way in which it succeeds and somebody who may not ask for it.

The people and things are those of the sample alliance. A new command adds its row to CASES; the house's tests then try
it with a broken record, and the state matrix uses its details.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from apps.agreements.actors import AGREEMENTS_CLOCK
from apps.alliance.actors import CLOCK, FOUNDER
from apps.alliance.models import Center, Grant, Member, TrainingRecord
from apps.alliance.roles import Role
from apps.catalog.actors import PREVIEWER
from apps.core.actors import Actor, SystemActor
from apps.jobs.actors import BOOKKEEPER, DISPATCHER
from apps.jobs.actors import HOST as JOB_HOST
from apps.jobs.actors import WATCH as JOB_WATCH
from apps.projects.actors import ACCESS_CLOCK, METER
from apps.workspaces.actors import HOST, INSTALLER, WATCH
from tests.factories import TrainingTypeFactory, proof
from tests.house.samples import World
from tests.rules.cases_access import access_cases
from tests.rules.cases_agreements import agreement_cases
from tests.rules.cases_catalog import catalog_cases
from tests.rules.cases_jobs import job_cases
from tests.rules.cases_projects import change_cases, project_cases
from tests.rules.cases_workspaces import workspace_cases

SYSTEM: dict[str, SystemActor] = {
    duty.name: duty
    for duty in (
        CLOCK,
        FOUNDER,
        PREVIEWER,
        AGREEMENTS_CLOCK,
        ACCESS_CLOCK,
        METER,
        HOST,
        WATCH,
        INSTALLER,
        BOOKKEEPER,
        DISPATCHER,
        JOB_HOST,
        JOB_WATCH,
    )
}


def _nothing(world: World) -> dict[str, Any]:
    return {}


def _reason(world: World) -> dict[str, Any]:
    return {"reason": "For the test."}


@dataclass(frozen=True)
class Case:
    """`target`, `details` and `ready` are asked of the sample alliance; `by` succeeds and `not_by` is refused."""

    target: Callable[[World], models.Model]
    by: str
    not_by: str
    details: Callable[[World], dict[str, Any]] = _nothing
    ready: Callable[[World], object] = _nothing


def actor_called(world: World, name: str) -> Actor:
    """A member of the sample alliance as a request would load them, or a system actor."""
    if name in SYSTEM:
        return SYSTEM[name]
    return _invited(world) if name == "invited" else world.fresh(name)


def _invited(world: World) -> Member:
    return Member.objects.select_related("center").get(pk=world.invitation.member_id)


def _owner(world: World) -> Member:
    return world.fresh("owner")


def _center(world: World) -> Center:
    return Center.objects.get(pk=world.center.pk)


def _grant(world: World) -> Grant:
    return Grant.history.get(pk=world.grant.pk)


def _submitted(world: World) -> TrainingRecord:
    return TrainingRecord.objects.get(pk=world.submitted.pk)


def _alliance(world: World) -> models.Model:
    return world.alliance


def _facts(world: World) -> dict[str, Any]:
    return {
        "short_name": "Newcomer",
        "legal_name": "Newcomer Cancer Center",
        "email_domains": ["newcomer.example.org"],
        "contact_name": "Data office",
        "contact_email": "data@newcomer.example.org",
    }


def _person(world: World) -> dict[str, Any]:
    return {"email": "somebody@sample.example.org", "name": "Somebody New"}


def _role(world: World) -> dict[str, Any]:
    return {"member": _owner(world), "role": Role.DATA_STEWARD, **_reason(world)}


def _proof(world: World) -> dict[str, Any]:
    return {"completed_on": timezone.now().date(), "evidence": proof()}


def _set(status: str) -> Callable[[World], object]:
    """The sample center stands in this state."""
    return lambda world: Center.objects.filter(pk=world.center.pk).update(status=status)


def _nobody_manages(world: World) -> None:
    Grant.history.filter(role=Role.CENTER_MANAGER, center=world.center).update(ended_at=timezone.now())


def _nobody_is_there(world: World) -> None:
    world.center.members.update(status=Member.Status.LEFT)


def _nothing_is_founded(world: World) -> None:
    """As in the first hour, with the founded center entered."""
    Grant.history.filter(role=Role.ALLIANCE_MANAGER).update(role=Role.AUDITOR)


def _ran_out(world: World) -> None:
    past = timezone.now() - timedelta(days=2)
    Grant.history.filter(pk=world.grant.pk).update(granted_at=past, ends_at=past + timedelta(days=1))


def _suspended_owner(world: World) -> None:
    Member.objects.filter(pk=world.owner.pk).update(status=Member.Status.SUSPENDED)


def _left_owner(world: World) -> None:
    Member.objects.filter(pk=world.owner.pk).update(status=Member.Status.LEFT)


def _accepted_and_over(world: World) -> None:
    TrainingRecord.objects.filter(pk=world.submitted.pk).update(
        status="accepted",
        valid_until=timezone.now().date() - timedelta(days=1),
        decided_at=timezone.now(),
        decided_by=world.members["center_manager"],
    )


CASES: dict[str, Case] = {
    "alliance.center.applied": Case(_alliance, "alliance_manager", "center_manager", _facts),
    "alliance.center.founded": Case(_alliance, "founder", "alliance_manager", _facts, _nothing_is_founded),
    "alliance.center.edited": Case(
        _center, "center_manager", "other_manager", lambda _: {"contact_name": "New office"}
    ),
    "alliance.center.admitted": Case(_center, "alliance_manager", "other_manager", _reason, _set("applicant")),
    "alliance.center.rejected": Case(_center, "alliance_manager", "other_manager", _reason, _set("applicant")),
    "alliance.center.applied_again": Case(_center, "alliance_manager", "center_manager", _reason, _set("rejected")),
    "alliance.center.suspended": Case(_center, "alliance_manager", "other_manager", _reason),
    "alliance.center.reinstated": Case(_center, "alliance_manager", "other_manager", _reason, _set("suspended")),
    "alliance.center.left": Case(_center, "signing_official", "alliance_manager", _reason),
    "alliance.member.invited": Case(_center, "center_manager", "alliance_manager", _person),
    "alliance.member.first_invited": Case(_center, "alliance_manager", "other_manager", _person, _nobody_is_there),
    "alliance.member.founded": Case(_center, "founder", "alliance_manager", _person, _nothing_is_founded),
    "alliance.member.joined": Case(
        _invited, "invited", "center_manager", lambda world: {"invitation": world.invitation, "name": "New Person"}
    ),
    "alliance.member.vouched": Case(_owner, "center_manager", "owner"),
    "alliance.member.suspended": Case(_owner, "center_manager", "other_manager", _reason),
    "alliance.member.reinstated": Case(_owner, "center_manager", "alliance_manager", _reason, _suspended_owner),
    "alliance.member.left": Case(_owner, "center_manager", "owner", _reason),
    "alliance.member.erased": Case(_owner, "center_manager", "other_manager", _reason, _left_owner),
    "alliance.member.edited": Case(
        _owner, "owner", "center_manager", lambda _: {"name": "New Name", "position": "Statistician", "orcid": ""}
    ),
    "alliance.member.reminded": Case(_owner, "clock", "center_manager"),
    "alliance.invitation.renewed": Case(
        _center, "center_manager", "researcher", lambda world: {"invitation": world.invitation}
    ),
    "alliance.grant.given": Case(_center, "center_manager", "data_steward", _role),
    "alliance.grant.given_by_alliance": Case(
        _alliance, "alliance_manager", "center_manager", lambda world: _role(world) | {"role": Role.ALLIANCE_MANAGER}
    ),
    "alliance.grant.first_manager_appointed": Case(
        _center,
        "alliance_manager",
        "other_manager",
        lambda world: {"member": _owner(world), **_reason(world)},
        _nobody_manages,
    ),
    "alliance.grant.ended": Case(
        lambda world: Grant.history.get(pk=world.grant.pk), "center_manager", "owner", _reason
    ),
    "alliance.grant.lapsed": Case(_grant, "clock", "center_manager", ready=_ran_out),
    "alliance.training_type.published": Case(
        _alliance,
        "alliance_manager",
        "center_manager",
        lambda _: {"name": "A new one", "description": "What it teaches.", "lifetime_days": 365},
    ),
    "alliance.training_type.retired": Case(lambda world: world.type, "alliance_manager", "center_manager", _reason),
    "alliance.training.submitted": Case(
        _owner, "owner", "center_manager", lambda world: _proof(world) | {"training_type": TrainingTypeFactory()}
    ),
    "alliance.training.resubmitted": Case(lambda world: world.returned, "owner", "center_manager", _proof),
    "alliance.training.accepted": Case(_submitted, "center_manager", "owner"),
    "alliance.training.returned": Case(_submitted, "center_manager", "center_auditor", _reason),
    "alliance.training.lapsed": Case(
        lambda world: world.submitted, "clock", "center_manager", ready=_accepted_and_over
    ),
    "alliance.identity_provider.connected": Case(
        _center,
        "center_manager",
        "other_manager",
        lambda _: {"issuer": "https://id.sample.example.org", "client_id": "portal", "client_secret": "none"},
    ),
    "alliance.identity_provider.disconnected": Case(_center, "center_manager", "other_manager"),
    "alliance.factor.reset": Case(_owner, "center_manager", "owner", _reason),
}
CASES |= catalog_cases(Case, _reason)
CASES |= agreement_cases(Case, _reason)
CASES |= project_cases(Case, _reason)
CASES |= change_cases(Case, _reason)
CASES |= access_cases(Case)
CASES |= workspace_cases(Case)
CASES |= job_cases(Case)
