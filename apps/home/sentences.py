"""Events as sentences that a person reads, with the people and centers behind their references."""

import uuid
from collections.abc import Iterable

from apps.alliance.models import Center, Member
from apps.audit.models import Event
from apps.core.commands import COMMANDS

OTHERS = {
    "audit.record.viewed": "Looked through the record",
    "alliance.evidence.viewed": "Opened the evidence of a training",
    "alliance.session.opened": "Signed in",
    "alliance.session.closed": "Signed out",
    "alliance.session.refused": "Tried to sign in",
}


def with_sentences(events: Iterable[Event]) -> list[Event]:
    """The same events, each with `sentence`, `actor_words` and `center_words` to show."""
    events = list(events)
    people = _names(Member, [event.actor_ref for event in events if event.actor_type == "person"])
    targets = _names(Member, [event.target_ref for event in events if event.target_type == "alliance.member"])
    centers = _names(Center, [event.center_ref for event in events])
    for event in events:
        event.sentence = sentence_of(event.event)  # type: ignore[attr-defined]
        event.target_words = targets.get(event.target_ref, "")  # type: ignore[attr-defined]
        event.actor_words = people.get(event.actor_ref) or _actor_words(event)  # type: ignore[attr-defined]
        event.center_words = centers.get(event.center_ref, "")  # type: ignore[attr-defined]
    return events


def sentence_of(name: str) -> str:
    """What the event means, in the words of its command."""
    if name in OTHERS:
        return OTHERS[name]
    if name in COMMANDS:
        return COMMANDS[name].doc.split("\n")[0].rstrip(".").split(";")[0]
    return name.replace(".", " ").replace("_", " ").capitalize()


def _actor_words(event: Event) -> str:
    return f"The system ({event.actor_ref})" if event.actor_type == "system" else "Somebody not signed in"


def _names(model: type[Member] | type[Center], refs: list[str]) -> dict[str, str]:
    known = {ref for ref in refs if _is_uuid(ref)}
    return {str(found.pk): str(found) for found in model._base_manager.filter(pk__in=known)}


def _is_uuid(ref: str) -> bool:
    try:
        uuid.UUID(ref)
    except ValueError:
        return False
    return True
