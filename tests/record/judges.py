"""Both verifiers, each one process for many bundles, and what they say."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_VENV_NODE = Path(sys.executable).with_name("node")
NODE = str(_VENV_NODE) if _VENV_NODE.exists() else shutil.which("node") or "node"
PYTHON_VERIFIER = [sys.executable, "-I", str(ROOT / "verifier" / "caia_verify.py")]
NODE_VERIFIER = [NODE, str(ROOT / "verifier" / "verify.mjs")]


class Judge:
    """One verifier in its batch mode."""

    def __init__(self, words):
        self._process = subprocess.Popen(
            [*words, "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, path, **more):
        self._process.stdin.write(json.dumps({"path": str(path), **more}) + "\n")
        self._process.stdin.flush()

    def answer(self):
        line = self._process.stdout.readline()
        assert line, "the verifier died"
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(10) == 0


class Judges:
    """The two verifiers; they must agree, and `judge` gives their common answer."""

    def __init__(self, folder):
        self._folder = folder
        self._both = [Judge(PYTHON_VERIFIER), Judge(NODE_VERIFIER)]
        self._count = 0

    def judge(self, content, *, trust=None, seen=(), slack=None):
        """The report on these bytes; `trust` is JSON, each of `seen` a text."""
        more = {"seen": [str(self._file(text.encode())) for text in seen]}
        if trust is not None:
            more["trust"] = str(self._file(json.dumps(trust).encode()))
        if slack is not None:
            more["slack"] = slack
        path = self._file(content)
        for one in self._both:
            one.ask(path, **more)
        python, node = (one.answer() for one in self._both)
        assert essence(python) == essence(node), f"they differ on {path}:\n{python}\n{node}"
        for file in (path, *more["seen"], *([more["trust"]] if trust is not None else [])):
            Path(file).unlink()
        return python

    def _file(self, content):
        self._count += 1
        path = self._folder / str(self._count)
        path.write_bytes(content)
        return path

    def close(self):
        for one in self._both:
            one.close()


def essence(report):
    """What both must say alike: the verdict, the first bad event, and which things do not hold, in order."""
    found = [(one["code"], one["index"]) for one in report["findings"]]
    return report["exit"], report["first_bad_index"], found, report.get("entries"), report.get("root")


def codes(report):
    return [one["code"] for one in report["findings"]]
