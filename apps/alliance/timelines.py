"""A request's life as the timeline component shows it: what passed, whose turn it is, what comes."""

from dataclasses import dataclass
from datetime import datetime

from apps.alliance.models import TrainingRecord

S = TrainingRecord.Status


@dataclass(frozen=True)
class Step:
    """One station; `state` is done, now, todo or bad."""

    name: str
    state: str
    who: str = ""
    at: datetime | None = None
    usually: str = ""
    words: str = ""


def timeline_of(record: TrainingRecord, usual_days: float | None) -> list[Step]:
    """Sent, decided, valid, lapsed; with who and when, and how long the decision usually takes."""
    usually = f"{max(usual_days, 1):.0f} {'day' if usual_days < 1.5 else 'days'}" if usual_days is not None else ""
    sent = Step("Sent", "done", str(record.member), record.submitted_at)
    managers = f"a manager of {record.member.center}"
    if record.status == S.SUBMITTED:
        return [
            sent,
            Step("Decision", "now", managers, record.submitted_at, usually),
            Step("Valid", "todo"),
            Step("Lapses", "todo"),
        ]
    decided = Step("Accepted", "done", str(record.decided_by), record.decided_at)
    if record.status == S.RETURNED:
        returned = Step("Returned", "done", str(record.decided_by), record.decided_at)
        return [
            sent,
            returned,
            Step("Sent again", "now", str(record.member), record.decided_at),
            Step("Decision", "todo", managers),
        ]
    if record.status == S.ACCEPTED:
        return [
            sent,
            decided,
            Step("Valid", "now", at=record.decided_at),
            Step("Lapses", "todo", words=f"{record.valid_until:%-d %b %Y}"),
        ]
    return [sent, decided, Step("Lapsed", "bad", at=record.status_at)]
