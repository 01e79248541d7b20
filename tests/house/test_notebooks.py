"""The starter notebooks hold code and words and nothing that a run left; each is made for somebody who starts."""

import ast
import json
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.house.source import ROOT

NOTEBOOKS = sorted((ROOT / "examples").rglob("*.ipynb"))
MODALITIES = {"ehr", "pathology", "radiology", "genomics"}
LONGEST_CELL = 20  # but for the last, which lists the results
# What a notebook imports, by the name of the package that brings it.
BROUGHT_BY = {"sklearn": "scikit-learn", "skimage": "scikit-image", "PIL": "pillow", "openslide": "openslide-python"}
CLEAR = "clear it: <environment>/bin/python3 -m nbconvert --clear-output --inplace <notebook>"


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _code(path):
    return ["".join(cell["source"]) for cell in _read(path)["cells"] if cell["cell_type"] == "code"]


def test_there_is_one_notebook_for_each_kind_of_data():
    assert {path.stem for path in NOTEBOOKS} == MODALITIES
    folders = {path.name.partition("-")[0] for path in (ROOT / "examples" / "data").iterdir()}
    assert folders == MODALITIES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_holds_no_outputs_and_no_counts(path):
    left = [
        cell["id"]
        for cell in _read(path)["cells"]
        if cell.get("outputs") or cell.get("execution_count") is not None or cell["metadata"] or cell.get("attachments")
    ]
    assert left == [], CLEAR


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_nothing_of_the_machine_it_was_written_on(path):
    book = _read(path)

    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert book["metadata"] == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_cells_are_small_and_each_section_has_words(path):
    cells = _read(path)["cells"]

    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith("# ")
    assert {cell["id"] for cell in cells[:-1] if len(cell["source"]) > LONGEST_CELL} == set()
    words = sum(cell["cell_type"] == "markdown" for cell in cells)
    assert words >= len(cells) / 3, "say more between the cells"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_reads_datasets_that_it_names_and_writes_only_results(path):
    text = "\n".join(_code(path))
    words = "".join("".join(cell["source"]) for cell in _read(path)["cells"] if cell["cell_type"] == "markdown")
    read = {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (ROOT / "examples" / "data" / node.value).is_dir() and "-" in node.value
    }

    assert read != set()
    assert {name for name in read if f"`{name}`" not in words} == set(), "name each dataset at the top"
    assert 'Path(os.environ.get("DATA", "/data"))' in text
    assert 'Path(os.environ.get("RESULTS", "/results"))' in text
    assert f'(RESULTS / "{path.stem}.json").write_text(' in _code(path)[-1]
    assert _code(path)[-1].rstrip().endswith("print(summary)"), "the last cell prints the known results"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_imports_only_what_the_environment_promises(path):
    project = tomllib.loads((ROOT / "environments/python-cancer/pyproject.toml").read_text())["project"]
    promised = {Requirement(line).name for line in project["dependencies"]} | set(sys.stdlib_module_names)
    imported = set()
    for node in ast.walk(ast.parse("\n".join(_code(path)))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])

    assert {name for name in imported if BROUGHT_BY.get(name, name) not in promised} == set()
