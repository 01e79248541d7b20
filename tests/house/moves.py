"""Which moves each actor can really make from each state, by asking for them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from apps.core.commands import COMMANDS
from apps.core.errors import NotAllowed, WrongState
from apps.core.machines import MACHINES, Machine
from tests.house.samples import ACTORS, World, undone
from tests.house.source import import_everything
from tests.rules import cases_agreements as agreements
from tests.rules import cases_jobs as jobs
from tests.rules import cases_projects as projects
from tests.rules import cases_workspaces as workspaces
from tests.rules.cases import CASES, SYSTEM, actor_called

import_everything()
WHO = [*(name for name in ACTORS if name != "anonymous"), *SYSTEM]

# The sample row of each machine, ready for moves that ask for more than the state.
ROWS: dict[str, Callable[[World], models.Model]] = {
    "alliance.center": lambda world: world.center,
    "alliance.member": lambda world: world.owner,
    "alliance.trainingtype": lambda world: world.type,
    "alliance.trainingrecord": lambda world: world.submitted,
    "catalog.datasetversion": lambda world: world.catalog.draft,
    "catalog.firstlook": lambda world: world.catalog.look,
    "agreements.templateversion": lambda world: world.agreed.new_words,
    "agreements.agreementversion": lambda world: world.agreed.draft,
    "projects.project": lambda world: world.projects.draft,
    "projects.accessrequest": lambda world: world.projects.asked,
    "projects.amendment": lambda world: world.projects.amendment,
    "jobs.job": lambda world: world.jobs.running,
    "workspaces.run": lambda world: world.workspaces.running,
    "workspaces.workspace": lambda world: world.workspaces.workspace,
}
# What a row also needs to stand in a state, so that the database's constraints hold.
ALSO: dict[tuple[str, str], Callable[[World], dict[str, Any]]] = {
    ("catalog.datasetversion", "published"): lambda world: _published(world),
    ("catalog.datasetversion", "withdrawn"): lambda world: _published(world) | _withdrawn(world),
    ("alliance.trainingrecord", "returned"): lambda world: _decided(world),
    ("alliance.trainingrecord", "accepted"): lambda world: _decided(world),
    ("alliance.trainingrecord", "lapsed"): lambda world: _decided(world),
    ("agreements.templateversion", "published"): agreements.published,
    ("agreements.templateversion", "retired"): agreements.published,
    ("agreements.agreementversion", "out_for_signature"): agreements.out_fields,
    ("agreements.agreementversion", "in_force"): agreements.signed_fields,
    ("agreements.agreementversion", "superseded"): agreements.signed_fields,
    ("agreements.agreementversion", "expired"): agreements.signed_fields,
    ("agreements.agreementversion", "terminated"): agreements.terminated_fields,
    ("projects.project", "submitted"): projects.waiting_fields,
    ("projects.amendment", "submitted"): projects.sent_fields,
    ("projects.amendment", "returned"): projects.came_back_fields,
    ("projects.amendment", "decided"): projects.came_back_fields,
    ("projects.accessrequest", "waiting"): projects.asked_fields,
    ("projects.accessrequest", "replaced"): projects.replaced_fields,
    ("projects.accessrequest", "approved"): projects.approved_fields,
    ("projects.accessrequest", "refused"): projects.refused_fields,
    ("projects.accessrequest", "revoked"): projects.revoked_fields,
    ("jobs.job", "cancelling"): jobs.cancelling_fields,
    ("jobs.job", "succeeded"): jobs.ended_fields,
    ("jobs.job", "failed"): jobs.ended_fields,
    ("jobs.job", "cancelled"): jobs.ended_fields,
    ("workspaces.run", "stopping"): workspaces.stopping_fields,
    ("workspaces.run", "stopped"): workspaces.ended_fields,
    ("workspaces.run", "failed"): workspaces.ended_fields,
    ("workspaces.workspace", "sealed"): workspaces.sealed_fields,
    ("workspaces.workspace", "deleted"): workspaces.sealed_fields,
}
# What a move asks for that its state alone does not bring, such as that the time has come.
FOR_MOVE: dict[tuple[str, str], Callable[[World], object]] = {
    ("projects.project", "start"): projects.approve,
    ("workspaces.workspace", "seal"): workspaces.may_be_sealed,
    ("jobs.job", "dispatch"): jobs.may_start,
    ("agreements.agreementversion", "begin"): agreements.sign_by_both,
    ("agreements.agreementversion", "supersede"): agreements.replace,
    ("agreements.agreementversion", "expire"): agreements.replace,
}

# Commands that are no move by themselves, but from which steps of the machine follow: tried from every state too.
ASKED: dict[str, dict[str, str]] = {
    "projects.accessrequest": {
        "take": "projects.request.taken",
        "let_go": "projects.request.let_go",
        "approve": "projects.request.approved",
        "refuse": "projects.request.refused",
    },
}
# What such a command needs beside the state.
FOR_ASKED: dict[tuple[str, str], Callable[[World], object]] = {
    ("projects.accessrequest", "take"): projects.is_sent,
    ("projects.accessrequest", "let_go"): projects.is_taken,
    ("projects.accessrequest", "approve"): projects.is_sent,
    ("projects.accessrequest", "refuse"): projects.is_sent,
}


def _decided(world: World) -> dict[str, Any]:
    """Decided by another manager, and over, so that the clock finds something to close."""
    over = timezone.now().date() - timedelta(days=1)
    return {"decided_at": timezone.now(), "decided_by": world.members["center_manager"], "valid_until": over}


def _published(world: World) -> dict[str, Any]:
    return {"published_at": timezone.now(), "published_by": world.members["data_steward"]}


def _withdrawn(world: World) -> dict[str, Any]:
    return {"withdrawn_at": timezone.now(), "withdrawn_by": world.members["data_steward"], "reason": "For the test."}


def stand(world: World, label: str, state: str) -> models.Model:
    """The machine's sample row, put into this state."""
    assert label in ROWS, f"{label} has a machine and no sample row: add one to ROWS in tests/house/moves.py."
    row = ROWS[label](world)
    also = ALSO.get((label, state), lambda _: {})(world)
    manager = type(row)._base_manager
    manager.filter(pk=row.pk).update(status=state, **also)
    return manager.get(pk=row.pk)


def made_by(world: World, machine: Machine, label: str, state: str) -> dict[str, tuple[list[str], list[str]]]:
    """For each actor the moves that went through, and those that open_to() says are open.

    The row stands in its state once; what each tries is undone before the next one tries it.
    """
    made: dict[str, list[str]] = {who: [] for who in WHO}
    with undone():
        row = stand(world, label, state)
        shown = {who: _shown(world, machine, row, who) for who in WHO}
        for name, step in machine.moves.items():
            with undone():
                if state in step.sources and (label, name) in FOR_MOVE:
                    FOR_MOVE[label, name](world)
                for who in _who_may(world, step.event, row, state, target=step.target):
                    made[who].append(name)
    return {who: (made[who], shown[who]) for who in WHO}


def asked_by(world: World, label: str, state: str) -> dict[str, list[str]]:
    """For each actor the commands that went through from which steps of this machine follow."""
    heard: dict[str, list[str]] = {who: [] for who in WHO}
    with undone():
        row = stand(world, label, state) if label in ASKED else None
        for name, event in ASKED.get(label, {}).items():
            with undone():
                FOR_ASKED[label, name](world)
                for who in _who_may(world, event, row, state):
                    heard[who].append(name)
    return heard


def can(world: World, machine: Machine, label: str, state: str) -> dict[str, list[str]]:
    """All that each actor can do from this state: moves, and what steps follow from."""
    made, heard = made_by(world, machine, label, state), asked_by(world, label, state)
    return {who: [*made[who][0], *heard[who]] for who in WHO}


def _shown(world: World, machine: Machine, row: models.Model, who: str) -> list[str]:
    again = type(row)._base_manager.get(pk=row.pk)
    return [name for name, decision in machine.open_to(actor_called(world, who), again).items() if decision]


def _who_may(world: World, event: str, row: Any, state: str, *, target: str = "") -> list[str]:
    """Those with whom the command goes through; with the others nothing changes.

    A background duty is tried with its own commands alone: test_machines.py shows once that the gate refuses it others.
    """
    there, found = type(row)._base_manager, []
    for who in (one for one in WHO if one not in SYSTEM or event in SYSTEM[one].may):
        with undone():
            details = CASES[event].details(world)
            try:
                COMMANDS[event].run(there.get(pk=row.pk), by=actor_called(world, who), **details)
            except (NotAllowed, WrongState):
                assert there.get(pk=row.pk).status == state
                continue
            assert there.get(pk=row.pk).status == target or not target
            found.append(who)
    return found


def table(world: World) -> list[dict[str, object]]:
    """One row for each machine and state: actor → what they can do."""
    return [
        {"machine": label, "state": state}
        | {who: " ".join(moves) for who, moves in can(world, machine, label, state).items()}
        for label, machine in MACHINES.items()
        for state in machine.states
    ]
