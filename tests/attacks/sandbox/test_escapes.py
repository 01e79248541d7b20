"""E01 to E39 of security.md, 5.1 to 5.3, as a program inside a sandbox tries them, for real.

A probe that could not be tried counts as failed. `test_the_probes_can_ring` shows that they work where no sandbox is.
"""

import pytest

from tests.attacks.sandbox.conftest import SECRET
from tests.attacks.sandbox.inside import PROBES

pytestmark = pytest.mark.slow

NETWORK = ["E01", "E02", "E03", "E04", "E05", "E06", "E07", "E08", "E09", "E10", "E11", "E12", "E13"]
FILES = ["E15", "E16", "E17", "E18", "E19", "E20", "E21", "E22", "E23", "E24", "E25", "E26"]
KERNEL = ["E27", "E28", "E29", "E30", "E31", "E33", "E34", "E35", "E36", "E37", "E39"]
ALLOWED = ["E38"]  # code from memory: a notebook may run any code anyway


@pytest.mark.parametrize("number", NETWORK + FILES + KERNEL)
def test_an_escape_fails(attacked, number):
    assert not attacked.said[number]["open"], f"{number}: {attacked.said[number]['said']}"


def test_every_probe_is_judged():
    assert sorted(NETWORK + FILES + KERNEL + ALLOWED) == sorted(PROBES)


def test_no_canary_outside_heard_anything(attacked):
    assert attacked.heard == []


def test_the_data_are_unchanged(ground, attacked):
    place, _, _ = ground
    assert (place.root / "data/secret-study/rows.csv").read_text() == "id,age\nCANARY-7f3a,61\n"
    assert sorted(path.name for path in (place.root / "data/secret-study").iterdir()) == ["rows.csv"]


def test_no_secret_of_the_launcher_was_printed(attacked):
    assert SECRET not in attacked.words


def test_e38_code_from_memory_runs_as_documented(attacked):
    """A notebook may run any code; what counts is what the code can reach."""
    assert attacked.said["E38"] == {"open": False, "said": "7"}


def test_the_probes_can_ring(bare):
    """The same probes by an ordinary account without a sandbox: what they look for is really there."""
    closed = {number: told["said"] for number, told in bare.said.items() if not told["open"]}

    assert closed == {}
    assert len(bare.heard) >= 3
    assert all(way in bare.said["E31"]["said"] for way in ("/mem worked: 7", "ptrace worked"))
