"""A C2SP checkpoint: a log's name, its size and its root, as the text that is signed. https://c2sp.org/tlog-checkpoint"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from tlog.merkle import HASH_BYTES, MAX_SIZE


class Malformed(ValueError):
    """This is not a checkpoint, a note, a key or a signature; the message says what is wrong with it."""


def unbase64(text: str) -> bytes:
    """Strict base64 (RFC 4648 §4): one text for each value; raises Malformed."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64") from None
    if base64.b64encode(value).decode() != text:
        raise Malformed("base64 with stray bits")
    return value


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: the tree of the first `size` leaves has this root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if any(not line or re.search(r"[\x00-\x1f]", line) for line in lines):
            raise Malformed("an origin or extension line is empty or has a control character")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise Malformed("the size or the root is out of bounds")

    def __str__(self) -> str:
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint of this note text; raises Malformed."""
        if not text.endswith("\n") or text.count("\n") < 3:
            raise Malformed("a checkpoint has at least three lines")
        origin, size, root, *extensions = text[:-1].split("\n")
        if not re.fullmatch("0|[1-9][0-9]{0,18}", size):
            raise Malformed("the size is not a plain decimal number")
        return cls(origin, int(size), unbase64(root), tuple(extensions))
