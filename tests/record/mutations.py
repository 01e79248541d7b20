"""Ways to break a bundle. Each gives the broken bytes and what must be said of them.

That is: what else the verifier is given, the first bad event (None where it can't be known), the right exit codes.
"""

import gzip
import json
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from tests.record import made

ANY = object()


@dataclass
class Broken:
    """A broken bundle and what must be said of it."""

    how: str
    content: bytes
    index: object = ANY
    exits: tuple = (1, 2)
    more: dict = field(default_factory=dict)


@dataclass
class Base:
    """A bundle that holds, and the log that it is of."""

    log: made.Log
    content: bytes
    indexes: list
    is_whole: bool
    with_tiles: bool

    @property
    def more(self):
        return {"trust": self.log.trust(3).as_json()}


def bases(dice, count):
    """Logs of many shapes, whole and in parts, with tiles and without."""
    for _ in range(count):
        sizes = sorted(dice.sample(range(2, dice.choice([20, 20, 270, 600])), dice.randrange(1, 5)))
        rotations = tuple(sorted(dice.sample(sizes, dice.randrange(0, min(3, len(sizes) + 1)))))
        log = made.log_of(*sizes, rotations=rotations)
        if dice.random() < 0.7:
            with_tiles = dice.random() < 0.7
            yield Base(log, log.whole(with_tiles=with_tiles, quorum=3), list(range(sizes[-1])), True, with_tiles)
        else:
            start = dice.randrange(sizes[-1])
            span = (start, dice.randrange(start, sizes[-1]) + 1)
            yield Base(log, log.selection(range(*span), span=span, quorum=3), list(range(*span)), False, False)


def repaired(lines):
    """The lines with an end line that fits them again: the forger knows the format."""
    kept = [line for line in lines if line and not line.startswith(b'{"end":')]
    digest = sha256(b"".join(line + b"\n" for line in kept)).hexdigest()
    counts = {
        name: sum(line.startswith(start) for line in kept)
        for name, start in (("checkpoints", b'{"checkpoint":'), ("entries", b'{"entry":'), ("tiles", b'{"hashes":'))
    }
    end = json.dumps({"end": {**counts, "sha256": digest}}, sort_keys=True, separators=(",", ":"))
    return b"".join(line + b"\n" for line in [*kept, end.encode()])


def lines_of(base, start):
    """All lines, and the places of those that start so."""
    lines = base.content.split(b"\n")
    return lines, [at for at, line in enumerate(lines) if line.startswith(start)]


def flip(dice, content, start=0, end=None):
    at = dice.randrange(start, len(content) if end is None else end)
    return content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]


def a_bit_anywhere(dice, base):
    return Broken("bit", flip(dice, base.content), more=base.more)


def some_bytes_anywhere(dice, base):
    at, count = dice.randrange(len(base.content)), dice.randrange(0, 5)
    new = dice.randbytes(dice.randrange(0, 5))
    if base.content[at : at + count] == new:
        new += b"0"
    return Broken("bytes", base.content[:at] + new + base.content[at + count :], more=base.more)


def a_bit_of_an_event(dice, base):
    """With the checksum repaired: only the tree can tell."""
    lines, places = lines_of(base, b'{"entry":')
    number = dice.randrange(len(places))
    line = lines[places[number]]
    lines[places[number]] = flip(dice, line, line.index(b'"event":') + 8, len(line) - 1)
    if lines[places[number]].count(b"\n"):
        return Broken("event bit", repaired(lines), more=base.more)
    return Broken("event bit", repaired(lines), where(base, number), (1,), base.more)


def where(base, number):
    """The index that a verifier must name when the event of this line is not the one recorded."""
    index = base.indexes[number]
    if not base.is_whole or base.with_tiles:
        return index
    return max((note.checkpoint().size for note in base.log.checkpoints if note.checkpoint().size <= index), default=0)


def a_bit_of_a_tile(dice, base):
    lines, places = lines_of(base, b'{"hashes":')
    if not places:
        return a_bit_of_an_event(dice, base)
    at = dice.choice(places)
    lines[at] = flip(dice, lines[at])
    return Broken("tile bit", repaired(lines), more=base.more)


def a_bit_of_the_last_checkpoint(dice, base):
    lines, places = lines_of(base, b'{"checkpoint":')
    lines[places[-1]] = flip(dice, lines[places[-1]])
    return Broken("checkpoint bit", repaired(lines), more=base.more)


def two_events_swapped(dice, base):
    lines, places = lines_of(base, b'{"entry":')
    if len(places) < 2:
        return a_bit_of_an_event(dice, base)
    first, second = sorted(dice.sample(range(len(places)), 2))
    one, two = lines[places[first]], lines[places[second]]
    if dice.random() < 0.5:  # the texts only, under each other's index
        cut, cut_two = one.index(b'"event":'), two.index(b'"event":')
        lines[places[first]], lines[places[second]] = one[:cut] + two[cut_two:], two[:cut_two] + one[cut:]
        return Broken("texts swapped", repaired(lines), where(base, first), (1,), base.more)
    lines[places[first]], lines[places[second]] = two, one
    return Broken("lines swapped", repaired(lines), base.indexes[first], (1,), base.more)


def a_line_dropped(dice, base):
    lines, places = lines_of(base, b'{"entry":')
    number = dice.randrange(len(places))
    del lines[places[number]]
    exits = (1, 2) if base.with_tiles else (1,)
    index = ANY if base.with_tiles and number == len(places) - 1 else base.indexes[number]
    if base.with_tiles and base.indexes[number] % 256 == 255:
        index = ANY  # the tile line comes a leaf too early: not a bundle at all
    return Broken("dropped", repaired(lines), index, exits, base.more)


def a_line_doubled(dice, base):
    lines, places = lines_of(base, b'{"entry":')
    number = dice.randrange(len(places))
    lines.insert(places[number], lines[places[number]])
    return Broken("doubled", repaired(lines), ANY, (1, 2), base.more)


def a_line_moved(dice, base):
    """Any line, to any other place."""
    lines = [line for line in base.content.split(b"\n") if line]
    before = list(lines)
    while lines == before:
        lines.insert(dice.randrange(len(lines)), lines.pop(dice.randrange(len(lines) - 1)))
    if [line for line in lines if b'{"end"' not in line[:7]] == before[:-1]:
        return a_line_doubled(dice, base)  # only the end line had moved
    return Broken("moved", repaired(lines), more=base.more)


def a_back_dated_event(dice, base):
    """Put in where it belongs by its date, everything after it moved by one, tiles rebuilt to fit."""
    log, at = base.log, dice.randrange(len(base.log.events) + 1)
    forged = made.event(at, at=made.BEGAN + timedelta(seconds=at))[:-2] + "2}"
    events = [*log.events[:at], forged, *log.events[at:]]
    with_tiles = dice.random() < 0.5
    index = ANY
    if with_tiles and dice.random() < 0.5:
        rebuilt = made.Log(rotations=log.rotations).grow(events, signed=False)
        rebuilt.checkpoints = log.checkpoints
        content = rebuilt.whole(quorum=3)
    else:
        content = log.whole(events=events, with_tiles=with_tiles, quorum=3)
        index = at if with_tiles else ANY
    return Broken("back-dated", content, index, (1,), base.more)


def an_edit_with_everything_rebuilt(dice, base):
    """The event, its leaf and all tiles: only the signed root is left to tell."""
    log, at = base.log, dice.randrange(len(base.log.events))
    rebuilt = made.Log(rotations=log.rotations)
    rebuilt.grow([*log.events[:at], made.event(at, more="forged"), *log.events[at + 1 :]], signed=False)
    rebuilt.checkpoints = log.checkpoints
    sizes = [note.checkpoint().size for note in log.checkpoints]
    return Broken("rebuilt", rebuilt.whole(quorum=3), max([0, *(one for one in sizes if one <= at)]), (1,), base.more)


def a_tail_cut_off(dice, base):
    """The log as it was at an older checkpoint; a witness holds the newest."""
    log = base.log
    sizes = [note.checkpoint().size for note in log.checkpoints]
    if len(sizes) < 2:
        return an_edit_with_everything_rebuilt(dice, base)
    kept = dice.randrange(len(sizes) - 1)
    older = made.Log(log.events[: sizes[kept]], log.rotations, tiles=log.tiles, checkpoints=log.checkpoints[: kept + 1])
    older.exported_at = log.exported_at
    seen = json.dumps({"at": 1, "note": str(log.checkpoints[-1])}) + "\n"
    more = {**base.more, "seen": [seen]}
    return Broken("tail", older.whole(with_tiles=False, quorum=3), sizes[kept], (1,), more)


def a_fork(dice, base):
    """The same size with another root, signed by the log: in the bundle, or in a witness's file."""
    log, at = base.log, dice.randrange(len(base.log.events))
    other = made.Log(rotations=log.rotations)
    other.grow([*log.events[:at], made.event(at, more="other"), *log.events[at + 1 :]])
    if dice.random() < 0.5:
        heads = [*log.checkpoints, other.checkpoints[0]]
        return Broken("fork", log.whole(checkpoints=heads, quorum=3), None, (1,), base.more)
    seen = json.dumps({"at": 1, "note": str(other.checkpoints[0])}) + "\n"
    return Broken("fork seen", log.whole(quorum=3), None, (1,), {**base.more, "seen": [seen]})


def another_key(dice, base):
    """A forger's own log of forged events, in its own keys, under our name."""
    log, forged = base.log, made.Log()
    key = made.log_key(66)
    forged.grow([made.event(number, more="forged") for number in range(len(log.events))], signed=False)
    forged.checkpoints = [forged.signed(len(log.events), key=key, centers=dice.sample(made.CENTERS, 1))]
    content = forged.whole(quorum=3)
    if dice.random() < 0.5:
        content = content.replace(str(made.log_key().verifier).encode(), str(key.verifier).encode())
    return Broken("key", repaired(content.split(b"\n")), None, (1,), base.more)


def too_few_witnesses(dice, base):
    log = base.log
    few = dice.sample(made.CENTERS, dice.randrange(0, 3))
    heads = [*log.checkpoints[:-1], log.signed(len(log.events), centers=few)]
    return Broken("quorum", log.whole(checkpoints=heads, quorum=dice.randrange(3)), None, (1,), base.more)


def a_clock_set_back(dice, base):
    log = made.Log(list(base.log.events), base.log.rotations, tiles=made.Memory(base.log.tiles))
    last = len(log.events)
    back = made.BEGAN + timedelta(seconds=last - 1 - dice.randrange(601, 9999))
    log.grow([made.event(last, at=back), *[made.event(last + number) for number in range(1, dice.randrange(1, 5))]])
    return Broken("clock", log.whole(with_tiles=dice.random() < 0.5, quorum=3), last, (1,), base.more)


def a_cut_file(dice, base):
    return Broken("cut", base.content[: dice.randrange(len(base.content))], more=base.more)


def a_broken_package(dice, base):
    packed = gzip.compress(base.content, dice.choice([0, 1, 6]), mtime=0)
    kind = dice.randrange(3)
    if kind == 0:
        broken = packed[: dice.randrange(len(packed))]
    elif kind == 1:
        broken = packed + dice.randbytes(dice.randrange(1, 40))
    else:
        broken = flip(dice, packed)
    return Broken("package", broken, exits=(0, 2) if unpacks_alike(broken, base.content) else (1, 2), more=base.more)


def unpacks_alike(packed, content):
    """Bits of gzip's header that mean nothing to the content."""
    try:
        unpack = zlib.decompressobj(wbits=31)
        return unpack.decompress(packed) == content and unpack.eof and not unpack.unused_data
    except zlib.error:
        return False


ALL = [
    a_bit_anywhere, some_bytes_anywhere, a_bit_of_an_event, a_bit_of_a_tile, a_bit_of_the_last_checkpoint,
    two_events_swapped, a_line_dropped, a_line_doubled, a_line_moved, a_back_dated_event,
    an_edit_with_everything_rebuilt, a_tail_cut_off, a_fork, another_key, too_few_witnesses,
    a_clock_set_back, a_cut_file, a_broken_package,
]  # fmt: skip
