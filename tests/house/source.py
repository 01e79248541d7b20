"""The code as text and as modules, for rules about the code itself."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

import apps

ROOT = Path(settings.BASE_DIR)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Module:
    """One file of ours: its path from the root, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return Path(self.path).stem

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        yield from (node for node in ast.walk(self.tree) if isinstance(node, FUNCTIONS))

    def classes(self) -> Iterator[ast.ClassDef]:
        yield from (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def doc(self) -> str:
        return ast.get_docstring(self.tree) or ""

    def around(self, node: ast.AST) -> str:
        """The innermost function or class that holds this node, as path::name; where a list of exceptions names it."""
        holders = [
            found
            for found in ast.walk(self.tree)
            if isinstance(found, (*FUNCTIONS, ast.ClassDef)) and found.lineno <= node.lineno <= (found.end_lineno or 0)
        ]
        return f"{self.path}::{max(holders, key=lambda found: found.lineno).name if holders else ''}"


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Our Python files below these folders, without migrations."""
    found = []
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in file.parts:
                text = file.read_text(encoding="utf-8")
                found.append(Module(str(file.relative_to(ROOT)), text, ast.parse(text)))
    return tuple(found)


def import_everything() -> None:
    """Load every module of the apps, so that every command, machine and task is registered."""
    for found in pkgutil.walk_packages(apps.__path__, "apps."):
        if ".migrations" not in found.name:
            importlib.import_module(found.name)
