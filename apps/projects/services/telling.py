"""Who is told what of a project."""

from django.utils import timezone

from apps.catalog.selectors import stewards_of
from apps.core.notices import tell
from apps.projects.models import AccessRequest, Project


def key_of(request: AccessRequest) -> str:
    """Of the notice that this request waits, as it was sent last."""
    since = request.waits_since or request.created_at
    return f"request:{request.pk}:{since.isoformat()}"


def tell_stewards(request: AccessRequest, subject: str, text: str, *, key: str = "") -> None:
    """Tell those who can decide on this request."""
    on_team = request.project.team.values("member_id")
    for steward in stewards_of(request.version.dataset).exclude(pk__in=on_team):
        tell(steward, key=key or key_of(request), subject=subject, text=text)


def tell_team(project: Project, subject: str, text: str, *, key: str = "") -> None:
    """Tell everybody who is on the team now."""
    for one in project.team.filter(until=None).select_related("member"):
        tell(one.member, key=key or f"project:{project.pk}:{timezone.now().isoformat()}", subject=subject, text=text)
