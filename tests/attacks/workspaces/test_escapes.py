"""E01 to E39 of security.md as a researcher tries them from a notebook, with the addresses and paths of a real portal.

The broker and the object storage (E67, E68) are among the addresses. A probe that could not be tried counts as failed.
That the probes can ring is shown in tests/attacks/sandbox.
"""

import os
from pathlib import Path

import pytest

from tests.attacks.sandbox.inside import PROBES
from tests.attacks.workspaces.ground import DATA, NOTES, THEIR_DATA
from tests.live.site import until

pytestmark = [pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

# What the kernel at hand can't enforce, and why: each is told here, asserted below, and never skipped.
OPEN = {
    "E38": "code from memory runs: a notebook may run any code, what counts is what the code reaches",
}


def test_no_escape_works_and_nobody_outside_heard_of_one(ground, attacked):
    """All at once, in one workspace, with another member's beside it: what is open is told with what it said."""
    opened = {number: told["said"] for number, told in attacked.said.items() if told["open"]}

    assert opened == {}
    assert sorted(attacked.said) == sorted(PROBES)
    assert attacked.said["E38"]["said"] == "7", OPEN["E38"]
    assert attacked.heard == []
    _tried_what_is_really_there(ground, attacked.facts)
    _left_everything_as_it_was(ground, attacked.data)


def _tried_what_is_really_there(ground, facts):
    """Else a probe would prove that something is closed which does not exist."""
    assert len(facts["tcp"]) > 15
    assert len(facts["launcher_secrets"]) > 12
    assert all(Path(path).exists() for path in facts["socket_files"])
    both = [folder for folder, _ in map(ground.notes, (ground.lab, ground.their_lab))]
    of_both = [Path(path).name for path in facts["socket_files"] if any(run in Path(path).parents for run in both)]
    assert {name: of_both.count(name) for name in ("server.sock", "control.sock")} == {
        "server.sock": 2,
        "control.sock": 2,
    }
    assert any(path.endswith("host.sock") for path in facts["socket_files"])
    assert all(os.path.exists(path) for path in facts["foreign"] if not path.startswith("/data/"))
    assert all(os.path.exists(path) for path in facts["secrets"] if path.startswith(str(ground.site.place)))
    assert facts["foreign"][0] == f"/data/{THEIR_DATA}"
    assert ground.their_lab.execute(f"import os; print(os.listdir('/data/{THEIR_DATA}'))").text


def _left_everything_as_it_was(ground, data):
    """The data byte for byte (E17), the neighbour's files and kernel, the portal."""
    assert len(data) >= 4
    now = ground.data()
    assert {path: now.get(path) for path in data} == data
    told = ground.their_lab.execute(
        "print([open(f'{folder}notes-of-julia.txt').read() for folder in ('', '/shared/', '/results/')])"
    )
    assert told.text == f"{[NOTES] * 3}\n"
    shown = ground.lab.execute(f"import os; print(sorted(os.listdir('/data/{DATA}')), os.listdir('/shared'))")
    assert shown.text == "['LICENSE.txt', 'README.md', 'gbsg2.csv'] []\n"
    until(lambda: ground.site.status()["is_ready"], 30, "the portal is as it was")
