"""Commands on who decides about a dataset: its own stewards, and how many of them must say yes."""

from typing import Any

from django.utils import timezone

from apps.alliance.models import Member
from apps.alliance.policies import may_hold
from apps.alliance.roles import Role
from apps.catalog import policies as may
from apps.catalog.models import Dataset, DatasetSteward
from apps.catalog.selectors import stewards_of
from apps.core.commands import command, note
from apps.core.errors import Invalid, NotAllowed, WrongState
from apps.core.notices import tell

MOST = 5  # stewards who can be asked to say yes


@command("catalog.steward.appointed", policy=may.may_appoint_steward, fresh=True, creates=DatasetSteward)
def appoint(dataset: Dataset, *, by: Any, member: Member, reason: str) -> DatasetSteward:
    """Make one of the owner's people a steward of this dataset, beside the center's stewards."""
    person = Member.objects.select_for_update(no_key=True, of=("self",)).select_related("center").get(pk=member.pk)
    if person.pk == by.pk:
        raise NotAllowed("Nobody can appoint themselves. Ask another manager of your center.")
    if not (decision := may_hold(Role.DATA_STEWARD, person, dataset.center)):
        raise Invalid(fields={"member": decision.reason})
    if may.is_steward(person, dataset):
        raise Invalid(fields={"member": f"{person} stewards this dataset already."})
    made = DatasetSteward.objects.create(dataset=dataset, member=person, granted_by=by, reason=reason)
    note(member=str(person.pk), dataset=str(dataset.pk))
    tell(
        person,
        key=f"dataset-steward:{made.pk}",
        subject=f"You are now a data steward of {dataset}",
        text=f"{by} appointed you: {reason}",
        path=_page_of(dataset),
    )
    return made


@command("catalog.steward.dismissed", policy=may.may_dismiss_steward, fresh=True)
def dismiss(steward: DatasetSteward, *, by: Any, reason: str) -> None:
    """End at once that somebody stewards this dataset; the center's stewards go on."""
    if steward.ended_at:
        raise WrongState("This has ended already.")
    steward.ended_at, steward.ended_by, steward.end_reason = timezone.now(), by, reason
    steward.save(update_fields=["ended_at", "ended_by", "end_reason"])
    note(member=str(steward.member_id), dataset=str(steward.dataset_id))
    if by.pk != steward.member_id:
        tell(
            steward.member,
            key=f"dataset-steward-ended:{steward.pk}",
            subject=f"You are no longer a data steward of {steward.dataset}",
            text=f"{by} ended it: {reason}",
            path=_page_of(steward.dataset),
        )


@command("catalog.quorum.raised", policy=may.may_steward, fresh=True)
def raise_quorum(dataset: Dataset, *, by: Any, quorum: int, reason: str) -> None:
    """Ask for the yes of more stewards to each request."""
    if not dataset.quorum < quorum <= MOST:
        raise Invalid(fields={"quorum": f"Say more than {dataset.quorum}, and at most {MOST}."})
    _set_quorum(dataset, quorum, by, reason)


@command("catalog.quorum.lowered", policy=may.may_lower_quorum, fresh=True)
def lower_quorum(dataset: Dataset, *, by: Any, quorum: int, reason: str) -> None:
    """Let the yes of fewer stewards be enough; every steward of the data is told who did it and why."""
    if not 1 <= quorum < dataset.quorum:
        raise Invalid(fields={"quorum": f"Say less than {dataset.quorum}, and at least 1."})
    _set_quorum(dataset, quorum, by, reason)


def _set_quorum(dataset: Dataset, quorum: int, by: Member, reason: str) -> None:
    before, dataset.quorum = dataset.quorum, quorum
    dataset.save(update_fields=["quorum"])
    note(**{"from": before, "to": quorum})
    for steward in stewards_of(dataset).exclude(pk=by.pk):
        tell(
            steward,
            key=f"quorum:{dataset.pk}:{timezone.now().isoformat()}",
            subject=f"{dataset}: {quorum} must say yes from now on, {before} until now",
            text=f"{by} of {by.center} writes: {reason}",
            path=_page_of(dataset),
        )


def _page_of(dataset: Dataset) -> str:
    return f"/datasets/{dataset.slug}/"
