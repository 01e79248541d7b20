"""Canonical JSON against RFC 8785 and against a reader of another kind."""

import enum
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlog.canonical import MAX_BYTES, NotCanonical, canonical


def nfc(text):
    return unicodedata.normalize("NFC", text)


texts = st.text(st.characters(exclude_categories=["Cs"])).map(nfc)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
events = st.dictionaries(texts, values, max_size=6)


@given(events)
def test_it_reads_back_as_the_same_event_and_is_written_the_same_again(event):
    text = canonical(event)
    assert json.loads(text) == event
    assert canonical(json.loads(text)) == text
    assert "\n" not in text


@given(events)
def test_an_implementation_that_we_did_not_write_agrees(event):
    rfc8785 = pytest.importorskip("rfc8785")
    assert canonical(event).encode() == rfc8785.dumps(event)


def test_the_order_of_keys_is_that_of_rfc_8785():
    """§3.2.3: by UTF-16 units, where U+1F600 comes before U+FFEE."""
    keys = {"\u20ac": 1, "\r": 2, "\uffee": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
    assert list(json.loads(canonical(keys))) == ["\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\uffee"]
    assert list(json.loads(canonical({"inner": [keys]}))["inner"][0]) == list(json.loads(canonical(keys)))


def test_strings_are_escaped_as_little_as_rfc_8785_says():
    assert (
        canonical({"a": '\b\t\n\f\r"\\/\x00\x1f\x7f\u2028é'})
        == '{"a":"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\x7f\u2028é"}'
    )
    assert canonical({"b": [True, False, None, -1, 0], "a": {}}) == '{"a":{},"b":[true,false,null,-1,0]}'


class Outcome(enum.StrEnum):
    SUCCESS = "success"


def test_texts_and_numbers_of_enumerations_are_plain():
    assert canonical({"outcome": Outcome.SUCCESS, "places": (1, 2)}) == '{"outcome":"success","places":[1,2]}'


def looped():
    event = {}
    event["again"] = [event]
    return event


def deep(levels):
    event = {}
    for _ in range(levels):
        event = {"in": event}
    return event


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"a": {"b": [1, 1.5]}}, "a.b[1]: float"),
        ({"a": float("nan")}, "a: float"),
        ({"a": b"x"}, "a: bytes"),
        ({"a": {1: 2}}, "a: a key is not text"),
        ({None: 2}, "a key is not text"),
        ({"a": 2**53}, "a: the number 9007199254740992"),
        ({"a": -(2**53)}, "beyond"),
        ({"a": ["x", "e\u0301"]}, "a[1]: the text is not in Unicode's normal form NFC"),
        ({"e\u0301": 1}, "NFC"),
        ({"a": "\ud800"}, "a: the text holds half a surrogate pair"),
        ({"a": {"\udfff": 1}}, "half a surrogate pair"),
        ({"a": "x" * MAX_BYTES}, "the record takes at most 65535"),
        ({"a": "é" * 40_000}, "80008 bytes long"),
        (looped(), "contains itself"),
        (deep(100_000), "nested too deeply|far too large"),
        ([1], "an event is a dict, not list"),
    ],
)
def test_what_has_no_one_text_is_refused_with_its_place(event, words):
    with pytest.raises(NotCanonical, match=words.replace("[", "\\[")):
        canonical(event)


def test_a_mark_after_an_escape_is_no_letter():
    """In the text \\n + U+0303 looks like ñ in pieces; in the string it is a line's end and a mark."""
    assert canonical({"a": "\n\u0303"}) == '{"a":"\\n\u0303"}'
