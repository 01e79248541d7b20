"""The exact text of an event: canonical JSON after RFC 8785, so that everybody who hashes it hashes the same bytes.

Narrower than the RFC where that removes doubt: no floats (their text differs between languages), integers within
±(2^53 − 1) (what every JSON reader holds exactly), text in Unicode's normal form NFC, keys are text.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

# An entry bundle of tlog-tiles gives a leaf's length two bytes.
MAX_BYTES = 65_535
MAX_INTEGER = 2**53 - 1

_PLAIN = frozenset({str, bool, type(None)})
_ONLY_TEXT = frozenset({str})

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode
_encode_in_order = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class NotCanonical(ValueError):
    """This value has no canonical text; the message names the place in it."""


def canonical(event: dict[str, Any]) -> str:
    """The one text of this event; raises NotCanonical. At most MAX_BYTES bytes of UTF-8."""
    if not isinstance(event, dict):
        raise NotCanonical(f"an event is a dict, not {type(event).__name__}")
    try:
        _check(event)
        text = _encode(event)
    except RecursionError:
        raise NotCanonical("the event contains itself, or is nested too deeply") from None
    if text.isascii():
        length = len(text)
    else:
        text, length = _beyond_ascii(event, text)
    if length > MAX_BYTES:
        raise NotCanonical(f"the event's text is {length} bytes long; the record takes at most {MAX_BYTES}")
    return text


def _check(value: Any) -> None:
    """Refuse what JSON or the RFC can't hold exactly; the quick way, which doesn't know where it is."""
    waiting = [value]
    steps = 0
    for one in waiting:  # grows as it goes
        kind = type(one)
        if kind in _PLAIN:
            continue
        if isinstance(one, dict):
            if not _ONLY_TEXT.issuperset(map(type, one)):
                raise NotCanonical(f"{_place(value, one)}: a key is not text")
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif isinstance(one, int):
            if not -MAX_INTEGER <= one <= MAX_INTEGER:
                raise NotCanonical(f"{_place(value, one)}: the number {one} is beyond ±(2^53 − 1)")
        elif not isinstance(one, str):
            raise NotCanonical(f"{_place(value, one)}: {kind.__name__} has no canonical text")
        steps += 1
        if steps > MAX_BYTES:
            raise NotCanonical("the event contains itself, or is far too large")


def _beyond_ascii(event: dict[str, Any], text: str) -> tuple[str, int]:
    """Check a text with letters beyond ASCII and put its keys in the RFC's order; the text and its length in UTF-8."""
    # Normal forms are closed under substrings, so a text in NFC has only strings in NFC. The reverse does not hold: an
    # escape such as \n before a combining mark looks like a letter n; then each string is asked by itself.
    if not unicodedata.is_normalized("NFC", text) and (place := _first(event, "", _is_not_nfc)):
        raise NotCanonical(f"{place}: the text is not in Unicode's normal form NFC")
    try:
        # The RFC sorts keys by UTF-16 units; Python sorts by code points. They differ only beyond the basic plane.
        if len(text.encode("utf-16-le")) > 2 * len(text):
            text = _encode_in_order(_sorted_as_utf16(event))
        return text, len(text.encode())
    except UnicodeEncodeError:
        raise NotCanonical(f"{_first(event, '', _has_surrogate)}: the text holds half a surrogate pair") from None


def _sorted_as_utf16(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _sorted_as_utf16(value[key]) for key in keys}
    return [_sorted_as_utf16(one) for one in value] if isinstance(value, list | tuple) else value


def _is_not_nfc(value: Any) -> bool:
    return isinstance(value, str) and not unicodedata.is_normalized("NFC", value)


def _has_surrogate(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value)


def _place(whole: Any, wanted: Any) -> str:
    return _first(whole, "", lambda value: value is wanted) or "event"


def _first(value: Any, path: str, is_it: Any) -> str:
    """The path (as in `source.ip`) of the first value or key for which `is_it`, or ""."""
    if path and is_it(value):
        return path
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}" if path else str(key)
            if is_it(key):
                return here.encode("utf-8", "replace").decode()
            if found := _first(inner, here, is_it):
                return found
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            if found := _first(inner, f"{path}[{number}]", is_it):
                return found
    return ""
