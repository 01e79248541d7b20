"""Who may do what with datasets. A center's data stewards answer for the center's data, and nobody else does."""

from apps.alliance.models import Center, Member
from apps.alliance.roles import Role
from apps.catalog.models import Dataset, DatasetVersion
from apps.core.decisions import Decision, allow_if


def may_bring_data(actor: Member, target: Center) -> Decision:
    """A center's data stewards bring in the center's data."""
    return allow_if(
        actor.holds(Role.DATA_STEWARD, on=target),
        otherwise=f"Only a data steward of {target} can do that. The center's managers say who is one.",
    )


def may_steward(actor: Member, target: Dataset) -> Decision:
    """The data stewards of the center that owns it."""
    return may_bring_data(actor, target.center)


def may_steward_version(actor: Member, target: DatasetVersion) -> Decision:
    """The data stewards of the center that owns the dataset."""
    return may_steward(actor, target.dataset)
