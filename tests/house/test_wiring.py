"""Rule 3: nothing is declared and left unused, and every name leads somewhere."""

import ast
import re

from celery import current_app
from django.apps import apps
from django.conf import settings

from apps.core.actors import SYSTEM_ACTORS
from apps.core.commands import COMMANDS
from apps.core.events import EVENTS
from caia_portal.environment import VARIABLES
from tests.house.source import modules

from tests.house.source import import_everything  # isort: skip

import_everything()
APPS = modules("apps")
OURS = "|".join(sorted(one.label for one in apps.get_app_configs() if one.name.startswith("apps.")))


def test_every_policy_is_used_by_a_command_a_machine_or_a_page():
    policies = {
        node.name
        for module in APPS
        if module.name == "policies" or "/policies/" in module.path
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert policies
    assert {name for name in policies if _uses(name) == 0} == set()


def _uses(name: str) -> int:
    """How often the code refers to it; a definition is no reference."""
    return sum(
        (isinstance(node, ast.Attribute) and node.attr == name) or (isinstance(node, ast.Name) and node.id == name)
        for module in APPS
        for node in ast.walk(module.tree)
    )


def test_policies_answer_a_question():
    for module in APPS:
        if module.name == "policies":
            for node in module.functions():
                assert node.name.startswith(("may_", "is_", "_")), f"{module.path}::{node.name}"


def test_every_command_that_a_system_actor_may_ask_for_exists():
    named = {event for actor in SYSTEM_ACTORS.values() for event in actor.may}

    assert named - set(COMMANDS) == set()


def test_every_command_of_the_system_alone_has_a_system_actor():
    alone = {event for event, registered in COMMANDS.items() if registered.policy.__name__ == "only_the_system"}

    assert alone - {event for actor in SYSTEM_ACTORS.values() for event in actor.may} == set()


def test_every_event_that_a_page_asks_about_is_a_command():
    """`may("…", …)` and `demand("…", …)` would only fail when somebody opens the page."""
    asked = {
        node.args[0].value
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"may", "demand"}
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    given = {
        node.value
        for module in APPS
        if "/views" in module.path
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and re.fullmatch(rf"({OURS})\.[a-z_]+\.[a-z_]+", str(node.value))
    }
    assert asked
    assert asked - set(COMMANDS) == set()
    assert given - set(COMMANDS) - set(EVENTS) == set()


def test_every_name_given_to_later_is_a_registered_task():
    calls = [
        node
        for module in APPS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "later"
    ]
    assert calls
    assert [ast.unparse(call) for call in calls if not isinstance(call.args[0], ast.Constant)] == []
    assert {call.args[0].value for call in calls} - set(current_app.tasks) == set()


def test_every_beat_entry_is_a_registered_task():
    asked = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert asked - set(current_app.tasks) == set()


def test_every_task_of_ours_is_sent_by_somebody():
    ours = {name for name in current_app.tasks if re.match(rf"({OURS})\.", name)}
    assert {name.split(".")[0] for name in ours} >= {"agreements", "alliance", "catalog", "core", "home", "projects"}
    text = "".join(module.text for module in modules("apps", "caia_portal"))

    assert {name for name in ours if text.count(f'"{name}"') < 2} == set(), "named once, where it is defined"


def test_every_variable_of_the_environment_is_read():
    text = "".join(module.text for module in modules("caia_portal"))

    assert {v.name for v in VARIABLES if not re.search(rf'(ENV|self)\["{v.name}"\]', text)} == set()


def test_the_environment_is_read_in_one_place():
    readers = {
        module.path
        for module in modules("apps", "caia_portal")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    }
    assert readers <= {"caia_portal/environment.py", "caia_portal/asgi.py", "caia_portal/celery.py"}
