"""Every event that the portal can write, as rows for docs/generated/events.md: read from the code."""

import ast
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from django.conf import settings

from apps.audit.own import OWN
from apps.core.commands import COMMANDS, Command, note
from apps.core.drawings import markdown_table
from apps.core.events import EVENTS
from apps.core.reads import record_read
from apps.core.sightings import record_sighting

OWN_SOURCES = ("caia_notary/sequencer.py", "apps/audit/migrations/0001_record.sql")
NO_DETAILS = {"by", "target", "outcome", "reason"}  # parameters of the writers that have a place of their own


def events_table() -> str:
    """One row for each event: name, when, kind, what it is about, and the fields that its details can hold."""
    told = fields_told()
    rows = [
        *(
            [_code(name), one.doc.split("\n")[0], "write", _about(one), _codes(noted(one))]
            for name, one in COMMANDS.items()
        ),
        *(
            [_code(name), one.when, one.kind.value, _codes(one.about), _codes(told.get(name, ()))]
            for name, one in EVENTS.items()
        ),
        *([_code(name), OWN[name], "the record's own", "", _codes(fields)] for name, fields in own_lines().items()),
    ]
    headings = ["event", "when", "kind", "about", "fields of details"]
    return markdown_table(headings, sorted(rows, key=lambda row: row[0].strip("`")))


def own_lines() -> dict[str, list[str]]:
    """Names and fields of the lines that the notary and the migrations write, from their sources."""
    found = {}
    for path in OWN_SOURCES:
        text = (settings.BASE_DIR / path).read_text(encoding="utf-8")
        for line in re.findall(r'\{[^{}]*"kind": ?"audit\.[^{}]*\}', text):
            fields = re.findall(r'"(\w+)": ?', line)
            name = re.findall(r'"kind": ?"([a-z.]+)"', line)[0]
            found[name] = sorted({*fields} - {"kind", "occurred_at", "v"})
    return found


# ── What a command notes ─────────────────────────────────────────────────────────────────────────────────────────────
def noted(command: Command) -> list[str]:
    """The keywords of note() in the command's work, in the machine around it, and in the functions that it calls."""
    found: set[str] = set()
    for function in _reached(_layers(command.run)):
        for call in _calls(_tree_of(function)):
            if _meant(call.func, function.__globals__) is note:
                found |= set(_keywords(call))
    return sorted(found)


def _layers(run: Callable[..., Any]) -> Iterator[FunctionType]:
    """What the gate wraps: a move of a machine wraps the service function once more."""
    inner = getattr(run, "__wrapped__", None)
    while inner is not None:
        yield inner
        inner = getattr(inner, "__wrapped__", None)


def _reached(start: Iterable[FunctionType]) -> Iterator[FunctionType]:
    """These functions of ours and those that they call by name, near and far. note() itself leads nowhere."""
    waiting, seen = list(start), {note}
    for function in waiting:  # grows as it goes
        if function not in seen:
            seen.add(function)
            yield function
            called = (_meant(call.func, function.__globals__) for call in _calls(_tree_of(function)))
            waiting += [one for one in called if isinstance(one, FunctionType) and one.__module__.startswith("apps.")]


@cache
def _tree_of(function: FunctionType) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))


# ── What reads and sightings tell ────────────────────────────────────────────────────────────────────────────────────
def fields_told() -> dict[str, list[str]]:
    """Each event of a read or a sighting → the keywords with which some part of the portal tells it."""
    found: dict[str, set[str]] = {}
    writers = _writers()
    for module in _modules():
        for call in _calls(_module_tree(module)):
            writer = _meant(call.func, vars(module))
            if isinstance(writer, FunctionType) and writer in writers:
                name = writers[writer] or (call.args and _meant(call.args[0], vars(module)))
                if isinstance(name, str):
                    found[name] = found.get(name, set()) | set(_keywords(call)) - NO_DETAILS
    return {name: sorted(fields) for name, fields in found.items()}


def _writers() -> dict[Callable[..., Any], str]:
    """The functions that write what they are told, and the event where it is always the same one."""
    found: dict[Callable[..., Any], str] = {record_read: "", record_sighting: ""}
    for module in _modules():
        for function in (one for one in vars(module).values() if isinstance(one, FunctionType)):
            if function.__module__ != module.__name__ or function.__name__ == "<lambda>":
                continue
            for call in _calls(_tree_of(function)):
                passes_on = any(word.arg is None for word in call.keywords)
                if passes_on and _meant(call.func, vars(module)) in (record_read, record_sighting):
                    name = _meant(call.args[0], vars(module))
                    found[function] = name if isinstance(name, str) else ""
    return found


def _modules() -> list[ModuleType]:
    ours = sorted(name for name in sys.modules if name.startswith("apps.") and ".migrations" not in name)
    return [sys.modules[name] for name in ours]


@cache
def _module_tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8") if module.__file__ else "")


# ── Reading code ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _meant(node: ast.expr, names: dict[str, Any]) -> Any:
    """The object that a name, a dotted name or a constant stands for in its module; None where it is unknown there."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        holder = _meant(node.value, names)
        return getattr(holder, node.attr, None) if isinstance(holder, ModuleType) else None
    return None


def _keywords(call: ast.Call) -> Iterator[str]:
    """Its keywords, and those of a dict that is written out after **."""
    for word in call.keywords:
        if word.arg:
            yield word.arg
        elif isinstance(word.value, ast.Dict):
            yield from (str(key.value) for key in word.value.keys if isinstance(key, ast.Constant))


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _about(command: Command) -> str:
    """The model of the command's target; where it creates, of what it makes, and of the target when it is refused."""
    work = list(_layers(command.run))[-1]
    target = next(iter(inspect.signature(work).parameters))
    model = typing.get_type_hints(work).get(target)
    label = getattr(getattr(model, "_meta", None), "label_lower", "")
    if command.creates is None:
        return _codes([label] if label else [])
    return f"{_code(command.creates._meta.label_lower)}; refused: {_code(label)}"


def _code(word: str) -> str:
    return f"`{word}`"


def _codes(words: Iterable[str]) -> str:
    return ", ".join(_code(word) for word in words)
