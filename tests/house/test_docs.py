"""Rule 6: what is generated from the code is what lies in the repository."""

import pytest

from apps.home.management.commands.generate_docs import generated
from caia_portal.environment import VARIABLES
from tests.house import tables
from tests.house.source import ROOT

FILES = [
    "docs/generated/access.md",
    "docs/generated/machines.md",
    "docs/generated/commands.md",
    "docs/generated/events.md",
    ".env.example",
]


def test_the_list_of_generated_files_is_whole():
    assert sorted(generated()) == sorted(FILES)
    assert {f"docs/generated/{path.name}" for path in (ROOT / "docs/generated").iterdir()} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_generated_file_is_current(name):
    assert (ROOT / name).read_text(encoding="utf-8") == generated()[name], f"{name} is stale. {tables.RENEW}"


def test_the_example_of_an_environment_names_each_variable_once_with_its_meaning():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for variable in VARIABLES:
        assert text.count(f"{variable.name}=") == 1
        assert variable.meaning in text
