"""Becoming an invented person, in demo mode only: one click, no password, no factor."""

from allauth.mfa.models import Authenticator
from django.conf import settings

from apps.alliance.models import Center, Grant, Member
from apps.alliance.roles import Role
from apps.alliance.signin.vault import seal

# As in apps.alliance.demo; nobody can own a name below example.org (RFC 2606).
DOMAIN = "example.org"
SECRET = "CAIADEMOCAIADEMOCAIADEMOCAIADEMO"  # of every invented person's authenticator app; opens nothing elsewhere


def is_invented(member: Member) -> bool:
    """Whether this is one of the demo's people, by an address that no real person can have."""
    domain = member.email.lower().rpartition("@")[2]
    return domain == DOMAIN or domain.endswith(f".{DOMAIN}")


def may_become(member: Member) -> bool:
    """Whether a visitor may sign in as this member by one click."""
    return bool(settings.DEMO and is_invented(member) and member.may_enter())


def give_demo_factor(member: Member) -> None:
    """Give an invented person an authenticator app whose secret anybody may know."""
    if not is_invented(member):
        raise ValueError("Only invented people get a secret that everybody knows.")
    Authenticator.objects.get_or_create(
        user=member, type=Authenticator.Type.TOTP, defaults={"data": {"secret": seal(SECRET)}}
    )


def people_to_become() -> list[tuple[Center, list[tuple[Member, str]]]]:
    """The invented people by center, each with roles in words; two queries however many they are."""
    found = Member.objects.select_related("center").filter(status=Member.Status.ACTIVE, email__iendswith=DOMAIN)
    people = [member for member in found.order_by("center__short_name", "name") if may_become(member)]
    grants = Grant.objects.filter(user__in=people).select_related("permission", "content_type", "center")
    held: dict[object, list[Grant]] = {member.pk: [] for member in people}
    for grant in grants:
        held[grant.user_id].append(grant)
    by_center: dict[object, tuple[Center, list[tuple[Member, str]]]] = {}
    for member in people:
        member._held_grants = held[member.pk]
        _, rows = by_center.setdefault(member.center_id, (member.center, []))
        rows.append((member, _roles(member)))
    return list(by_center.values())


def _roles(member: Member) -> str:
    """Roles in words; the center is said by the heading above."""
    held = sorted(member.grants(), key=lambda grant: grant.role)
    roles = [f"{grant.role_words} of the alliance" if _needs_place(grant) else grant.role_words for grant in held]
    return ", ".join(roles) or "Researcher"


def _needs_place(grant: Grant) -> bool:
    return not grant.center_id and grant.role != Role.ALLIANCE_MANAGER
