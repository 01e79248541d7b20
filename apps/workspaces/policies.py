"""Who starts, stops, resumes and looks into workspaces. The access decision itself is asked, not repeated."""

from django.conf import settings
from django.db.models import Q

from apps.alliance.models import Member
from apps.alliance.roles import Role
from apps.alliance.selectors import audits_everything
from apps.catalog.selectors import stewarded
from apps.core.decisions import YES, Decision, allow_if, no
from apps.projects.models import Project, TeamMember
from apps.workspaces.admission import answers_of
from apps.workspaces.models import Run, RunData, Workspace

NOT_SET_UP = "Workspaces are not set up on this portal."


def may_start(actor: Member, target: Project) -> Decision:
    """Whoever is on the team of an active project and may use some of its data now, by the access decision."""
    return may_compute(actor, target, things="workspaces")


def may_compute(actor: Member, project: Project, *, things: str) -> Decision:
    """The same for whatever runs beside a project's data; `things` says what, in the plural."""
    if not settings.HAS_WORKSPACES:
        return no(f"{things.capitalize()} are not set up on this portal.")
    if not TeamMember.objects.filter(project=project, member=actor, until=None).exists():
        return no("Only people of the project's team work in it.")
    if project.status != Project.Status.ACTIVE:
        return no(f"The project is {project.get_status_display().lower()}; {things} run while it is active.")
    answers = answers_of(actor, project)
    if not answers:
        return no(f"The project has asked for no data yet, and {things} run next to data.")
    if any(one.decision for one in answers):
        return YES
    return no(f"You may not use any of the project's data now. {' '.join(one.words for one in answers)}")


def may_enter_hub(actor: Member, target: Member) -> Decision:
    """Whoever may act and has a workspace that is open; for themselves alone."""
    if not settings.HAS_WORKSPACES:
        return no(NOT_SET_UP)
    if not (standing := actor.standing()):
        return standing
    has_one = actor.pk == target.pk and Workspace.objects.filter(member=actor, status=Workspace.Status.OPEN).exists()
    return allow_if(has_one, otherwise="You have no workspace yet. Start one from the page of a project.")


def may_stop(actor: Member, target: Run) -> Decision:
    """Whoever runs it, the project's lead, and the stewards of the data in it."""
    workspace = target.workspace
    if actor.pk in (workspace.member_id, workspace.project.lead_id) or _stewards(actor, target):
        return YES
    return no("Only its researcher, the project's lead or a steward of the data in it can stop it.")


def may_resume(actor: Member, target: Run) -> Decision:
    """A steward of data in it, who is not on the project's team; never its researcher."""
    if TeamMember.objects.filter(project=target.workspace.project_id, member=actor).exists():
        return no("Nobody of the project's own team lets it go on. A steward of its data can.")
    return allow_if(_stewards(actor, target), otherwise="Only a steward of the data in it lets it go on.")


def may_read_code(actor: Member, target: Run) -> Decision:
    """Whose code it is, and the auditors of the owners of the data that it ran on."""
    if actor.pk == target.workspace.member_id or audits_everything(actor):
        return YES
    audited = [grant.center_id for grant in actor.grants() if grant.role == Role.AUDITOR and grant.center_id]
    owned = RunData.objects.filter(Q(version__dataset__center__in=audited), run=target)
    is_theirs = bool(audited) and owned.exists()
    return allow_if(is_theirs, otherwise="Code is read by its researcher and by auditors of the data's owners alone.")


def _stewards(actor: Member, run: Run) -> bool:
    return RunData.objects.filter(run=run, version__dataset__in=stewarded(actor)).exists()
