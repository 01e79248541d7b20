"""The cases of what the clock writes down of access, on the sample project that runs."""

from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.utils import timezone

from apps.agreements.models import KeptText, TermsAcceptance
from apps.agreements.selectors import terms_for
from apps.agreements.texts import sha256_of
from apps.alliance.models import TrainingRecord, TrainingType, Vouch
from apps.projects.models import AccessInterval
from tests.house.samples import World
from tests.projects.world import in_days


def _active(world: World) -> Any:
    return world.projects.active


def allow(world: World) -> None:
    """The sample researcher has all that the data of the running project asks for."""
    manager = world.members["center_manager"]
    Vouch.objects.create(member=world.owner, center=world.center, vouched_by=manager, ends_on=in_days(200))
    Authenticator.objects.get_or_create(user=world.owner, type=Authenticator.Type.TOTP, data={"secret": "none"})
    for kind in TrainingType.objects.all():
        TrainingRecord.objects.create(
            member=world.owner, type=kind, status="accepted", decided_at=timezone.now(), decided_by=manager,
            completed_on=in_days(-1), valid_until=in_days(200), evidence_bytes=1,
        )  # fmt: skip
    version = world.projects.approved.version
    terms = terms_for(world.owner, version)
    assert terms
    kept, _ = KeptText.objects.get_or_create(sha256=sha256_of(terms.text), defaults={"text": terms.text})
    TermsAcceptance.objects.create(
        member=world.owner, dataset_version=version, agreement_version=terms.agreement_version, text=kept,
        accepted_at=timezone.now(),
    )  # fmt: skip


def was_allowed(world: World) -> AccessInterval:
    """The clock saw an access that is not there now."""
    return AccessInterval.objects.create(
        project=world.projects.active,
        member=world.owner,
        version=world.projects.approved.version,
        since=timezone.now() - timedelta(minutes=1),
    )


def access_cases(Case: Any) -> dict[str, Any]:
    """By event; `Case` comes from cases.py, which merges these."""
    return {
        "projects.access.begun": Case(_active, "access clock", "owner", ready=allow),
        "projects.access.ended": Case(_active, "access clock", "owner", ready=was_allowed),
    }
