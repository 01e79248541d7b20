"""The crates of jobs, read by the validator of those who keep the profiles: it finds nothing that must be otherwise."""

import json
import subprocess

import pytest

from apps.jobs import crates
from door.python_parts import uv_words
from tests.jobs import crates as arrange

pytestmark = [pytest.mark.long, pytest.mark.slow]
# In an environment of its own, because the validator brings a shape checker, a reasoner and prompts with it.
# rocrate brings the published context along, so that nothing is asked of the network.
READERS = ["roc-validator==0.13.0", "rocrate==0.16.0"]
READ = """
import importlib.resources, json, sys
import requests
from rocrate_validator import services
from rocrate_validator.utils.http import HttpRequester
from rocrate.rocrate import ROCrate

published = requests.Response()
published.status_code = 200
published.headers["Content-Type"] = "application/ld+json"
published._content = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_bytes()
HttpRequester.get = lambda self, address, **more: published
for folder in sys.argv[1:]:
    result = services.validate({
        "rocrate_uri": folder, "profile_identifier": "process-run-crate-0.5", "requirement_severity": "RECOMMENDED",
        "skip_availability_check": True,
    })
    issues = [(str(issue.severity.name), issue.message) for issue in result.get_issues()]
    entities = sorted(entity.id for entity in ROCrate(folder).get_entities())
    print("told:" + json.dumps({"folder": folder, "issues": sorted(set(issues)), "entities": entities}))
"""


def run(words, seconds):
    answer = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr[-3000:]
    return answer.stdout


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A Python that has the validator and nothing of ours: what it finds in a crate, and the entities that it reads."""
    place = tmp_path_factory.mktemp("crates")
    python = str(place / "reader" / "bin" / "python")
    run([*uv_words(), "venv", str(place / "reader")], 300)
    run([*uv_words(), "pip", "install", "--python", python, *READERS], 900)

    def found(content):
        folder = tmp_path_factory.mktemp("crate")
        (folder / crates.NAME).write_bytes(content)
        line = next(
            line for line in run([python, "-c", READ, str(folder)], 300).splitlines() if line.startswith("told:")
        )
        return json.loads(line.removeprefix("told:"))

    return found


@pytest.mark.parametrize("made", [arrange.well_ended, arrange.failed, arrange.gone_on])
def test_the_validator_finds_nothing_that_must_be_otherwise(read, world, host, made):
    content = crates.crate_of(made(world, host), "https://caia.example")
    told = read(content)

    print(told["issues"])
    assert [issue for issue in told["issues"] if issue[0] == "REQUIRED"] == []
    assert set(told["entities"]) == {one["@id"] for one in json.loads(content)["@graph"]}


def test_the_validator_does_find_what_is_wrong(read, world, host):
    whole = json.loads(crates.crate_of(arrange.well_ended(world, host), "https://caia.example"))
    for one in whole["@graph"]:
        one.pop("instrument", None)

    assert any(severity == "REQUIRED" for severity, _ in read(json.dumps(whole).encode())["issues"])
