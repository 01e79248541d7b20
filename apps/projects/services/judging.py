"""Who had a part in deciding on a project: kept, so that nobody ever joins the team that they judged."""

from apps.alliance.models import Member
from apps.projects.models import Judge, Project


def note_judge(project: Project, steward: Member) -> None:
    """Write down that this steward had a part in deciding; once is enough."""
    Judge.objects.get_or_create(project=project, steward=steward)
