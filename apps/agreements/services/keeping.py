"""What the clock writes down: an agreement begins, is superseded, expires, and whoever can act is told in time."""

from typing import Any

from django.utils import timezone

from apps.agreements.models import AgreementVersion
from apps.agreements.selectors import drafters_of, officials_of
from apps.agreements.services.parties import tell_all
from apps.agreements.states import AGREEMENT_VERSION
from apps.core.actors import only_the_system
from apps.core.commands import command, note
from apps.core.errors import WrongState
from apps.core.reminding import milestone


@AGREEMENT_VERSION.move("begin")
def begin(version: AgreementVersion, *, by: Any) -> None:
    """Write down that an agreement is in force; it is since both signed and its first day came."""
    if version.signed_at is None or version.begins > timezone.now():
        raise WrongState("This is not in force yet.")


@AGREEMENT_VERSION.move("supersede")
def supersede(version: AgreementVersion, *, by: Any) -> None:
    """Write down that an amendment has taken the place of this version."""
    if version.superseded_at is None or version.superseded_at > timezone.now():
        raise WrongState("Nothing has taken its place.")


@AGREEMENT_VERSION.move("expire")
def expire(version: AgreementVersion, *, by: Any) -> None:
    """Write down that the last day of an agreement is over."""
    if version.over_at > timezone.now():
        raise WrongState("This is still in force.")
    tell_all(
        {*drafters_of(version), *officials_of(version)},
        key=f"agreement-expired:{version.pk}",
        subject=f"{version} has expired",
        text="What stood on it has stopped. A new agreement is drafted by the center that provides the data.",
        version=version,
    )


@command("agreements.version.reminded", policy=only_the_system)
def remind(version: AgreementVersion, *, by: Any) -> None:
    """Tell those who can renew an agreement that it ends soon; only the latest milestone, and once."""
    if (days := milestone(version.ends_on)) is None:
        note(told=0)
        return
    told = tell_all(
        {*drafters_of(version), *officials_of(version)},
        key=f"ending:agreement:{version.pk}:{version.ends_on.isoformat()}:{days}",
        subject=f"{version} ends soon",
        text=f"Its last day is {version.ends_on:%-d %B %Y}. {version.agreement.providing} can draft an amendment "
        "with a later end, which both centers sign.",
        version=version,
    )
    note(told=told)
