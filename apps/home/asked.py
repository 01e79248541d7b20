"""The lists that home is made of, for one query: what each role has to do, what it waits for, what ends."""

from collections.abc import Collection

from apps.agreements import selectors as agreements
from apps.alliance import selectors as alliance
from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.catalog import selectors as catalog
from apps.core.models import Message
from apps.core.together import Few
from apps.projects import queue
from apps.projects import selectors as projects

MOST = 6
MOST_COUNTED = 99
OF_AGREEMENTS = frozenset({Role.SIGNING_OFFICIAL, Role.CENTER_MANAGER})


def asked_of(member: Member, roles: Collection[str]) -> dict[str, Few]:
    """Every list that this member's blocks are made of; what their roles never see is not asked for."""
    asked = _of_everybody(member)
    if Role.CENTER_MANAGER in roles:
        invited = ("member__pk", "member__name", "member__center__short_name", "invited_at", "ends_at")
        proofs = alliance.training_to_decide(member)
        asked |= {
            "proofs": Few(proofs, "pk", "type__name", "member__name", "submitted_at", most=MOST),
            "to_vouch": Few(alliance.to_vouch_for(member), "pk", "name", "vouched_until", most=MOST),
            "stale": Few(alliance.stale_invitations(member), *invited, most=MOST),
            "invited": Few(alliance.open_invitations(member), *invited, most=MOST),
        }
    if Role.ALLIANCE_MANAGER in roles:
        center = ("slug", "short_name", "status", "status_at")
        asked |= {
            "undecided": Few(alliance.undecided_centers(member), *center, most=MOST),
            "lonely": Few(alliance.centers_without_manager(), *center, most=MOST),
            "failed": Few(Message.objects.filter(failed_at__isnull=False).order_by("failed_at"), "failed_at", most=1),
        }
    if OF_AGREEMENTS.intersection(roles):
        agreed = (
            *("pk", "number", "sent_at", "ends_on", "agreement__id", "agreement__number", "agreement__title"),
            *("agreement__providing_id", "agreement__providing__short_name"),
            *("agreement__receiving_id", "agreement__receiving__short_name"),
        )
        asked |= {
            "out": Few(agreements.out_for_signature(member.center_id), *agreed, "signed_by", most=MOST),
            "agreed": Few(agreements.ending_soon(member), *agreed, most=MOST),
        }
    return asked


def _of_everybody(member: Member) -> dict[str, Few]:
    """What anybody may have; the stewards' lists too, since one may steward a single dataset without any role."""
    draft = ("number", "created_at", "has_files", "dataset__slug", "dataset__title")
    return {
        "drafts": Few(catalog.drafts_of(member), *draft, most=MOST),
        "requests": Few(queue.to_decide(member), "waits_since", most=MOST_COUNTED + 1),
        "led": Few(projects.waiting_for_lead(member), "pk", "status", "title", "status_at", most=MOST),
        "changes": Few(
            projects.changes_of_lead(member), "project_id", "project__title", "submitted_at", "status_at", most=MOST
        ),
        "owners": Few(
            projects.waiting_for_owners(member),
            *("project_id", "project__title", "waits_since", "version__dataset__title"),
            *("version__dataset__center_id", "version__dataset__center__short_name"),
            most=MOST,
        ),
    }
