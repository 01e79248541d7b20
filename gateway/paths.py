"""A request's target, read once and written once.

What reaches the server is never what the browser sent but what was understood here, spelled in one way. Whatever
could be understood in two ways is refused; a browser writes none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_PRINTABLE = re.compile(r"[\x21-\x7e]*")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_STILL_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN_IN_PATH = "!$'()*,:@"
_PLAIN_IN_QUERY = "!$'()*,:@/"

Query = tuple[tuple[str, str], ...]


class Ambiguous(ValueError):
    """This target can be understood in more than one way, or in none."""


@dataclass(frozen=True)
class Target:
    """Where a request goes below the prefix: its decoded segments and the pairs of its query, in their order."""

    segments: tuple[str, ...]
    query: Query = ()

    @property
    def path(self) -> str:
        """The segments with slashes between; no segment holds one."""
        return "/".join(self.segments)


def read(raw: str, prefix: str, most: int = 4096) -> Target | None:
    """The target that these characters mean; None where it lies outside the prefix; Ambiguous where they mean none."""
    if len(raw) > most:
        raise Ambiguous("longer than any that is needed")
    if not raw.startswith("/") or raw.startswith("//") or not _PRINTABLE.fullmatch(raw) or set(raw) & set("#\\"):
        raise Ambiguous("no plain path")
    path, _, query = raw.partition("?")
    segments = [_decoded(one, in_path=True) for one in path[1:].split("/")]
    ours = prefix.strip("/").split("/")
    if segments[: len(ours)] != ours:
        return None
    rest = segments[len(ours) :]
    if rest == [""]:  # the prefix itself, with its slash
        rest = []
    if any(one in {"", ".", ".."} for one in rest):
        raise Ambiguous("an empty segment or dots")
    return Target(tuple(rest), tuple(_pairs(query)))


def write(target: Target, prefix: str) -> str:
    """The one spelling of this target."""
    path = prefix + "/".join(quote(one, safe=_PLAIN_IN_PATH) for one in target.segments)
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe=_PLAIN_IN_QUERY)}" for name, value in target.query)
    return f"{path}?{query}" if query else path


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    names = set()
    for one in query.split("&") if query else ():
        name, _, value = one.partition("=")
        pair = _decoded(name, in_path=False), _decoded(value, in_path=False)
        if pair[0] in names or not pair[0] or ";" in one:
            raise Ambiguous("a query that names a thing twice or not at all")
        names.add(pair[0])
        yield pair


def _decoded(part: str, *, in_path: bool) -> str:
    if _BAD_PERCENT.search(part):
        raise Ambiguous("a percent sign that encodes nothing")
    try:
        text = unquote_to_bytes(part if in_path else part.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Ambiguous("no UTF-8") from error
    if _CONTROL.search(text) or _STILL_ENCODED.search(text) or "\\" in text or (in_path and "/" in text):
        raise Ambiguous("encoded twice, or a separator or control character in disguise")
    return text
