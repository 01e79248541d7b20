"""Rule 3, the matrix of section 7, and E60: states, moves, constraints and drawings say the same."""

import re

import pytest
from django.apps import apps
from django.db import connection

from apps.alliance.models import Alliance
from apps.core.actors import SystemActor
from apps.core.commands import COMMANDS, may
from apps.core.machines import MACHINES
from tests.house import tables
from tests.house.moves import ASKED, WHO, asked_by, made_by
from tests.house.samples import World
from tests.house.source import import_everything
from tests.rules.cases import SYSTEM

import_everything()
STATED = {(row["machine"], row["state"]): row for row in tables.read(tables.MOVES)}
STATES = [(label, state) for label, machine in sorted(MACHINES.items()) for state in machine.states]


def test_moves_csv_names_every_state_and_no_other():
    assert set(STATED) == set(STATES), tables.RENEW


@pytest.mark.slow
@pytest.mark.parametrize(("label", "state"), STATES, ids=lambda word: word)
def test_from_a_state_each_actor_makes_just_the_moves_of_moves_csv(world: World, label: str, state: str):
    machine = MACHINES[label]
    tried, heard = made_by(world, machine, label, state), asked_by(world, label, state)
    for who in WHO:
        (made, shown), asked = tried[who], heard[who]
        assert [*made, *asked] == STATED[label, state][who].split(), f"{who}, {label} {state}. {tables.RENEW}"
        assert shown == made, f"the page shows {who} other moves of {label} {state} than the gate lets through"


@pytest.mark.parametrize("duty", SYSTEM.values(), ids=lambda duty: duty.name)
def test_the_gate_lets_a_duty_do_what_is_on_its_list_and_nothing_else_whatever_it_is_about(duty: SystemActor):
    assert {event for event in COMMANDS if may(event, duty, Alliance())} == duty.may


@pytest.mark.parametrize("label", sorted(ASKED))
def test_what_steps_follow_from_is_the_owners_stewards_and_only_while_it_waits(label: str):
    """Whoever waits for a word reads in the table whose it is; the steps that follow are of this machine."""
    for state in MACHINES[label].states:
        told = {who: set(STATED[label, state][who].split()) & set(ASKED[label]) for who in WHO}
        heard = {who for who, names in told.items() if names}
        assert heard == ({MACHINES[label].waits_for[state]} if state == "waiting" else set()), state
    assert {"approve", "refuse"} <= set(MACHINES[label].follows)


@pytest.mark.parametrize("label", sorted(MACHINES))
def test_every_state_is_reached_and_is_left_or_is_an_end(label: str):
    machine = MACHINES[label]
    steps = [*machine.moves.values(), *machine.follows.values()]
    reached = {machine.start, *(step.target for step in steps)}

    assert reached == set(machine.states)
    assert set(machine.waits_for) == set(machine.states), "each state says whose turn it is"
    assert all(step.sources <= set(machine.states) for step in steps)


@pytest.mark.parametrize("label", sorted(MACHINES))
def test_every_move_is_a_command(label: str):
    for name, step in MACHINES[label].moves.items():
        assert step.event in COMMANDS, f"the move {name} of {label} has no service function"
        assert COMMANDS[step.event].policy is step.who
        assert COMMANDS[step.event].fresh == step.fresh


@pytest.mark.parametrize("label", sorted(MACHINES))
def test_the_database_knows_the_same_states(db: None, label: str):
    table = MACHINES[label].model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass", [table])
        definitions = [words for (words,) in cursor.fetchall()]
    known = [
        set(re.findall(r"'(\w+)'", words))
        for words in definitions
        if re.match(r"CHECK \(.*\bstatus\)*::text = ANY", words)
    ]

    assert set(MACHINES[label].states) in known
    assert all(states <= set(MACHINES[label].states) for states in known), "others say what goes with some of them"


def test_everything_with_a_status_has_a_machine():
    with_status = {
        model._meta.label_lower
        for model in apps.get_models()
        if model.__module__.startswith("apps.")
        and {"status", "status_at"} <= {part.name for part in model._meta.fields}
    }
    assert with_status == set(MACHINES)
