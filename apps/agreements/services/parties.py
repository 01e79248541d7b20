"""Steps that several commands share: are both centers there, is the one before still standing, who is told."""

from collections.abc import Iterable

from django.utils import timezone

from apps.agreements.models import AgreementVersion
from apps.alliance.models import Center, Member
from apps.core.errors import Invalid, WrongState
from apps.core.notices import tell


def demand_able(version: AgreementVersion) -> None:
    """Both centers may act, and the term is not over before it began."""
    for center in (version.agreement.providing, version.agreement.receiving):
        if center.status != Center.Status.ACTIVE:
            raise WrongState(
                f"{center} is {center.get_status_display().lower()} in the alliance and can't be bound now."
            )
    if version.ends_on < timezone.now().date():
        raise Invalid(f"Its last day, {version.ends_on:%-d %B %Y}, is over. Call it back and choose another.")


def demand_standing_before(version: AgreementVersion) -> AgreementVersion | None:
    """The version that this one takes the place of, held; refuses where that one was terminated meanwhile."""
    earlier = AgreementVersion.objects.select_for_update(no_key=True).filter(
        agreement_id=version.agreement_id, number__lt=version.number, signed_at__isnull=False
    )
    before = earlier.order_by("-number").first()
    if before is not None and before.terminated_at:
        raise WrongState("The agreement that this amends was terminated. Draft a new one.")
    return before


def tell_all(people: Iterable[Member], *, key: str, subject: str, text: str, version: AgreementVersion) -> int:
    """Tell each of them; how many had not been told before."""
    path = f"/agreements/{version.agreement_id}/"
    return sum(tell(person, key=key, subject=subject, text=text, path=path) for person in people)
