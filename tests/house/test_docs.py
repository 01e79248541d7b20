"""Rule 6: what is generated from the code is what lies in the repository."""

import re

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


# ── What people write names what is there ────────────────────────────────────────────────────────────────────────────

CELL = 4  # of a row of threats: "test that tries it"; rows open with a number such as T4
NUMBERED = re.compile(r"^\| ([A-Z]\d+) \|")
PATHS = re.compile(r"`((?:\w+/)*(?:test_\w+\.py|\w+/))`")
LINKS = re.compile(r"\]\((?!https?:|mailto:|#|/)([^)#\s]+)")
THREATS = [
    line for line in (ROOT / "docs/threat-model.md").read_text(encoding="utf-8").splitlines() if NUMBERED.match(line)
]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("verifier/*.md")})


def test_each_threat_has_a_number_of_its_own():
    numbers = [row.split("|")[1].strip() for row in THREATS]
    assert len(numbers) > 50
    assert sorted(numbers) == sorted(set(numbers))


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row.split("|")[1].strip())
def test_the_tests_that_a_threat_names_exist(row):
    folder = ROOT
    for name in PATHS.findall(row.split("|")[CELL]):
        place = ROOT / name if "/" in name else folder / name  # a bare name lies beside the one before it
        assert place.exists(), f"the threat model names {name}, which is not there"
        folder = place.parent


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    gone = [to for to in LINKS.findall(page.read_text(encoding="utf-8")) if not (page.parent / to).exists()]
    assert gone == []
