"""Who may do what with projects. Stewards decide on their center's data alone; nobody on their own request."""

from django.db.models import F

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.catalog.policies import is_steward
from apps.catalog.selectors import stewarded, stewards_anything
from apps.core.decisions import Decision, allow_if, no
from apps.projects.models import AccessRequest, Amendment, Judge, Project, StandIn, TeamMember, Vote


def may_propose(actor: Member, target: Center) -> Decision:
    """Everybody proposes projects of their own center."""
    return allow_if(actor.center_id == target.pk, otherwise="A project belongs to the center of its lead: your own.")


def may_lead(actor: Member, target: Project) -> Decision:
    """The project's lead, as long as they are of the project's center."""
    if actor.pk != target.lead_id:
        return no(f"Only the project's lead, {target.lead}, can do that.")
    is_at_home = actor.center_id == target.center_id
    return allow_if(is_at_home, otherwise=f"The project is of {target.center}, and you left it. Ask for a hand-over.")


def may_lead_for(actor: Member, target: AccessRequest | Amendment) -> Decision:
    """The lead of the project that asks."""
    return may_lead(actor, target.project)


def may_decide(actor: Member, target: AccessRequest) -> Decision:
    """A steward of the data, for its owner or for it alone, who was never on the project's team."""
    if not is_steward(actor, target.version.dataset):
        return no(f"Only a data steward of {target.version.dataset.center} decides on this data.")
    return _is_impartial(actor, target.project)


def may_return(actor: Member, target: Project) -> Decision:
    """A data steward of any of the owners whose word is missing; a renewal changes nothing that could be given back."""
    waiting = AccessRequest.objects.filter(project=target, status=AccessRequest.Status.WAITING)
    asked = waiting.exclude(amends__edition=F("edition"))
    if not asked.filter(version__dataset__in=stewarded(actor)).exists():
        return no("Only a data steward of an owner who is asked can give it back.")
    return _is_impartial(actor, target)


def may_return_amendment(actor: Member, target: Amendment) -> Decision:
    """A data steward of any of the owners whose word on the change is missing."""
    return may_return(actor, target.project)


def may_oversee(actor: Member, target: Project) -> Decision:
    """The managers of the project's own center halt it and let it go on, the project's team excepted."""
    if not actor.holds(Role.CENTER_MANAGER, on=target.center):
        return no(f"Only a center manager of {target.center} can do that.")
    return _is_impartial(actor, target)


def may_close(actor: Member, target: Project) -> Decision:
    """Its lead, or whoever oversees it."""
    return may_lead(actor, target) or may_oversee(actor, target)


def may_hand_over(actor: Member, target: Project) -> Decision:
    """Its lead, or whoever oversees it."""
    return may_close(actor, target)


def may_join(member: Member, project: Project) -> Decision:
    """Whoever never had a part in deciding on the project."""
    judged = Judge.objects.filter(project=project, steward=member).exists()
    voted = Vote.objects.filter(request__project=project, steward=member).exists()
    words = f"{member} had a part in deciding on this project as a steward, so they can't join its team."
    return allow_if(not judged and not voted, otherwise=words)


def may_remark(actor: Member, target: Project) -> Decision:
    """The team, and the stewards of the owners that were asked."""
    if TeamMember.objects.filter(project=target, member=actor, until=None).exists():
        return allow_if(True, otherwise="")
    asked = AccessRequest.objects.filter(project=target).exclude(status=AccessRequest.Status.DRAFT)
    is_asked = asked.filter(version__dataset__in=stewarded(actor)).exists()
    return allow_if(is_asked, otherwise="Only the team and the stewards who are asked can write here.")


def _is_impartial(actor: Member, project: Project) -> Decision:
    was_on_team = TeamMember.objects.filter(project=project, member=actor).exists()
    return allow_if(not was_on_team, otherwise="Nobody decides on a project of their own team. Another one can.")


def may_name_stand_in(actor: Member, target: Member) -> Decision:
    """The steward who will be away, or a manager of their center for them; for nobody but a steward."""
    if actor.pk != target.pk and not actor.holds(Role.CENTER_MANAGER, on=target.center):
        return no(f"Only {target} or a center manager of {target.center} names who stands in.")
    return allow_if(
        stewards_anything(target), otherwise=f"{target} stewards no data, so there is nothing to stand in for."
    )


def may_end_stand_in(actor: Member, target: StandIn) -> Decision:
    """Either of the two, or a manager of their center."""
    if actor.pk in (target.away_id, target.stand_in_id) or actor.holds(Role.CENTER_MANAGER, on=target.center):
        return allow_if(True, otherwise="")
    return no(f"Only {target.away}, {target.stand_in} or a center manager of {target.center} can end it.")
