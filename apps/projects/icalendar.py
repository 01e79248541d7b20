"""Days as an iCalendar file that any calendar reads. Source: RFC 5545, sections 3.1 (folding), 3.3.11 (text), 3.6.1."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from apps.projects.endings import Ending

LONGEST = 75  # octets of a line, its break not counted


def file_of(endings: Iterable[Ending], *, at: datetime, name: str) -> str:
    """The whole file, one event of a whole day for each; `at` is when it was made."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//CAIA//portal//EN", f"X-WR-CALNAME:{_text(name)}"]
    for one in endings:
        about = ". ".join(filter(None, [one.of, one.mender and f"Can be renewed by {one.mender}"]))
        lines += [
            "BEGIN:VEVENT",
            f"UID:{one.key}@caia.portal",
            f"DTSTAMP:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{one.on:%Y%m%d}",
            f"DTEND;VALUE=DATE:{one.on + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_text(f'Ends: {one.what}')}",
            f"DESCRIPTION:{_text(about)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def folded(line: str) -> str:
    """The line in pieces of at most 75 octets, each but the first behind a space; no letter is cut in two."""
    pieces, piece, size = [], "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > LONGEST:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + letter, size + octets
    return "\r\n".join([*pieces, piece])


def _text(words: str) -> str:
    """A text value: what has a meaning in the format is marked, and control characters are left out."""
    for letter in ("\\", ";", ","):
        words = words.replace(letter, f"\\{letter}")
    lines = words.splitlines()
    return "\\n".join("".join(one for one in line if one.isprintable() or one.isspace()) for line in lines)
