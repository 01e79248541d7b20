"""Commands on training: publish and retire types; submit, accept, return and lapse records."""

from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from apps.alliance import policies as may
from apps.alliance.evidence import Evidence
from apps.alliance.models import Alliance, Member, TrainingRecord, TrainingType
from apps.alliance.roles import Role
from apps.alliance.selectors import holders_of
from apps.alliance.states import TRAINING_RECORD, TRAINING_TYPE
from apps.core.commands import command, note
from apps.core.errors import Invalid, WrongState
from apps.core.notices import settle, tell

MOST_OPEN = 20  # proofs of one person that are with the center or came back

R = TrainingRecord.Status


@command("alliance.training_type.published", policy=may.may_run_alliance, creates=TrainingType)
def publish_type(
    alliance: Alliance,
    *,
    by: Any,
    name: str,
    description: str,
    lifetime_days: int,
    required_of_all: bool = False,
    required_for: list[str] | None = None,
) -> TrainingType:
    """Publish a training that people can prove; it can't be changed afterwards, only retired."""
    return TrainingType.objects.create(
        alliance=alliance,
        name=name,
        description=description,
        lifetime_days=lifetime_days,
        required_of_all=required_of_all,
        required_for=list(required_for or []),
    )


@TRAINING_TYPE.move("retire")
def retire_type(training_type: TrainingType, *, by: Any, reason: str) -> None:
    """Ask for this training no more; proofs given keep their value until they lapse."""


@command("alliance.training.submitted", policy=may.may_submit_training, creates=TrainingRecord)
def submit(
    member: Member, *, by: Any, training_type: TrainingType, completed_on: date, evidence: Evidence
) -> TrainingRecord:
    """Send proof of a training to one's center."""
    if training_type.status != TrainingType.Status.PUBLISHED:
        raise WrongState(f"{training_type} is retired and no longer asked for.")
    if TrainingRecord.objects.filter(member=member, status__in=[R.SUBMITTED, R.RETURNED]).count() >= MOST_OPEN:
        raise Invalid(f"{MOST_OPEN} of your proofs are open already. Wait for your center's answer to those.")
    record = TrainingRecord(
        member=member,
        type=training_type,
        completed_on=completed_on,
        valid_until=_valid_until(training_type, completed_on),
        **evidence.as_fields(),
    )
    record.save(force_insert=True)
    note(type=str(training_type.pk), sha256=evidence.sha256)
    _tell_managers(record)
    return record


@TRAINING_RECORD.move("resubmit")
def resubmit(record: TrainingRecord, *, by: Any, completed_on: date, evidence: Evidence) -> None:
    """Send a returned proof again, mended."""
    record.completed_on, record.valid_until = completed_on, _valid_until(record.type, completed_on)
    for name, value in evidence.as_fields().items():
        setattr(record, name, value)
    record.submitted_at, record.reason = timezone.now(), ""
    record.decided_at = record.decided_by = None
    note(sha256=evidence.sha256)
    _tell_managers(record)


@TRAINING_RECORD.move("accept")
def accept(record: TrainingRecord, *, by: Any) -> None:
    """Accept the proof: the training counts until its end."""
    if record.valid_until < timezone.now().date():
        raise WrongState(f"This proof ran out on {record.valid_until:%-d %B %Y}. Return it and ask for a newer one.")
    record.decided_at, record.decided_by = timezone.now(), by
    settle(_managers(record), key=_key(record))
    tell(
        record.member,
        key=f"training-accepted:{record.pk}",
        subject=f"{record.type} is accepted",
        text=f"{by} accepted your proof. It is valid until {record.valid_until:%-d %B %Y}.",
        path="/training/",
    )


@TRAINING_RECORD.move("return")
def return_to_member(record: TrainingRecord, *, by: Any, reason: str) -> None:
    """Give the proof back, saying what to mend."""
    record.decided_at, record.decided_by, record.reason = timezone.now(), by, reason
    settle(_managers(record), key=_key(record))
    tell(
        record.member,
        key=f"training-returned:{record.pk}:{record.decided_at.isoformat()}",
        subject=f"{record.type}: your proof needs a change",
        text=f"{by} writes: {reason}",
        path=f"/training/{record.pk}/",
    )


@TRAINING_RECORD.move("lapse")
def lapse(record: TrainingRecord, *, by: Any) -> None:
    """Close a training whose validity is over; it counted for nothing since that day."""
    if record.valid_until >= timezone.now().date():
        raise WrongState("This training is still valid.")
    tell(
        record.member,
        key=f"training-lapsed:{record.pk}",
        subject=f"{record.type} has lapsed",
        text="Take it again and send the new proof, so that nothing you do has to stop.",
        path="/training/",
    )


def _valid_until(training_type: TrainingType, completed_on: date) -> date:
    today = timezone.now().date()
    if completed_on > today:
        raise Invalid(fields={"completed_on": "The day lies in the future."})
    end = completed_on + timedelta(days=training_type.lifetime_days)
    if end < today:
        raise Invalid(
            fields={
                "completed_on": f"This training is valid for {training_type.lifetime_days:,} days, "
                "so that proof has lapsed."
            }
        )
    return end


def _managers(record: TrainingRecord) -> QuerySet[Member]:
    return holders_of(Role.CENTER_MANAGER, record.member.center).exclude(pk=record.member_id)


def _key(record: TrainingRecord) -> str:
    """Of the notice that this proof waits, as it was sent last."""
    return f"training:{record.pk}:{record.submitted_at.isoformat()}"


def _tell_managers(record: TrainingRecord) -> None:
    for manager in _managers(record):
        tell(
            manager,
            key=_key(record),
            subject=f"{record.member} sent proof of {record.type}",
            text="Look at it and accept it, or say what is missing.",
            path=f"/training/{record.pk}/",
        )
