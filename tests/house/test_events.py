"""Rule 2 for the record: an event that stands in no catalogue can't be written, and every one in it can."""

import ast
import re

import pytest

from apps.audit.own import OWN
from apps.core.actors import Nobody
from apps.core.commands import COMMANDS
from apps.core.decisions import YES
from apps.core.events import EVENTS, Kind, read
from apps.core.reads import demand_read, record_read
from apps.core.sightings import record_sighting
from apps.home.event_table import fields_told, noted, own_lines
from tests.house.source import ROOT, modules

from tests.house.source import import_everything  # isort: skip

import_everything()
APPS = modules("apps")
EVENT = re.compile(r"(agreements|alliance|audit|core|home)(\.[a-z_]+){2,}")
WRITERS = {"record_read", "demand_read", "record_sighting", "saw"}


def catalogue():
    text = (ROOT / "docs/generated/events.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE)


def test_the_catalogue_has_each_event_of_the_code_once():
    assert sorted(catalogue()) == sorted([*COMMANDS, *EVENTS, *OWN])


def test_every_name_of_an_event_in_the_code_is_in_the_catalogue():
    named = {
        (f"{module.path}:{node.lineno}", node.value)
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and EVENT.fullmatch(node.value)
    }
    assert len(named) > 40
    assert {one for one in named if one[1] not in catalogue()} == set()


def test_no_part_names_a_read_or_a_sighting_but_by_its_declaration():
    """A name written out where it is used could drift from the one that is declared."""
    calls = [
        (module, node)
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in WRITERS
    ]
    assert len(calls) > 15
    spelled = [module.around(call) for module, call in calls if not isinstance(call.args[0], ast.Name | ast.Attribute)]
    assert spelled == []


def test_every_declared_event_is_written_by_somebody():
    declared = {
        target.id
        for module in APPS
        if module.name == "events" and "core" not in module.path
        for node in module.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    }
    assert len(declared) == len(EVENTS)
    assert declared - used == set()


def test_the_records_own_lines_are_those_of_the_notary_and_the_migrations():
    assert set(own_lines()) == set(OWN)


def test_only_the_kernel_writes_into_the_record():
    """So the checks of commands, reads and sightings can't be walked around inside the portal."""
    importers = {
        module.path
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and any((node.module, name.name) in _WAYS_IN for name in node.names)
    }
    assert importers == {
        "apps/core/commands.py",
        "apps/core/reads.py",
        "apps/core/recording.py",
        "apps/core/sightings.py",
    }


_WAYS_IN = {("apps.core.recording", "record"), ("apps.audit.services", "record"), ("apps.audit", "services")}


class Thing:
    """Stands for a row of the model of this label."""

    def __init__(self, label):
        self._meta = type("Meta", (), {"label_lower": label})


@pytest.mark.parametrize(
    ("event", "label"),
    [
        ("alliance.member.admired", "alliance.member"),
        ("alliance.session.opened", "alliance.member"),
        ("audit.record.viewed", "alliance.member"),
    ],
    ids=["not declared", "declared as a sighting", "declared about something else"],
)
def test_an_undeclared_read_is_never_written(event, label):
    with pytest.raises(ValueError, match="not declared"):
        record_read(event, by=Nobody(), target=Thing(label))
    with pytest.raises(ValueError, match="not declared"):
        demand_read(event, YES, by=Nobody(), target=Thing(label))


def test_an_undeclared_sighting_is_never_written():
    with pytest.raises(ValueError, match="not declared"):
        record_sighting("audit.record.viewed", by=Nobody(), target=Thing("alliance.center"))


def test_an_event_is_declared_once():
    with pytest.raises(ValueError, match="Two declarations"):
        read("audit.record.viewed", "Looked", attempt="look", when="Again.", about="alliance.center")
    assert EVENTS["audit.record.viewed"].kind is Kind.READ


def test_the_fields_are_found_near_and_far():
    assert noted(COMMANDS["alliance.grant.given"]) == ["ends_at", "member", "role"], "in a function that it calls"
    assert noted(COMMANDS["alliance.member.suspended"]) == ["from", "sessions_ended", "to"], "in the machine around it"
    assert fields_told()["alliance.session.refused"] == ["center", "error"], "through a function that passes it on"
    assert "holds" in fields_told()["audit.record.verified"]
