"""Which steps a dataset needs, line by line, before anybody asks: as far as the member's own standing goes.

What is said here of center, membership and training the access decision says again for a project (projects/access.py),
which this app can't ask. tests/projects/test_two_readers.py holds the two to the same answers.
"""

from dataclasses import dataclass

from django.urls import reverse

from apps.alliance.models import Center, Member
from apps.alliance.selectors import required_types, valid_types, vouch_in_force
from apps.catalog.models import Dataset, DatasetVersion


@dataclass(frozen=True)
class Need:
    """One line of the decision component."""

    words: str
    detail: str
    met: bool = False
    waiting: bool = False
    url: str = ""
    until: str = ""
    mend: str = ""
    mend_url: str = ""
    mender: str = ""


def needs_of(member: Member, dataset: Dataset, version: DatasetVersion | None) -> list[Need]:
    """The steps, those that the member has taken already marked as met."""
    return [
        *_own_standing(member),
        _training(member),
        _owner_active(dataset.center),
        *_asked_for(member, dataset, version),
    ]


def _own_standing(member: Member) -> list[Need]:
    vouch = vouch_in_force(member)
    until, manager = vouch.ends_on if vouch else None, f"a manager of {member.center}"
    return [
        Need("Your center is active", str(member.center), met=member.center.status == Center.Status.ACTIVE),
        Need(
            "Your center vouches for you",
            str(member.center),
            met=until is not None,
            until=f"{until:%-d %b %Y}" if until else "",
            mend="" if until else "Ask to be vouched for",
            mender=manager,
        ),
    ]


def _training(member: Member) -> Need:
    required, valid = required_types(grant.role for grant in member.grants()), valid_types(member)
    lacking = [str(kind) for kind in required if kind.pk not in valid]
    names = ", ".join(lacking or map(str, required)) or "none is asked for"
    return Need(
        "Your training is valid",
        names,
        met=not lacking,
        url=reverse("alliance:training"),
        mend="Send proof" if lacking else "",
        mend_url=reverse("alliance:training") if lacking else "",
        mender="you" if lacking else "",
    )


def _owner_active(center: Center) -> Need:
    is_active = center.status == Center.Status.ACTIVE
    return Need("The owner is active", str(center), met=is_active, mend="" if is_active else "Wait until it is")


def _asked_for(member: Member, dataset: Dataset, version: DatasetVersion | None) -> list[Need]:
    """What a project asks for; it is decided for each project by itself."""
    stewards = f"{dataset.quorum} data steward{'s' if dataset.quorum > 1 else ''} of {dataset.center}"
    agreement = Need(
        "Agreement in force",
        f"between {dataset.center} and {member.center}, with this dataset in its scope",
        waiting=True,
    )
    return [
        *([] if member.center_id == dataset.center_id else [agreement]),
        Need("The owner's approval of your project", f"by {stewards}", waiting=True),
        Need(
            "The terms of use accepted",
            f"those of version {version.number}, by each person of the project" if version else "",
            waiting=True,
        ),
    ]
