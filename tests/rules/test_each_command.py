"""Rules 2 and 4 of the house: each command succeeds for whom it is for, is refused to others, is always recorded."""

import re
from collections.abc import Callable

import pytest

from apps.audit.models import Event, Outcome
from apps.core.commands import COMMANDS
from apps.core.errors import NotAllowed
from tests.house.samples import World, undone
from tests.house.snapshot import snapshot
from tests.house.source import import_everything
from tests.rules.cases import CASES, actor_called

import_everything()
EVENTS = sorted(COMMANDS)
IRREGULAR = {
    "begun", "chosen", "given", "held", "left", "let", "lost", "made", "met", "reset", "said", "sent", "shown", "taken",
    "withdrawn", "written",
}  # fmt: skip


def test_every_command_has_a_case_and_every_case_a_command():
    missing = [event for event in EVENTS if event not in CASES]

    assert missing == [], "Add a row to CASES in tests/rules/cases.py: who succeeds, and who is refused."
    assert sorted(set(CASES) - set(EVENTS)) == []


@pytest.mark.parametrize("event", EVENTS)
def test_a_command_says_what_it_is(event):
    registered = COMMANDS[event]
    words = event.split(".")[-1].split("_")

    assert re.fullmatch(r"[a-z_]+\.[a-z_]+\.[a-z_]+", event), "an event is app.thing.happened"
    assert any(word.endswith("ed") or word in IRREGULAR for word in words), "an event is in the past tense"
    assert callable(registered.policy)
    assert registered.policy.__doc__ or registered.policy.__name__.startswith("may_")
    assert re.match(r"[A-Z].*\.$", registered.doc.split("\n")[0]), (
        "the record shows a command's first line as a sentence"
    )


@pytest.mark.parametrize("event", EVENTS)
def test_a_command_succeeds_for_whom_it_is_for(world: World, event: str):
    with undone():
        ask = _ready_to_ask(world, event)
        ask(CASES[event].by)

        recorded = Event.objects.get(event=event)
        assert recorded.outcome == Outcome.SUCCESS
        assert recorded.actor_ref == actor_called(world, CASES[event].by).actor_ref
        assert recorded.target_ref


@pytest.mark.parametrize("event", EVENTS)
def test_a_command_is_refused_to_others_and_changes_nothing_but_the_record(world: World, event: str):
    with undone():
        ask = _ready_to_ask(world, event)
        before = snapshot()
        with pytest.raises(NotAllowed):
            ask(CASES[event].not_by)

        assert snapshot() == before
        recorded = Event.objects.get(event=event)
        assert (recorded.outcome, bool(recorded.reason)) == (Outcome.REFUSED, True)


@pytest.mark.parametrize("event", EVENTS)
def test_a_command_that_cannot_be_recorded_has_not_happened(world: World, event: str, monkeypatch):
    class RecordBroken(Exception):
        pass

    def broken(*_: object, **__: object) -> None:
        raise RecordBroken

    with undone():
        ask = _ready_to_ask(world, event)
        before = snapshot()
        monkeypatch.setattr("apps.core.commands.record", broken)
        with pytest.raises(RecordBroken):
            ask(CASES[event].by)

        assert snapshot() == before


def _ready_to_ask(world: World, event: str) -> Callable[[str], object]:
    """Everything prepared but the command itself, which waits for who shall ask for it."""
    case = CASES[event]
    case.ready(world)
    target, details = case.target(world), case.details(world)
    return lambda who: COMMANDS[event].run(target, by=actor_called(world, who), **details)
