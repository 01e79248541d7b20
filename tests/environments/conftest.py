"""The built environment, and notebooks run in it as nobody in particular, with nothing of ours around them."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from door.home import REPO
from tests.environments.known import PNG_ENDS

NOTEBOOKS = REPO / "examples" / "notebooks"
_SECONDS_A_CELL = 120


@dataclass(frozen=True)
class Run:
    """A notebook that ran to its end: its cells with their outputs, and the folder that it wrote to."""

    cells: list[dict[str, Any]]
    results: Path

    @property
    def printed(self) -> Any:
        """What its last cell printed, read as JSON."""
        (output,) = self.cells[-1]["outputs"]
        return json.loads("".join(output["text"]))

    @property
    def complaints(self) -> list[str]:
        """What its cells wrote to standard error: warnings that a reader would stumble over."""
        outputs = [output for cell in self.cells for output in cell.get("outputs", [])]
        return ["".join(output["text"]) for output in outputs if output.get("name") == "stderr"]

    @property
    def pictures(self) -> set[str]:
        """The pictures that it left, those that are whole PNG files."""
        return {path.name for path in self.results.glob("*.png") if path.read_bytes().endswith(PNG_ENDS)}


@pytest.fixture
def run_notebook(environment: Path, tmp_path: Path) -> Callable[[str], Run]:
    """`run_notebook("ehr")` runs it against examples/data, in a home and with results of its own."""

    def run(name: str) -> Run:
        home, results, out = tmp_path / "home", tmp_path / "results", tmp_path / "out"
        home.mkdir()
        words = [environment / "bin" / "python3", "-m", "nbconvert", "--to", "notebook", "--execute"]
        words += [f"--ExecutePreprocessor.timeout={_SECONDS_A_CELL}", "--output-dir", out, NOTEBOOKS / f"{name}.ipynb"]
        around = {"PATH": os.defpath, "HOME": home, "DATA": REPO / "examples" / "data", "RESULTS": results}
        around["PYTHONDONTWRITEBYTECODE"] = "1"  # root may write where a workspace may not
        answer = subprocess.run(words, env=around, capture_output=True, text=True, check=False, timeout=300)
        assert answer.returncode == 0, answer.stderr[-4000:]
        return Run(json.loads((out / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"], results)

    return run
