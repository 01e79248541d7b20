"""Rule 7: who may import whom; the contracts stand in pyproject.toml and lint-imports holds them."""

import re
import subprocess
import sys

import pytest

from tests.house.source import ROOT, modules


@pytest.mark.slow
def test_the_import_contracts_hold():
    command = [str(ROOT / ".venv/bin/lint-imports"), "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stdout[answer.stdout.find("Contracts") :]
    assert " 0 broken" in answer.stdout


def test_every_app_stands_in_the_order_of_apps():
    """A new app that no contract names would be bound by none."""
    ours = {module.path.split("/")[1] for module in modules("apps") if module.path.count("/") > 1}
    text = (ROOT / "pyproject.toml").read_text()
    layers = re.search(r'name = "An app imports only.*?layers = \[(.*?)\]', text, re.DOTALL)

    assert layers
    assert set(re.findall(r"apps\.(\w+)", layers.group(1))) == ours


def test_this_python_is_the_oldest_that_we_promise():
    assert sys.version_info[:2] >= (3, 11)
