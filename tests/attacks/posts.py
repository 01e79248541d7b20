"""Every form of the alliance and of home, filled in as its page would: who sends it, and what.

`SENT` must name every address that takes a POST; a test compares it with the resolver.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from tests.attacks.posts_agreements import agreement_posts
from tests.attacks.posts_catalog import catalog_posts
from tests.attacks.posts_jobs import job_posts
from tests.attacks.posts_projects import change_posts, project_posts
from tests.attacks.posts_workspaces import workspace_posts
from tests.factories import PDF, CenterFactory
from tests.house.samples import World


def _center_facts(world: World) -> dict[str, Any]:
    return {
        "legal_name": "A New Legal Name",
        "ror_id": "007ps6h72",
        "email_domains": "new.example.org",
        "contact_name": "New office",
        "contact_email": "data@new.example.org",
        "smallest_count": "12",
    }


def _proof(world: World) -> dict[str, Any]:
    day = timezone.now().date() - timedelta(days=1)
    return {"completed_on": day.isoformat(), "evidence": SimpleUploadedFile("proof.pdf", PDF, "application/pdf")}


def _why(world: World) -> dict[str, Any]:
    return {"reason": "For the test."}


def _applicant(world: World) -> None:
    """The sample center applies, without any manager; the alliance manager is from elsewhere."""
    Center.objects.filter(pk=world.center.pk).update(status=Center.Status.APPLICANT)


def _owner_left(world: World) -> None:
    Member.objects.filter(pk=world.owner.pk).update(status=Member.Status.LEFT)


def _unmanaged(world: World) -> None:
    world.center.all_grants.filter(role=Role.CENTER_MANAGER).update(ended_at=timezone.now())


def _nobody_there(world: World) -> dict[str, Any]:
    facts = {"slug": "empty", "short_name": "Empty", "legal_name": "Empty", "email_domains": ["empty.example.org"]}
    return {"slug": CenterFactory(**facts).slug}


@dataclass(frozen=True)
class Post:
    """`by` may send it; `typed` is what the form asks for; `ready` prepares; `arguments` if not the sample rows."""

    by: str
    typed: Callable[[World], dict[str, Any]] = field(default=lambda world: {})
    ready: Callable[[World], Any] = field(default=lambda world: None)
    arguments: Callable[[World], dict[str, Any]] | None = None


SENT: dict[str, Post] = {
    "home:theme": Post("researcher", lambda world: {"theme": "dark"}),
    "home:notices_read": Post("researcher"),
    "home:record_verify": Post("center_auditor"),
    "alliance:person_vouch": Post("center_manager"),
    "alliance:person_invite_again": Post("center_manager", arguments=lambda world: {"pk": world.invitation.member_id}),
    "alliance:person_suspend": Post("center_manager", _why),
    "alliance:person_reinstate": Post(
        "center_manager", _why, arguments=lambda world: {"pk": world.members["suspended"].pk}
    ),
    "alliance:person_leave": Post("center_manager", _why),
    "alliance:person_erase": Post("center_manager", _why, _owner_left),
    "alliance:role_give": Post(
        "center_manager", lambda world: {"role": "data_steward", "reason": "Yes.", "ends_on": ""}
    ),
    "alliance:role_end": Post("center_manager", _why),
    "alliance:center_apply": Post("alliance_manager", lambda world: {"short_name": "Newest", **_center_facts(world)}),
    "alliance:center_edit": Post("center_manager", _center_facts),
    "alliance:invite": Post(
        "center_manager",
        lambda world: {"name": "New Person", "email": "new.person@sample.example.org", "position": "MD"},
    ),
    "alliance:center_first_manager": Post(
        "alliance_manager",
        lambda world: {"name": "Head", "email": "head@empty.example.org", "position": ""},
        arguments=_nobody_there,
    ),
    "alliance:center_appoint": Post("alliance_manager", _why, _unmanaged),
    "alliance:center_admit": Post("alliance_manager", _why, _applicant),
    "alliance:center_reject": Post("alliance_manager", _why, _applicant),
    "alliance:center_apply_again": Post(
        "alliance_manager", _why, lambda world: Center.objects.filter(pk=world.center.pk).update(status="rejected")
    ),
    "alliance:center_suspend": Post("alliance_manager", _why),
    "alliance:center_reinstate": Post(
        "alliance_manager", _why, lambda world: Center.objects.filter(pk=world.center.pk).update(status="suspended")
    ),
    "alliance:center_leave": Post("signing_official", _why),
    "alliance:alliance_roles": Post(
        "alliance_manager",
        lambda world: {"email": world.owner.email, "role": "auditor", "reason": "Elected.", "ends_on": ""},
    ),
    "alliance:training_type_publish": Post(
        "alliance_manager",
        lambda world: {
            "name": "Newest",
            "description": "Words.",
            "lifetime_days": "30",
            "required_for": ["auditor"],
            "required_of_all": "",
        },
    ),
    "alliance:training_type_retire": Post("alliance_manager", _why),
    "alliance:training_submit": Post("researcher", _proof),
    "alliance:training_accept": Post("center_manager"),
    "alliance:training_return": Post("center_manager", _why),
    "alliance:training_resubmit": Post("owner", _proof),
    "alliance:account": Post("owner", lambda world: {"name": "New Name", "position": "MD", "orcid": ""}),
}
SENT |= catalog_posts(Post, _why)
SENT |= agreement_posts(Post, _why)
SENT |= project_posts(Post, _why)
SENT |= change_posts(Post, _why)
SENT |= workspace_posts(Post, _why)
SENT |= job_posts(Post, _why)

# Asked by hosts and by the Hub, with secrets of their own; a browser's cookies count for nothing there.
FOR_MACHINES = {
    "workspaces:heartbeat", "workspaces:plan", "workspaces:events", "workspaces:erased", "oauth2_provider:token",
    "jobs:beat", "jobs:wait", "jobs:plan", "jobs:begun", "jobs:ended", "jobs:log_told", "jobs:erased",
    "jobs:inside_submit", "jobs:inside_list", "jobs:inside_show", "jobs:inside_log", "jobs:inside_cancel",
}  # fmt: skip

# What nobody is asked for: each would change who somebody is, what they may, or what happened.
POISON: dict[str, Any] = {
    "id": "00000000-0000-7000-8000-00000000dead",
    "pk": "00000000-0000-7000-8000-00000000dead",
    "status": "left",
    "status_at": "1999-01-01T00:00:00Z",
    "created_at": "1999-01-01T00:00:00Z",
    "joined_at": "1999-01-01T00:00:00Z",
    "is_staff": "on",
    "is_superuser": "on",
    "is_active": "on",
    "password": "poison-password",
    "last_login": "1999-01-01T00:00:00Z",
    "vouched_until": "2099-09-09",
    "slug": "poison",
    "alliance": "2",
    "granted_by": "00000000-0000-7000-8000-00000000dead",
    "granted_at": "1999-01-01T00:00:00Z",
    "ends_at": "2099-09-09T00:00:00Z",
    "ended_at": "1999-01-01T00:00:00Z",
    "ended_by": "00000000-0000-7000-8000-00000000dead",
    "permission": "1",
    "content_type": "1",
    "object_pk": "1",
    "decided_by": "00000000-0000-7000-8000-00000000dead",
    "decided_at": "1999-01-01T00:00:00Z",
    "valid_until": "2099-09-09",
    "submitted_at": "1999-01-01T00:00:00Z",
    "evidence_key": "training/poison.pdf",
    "evidence_sha256": "f" * 64,
    "invited_by": "00000000-0000-7000-8000-00000000dead",
    "accepted_at": "1999-01-01T00:00:00Z",
    "outcome": "success",
    "actor_ref": "poison",
    "event": "alliance.poisoned",
    "_method": "DELETE",
    "csrfmiddlewaretoken": "poison",
}


def poison(world: World, typed: dict[str, Any]) -> dict[str, Any]:
    """The same with all that nobody asked for, as long as the form itself does not."""
    elsewhere = str(world.members["other_manager"].center_id)
    attacker = str(world.members["researcher"].pk)
    foreign = {"center": elsewhere, "center_id": elsewhere, "user": attacker, "member": attacker, "by": attacker}
    roles = {"role": "alliance_manager", "email": "poison@evil.org", "required_of_all": "on", "reason": "poison"}
    extra = {**POISON, **foreign, **roles}
    return {**{name: value for name, value in extra.items() if name not in typed}, **typed}
