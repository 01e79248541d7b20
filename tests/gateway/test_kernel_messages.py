"""The code of each cell is read in both protocols; what can't be read does not pass."""

import contextlib
import hashlib
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.kernel_messages import V1, Unreadable, read, report


def message(kind="execute_request", **content):
    header = {"msg_id": "1", "msg_type": kind, "version": "5.3"}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }


def as_v1(given, buffers=()):
    parts = [b"shell", *(json.dumps(given[one]).encode() for one in ("header", "parent_header", "metadata", "content"))]
    parts += buffers
    offsets, at = [], 8 * (len(parts) + 2)
    for part in (*parts, b""):
        offsets.append(at)
        at += len(part)
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def as_binary(given, buffers=()):
    parts = [json.dumps(given).encode(), *buffers]
    offsets, at = [], 4 * (len(parts) + 1)
    for part in parts:
        offsets.append(at)
        at += len(part)
    return struct.pack(f">{len(offsets) + 1}I", len(offsets), *offsets) + b"".join(parts)


WAYS = {
    "json": lambda given: (json.dumps(given).encode(), True, ""),
    "json in utf-8": lambda given: (json.dumps(given, ensure_ascii=False).encode(), True, ""),
    "binary": lambda given: (as_binary(given, (b"\0\1",)), False, ""),
    "v1": lambda given: (as_v1(given), False, V1),
    "v1 with buffers": lambda given: (as_v1(given, (b"\0\1", b"x")), False, V1),
}


def in_way(way, given):
    frame, is_text, protocol = WAYS[way](given)
    return read(frame, is_text=is_text, protocol=protocol)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", ["print(1)", "", "ä\n\0 “quoted” \\u0041", "x" * 200_000])
def test_the_code_of_a_cell_is_found(way, code):
    found = in_way(way, message(code=code, silent=True))

    assert (found.kind, found.code, found.is_activity) == ("execute_request", code, True)


@pytest.mark.parametrize("way", WAYS)
def test_other_messages_hold_no_code(way):
    assert in_way(way, message("complete_request", code="imp")).code is None
    assert not in_way(way, message("kernel_info_request")).is_activity


def test_expressions_beside_a_cell_are_code_too():
    found = in_way("json", message(code="1", user_expressions={"a": "leak()"}))

    assert found.code == "1\n# expression: leak()"


def test_what_the_debugger_runs_is_code_too():
    arguments = {"expression": "leak()", "breakpoints": [{"line": 1, "condition": "spy()"}, 7]}
    found = in_way("v1", message("debug_request", command="evaluate", arguments=arguments))

    assert found.code == "# debugger: evaluate\nleak()\nspy()"
    assert in_way("v1", message("debug_request", command="stackTrace", arguments={"threadId": 1})).code is None


good_v1, good_binary = as_v1(message(code="1")), as_binary(message(code="1"))
TWICE = json.dumps(message(code="1")).replace('"msg_type"', '"msg_type": "status", "msg_type"').encode()


@pytest.mark.parametrize(("frame", "is_text", "protocol"), [
    (b"", True, ""), (b"[]", True, ""), (b"{}", True, ""), (b"\xff", True, ""), (b"{" * 100_000, True, ""),
    (b'{"a":' * 100_000, True, ""), (TWICE, True, ""), (json.dumps(message(code=5)).encode(), True, ""),
    (json.dumps(message(code="1")).encode("utf-16"), True, ""), (json.dumps(message(7)).encode(), True, ""),
    (json.dumps(message(code="1")).encode(), True, V1), (json.dumps(message(code="1")).encode(), False, V1),
    (good_v1, False, ""), (good_v1, True, V1), (good_v1[:-1], False, V1), (good_v1 + b"x", False, V1),
    (good_v1[:40], False, V1), (b"\xff" * 64, False, V1), (good_binary[:5], False, ""), (b"\0" * 8, False, ""),
    (b"\xff" * 64, False, ""), (good_binary, False, V1), (good_binary, True, ""),
])  # fmt: skip
def test_what_is_no_message_of_the_protocol_is_refused(frame, is_text, protocol):
    with pytest.raises(Unreadable):
        read(frame, is_text=is_text, protocol=protocol)


@given(st.binary(max_size=200), st.booleans(), st.sampled_from(["", V1]))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_message_or_refused(frame, is_text, protocol):
    with contextlib.suppress(Unreadable):
        read(frame, is_text=is_text, protocol=protocol)


@given(st.integers(0, len(good_v1) - 1), st.integers(0, 255))
@settings(max_examples=500, deadline=None)
def test_a_changed_byte_never_hides_code(at, byte):
    """Either refused, or still code, or truly another message, as Jupyter's own reader would find."""
    changed = good_v1[:at] + bytes([byte]) + good_v1[at + 1 :]
    try:
        found = read(changed, is_text=False, protocol=V1)
    except Unreadable:
        return
    if b"execute_request" in changed:
        assert found.code is not None


def test_long_code_is_cut_and_the_hash_is_of_the_whole():
    code = "ä" * 60_000

    said = report(code, 100_000)

    assert said["code"].startswith("ä" * 50_000)
    assert said["code"].endswith("the whole has 120000 bytes")
    assert said["sha256"] == hashlib.sha256(code.encode()).hexdigest()
    assert report("x" * 100_000, 100_000)["code"] == "x" * 100_000
