"""Who hands jobs in, cancels them and reads what they print. The access decision itself is asked, not repeated."""

from django.conf import settings

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.catalog.selectors import stewarded
from apps.core.decisions import YES, Decision, allow_if, no
from apps.jobs.models import Job, JobData
from apps.projects.models import Project, TeamMember
from apps.workspaces.admission import answers_of

NOT_SET_UP = "Jobs are not set up on this portal."
_TEAM = "Only people of the project's team hand in its jobs."


def may_submit(actor: Member, target: Project) -> Decision:
    """Whoever is on the team of an active project and may use some of its data now, by the access decision."""
    if not settings.HAS_WORKSPACES:
        return no(NOT_SET_UP)
    if not is_on_team(actor, target):
        return no(_TEAM)
    if target.status != Project.Status.ACTIVE:
        return no(f"The project is {target.get_status_display().lower()}; jobs run while it is active.")
    answers = answers_of(actor, target)
    if not answers:
        return no("The project has asked for no data yet, and a job is work on data.")
    if any(one.decision for one in answers):
        return YES
    return no(f"You may not use any of the project's data now. {' '.join(one.words for one in answers)}")


def may_cancel(actor: Member, target: Job) -> Decision:
    """Whoever handed it in, the project's lead, and the stewards of the data that it works on."""
    if actor.pk in (target.member_id, target.project.lead_id):
        return YES
    is_steward = JobData.objects.filter(job=target, version__dataset__in=stewarded(actor)).exists()
    return allow_if(
        is_steward, otherwise="Only who handed it in, the project's lead or a steward of its data can cancel it."
    )


def may_read_log(actor: Member, target: Job) -> Decision:
    """The project's team, since what a job prints is data until somebody has looked at it."""
    return allow_if(
        is_on_team(actor, target.project), otherwise="What a job prints is read by its project's team alone."
    )


def may_set_share(actor: Member, target: Center) -> Decision:
    """Managers of the alliance."""
    return allow_if(
        actor.holds_anywhere(Role.ALLIANCE_MANAGER), otherwise="Only managers of the alliance set the shares."
    )


def is_on_team(actor: Member, project: Project) -> bool:
    """Whether this member is on the project's team now."""
    return TeamMember.objects.filter(project=project, member=actor, until=None).exists()
