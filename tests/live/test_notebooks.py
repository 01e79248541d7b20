"""The starter notebooks, cell by cell in a workspace through the Hub, on the data as it is mounted there."""

import json
from dataclasses import dataclass, field

import pytest

from door.home import REPO
from tests.environments.known import KNOWN, PNG_ENDS
from tests.live.lab import Lab

pytestmark = [pytest.mark.long, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]
DATA = {
    "ehr": ("ehr-alliance-gbsg2", "ehr-alliance-ncctg-lung"),
    "pathology": ("pathology-fred-hutch-cmu1-small-region-svs", "pathology-msk-colorectal-he-tiles"),
    "radiology": ("radiology-msk-lidc-idri-chest-ct",),
    "genomics": (
        "genomics-dana-farber-hcc1395-vcf", "genomics-dana-farber-hcc1395-rna-bam", "genomics-msk-luad-2017",
        "genomics-johns-hopkins-khan-srbct",
    ),
}  # fmt: skip
WHOLE = f"""
from pathlib import Path
print(*(path.name for path in Path("/results").glob("*.png") if path.read_bytes().endswith({PNG_ENDS!r})))
"""


@dataclass
class Run:
    """As tests/environments/known.py asks for it."""

    printed: object = None
    complaints: list[str] = field(default_factory=list)
    pictures: set[str] = field(default_factory=set)


def ran_in(lab: Lab, name: str) -> Run:
    """All cells of a notebook in one kernel."""
    cells = json.loads((REPO / "examples" / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    run = Run()
    with lab.kernel() as kernel:
        for cell in cells:
            if cell["cell_type"] == "code":
                ran = kernel.execute("".join(cell["source"]))
                assert not ran.error, ran.error
                run.complaints += [ran.complaint] if ran.complaint else []
        run.printed = json.loads(ran.text)
        run.pictures = set(kernel.execute(WHOLE).text.split())
    return run


@pytest.mark.parametrize("name", DATA)
def test_a_notebook_comes_to_what_is_known_in_a_workspace(site, name):
    project = site.project("Rosa Jimenez", *DATA[name])
    rosa = site.person("Rosa Jimenez")
    with rosa.at_work(project) as lab:
        KNOWN[name](ran_in(lab, name))
