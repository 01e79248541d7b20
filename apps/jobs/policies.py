"""Who hands jobs in, cancels them and reads what they print. The access decision itself is asked, not repeated."""

from apps.alliance.models import Center, Member
from apps.alliance.policies import may_manage_center
from apps.alliance.roles import Role
from apps.catalog.selectors import stewarded
from apps.core.decisions import YES, Decision, allow_if, no
from apps.jobs.models import Job, JobData
from apps.projects.models import Project, TeamMember
from apps.workspaces.models import Run
from apps.workspaces.policies import may_compute


def may_submit(actor: Member, target: Project) -> Decision:
    """Whoever is on the team of an active project and may use some of its data now, by the access decision."""
    return may_compute(actor, target, things="jobs")


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
    is_on_team = TeamMember.objects.filter(project=target.project_id, member=actor, until=None).exists()
    return allow_if(is_on_team, otherwise="What a job prints is read by its project's team alone.")


def may_take_crate(actor: Member, target: Job) -> Decision:
    """Whoever sees the job; it tells no more than the job's page does, once nothing of it changes any more."""
    if target.is_live:
        return no("It is written once the job has ended.")
    return allow_if(target.fence > 0, otherwise="No machine ever took this job, so there is nothing to tell.")


def may_ask_inside(actor: Member, target: Run) -> Decision:
    """Whose workspace it is, while it runs; what they may do then, the policies of jobs say."""
    if not (standing := actor.standing()):
        return standing
    return allow_if(
        actor.pk == target.workspace.member_id and target.status == Run.Status.RUNNING,
        otherwise=f"This workspace is {target.get_status_display().lower()}; jobs are handed in from one that runs.",
    )


def may_set_budget(actor: Member, target: Center) -> Decision:
    """The managers of the center that pays."""
    return may_manage_center(actor, target)


def may_set_share(actor: Member, target: Center) -> Decision:
    """Managers of the alliance."""
    return allow_if(
        actor.holds_anywhere(Role.ALLIANCE_MANAGER), otherwise="Only managers of the alliance set the shares."
    )
