"""Who may do what with centers, members, roles and training. Each answers with a reason that a person reads."""

from apps.alliance.models import Alliance, Center, Grant, Member, TrainingRecord, TrainingType
from apps.alliance.roles import ON_ALLIANCE, ON_CENTER, Role, clash
from apps.core.decisions import YES, Decision, allow_if, no

OWN_ACCOUNT = "Only the person whose account it is can do that."


def may_run_alliance(actor: Member, target: Alliance) -> Decision:
    """Alliance managers act for the alliance."""
    return allow_if(
        actor.holds(Role.ALLIANCE_MANAGER, on=target),
        otherwise="Only an alliance manager can do that. They keep the alliance running.",
    )


def may_rule_on_center(actor: Member, target: Center) -> Decision:
    """Alliance managers admit, reject, suspend and reinstate centers, their own excepted."""
    if actor.center_id == target.pk:
        return no("Nobody decides on the standing of their own center. Another center's alliance manager can.")
    return may_run_alliance(actor, target.alliance)


def may_start_center(actor: Member, target: Center) -> Decision:
    """Alliance managers find another center its first manager, while its people may act."""
    return may_rule_on_center(actor, target) and target.standing()


def may_manage_center(actor: Member, target: Center) -> Decision:
    """A center's managers act for that center and no other."""
    return allow_if(
        actor.holds(Role.CENTER_MANAGER, on=target), otherwise=f"Only a center manager of {target} can do that."
    )


def may_leave_alliance(actor: Member, target: Center) -> Decision:
    """A center leaves by its own signing official's word, suspended or not; nobody can make it leave."""
    if not (standing := actor.may_enter() if isinstance(actor, Member) else actor.standing()):
        return standing
    return allow_if(
        actor.holds(Role.SIGNING_OFFICIAL, on=target),
        otherwise=f"Only a signing official of {target} can take the center out of the alliance.",
    )


def may_manage_member(actor: Member, target: Member) -> Decision:
    """A center's managers look after its people, themselves excepted."""
    if actor.pk == target.pk:
        return no("Nobody can do that for themselves. Another manager of your center can.")
    return may_manage_center(actor, target.center)


def may_edit_profile(actor: Member, target: Member) -> Decision:
    """Everyone keeps their own name and position."""
    return allow_if(actor.pk == target.pk, otherwise=OWN_ACCOUNT)


def may_accept_invitation(actor: Member, target: Member) -> Decision:
    """The invited person, who came by the link of an open invitation."""
    if actor.pk != target.pk:
        return no("This invitation is for somebody else.")
    return target.center.standing()


def may_end_grant(actor: Member, target: Grant) -> Decision:
    """Whoever could give the role takes it back; anyone can lay down their own."""
    if actor.pk == target.user_id:
        return YES
    if target.center is None:
        return may_run_alliance(actor, Alliance(pk=int(target.object_pk)))
    return may_manage_center(actor, target.center)


def may_hold(role: str, member: Member, target: Alliance | Center) -> Decision:
    """Whether this person can carry the role there, next to what they carry already."""
    if role not in (ON_CENTER if isinstance(target, Center) else ON_ALLIANCE):
        return no("There is no such role here.")
    if member.status != Member.Status.ACTIVE:
        return no(f"{member} is {member.get_status_display().lower()}. Only active members hold roles.")
    if isinstance(target, Center) and member.center_id != target.pk:
        return no(f"{member} belongs to {member.center}. A center's roles are for its own people.")
    for grant in member.grants():
        if reason := clash(role, grant.role):
            return no(f"{member} is {grant.role_words.lower()} already. {reason}")
    return YES


def may_submit_training(actor: Member, target: Member) -> Decision:
    """Everyone sends proof of their own training."""
    return allow_if(actor.pk == target.pk, otherwise=OWN_ACCOUNT)


def may_resubmit_training(actor: Member, target: TrainingRecord) -> Decision:
    return allow_if(actor.pk == target.member_id, otherwise=OWN_ACCOUNT)


def may_decide_training(actor: Member, target: TrainingRecord) -> Decision:
    """The managers of the member's center, never the member."""
    if actor.pk == target.member_id:
        return no("Nobody can accept their own training. Another manager of your center can.")
    return may_manage_center(actor, target.member.center)


def may_retire_training(actor: Member, target: TrainingType) -> Decision:
    return may_run_alliance(actor, target.alliance)


def may_see_record(actor: Member) -> Decision:
    """Auditors read the record: the alliance's all of it, a center's what concerns the center."""
    return allow_if(actor.holds_anywhere(Role.AUDITOR), otherwise="Only auditors read the record.")


def may_see_evidence(actor: Member, target: TrainingRecord) -> Decision:
    """The member, and the managers of their center who decide on it."""
    if actor.pk == target.member_id:
        return YES
    return may_manage_center(actor, target.member.center)
