#!/usr/bin/env python3
"""Check an exported record of the CAIA portal without trusting the portal.  FORMAT.md says what a bundle is.

    python3 caia_verify.py BUNDLE [--trust FILE] [--seen FILE]... [--json]

Exit code: 0 it holds, 1 it is broken, 2 it can't be read. Needs Python 3.9 or newer and nothing else: no network, no
package. It is longer than the house's 400 lines on purpose: an auditor's expert should have all of it in one file.

How it works, from the bottom up:
  1. Ed25519 signatures (RFC 8032)          4. the bundle as lines
  2. the Merkle tree (RFC 6962)             5. the judgement: keys, checkpoints, events, witnesses' own files
  3. signed notes and checkpoints (C2SP)    6. the report and the command line
verify.mjs, beside this file, is a second implementation; both give the same answer for every bundle.
"""

# ruff: noqa: B905 (zip's strict= is younger than Python 3.9)
from __future__ import annotations

import argparse
import base64
import calendar
import functools
import hashlib
import json
import re
import sys
import traceback
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

# X, Y, Z, T of extended coordinates: x = X/Z, y = Y/Z, x*y = T/Z
Point = tuple  # of four integers

MAX_LINE = 1 << 20
MAX_INTEGER = 2**53 - 1
DEFAULT_CLOCK_SLACK = 600  # seconds: long transactions commit after younger, shorter ones


class Unreadable(Exception):
    """This is not a complete bundle of a known version; nothing can be said of its content."""


# --- 1. Ed25519 (RFC 8032), verification only ---------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(p: Point) -> Point:
    a, b = p[0] * p[0] % P, p[1] * p[1] % P
    h = a + b
    e = h - (p[0] + p[1]) ** 2 % P
    g = a - b
    f = 2 * p[2] * p[2] % P + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def decode_point(encoded: bytes) -> Point | None:
    """The point of 32 bytes, or None."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_1 % P
    if x * x % P != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def encode_point(p: Point) -> bytes:
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def multiples(p: Point) -> list[Point]:
    """0·p to 15·p."""
    table = [NEUTRAL]
    for _ in range(15):
        table.append(add(table[-1], p))
    return table


@functools.cache
def base_tables() -> list[list[Point]]:
    """For each of the 64 hexadecimal digits of a number, the multiples of the base point at that place."""
    point = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    tables = []
    for _ in range(64):
        tables.append(multiples(point))
        point = double(double(double(double(point))))
    return tables


@functools.lru_cache(maxsize=4096)
def is_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature of this message by this public key."""
    s = int.from_bytes(signature[32:], "little")
    point = decode_point(public)
    if len(signature) != 64 or s >= ORDER or point is None:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    minus = multiples((P - point[0], point[1], 1, P - point[3]))
    total = NEUTRAL
    for place in range(252, -4, -4):  # -h·A, digit by digit
        total = add(double(double(double(double(total)))), minus[h >> place & 15])
    for place, table in enumerate(base_tables()):  # + s·B
        total = add(total, table[s >> 4 * place & 15])
    return encode_point(total) == signature[:32]


# --- 2. The Merkle tree (RFC 6962) ---------------------------------------------------------------------------------


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def leaf_hash(event: bytes) -> bytes:
    return sha256(b"\x00" + event)


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def root_of(hashes: list[bytes]) -> bytes:
    """The root over these hashes; where a level has an odd one, it goes up as it is."""
    if not hashes:
        return sha256(b"")
    while len(hashes) > 1:
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2])] + odd
    return hashes[0]


class Tree:
    """A tree that grows by full tiles of 256 leaves; keeps only the roots of its complete subtrees."""

    def __init__(self, subtrees: Iterable[tuple[int, bytes]] = ()) -> None:
        self.subtrees = list(subtrees)  # (tiles, root), each at least twice the next

    def add_tile(self, root: bytes) -> None:
        tiles = 1
        while self.subtrees and self.subtrees[-1][0] == tiles:
            tiles, root = 2 * tiles, node_hash(self.subtrees.pop()[1], root)
        self.subtrees.append((tiles, root))

    def root_with(self, leaves: list[bytes]) -> bytes:
        """The root of what is here and these further leaves, at most one tile of them."""
        roots = [root for _, root in self.subtrees] + ([root_of(leaves)] if leaves else [])
        if not roots:
            return root_of([])
        node = roots.pop()
        while roots:
            node = node_hash(roots.pop(), node)
        return node


def root_from_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to, or None if the proof has the wrong length (RFC 9162 §2.1.3.2)."""
    node, last = leaf, size - 1
    for sibling in proof:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


# --- 3. Signed notes, keys and checkpoints (C2SP) ------------------------------------------------------------------

NAME = r"[!-*,-~]+"  # visible ASCII without the plus sign
VKEY = re.compile(rf"({NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]+=*)")
SIGNATURE_LINE = re.compile(rf"— ({NAME}) ([A-Za-z0-9+/]+=*)")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")
ED25519, COSIGNATURE = 1, 4


def unbase64(text: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        raise Unreadable("something that should be base64 is not") from None
    if base64.b64encode(value).decode() != text:
        raise Unreadable("base64 with stray bits")
    return value


def decimal(text: str) -> int:
    if not DECIMAL.fullmatch(text) or int(text) > MAX_INTEGER:
        raise Unreadable("something that should be a plain number is not")
    return int(text)


class Key:
    """A public key with its name: what a vkey says."""

    def __init__(self, vkey: str, kind: int) -> None:
        match = VKEY.fullmatch(vkey)
        if not match:
            raise Unreadable(f"not a key: {vkey[:100]}")
        self.vkey, self.name, self.kind = vkey, match[1], kind
        material = unbase64(match[3])
        if len(material) != 33 or material[0] != kind:
            raise Unreadable(f"the key of {self.name} is of another kind than this place needs")
        self.id, self.public = bytes.fromhex(match[2]), material[1:]
        if sha256(self.name.encode() + b"\n" + material)[:4] != self.id:
            raise Unreadable(f"the key of {self.name} does not fit its own identifier")

    def time_of(self, value: bytes, text: str) -> int | None:
        """The time of a valid signature (0 for the log's own kind), or None if it is not valid."""
        at, message = 0, text
        if self.kind == COSIGNATURE:
            at, value = int.from_bytes(value[:8], "big"), value[8:]
            message = f"cosignature/v1\ntime {at}\n{text}"
        return at if len(value) == 64 and is_signature(self.public, message.encode(), value) else None


class Note:
    """A text and the signature lines under it."""

    def __init__(self, whole: str) -> None:
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not text or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", whole):
            raise Unreadable("not a signed note")
        self.text = text + "\n"
        self.signatures = []
        for line in lines[:-1].split("\n"):
            match = SIGNATURE_LINE.fullmatch(line)
            value = unbase64(match[2]) if match else b""
            if len(value) < 5:
                raise Unreadable("not a signature line")
            self.signatures.append((match[1], value[:4], value[4:]))

    def times(self, key: Key) -> list[int | None]:
        """What each signature that claims to be this key's is worth: its time, or None if it is not valid."""
        return [
            key.time_of(value, self.text) for name, id_, value in self.signatures if (name, id_) == (key.name, key.id)
        ]


class Checkpoint:
    """The head of the log: its name, its size, its root."""

    def __init__(self, text: str) -> None:
        lines = text[:-1].split("\n")
        if len(lines) < 3 or not all(lines):
            raise Unreadable("not a checkpoint")
        self.origin, self.size, self.root = lines[0], decimal(lines[1]), unbase64(lines[2])
        if len(self.root) != 32:
            raise Unreadable("a checkpoint's root has 32 bytes")


# --- 4. The bundle as lines ----------------------------------------------------------------------------------------

DAY = "[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
MOMENT = DAY + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
OCCURRED = re.compile(f'"occurred_at":"({MOMENT})"'.encode())
ENTRY = re.compile(rb'\{"entry":(0|[1-9][0-9]{0,15}),(?:"proof":"([A-Za-z0-9+/]*=*)",)?"event":')
HEADER = ("exported_at", "format", "kind", "logs", "origin", "quorum", "range", "rotations", "tiles", "version")


class Bundle:
    """A bundle's lines, unpacked if need be, and the checksum of all of them before the last."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.digest = hashlib.sha256()
        self.number = 0  # of the line read last

    def chunks(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            start = file.read(2)
            file.seek(0)
            unpack = zlib.decompressobj(wbits=31) if start == b"\x1f\x8b" else None
            while chunk := file.read(MAX_LINE):
                if not unpack:
                    yield chunk
                while unpack and chunk:  # never more than MAX_LINE at once, however well it was packed
                    yield unpack.decompress(chunk, MAX_LINE)
                    chunk = unpack.unconsumed_tail
            if unpack and (not unpack.eof or unpack.unused_data):
                raise Unreadable("the packed file is cut, or something was added to it")

    def lines(self) -> Iterator[bytes]:
        rest = b""
        try:
            for chunk in self.chunks():
                block = rest + chunk
                end = block.rfind(b"\n") + 1
                lines, rest = block[:end].split(b"\n")[:-1], block[end:]
                if max(map(len, lines), default=0) > MAX_LINE or len(rest) > MAX_LINE:
                    raise Unreadable("a line is too long")
                counted = end - len(lines[-1]) - 1 if lines and lines[-1].startswith(b'{"end":') else end
                self.digest.update(block[:counted])
                for line in lines:
                    self.number += 1
                    yield line
        except (OSError, zlib.error) as error:
            raise Unreadable(f"the file can't be read: {error}") from None
        if rest:
            raise Unreadable("the file was cut in the middle of a line")


def control_line(line: bytes) -> dict[str, Any]:
    """The value of a line that is not an event. It must be written in the one canonical way."""
    try:
        text = line.decode()
        value = json.loads(text)
        again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        raise Unreadable("a line is not JSON") from None
    if again != text or re.search("[\ud800-\udfff]", text) or not isinstance(value, dict):
        raise Unreadable("a line is not in canonical form")
    return value


def need(condition: object, words: str) -> None:
    if not condition:
        raise Unreadable(words)


def is_integer(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_INTEGER


def are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def read_header(line: bytes) -> dict[str, Any]:
    header = control_line(line)
    need(header.get("format") == "caia-record", "this is not an exported record")
    need(header.get("version") == 1 and is_integer(header["version"]), "this version is not known to this verifier")
    need(sorted([*HEADER, "witnesses"]) == sorted(header), "the header has other fields than it should")
    need(header["kind"] in ("whole", "selection"), "the header's kind is neither whole nor selection")
    need(re.fullmatch(MOMENT, str(header["exported_at"])), "the header has no export time")
    need(type(header["tiles"]) is bool, "the header does not say whether there are tiles")
    span = header["range"]
    is_span = isinstance(span, list) and len(span) == 2 and all(map(is_integer, span)) and span[0] < span[1]
    need(span is None or (is_span and header["kind"] == "selection"), "the header's range is not one")
    need(are_texts(header["rotations"]), "the header's rotations are not notes")
    return header


def read_trust(value: Any) -> dict[str, Any]:
    """Whom to trust, from the header or from the auditor's own file: origin, logs, witnesses, quorum."""
    need(isinstance(value, dict), "trust is not an object")
    need(isinstance(value.get("origin"), str) and value["origin"], "no origin")
    need(are_texts(value.get("logs")) and value["logs"], "no keys of the log")
    need(is_integer(value.get("quorum")), "no quorum")
    need(isinstance(value.get("witnesses"), list), "no list of witnesses")
    logs = [Key(vkey, ED25519) for vkey in value["logs"]]
    witnesses = []
    for one in value["witnesses"]:
        need(isinstance(one, dict) and sorted(one) == ["center", "vkey"], "a witness has a center and a vkey")
        need(all(isinstance(text, str) and text for text in one.values()), "a witness has a center and a vkey")
        witnesses.append((one["center"], Key(one["vkey"], COSIGNATURE)))
    publics = [key.public for key in logs] + [key.public for _, key in witnesses]
    need(len(set(publics)) == len(publics), "the same key is named twice")
    return {"origin": value["origin"], "logs": logs, "witnesses": witnesses, "quorum": value["quorum"]}


def seconds(moment: str) -> int:
    """Unix seconds of a time as the record writes it."""
    return calendar.timegm(tuple(map(int, re.findall("[0-9]+", moment)[:6])))


# --- 5. The judgement ----------------------------------------------------------------------------------------------


class Judgement:
    """One bundle, judged: everything that does not hold becomes a finding."""

    def __init__(self, path: str, seen: Iterable[str], slack: int) -> None:
        self.bundle, self.slack, self.given_trust, self.seen_files = Bundle(path), slack, None, seen
        self.findings, self.remarks, self.stopped = [], [], False
        self.header, self.trust, self.log_keys, self.checkpoints = {}, {}, [], []
        self.tree, self.tile_tree, self.entries, self.tiles = Tree(), None, 0, 0
        self.good, self.differs_at, self.tiles_hold = 0, None, True
        self.latest, self.clock = b"", None
        self.roots = {}  # size -> root computed from the events, for the sizes in self.wanted
        self.wanted, self.seen = [], []

    def find(self, code: str, words: str, index: int | None = None) -> None:
        self.findings.append({"code": code, "index": index, "words": words})

    def run(self) -> None:
        lines = self.bundle.lines()
        self.header = read_header(next(lines, b""))
        named = read_trust(self.header)
        self.trust = self.given_trust or named
        self.check_keys(named)
        line = next(lines, b"")
        count = 0
        while line.startswith(b'{"checkpoint":'):
            self.check_checkpoint(control_line(line))
            count += 1
            line = next(lines, b"")
        self.check_head()
        self.read_seen()
        if self.header["kind"] == "whole":
            sizes = {one.size for one in self.checkpoints} | {one["size"] for one in self.seen}
            self.wanted = sorted(sizes, reverse=True)
            line = self.check_all(line, lines)
        else:
            line = self.check_selection(line, lines)
        if self.stopped:
            for _ in lines:  # a file that can't be unpacked to its end is unreadable, whatever came before
                pass
        else:
            self.check_end(line, lines, count)
        self.check_clock()
        self.compare_seen()

    # Keys and checkpoints

    def check_keys(self, named: dict[str, Any]) -> None:
        """The bundle's chain of log keys: each follows the one before by a statement that both signed."""
        if named["origin"] != self.trust["origin"]:
            self.find("wrong-log", f"This is the record of {named['origin']}, not of {self.trust['origin']}.")
        need(len(self.header["rotations"]) == len(named["logs"]) - 1, "as many rotations as keys, less one")
        starts = [0]
        for old, new, note in zip(named["logs"], named["logs"][1:], map(Note, self.header["rotations"])):
            head = f"key rotation v1\n{named['origin']}\nold {old.vkey}\nnew {new.vkey}\n"
            match = re.fullmatch(r"from ([0-9]+)\ntime [0-9]+\n", note.text[len(head) :])
            signed = [note.times(key) for key in (old, new)]
            if not note.text.startswith(head) or not match or not all(times and None not in times for times in signed):
                self.find("rotation", f"The change of the log's key to {new.vkey} is not signed by both keys.")
                starts.append(starts[-1])
                continue
            starts.append(decimal(match[1]))
            if starts[-1] < starts[-2]:
                self.find("rotation", "The log's keys followed each other in another order than the sizes say.")
        ends = [*starts[1:], MAX_INTEGER]
        self.log_keys = list(zip(named["logs"], starts, ends))
        chain, pinned = [key.vkey for key in named["logs"]], [key.vkey for key in self.trust["logs"]]
        if not any(chain[at : at + len(pinned)] == pinned for at in range(len(chain))):
            self.find("wrong-key", "The bundle's keys of the log are not the ones that you trust.")

    def check_checkpoint(self, line: dict[str, Any]) -> None:
        need(list(line) == ["checkpoint"] and isinstance(line["checkpoint"], str), "not a checkpoint line")
        note = Note(line["checkpoint"])
        one = Checkpoint(note.text)
        if one.origin != self.header["origin"]:
            self.find("wrong-log", f"A checkpoint is of another log, {one.origin}.")
            return
        valid = self.is_signed_by_log(note, one.size)
        one.centers = self.centers_of(note, one.size)
        if not valid:
            self.find("wrong-key", f"The checkpoint of size {one.size} has no valid signature of the log's key then.")
            return
        last = self.checkpoints[-1] if self.checkpoints else one
        if one.size < last.size:
            self.find("backwards", f"The checkpoints go backwards, from size {last.size} to {one.size}.")
        elif one.size == last.size and one.root != last.root:
            self.find("fork", f"Fork: the log signed two different histories of the same size, {one.size}.")
        elif one.size == last.size and one is not last:
            last.centers.update(one.centers)
        else:
            self.checkpoints.append(one)

    def is_signed_by_log(self, note: Note, size: int) -> bool:
        valid = False
        for key, start, end in self.log_keys:
            for at in note.times(key):
                if at is None:
                    self.find("bad-signature", f"The log's signature under the checkpoint of size {size} is wrong.")
                elif start <= size <= end:
                    valid = True
        return valid

    def centers_of(self, note: Note, size: int) -> dict[str, int]:
        """The centers whose witness signed this checkpoint, with the latest time of each."""
        centers = {}
        for center, key in self.trust["witnesses"]:
            for at in note.times(key):
                if at is None:
                    self.find("bad-signature", f"The signature of {center}'s witness at size {size} is wrong.")
                    continue
                before = max((one.centers.get(center, 0) for one in self.checkpoints), default=0)
                if at < before - self.slack:
                    self.find("clock", f"{center}'s witness saw size {size} earlier than a smaller size.")
                centers[center] = max(at, centers.get(center, 0))
        return centers

    def check_head(self) -> None:
        """The newest checkpoint must be seen by enough centers."""
        if not self.checkpoints:
            self.find("unsigned", "No checkpoint in this bundle is validly signed by the log.")
            return
        head, quorum = self.checkpoints[-1], self.trust["quorum"]
        if len(head.centers) < quorum:
            who = ", ".join(sorted(head.centers)) or "none"
            words = f"The newest checkpoint (size {head.size}) needs the witnesses of {quorum} centers and has: {who}."
            self.find("quorum", words)

    # Events

    def check_all(self, line: bytes, lines: Iterator[bytes]) -> bytes:
        """A whole record: every event from the first, in tiles of 256; returns the first line after them."""
        leaves = []
        self.compare_roots(0, [], [])
        while line.startswith((b'{"entry":', b'{"hashes":')) and not self.stopped:
            if line.startswith(b'{"hashes":'):
                self.finish_tile(leaves, self.read_tile(line, leaves))
                leaves = []
            else:
                need(self.entries % 256 == len(leaves), "a tile line is missing, or stands too early")
                event = self.event_of(line)
                if event is None:
                    return line
                leaves.append(hashlib.sha256(b"\x00" + event).digest())
                self.check_time(event, self.entries)
                self.entries += 1
                if len(leaves) == 256 and not self.header["tiles"]:
                    self.finish_tile(leaves, leaves)
                    leaves = []
            line = next(lines, b"")
        if leaves and not self.stopped:
            need(not self.header["tiles"], "the last tile line is missing")
            self.finish_tile(leaves, leaves)
        if not self.stopped:
            self.check_count()
        return line

    def event_of(self, line: bytes) -> bytes | None:
        """The exact bytes of the event in the next line; None if another event stands here."""
        prefix = b'{"entry":%d,"event":' % self.entries
        if line.startswith(prefix) and line.endswith(b"}"):
            return line[len(prefix) : -1]
        match = ENTRY.match(line)
        need(match and match[2] is None and line.endswith(b"}"), "an event's line is not well-formed")
        need(int(match[1]) <= MAX_INTEGER, "an event's index is out of bounds")
        self.stopped = True
        self.find("order", f"Event {self.entries} is missing: event {int(match[1])} is in its place.", self.entries)
        return None

    def read_tile(self, line: bytes, leaves: list[bytes]) -> list[bytes]:
        tile = control_line(line)
        need(self.header["tiles"], "a tile line in a bundle without tiles")
        need(list(tile) == ["hashes", "tile"] and isinstance(tile["hashes"], str), "not a tile line")
        need(is_integer(tile["tile"]) and tile["tile"] == self.tiles, "a tile line is out of order")
        content = unbase64(tile["hashes"])
        need(leaves and len(content) == 32 * len(leaves), "a tile line with more or fewer hashes than events")
        self.tiles += 1
        return [content[at : at + 32] for at in range(0, len(content), 32)]

    def finish_tile(self, leaves: list[bytes], hashes: list[bytes]) -> None:
        """Compare up to 256 events with the log's tile and with the checkpoints within it.

        The tile tells where an event was changed, and it is believed only if it leads to the checkpoint's root.
        """
        start = self.entries - len(leaves)
        if hashes != leaves and self.differs_at is None and self.tiles_hold:
            self.differs_at = start + next(at for at, leaf in enumerate(leaves) if leaf != hashes[at])
            self.tile_tree = Tree(self.tree.subtrees)
        self.compare_roots(start, leaves, hashes)
        if len(leaves) == 256:
            self.tree.add_tile(root_of(leaves))
            if self.tile_tree:
                self.tile_tree.add_tile(root_of(hashes))

    def compare_roots(self, start: int, leaves: list[bytes], hashes: list[bytes]) -> None:
        """At each size that somebody signed, within the tile of these leaves, compare the signed root with ours."""
        while self.wanted and self.wanted[-1] <= self.entries and not self.stopped:
            size = self.wanted.pop()
            root = self.roots[size] = self.tree.root_with(leaves[: size - start])
            differs = self.differs_at is not None and self.differs_at < size
            signed = next((one.root for one in self.checkpoints if one.size == size), None)
            if signed is None:
                continue
            if signed == root:
                self.good = size
                if differs:
                    words = f"The log's tile is damaged at event {self.differs_at}; the events themselves hold there."
                    self.find("tile", words, self.differs_at)
                    self.differs_at, self.tile_tree, self.tiles_hold = None, None, False
                continue
            self.stopped = True
            if differs and self.tile_tree.root_with(hashes[: size - start]) == signed:
                words = f"Event {self.differs_at} is not the event that was recorded. All before it hold."
                self.find("altered", words, self.differs_at)
            else:
                words = f"An event from {self.good} to {size - 1} is not as recorded, is missing or was added: the"
                self.find("altered", f"{words} signed root at size {size} does not fit.", self.good)

    def check_count(self) -> None:
        size = self.checkpoints[-1].size if self.checkpoints else 0
        if self.entries < size:
            words = f"The end is missing: the log signed {size} events and this bundle has {self.entries}."
            self.find("truncated", words, self.entries)
        elif self.entries > size and self.checkpoints:
            self.find("extra", f"The events from {size} on are under no signed checkpoint.", size)
        if self.differs_at is not None:
            words = f"Event {self.differs_at} differs from the log's tile, and no checkpoint says which is right."
            self.find("altered", words, self.differs_at)

    def check_selection(self, line: bytes, lines: Iterator[bytes]) -> bytes:
        """Chosen events, each with a proof that it is in the log; returns the first line after them."""
        need(len(self.checkpoints) <= 1 and not self.header["tiles"], "a selection has one checkpoint and no tiles")
        span, last = self.header["range"], -1
        self.stopped = not self.checkpoints
        while line.startswith(b'{"entry":') and not self.stopped:
            match = ENTRY.match(line)
            need(match and match[2] is not None and line.endswith(b"}"), "an event's line is not well-formed")
            index, event, proof = int(match[1]), line[match.end() : -1], unbase64(match[2].decode())
            need(index <= MAX_INTEGER and len(proof) % 32 == 0, "an event's index or proof is out of bounds")
            expected = index if span is None else span[0] + self.entries
            if index <= last or index != expected or (span and index >= span[1]):
                self.stopped = True
                place = last + 1 if span is None else expected
                self.find("order", f"Event {index} stands where event {place} or a later one should.", place)
                break
            last = index
            if not self.is_included(event, index, proof):
                self.stopped = True
                self.find("proof", f"Event {index} is not in the log as it is written here.", index)
                break
            self.entries += 1
            self.check_time(event, index)
            line = next(lines, b"")
        if span and not self.stopped and span[0] + self.entries < span[1]:
            self.find("truncated", f"The events from {span[0] + self.entries} on are missing.", span[0] + self.entries)
        self.good = MAX_INTEGER
        return line

    def is_included(self, event: bytes, index: int, proof: bytes) -> bool:
        head, path = self.checkpoints[0], [proof[at : at + 32] for at in range(0, len(proof), 32)]
        return index < head.size and root_from_proof(leaf_hash(event), index, head.size, path) == head.root

    def check_time(self, event: bytes, index: int) -> None:
        """Remember the first event without a time, or with one clearly before that of an earlier event."""
        match = OCCURRED.search(event)
        if match and match[1] >= self.latest:
            self.latest = match[1]
        elif self.clock is None:
            moment, latest = match[1].decode() if match else "no time", self.latest.decode()
            if not match or seconds(moment) < seconds(latest) - self.slack:
                self.clock = (index, f"The clock went backwards at event {index}: {moment}, after {latest or 'none'}.")

    def check_clock(self) -> None:
        """A time counts only where the event itself holds."""
        if self.clock and self.clock[0] < self.good:
            self.find("clock", self.clock[1], self.clock[0])

    def check_end(self, line: bytes, lines: Iterator[bytes], checkpoints: int) -> None:
        need(line.startswith(b'{"end":'), "the file was cut, or a line is of no known kind")
        digest = self.bundle.digest.hexdigest()
        end = control_line(line)
        need(list(end) == ["end"] and isinstance(end["end"], dict), "not an end line")
        need(next(lines, None) is None, "there are lines after the end")
        is_ = {"checkpoints": checkpoints, "entries": self.entries, "sha256": digest, "tiles": self.tiles}
        need(end["end"] == is_ or self.findings, "counts or checksum differ: the file was cut or damaged on its way")

    # What witnesses and others have seen

    def read_seen(self) -> None:
        for path in self.seen_files:
            try:
                with open(path, encoding="utf-8") as file:
                    content = file.read()
            except (OSError, ValueError) as error:
                raise Unreadable(f"{path} can't be read: {error}") from None
            if content.startswith("{"):
                for line in content.split("\n")[:-1]:  # a last line without its newline was cut by a crash
                    try:
                        value = json.loads(line)
                    except ValueError:
                        raise Unreadable(f"{path} is not a witness's file") from None
                    need(isinstance(value, dict), f"{path} is not a witness's file")
                    self.remember_seen(path, value.get("note"), value.get("at"))
            else:
                self.remember_seen(path, content, 0)

    def remember_seen(self, path: str, text: Any, at: Any) -> None:
        need(isinstance(text, str) and is_integer(at), f"{path} is not a witness's file")
        note = Note(text)
        one = Checkpoint(note.text)
        if one.origin == self.trust["origin"]:
            self.seen.append({"path": path, "note": note, "size": one.size, "root": one.root, "at": at})

    def compare_seen(self) -> None:
        """No checkpoint seen elsewhere may contradict this bundle or reach further than it should."""
        roots = dict(self.roots)
        for one in self.checkpoints:
            roots.setdefault(one.size, one.root)
        reach = max(roots, default=0) if self.header["kind"] == "selection" else self.entries
        asked = agreed = later = 0
        for one in self.seen:
            asked += 1
            if one["size"] in roots and one["root"] == roots[one["size"]]:
                agreed += 1
            elif one["size"] in roots or (one["size"] > reach and not self.stopped):
                if not any(at is not None for key, _, _ in self.log_keys for at in one["note"].times(key)):
                    continue  # not signed by the log: proves nothing
                if one["size"] in roots:
                    words = f"Fork: {one['path']} holds a different history of size {one['size']}, signed by the log."
                    self.find("seen-fork", words)
                elif one["at"] <= seconds(self.header["exported_at"]):
                    words = (
                        f"The end was cut off: {one['path']} holds a checkpoint of size {one['size']}, signed before"
                    )
                    self.find("seen-cut", f"{words} this export; the bundle reaches {reach}.", reach)
                else:
                    later += 1
        if asked:
            self.remarks.append(
                f"Of {asked} checkpoints seen elsewhere {agreed} agree with this bundle; {later} are younger than it."
            )


# --- 6. The report and the command line ----------------------------------------------------------------------------


def verify(
    path: str, trust: str | None = None, seen: Iterable[str] = (), slack: int = DEFAULT_CLOCK_SLACK
) -> dict[str, Any]:
    """Judge one bundle; the report as a dict."""
    one = Judgement(path, seen, slack)
    try:
        if trust:
            try:
                with open(trust, encoding="utf-8") as file:
                    one.given_trust = read_trust(json.load(file))
            except (OSError, ValueError) as error:
                raise Unreadable(f"{trust} can't be read: {error}") from None
        one.run()
    except Unreadable as error:
        words = f"{error} (line {one.bundle.number})."
        return {"exit": 2, "first_bad_index": None, "findings": [{"code": "unreadable", "index": None, "words": words}]}
    indexes = [finding["index"] for finding in one.findings if finding["index"] is not None]
    head = one.checkpoints[-1] if one.checkpoints else None
    return {
        "exit": 1 if one.findings else 0,
        "first_bad_index": min(indexes, default=None),
        "findings": one.findings,
        "origin": one.header["origin"],
        "kind": one.header["kind"],
        "exported_at": one.header["exported_at"],
        "entries": one.entries,
        "size": head.size if head else 0,
        "root": base64.b64encode(head.root).decode() if head else "",
        "centers": sorted(head.centers) if head else [],
        "quorum": one.trust["quorum"],
        "logs": [key.vkey for key, _, _ in one.log_keys],
        "trust": "given" if one.given_trust else "bundle",
        "remarks": one.remarks,
    }


def in_words(report: dict[str, Any]) -> list[str]:
    verdict = ("IT HOLDS.", "IT IS BROKEN.", "IT CAN'T BE READ.")[report["exit"]]
    lines = [verdict, *(f"  - {finding['words']}" for finding in report["findings"])]
    if report["exit"] == 2:
        return lines
    if report["first_bad_index"] is not None:
        lines.append(f"First bad event: {report['first_bad_index']}")
    what = "all" if report["kind"] == "whole" else "chosen"
    lines += [
        "",
        f"Record of     {report['origin']}, as of {report['exported_at']} (by the portal's word)",
        f"Events        {report['entries']} ({what}), under the checkpoint of size {report['size']}",
        f"Root          {report['root']}",
        f"Witnessed by  {', '.join(report['centers']) or 'nobody'} (needed: {report['quorum']})",
        *report["remarks"],
    ]
    if report["kind"] == "selection":
        lines.append("A selection shows that these events are in the record, not that no others are.")
    if report["trust"] == "bundle":
        lines += [
            "The keys were taken from the bundle itself: this shows only that it agrees with itself. Compare them with",
            "the keys that your center holds, or give those with --trust:",
            *(f"  {vkey}" for vkey in report["logs"]),
        ]
    return lines


def plain(line: str) -> str:
    """What a bundle says must not steer the terminal, nor look like a line of this program."""
    return "".join(one if one.isprintable() else "\ufffd" for one in line)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an exported record without trusting who exported it.")
    parser.add_argument("bundle", nargs="?", help="the exported file; packed with gzip or not")
    parser.add_argument("--trust", metavar="FILE", help="origin, logs, witnesses and quorum that you trust, as JSON")
    parser.add_argument("--seen", metavar="FILE", action="append", default=[], help="a witness's file, or a checkpoint")
    parser.add_argument("--clock-slack", metavar="SECONDS", type=int, default=DEFAULT_CLOCK_SLACK)
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--batch", action="store_true", help="for tests: one JSON object of arguments a line on stdin")
    words = parser.parse_args(arguments)
    if words.batch:
        for line in sys.stdin:
            report = verify(**json.loads(line))
            print(json.dumps(report, ensure_ascii=False), flush=True)
        return 0
    if not words.bundle:
        parser.error("name a bundle")
    report = verify(words.bundle, words.trust, words.seen, words.clock_slack)
    print(json.dumps(report, indent=1) if words.json else "\n".join(map(plain, in_words(report))))
    return report["exit"]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:  # noqa: BLE001 (a fault of this program must not look like a verdict)
        traceback.print_exc()
        sys.exit(2)
