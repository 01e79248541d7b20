"""The allow-list: each line is something that JupyterLab 4.6 was seen to need, with the reason. All else is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from gateway.paths import Target

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PATH = r"[^/].*"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_SETTING = r"@?[A-Za-z0-9_.-]{1,64}(?:/[A-Za-z0-9_.-]{1,64})?:[A-Za-z0-9_.-]{1,64}"
_PICTURE = re.compile(r".+\.(?:png|jpe?g|gif|bmp|webp|ico|tiff?|svg)", re.IGNORECASE)
_UNIQUE = re.compile(r"\d{10,16}")  # JupyterLab appends the time so that no cache answers


class Kind(Enum):
    """What comes back, and so: which cap, which type, which headers."""

    PAGE = "page"
    JSON = "json"
    CONTENTS = "contents"
    SOCKET = "socket"
    KERNEL = "kernel"
    STATIC = "static"
    OWN = "own"


@dataclass(frozen=True)
class Line:
    """One line of the list. `query` names what may be asked for, and how its values read."""

    methods: frozenset[str]
    pattern: re.Pattern[str]
    kind: Kind
    reason: str
    query: Mapping[str, str] = field(default_factory=dict)
    own: tuple[int, str] = (404, "{}")


def _line(methods: str, pattern: str, kind: Kind, reason: str, **query: str) -> Line:
    return Line(frozenset(methods.split()), re.compile(pattern), kind, reason, query)


def _own(pattern: str, status: int, body: str, reason: str) -> Line:
    return Line(frozenset({"GET"}), re.compile(pattern), Kind.OWN, reason, {}, (status, body))


_READ = {"content": "[01]", "hash": "[01]", "type": "file|notebook|directory", "format": "text|json|base64"}

LINES = (
    _line("GET", rf"lab(?:/tree/{_PATH})?", Kind.PAGE, "the page itself, and a file by its address", reset=""),
    _line("GET", rf"lab/workspaces/{_NAME}(?:/tree/{_PATH})?", Kind.PAGE, "a second tab has a layout of its own",
          reset=""),
    _line("GET HEAD", rf"(?:static|lab/extensions|lab/api/themes|kernelspecs)/{_PATH}", Kind.STATIC,
          "scripts, styles, fonts and icons: the environment's own files, served by the gateway", v="[0-9a-f]{1,64}"),
    _line("GET", r"api/me", Kind.JSON, "the name shown for cursors; the page does not start without it"),
    _line("GET", r"api/kernelspecs", Kind.JSON, "which languages the launcher offers"),
    _line("GET POST", r"api/kernels", Kind.JSON, "which kernels run; a console starts one"),
    _line("GET DELETE", rf"api/kernels/{_UUID}", Kind.JSON, "is it alive; shut it down"),
    _line("POST", rf"api/kernels/{_UUID}/(?:interrupt|restart)", Kind.JSON, "the stop and restart buttons"),
    _line("GET", rf"api/kernels/{_UUID}/channels", Kind.KERNEL, "code to the kernel, outputs from it",
          session_id=_UUID),
    _line("GET POST", r"api/sessions", Kind.JSON, "which notebook has which kernel; opening one starts one"),
    _line("GET PATCH DELETE", rf"api/sessions/{_UUID}", Kind.JSON, "rename, change kernel, shut down"),
    _line("GET", rf"api/contents(?:/{_PATH})?", Kind.CONTENTS, "lists a folder, opens a file",
          contentProviderId="undefined", **_READ),
    _line("POST", rf"api/contents(?:/{_PATH})?", Kind.CONTENTS, "a new file, a copy, a checkpoint, going back to one"),
    _line("PUT PATCH DELETE", rf"api/contents/{_PATH}", Kind.CONTENTS, "save, rename, delete",
          contentProviderId="undefined"),
    _line("GET", r"api/events/subscribe", Kind.SOCKET, "the page asks for it at once and again and again without it"),
    _line("GET", r"lab/api/settings", Kind.JSON, "all settings with their schemas, 0.14 MB", ids_only="true|false"),
    _line("GET PUT", rf"lab/api/settings/{_SETTING}", Kind.JSON, "read and keep a setting, such as the theme"),
    _line("GET", r"lab/api/workspaces", Kind.JSON, "the names of kept layouts"),
    _line("GET PUT", rf"lab/api/workspaces/{_NAME}", Kind.JSON, "which tabs were open: kept each time one moves"),
    _line("GET", rf"lab/api/translations(?:/{_NAME})?", Kind.JSON, "which languages; the words of the chosen one"),
    # Asked for by the page unasked: answered here, and no denial worth a line in the record.
    _own(r"api/terminals", 200, "[]", "asked every ten seconds"),
    _own(r"api/nbconvert", 200, "{}", "no formats to export to: the menu is empty"),
    _own(r"lab/api/build", 200, '{"status": "stable", "message": ""}', "nothing is built here"),
    _own(r"lsp/status", 200, '{"version": 2, "sessions": {}, "specs": {}}', "no language servers; asked at the start"),
    _own(r"api/config/jupyterlabapputilsextensionannouncements", 200, "{}", "news: there is no network for it"),
)  # fmt: skip


@dataclass(frozen=True)
class Allowed:
    """A line was found; `target` is what to ask of the server."""

    line: Line
    target: Target


def find(method: str, target: Target) -> Allowed | str:
    """The line that lets this request pass, or why none does."""
    lines = [one for one in LINES if one.pattern.fullmatch(target.path)]
    if not lines:
        return "This address is not open through the gateway."
    for line in lines:
        if method in line.methods:
            return _with_query(line, target)
    return "This address is not open for that method."


def _with_query(line: Line, target: Target) -> Allowed | str:
    asked = {name: value for name, value in target.query if value or not _UNIQUE.fullmatch(name)}
    for name, value in asked.items():
        if name not in line.query or not re.fullmatch(line.query[name], value):
            return "This address is not open with those parameters."
    asked.pop("contentProviderId", None)  # the editor writes “undefined”; the server has no use for it
    if line.kind is Kind.CONTENTS and target.segments[:2] == ("api", "contents") and "content" in line.query:
        reading = _reading(target.segments, asked)
        if isinstance(reading, str):
            return reading
        asked = reading
    return Allowed(line, replace(target, query=tuple(asked.items())))


def _reading(segments: tuple[str, ...], asked: dict[str, str]) -> dict[str, str] | str:
    """Say always what is wanted: left alone, the server turns whatever is no text into base64."""
    if len(segments) > 3 and segments[-1] == "checkpoints":
        return {} if not asked else "A list of checkpoints takes no parameters."
    if asked.get("content") == "0":
        if "format" in asked:
            return "A format without content means nothing."
        return asked
    kind = asked.get("type", "directory")
    if asked.get("format") == "base64" and (kind != "file" or not _PICTURE.fullmatch(segments[-1])):
        return "Files come to the browser as text; only pictures are shown otherwise."
    if asked.get("format") == "json" and kind != "notebook":
        return "Only notebooks come as JSON."
    asked = {**asked, "content": "1", "type": kind}
    if kind == "file":
        asked.setdefault("format", "text")
    return asked
