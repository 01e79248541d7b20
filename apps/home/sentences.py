"""Events as sentences that a person reads, with the people and centers behind their references."""

import uuid
from collections.abc import Iterable

from django.db.models import Model

from apps.agreements.models import Agreement, AgreementTemplate, AgreementVersion, Signature, TemplateVersion
from apps.alliance.models import Center, Grant, Member, TrainingRecord, TrainingType
from apps.audit.models import Event, Outcome
from apps.catalog.models import Dataset, DatasetFile, DatasetVersion
from apps.core.commands import COMMANDS
from apps.core.events import EVENTS
from apps.projects.models import AccessRequest, Amendment, GpuUse, Project, Remark, TeamMember
from apps.workspaces.models import Run, Workspace

NOUNS = {
    "grant": "role",
    "vouch": "center's word",
    "request": "request for data",
    "amendment": "change",
    "gpu": "GPU-hours",
    "run": "run of a workspace",
    "code": "code of a workspace",
}
NAMED = {
    model._meta.label_lower: model
    for model in (
        *(Member, Grant, TrainingRecord, TrainingType, Dataset, DatasetVersion, DatasetFile),
        *(Agreement, AgreementVersion, Signature, AgreementTemplate, TemplateVersion),
        *(Project, AccessRequest, Amendment, TeamMember, Remark, GpuUse),
        *(Workspace, Run),
    )
}


def with_sentences(events: Iterable[Event]) -> list[Event]:
    """The same events, each with `sentence`, `target_words`, `actor_words` and `center_words` to show."""
    events = list(events)
    people = _names(Member, [event.actor_ref for event in events if event.actor_type == "person"])
    about_centers = [event.target_ref for event in events if event.target_type == "alliance.center"]
    centers = _names(Center, [*about_centers, *(event.center_ref for event in events)])
    targets = dict(centers)
    for label, model in NAMED.items():
        targets |= _names(model, [event.target_ref for event in events if event.target_type == label])
    for event in events:
        event.sentence = sentence_of(event.event, event.outcome)  # type: ignore[attr-defined]
        event.target_words = targets.get(event.target_ref, "")  # type: ignore[attr-defined]
        event.actor_words = people.get(event.actor_ref) or _actor_words(event)  # type: ignore[attr-defined]
        event.center_words = centers.get(event.center_ref, "")  # type: ignore[attr-defined]
    return events


def sentence_of(name: str, outcome: str = Outcome.SUCCESS) -> str:
    """What the event means: what was done, in the past, or for a refusal what somebody tried to do."""
    if declared := EVENTS.get(name):
        return declared.attempt if outcome != Outcome.SUCCESS and declared.attempt else declared.sentence
    if outcome != Outcome.SUCCESS and name in COMMANDS:
        work = COMMANDS[name].doc.split("\n")[0].rstrip(".").split(";")[0]
        return f"Attempt to {work[:1].lower()}{work[1:]}"
    _, *subject, verb = name.split(".")
    words = [NOUNS.get(part, part.replace("_", " ")) for part in subject]
    return " ".join([*words, verb.replace("_", " ")]).capitalize()


def _actor_words(event: Event) -> str:
    return f"The system ({event.actor_ref})" if event.actor_type == "system" else "Somebody not signed in"


def _names(model: type[Model], refs: list[str]) -> dict[str, str]:
    known = {ref for ref in refs if ref and _is_uuid(ref)}
    fields = {part.name for part in model._meta.fields}
    said_with = {"user", "member", "type", "dataset", "agreement", "template"} & fields  # what its name is made of
    if model in (Workspace, Run):
        said_with = {f"{'workspace__' if model is Run else ''}{one}" for one in ("member", "project")}
    found = model._base_manager.filter(pk__in=known).select_related(*said_with)
    return {str(row.pk): str(row) for row in found}


def _is_uuid(ref: str) -> bool:
    try:
        uuid.UUID(ref)
    except ValueError:
        return False
    return True


def event_choices() -> list[tuple[str, str]]:
    """Every kind of event with its sentence, by sentence."""
    return sorted(((name, sentence_of(name)) for name in {*EVENTS, *COMMANDS}), key=lambda choice: choice[1])
