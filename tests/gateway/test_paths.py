"""Nothing that the allow-list refuses reaches the server under another spelling."""

import contextlib
import re
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import allowed, paths
from gateway.allowed import LINES, Allowed, Kind
from gateway.paths import Ambiguous, Target

PREFIX = "/user/mx/px/"
CLOSED = (
    "files/a.csv", "view/a.html", "nbconvert/html/a.ipynb", "proxy/80/x", "api/terminals/1", "terminals/1", "metrics",
    "api/shutdown", "lab/api/extensions", "api/spec.yaml", "api/status", "tree", "edit/a.py", "terminals/websocket/1",
    "lab/api/licenses", "lab/api/listings/@x.json", "api/security/csp-report", "login", "logout", "lsp/ws/pylsp",
    "lab/api/news", "api/nbconvert/html", "api/config/notebook", "custom/custom.js", "oauth_callback/x",
)  # fmt: skip
OPEN_ALWAYS = ("lab", "api/me", "api/contents", "lab/api/settings")


def spelled(raw):
    """What reaches the server for this target, or None."""
    try:
        target = paths.read(raw, PREFIX)
    except Ambiguous:
        return None
    found = allowed.find("GET", target) if target is not None else None
    return paths.write(found.target, PREFIX) if isinstance(found, Allowed) else None


@st.composite
def disguised(draw, secrets=CLOSED):
    """A closed address, in the disguises that servers have fallen for."""
    text = PREFIX + draw(st.sampled_from(secrets))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text) - 1))
        how = draw(
            st.sampled_from(["percent", "twice", "dots", "slash", "semicolon", "insert", "case", "wide", "back"])
        )
        one = text[at]
        if how == "percent":
            one = f"%{ord(one):02x}" if ord(one) < 128 else one
        elif how == "twice":
            one = f"%25{ord(one):02X}" if ord(one) < 128 else one
        elif how == "wide":
            one = f"%c0%{0x80 | ord(one) & 0x3F:02x}" if ord(one) < 128 else one
        elif how == "back":
            one = one.replace("/", "\\")
        elif how == "case":
            one = one.swapcase()
        else:
            one += {"dots": "/./", "slash": "//", "semicolon": ";x=1", "insert": draw(st.sampled_from(
                ["../", "/..", "%2e%2e/", "%2f", "%5c", "%00", "%0a", "?", "#", "%3f", "%23", "lab/../",
                 "lab/%2e%2e/", "\t"]
            ))}[how]  # fmt: skip
        text = text[:at] + one + text[at + 1 :]
    return text


@given(disguised())
@settings(max_examples=1500, deadline=None)
@example(PREFIX + "lab/../files/a.csv")
@example(PREFIX + "lab/tree/../../files/a.csv")
@example(PREFIX + "lab/%2e%2e/files/a.csv")
@example(PREFIX + "api/contents/..%2f..%2ffiles/a.csv")
@example("/user/mx/px/../../hub/api/users")
@example("//evil.example/user/mx/px/lab")
@example("http://evil.example/user/mx/px/lab")
def test_a_closed_address_stays_closed_in_every_disguise(raw):
    """However a server reads what it gets (once or twice decoded, dots resolved), it is no closed address."""
    written = spelled(raw)
    if written is None:
        return
    path = written.partition("?")[0]
    for reading in (path, unquote(path), unquote(unquote(path)), unquote_plus(path)):
        segments = []
        for one in re.split(r"[/\\]", reading.removeprefix(PREFIX)):
            if one == "..":
                segments = segments[:-1]
            elif one not in {"", "."}:
                segments.append(one.partition(";")[0])
        assert reading.startswith(PREFIX)
        assert "/".join(segments) not in CLOSED


@given(st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=255), max_size=80))
@settings(max_examples=800, deadline=None)
def test_whatever_is_read_is_written_in_one_way_and_read_back_the_same(text):
    try:
        target = paths.read(PREFIX + text, PREFIX)
    except Ambiguous:
        return
    written = paths.write(target, PREFIX)

    assert paths.read(written, PREFIX) == target
    assert paths.write(paths.read(written, PREFIX), PREFIX) == written


NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/\\%"), min_size=1, max_size=20)


@given(st.lists(NAMES.filter(lambda one: one not in {".", ".."}), min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_every_honest_name_of_a_file_can_be_opened(names):
    """As a browser writes it, and as Tornado will decode it."""
    target = Target(("api", "contents", *names))
    written = paths.write(target, PREFIX)

    assert paths.read(written, PREFIX) == target
    assert unquote_to_bytes(written).decode() == PREFIX + target.path


@pytest.mark.parametrize("raw", [
    "", "*", "lab", "/user/mx/px/lab#x", "/user/mx/px/a b", "/user/mx/px/ä", "/user/mx/px/lab%", "/user/mx/px/lab%2",
    "/user/mx/px/%ff", "/user/mx/px/%ed%a0%80", "/user/mx/px/api/contents/a%2fb", "/user/mx/px/api/contents/a%252fb",
    "/user/mx/px/lab/", "/user/mx/px//lab", "/user/mx/px/./lab", "/user/mx/px/lab?a=1&a=2", "/user/mx/px/lab?=1",
    "/user/mx/px/lab?a=1;b=2", "/user/mx/px/api/contents/a%7f", "/user/mx/px/lab?" + "a" * 5000,
])  # fmt: skip
def test_what_could_mean_two_things_is_refused(raw):
    with pytest.raises(Ambiguous):
        paths.read(raw, PREFIX)


@pytest.mark.parametrize(
    "raw", ["/", "/hub/home", "/user/mx/px2/lab", "/user/mx", "/user/my/px/lab", "/USER/mx/px/lab"]
)
def test_what_lies_outside_the_prefix_is_nothing_of_ours(raw):
    assert paths.read(raw, PREFIX) is None


def test_the_prefix_itself_is_plain_with_and_without_its_slash():
    assert paths.read(PREFIX, PREFIX) == paths.read(PREFIX[:-1], PREFIX) == Target(())
    assert paths.read("/%75ser/mx/px/lab", PREFIX) == Target(("lab",))


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────────
def passes(method, path):
    found = allowed.find(method, paths.read(PREFIX + path, PREFIX))
    return found.target.query if isinstance(found, Allowed) else None


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", CLOSED)
def test_what_security_closes_is_closed_for_every_method(method, path):
    assert passes(method, path) is None


@pytest.mark.parametrize("path", OPEN_ALWAYS)
def test_what_jupyterlab_starts_with_is_open(path):
    assert passes("GET", path) is not None


@pytest.mark.parametrize(("method", "path"), [
    ("POST", "lab"), ("DELETE", "api/contents"), ("PUT", "api/contents"), ("POST", "api/terminals"), ("PUT", "api/me"),
    ("DELETE", "lab/api/workspaces/default"), ("POST", "api/kernels/../x"), ("GET", "api/kernels/not-a-uuid/channels"),
    ("POST", "lab/api/extensions"), ("GET", "api/contents/a.csv?download=1"), ("GET", "lab?token=x"),
    ("GET", "api/contents/a.bin?type=file&format=base64"), ("GET", "api/contents/a.png?format=base64"),
    ("GET", "api/contents/a.csv?type=notebook2"), ("GET", "api/contents/a.csv?content=2"),
    ("GET", "api/contents/a.csv?content=0&format=base64"), ("GET", "api/contents/a.png/checkpoints?format=base64"),
    ("GET", "api/contents/a.csv?type=file&format=json"), ("OPTIONS", "api/me"), ("HEAD", "api/contents/a.csv"),
])  # fmt: skip
def test_other_methods_and_parameters_are_closed(method, path):
    with contextlib.suppress(Ambiguous):
        assert passes(method, path) is None


def test_a_file_is_asked_for_in_such_a_way_that_the_server_never_chooses_base64():
    assert dict(passes("GET", "api/contents/a.bin?content=1"))["type"] == "directory"
    assert dict(passes("GET", "api/contents/a.bin"))["type"] == "directory"
    assert dict(passes("GET", "api/contents/a.bin?type=file"))["format"] == "text"
    assert dict(passes("GET", "api/contents/a.PNG?type=file&format=base64"))["format"] == "base64"
    assert dict(passes("GET", "api/contents/a.bin?content=0")) == {"content": "0"}


def test_the_time_that_jupyterlab_appends_is_not_passed_on():
    assert passes("GET", "api/me?1795483766412") == ()


def test_every_line_has_a_reason_and_is_found_by_no_accident():
    assert all(line.reason and line.methods for line in LINES)
    assert not any(line.pattern.fullmatch(path) for line in LINES for path in CLOSED if line.kind is not Kind.STATIC)
