"""The gateway stands alone: no app, no Django, of others only its way to speak HTTP; typed, and bound by a contract."""

import ast
import sys
import tomllib

from tests.house.source import ROOT, modules

THEIRS = {"aiohttp", "multidict", "yarl"}  # aiohttp, and its words for headers and addresses
SECRETS = ("token", "verifier")


def imported():
    for module in modules("gateway"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from ((module.path, name.name.split(".")[0]) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield module.path, f"{node.module}".split(".")[0]


def test_the_gateway_imports_nothing_of_ours():
    assert {name for _, name in imported()} - sys.stdlib_module_names - {"gateway"} == THEIRS


def test_every_file_of_the_gateway_is_typed_and_bound_by_a_contract():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

    assert "gateway" in tools["mypy"]["files"]
    assert "gateway" in tools["importlinter"]["root_packages"]
    assert ["gateway"] in [contract.get("source_modules") for contract in tools["importlinter"]["contracts"]]


def test_a_secret_is_in_no_printed_record():
    """Each field that holds one says repr=False."""
    for module in modules("gateway"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in SECRETS:
                assert "repr=False" in ast.unparse(node), f"{module.path}:{node.lineno}"
