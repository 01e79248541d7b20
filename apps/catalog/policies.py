"""Who may do what with datasets. The owner's data stewards answer for its data, and nobody else does."""

from apps.alliance.models import Center, Member
from apps.alliance.policies import may_manage_center
from apps.alliance.roles import Role
from apps.catalog.models import Dataset, DatasetSteward, DatasetVersion
from apps.core.decisions import Decision, allow_if, no


def is_steward(member: Member, dataset: Dataset) -> bool:
    """Whether this person stewards the dataset now: for its center, or for this one dataset."""
    if member.holds(Role.DATA_STEWARD, on=dataset.center):
        return True
    if member.center_id != dataset.center_id or member.holds_anywhere(Role.AUDITOR):
        return False
    return DatasetSteward.objects.filter(dataset=dataset, member=member.pk, ended_at=None).exists()


def may_bring_data(actor: Member, target: Center) -> Decision:
    """A center's data stewards bring in the center's data."""
    return allow_if(
        actor.holds(Role.DATA_STEWARD, on=target),
        otherwise=f"Only a data steward of {target} can do that. The center's managers say who is one.",
    )


def may_steward(actor: Member, target: Dataset) -> Decision:
    """The data stewards of the center that owns it, and those of this one dataset."""
    return allow_if(
        is_steward(actor, target),
        otherwise=f"Only a data steward of {target.center} or of this dataset can do that. "
        "The center's managers say who is one.",
    )


def may_steward_version(actor: Member, target: DatasetVersion) -> Decision:
    """The data stewards of the center that owns the dataset, and those of this one dataset."""
    return may_steward(actor, target.dataset)


def may_lower_quorum(actor: Member, target: Dataset) -> Decision:
    """A manager of the owner who does not steward the data: nobody makes it easier for their own yes to be enough."""
    if is_steward(actor, target):
        return no("A steward of the data can't lower how many must say yes. A manager who is no steward of it can.")
    return may_manage_center(actor, target.center)


def may_appoint_steward(actor: Member, target: Dataset) -> Decision:
    """The managers of the center that owns it."""
    return may_manage_center(actor, target.center)


def may_dismiss_steward(actor: Member, target: DatasetSteward) -> Decision:
    """The managers of the center that owns the data, and the steward, who can lay it down."""
    return allow_if(actor.pk == target.member_id, otherwise="") or may_manage_center(actor, target.dataset.center)
