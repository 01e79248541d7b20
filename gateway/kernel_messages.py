"""What a browser sends to a kernel: the code of each cell is read here, in both of Jupyter Server's protocols.

A message that can't be read in the protocol that was agreed on does not pass: it might hold code all the same.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
from dataclasses import dataclass
from typing import Any

V1 = "v1.kernel.websocket.jupyter.org"
CUT = "\n… cut here: the whole has {size} bytes"
_MOST_PARTS = 1000
_QUIET = {"kernel_info_request", "comm_info_request", "connect_request"}  # the page asks for these by itself


class Unreadable(ValueError):
    """No message of this protocol."""


@dataclass(frozen=True)
class Message:
    """What a message is, and the code that it asks a kernel to run, if any."""

    kind: str
    code: str | None = None

    @property
    def is_activity(self) -> bool:
        """Did a person do something?"""
        return self.kind not in _QUIET


def read(frame: bytes, *, is_text: bool, protocol: str) -> Message:
    """The message in this frame; Unreadable where there is none."""
    try:
        if protocol == V1:
            if is_text:
                raise Unreadable("this protocol knows no text")
            header, content = _of_v1(frame)
        else:
            header, content = _of_json(frame if is_text else _first_of_binary(frame))
    except (RecursionError, struct.error) as error:
        raise Unreadable("no message") from error
    kind = header.get("msg_type")
    if not isinstance(kind, str):
        raise Unreadable("a message without a type")
    return Message(kind[:64], _code(kind, content))


def report(code: str, most: int) -> dict[str, str]:
    """Code as it is reported: cut where it is too long, with the hash of the whole."""
    whole = code.encode("utf-8", "surrogatepass")
    if len(whole) > most:
        code = whole[:most].decode("utf-8", "ignore") + CUT.format(size=len(whole))
    return {"code": code, "sha256": hashlib.sha256(whole).hexdigest()}


def _of_v1(frame: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    (count,) = struct.unpack_from("<Q", frame)
    if not 6 <= count <= _MOST_PARTS:  # channel, header, parent, metadata, content, and the end
        raise Unreadable("a strange number of parts")
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    if offsets[0] != 8 * (count + 1) or offsets[-1] != len(frame) or list(offsets) != sorted(offsets):
        raise Unreadable("parts that overlap or end elsewhere")
    parts = [frame[start:end] for start, end in itertools.pairwise(offsets)]
    return _json(parts[1]), _json(parts[4])


def _first_of_binary(frame: bytes) -> bytes:
    (count,) = struct.unpack_from(">I", frame)
    if not 1 <= count <= _MOST_PARTS:
        raise Unreadable("a strange number of parts")
    offsets = (*struct.unpack_from(f">{count}I", frame, 4), len(frame))
    if offsets[0] != 4 * (count + 1) or list(offsets) != sorted(offsets):
        raise Unreadable("parts that overlap")
    return frame[offsets[0] : offsets[1]]


def _of_json(text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    whole = _json(text)
    header, content = whole.get("header"), whole.get("content")
    if not isinstance(header, dict) or not isinstance(content, dict):
        raise Unreadable("a message without header or content")
    return header, content


def _json(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise Unreadable("no JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # which of the two would the kernel take?
        raise Unreadable("a name that stands twice")
    return found


def _code(kind: str, content: dict[str, Any]) -> str | None:
    if kind == "debug_request":
        return _debugged(content)
    if kind != "execute_request":
        return None
    code, expressions = content.get("code", ""), content.get("user_expressions") or {}
    if not isinstance(code, str) or not isinstance(expressions, dict):
        raise Unreadable("code that is no text")
    return code + "".join(f"\n# expression: {one}" for one in expressions.values())


def _debugged(content: dict[str, Any]) -> str | None:
    """The debugger runs code as well: an expression to look at, a new value for a variable."""
    arguments = content.get("arguments")
    given = arguments if isinstance(arguments, dict) else {}
    said = [f"{given[name]}" for name in ("expression", "value", "condition", "code") if name in given]
    breakpoints = given.get("breakpoints")
    stops = [one for one in breakpoints if isinstance(one, dict)] if isinstance(breakpoints, list) else []
    said += [f"{one[name]}" for one in stops for name in ("condition", "logMessage") if one.get(name)]
    return f"# debugger: {content.get('command')}\n" + "\n".join(said) if said else None
