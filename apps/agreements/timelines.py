"""The life of an agreement's version as the timeline component shows it, and whose turn it is."""

from dataclasses import dataclass
from datetime import datetime

from apps.agreements.models import AgreementVersion
from apps.agreements.selectors import unsigned_by, usual_signing_days
from apps.alliance.models import Center
from apps.alliance.timelines import Step

V = AgreementVersion.Status


@dataclass(frozen=True)
class Turn:
    """Who has to act, and since when they can."""

    whose: str
    since: datetime


def turn_of(version: AgreementVersion) -> Turn | None:
    """Whose turn it is; nobody's once both have signed."""
    if version.status == V.DRAFT:
        return Turn(f"the managers of {version.agreement.providing}", version.status_at)
    if version.status == V.OUT_FOR_SIGNATURE and version.signed_at is None and version.sent_at:
        officials = " and ".join(officials_words(center) for center in unsigned_by(version))
        return Turn(officials, version.sent_at)
    return None


def officials_words(center: Center | str) -> str:
    return f"{center}'s signing official"


def days_words(days: float | None) -> str:
    """How long a step usually takes; empty where nobody knows yet."""
    if days is None:
        return ""
    return "less than a day" if days < 1 else f"{days:.0f} {'day' if round(days) == 1 else 'days'}"


def timeline_of(version: AgreementVersion) -> list[Step]:
    """Drafted, sent, signed by each center, in force, over; with who, when, and how long a signature usually takes."""
    drafted = Step("Drafted", "done", str(version.agreement.providing), version.created_at)
    if version.status == V.DISCARDED:
        return [drafted, Step("Discarded", "bad", str(version.agreement.providing), version.status_at)]
    if version.status == V.DRAFT:
        now = Step("Sending", "now", f"the managers of {version.agreement.providing}", version.status_at)
        return [
            drafted,
            now,
            Step("Signatures", "todo"),
            Step("In force", "todo", words=f"{version.starts_on:%-d %b %Y}"),
        ]
    sent = Step("Sent", "done", str(version.sent_by.center) if version.sent_by else "", version.sent_at)
    given = sorted(
        (one for one in version.signatures.all() if one.edition == version.edition), key=lambda one: one.signed_at
    )
    signed = [Step(f"Signed for {one.center}", "done", one.printed_name, one.signed_at) for one in given]
    open_steps = [
        Step(f"Signature of {center}", "now", officials_words(center), version.sent_at, _usually(center))
        for center in (unsigned_by(version) if version.signed_at is None else [])
    ]
    return [drafted, sent, *signed, *open_steps, *_end(version)]


def _usually(center: Center) -> str:
    return days_words(usual_signing_days([center.pk]).get(center.pk))


def _end(version: AgreementVersion) -> list[Step]:
    standing = version.standing()
    ends = Step("Ends", "todo", words=f"{version.ends_on:%-d %b %Y}")
    if version.signed_at is None:
        return [Step("In force", "todo", words=f"{version.starts_on:%-d %b %Y}"), ends]
    if standing == "signed":
        return [Step("Begins", "todo", words=f"{version.begins:%-d %b %Y}"), ends]
    if standing == V.IN_FORCE:
        return [Step("In force", "now", at=version.begins), ends]
    if standing == V.TERMINATED:
        who = str(version.terminated_by.center) if version.terminated_by else ""
        return [Step("Terminated", "bad", who, version.terminated_at)]
    return [
        Step("In force", "done", at=version.begins),
        Step("Superseded" if standing == V.SUPERSEDED else "Expired", "done", at=version.over_at),
    ]
