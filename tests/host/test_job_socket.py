"""The way to jobs from inside: five requests, as the run whose socket it is, and nothing else, however it is asked."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from host import job_socket
from host.job_socket import JobSocket, Pace
from host.portal import Portal
from tests.host import stand_ins
from tests.host.conftest import wait

UID = 30_001


@pytest.fixture
def far():
    portal = stand_ins.Portal()
    yield portal
    portal.server.shutdown()
    portal.server.server_close()


@pytest.fixture
def serve(far):
    """A run's socket, in front of a portal; everybody may look into its folder."""
    made = []
    with TemporaryDirectory(prefix="caia-") as folder:
        Path(folder).chmod(0o755)

        def start(name="p", **more):
            run, path = str(uuid.uuid4()), Path(folder, f"{name}.sock")
            made.append(JobSocket(Portal(far.url, stand_ins.SECRET, "here"), run, UID, path, **more))
            made[-1].path = str(path)
            return made[-1]

        yield start
        for one in made:
            one.close()


@pytest.fixture
def served(serve):
    return serve()


def line_to(server, timeout=20):
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(timeout)
    line.connect(server.path)
    return line


def ask(server, path, body=b"{}", method="POST", **headers):
    """Status and answer; 0 where the other side hung up instead."""
    connection = http.client.HTTPConnection("localhost", timeout=20)
    try:
        connection.sock = line_to(server)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in ({"Content_Length": str(len(sent))} | headers).items():
            for one in value if isinstance(value, list) else [value]:
                connection.putheader(name.replace("_", "-"), one)
        connection.endheaders()
        connection.send(sent)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    except (OSError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()


def raw(server, sent):
    """What comes back for these bytes, until the other side hangs up."""
    with line_to(server) as line:
        line.sendall(sent)
        said = b""
        try:
            while piece := line.recv(65536):
                said += piece
        except OSError:
            pass
        return said


# ── what passes ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("what", "facts"), [
    ("list", {}), ("show", {"job": "J-1"}), ("log", {"job": "J-1", "attempt": 1, "offset": 7}),
    ("cancel", {"job": "J-1", "reason": "A typo."}), ("submit", {"name": "train", "content": "x" * 1_000_000}),
])  # fmt: skip
def test_what_is_asked_comes_to_the_portal_as_this_run(served, far, what, facts):
    far.job_answers[what] = (200, {"said": what})

    assert ask(served, f"/{what}", facts) == (200, {"said": what})
    assert far.asked == [(served.run, what, facts)]


def test_each_socket_speaks_for_its_own_run(serve, far):
    one, other = serve("a"), serve("b")
    ask(one, "/list")
    ask(other, "/list")
    assert [run for run, _, _ in far.asked] == [one.run, other.run]
    assert one.run != other.run


@pytest.mark.parametrize("status", [403, 404, 409, 410, 422])
def test_a_refusal_of_the_portal_is_passed_on_with_its_reason(served, far, status):
    far.job_answers["list"] = (status, {"reason": "Not so."})
    assert ask(served, "/list") == (status, {"reason": "Not so."})


@pytest.mark.parametrize("status", [302, 400, 401, 500, 502])
def test_whatever_else_the_portal_says_is_kept_from_inside(served, far, status):
    far.job_answers["list"] = (status, {"reason": "CANARY", "location": "CANARY"})
    told, said = ask(served, "/list")
    assert (told, "CANARY" in json.dumps(said)) == (503, False)


def test_a_portal_that_is_away_is_said_in_words(served, far):
    far.server.shutdown()
    far.server.server_close()
    status, said = ask(served, "/list")
    assert (status, "Try again" in said["reason"], "127.0.0.1" in said["reason"]) == (503, True, False)


# ── what does not ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("word", ["run", "project", "member", "by", "secret", "__proto__", ""])
def test_a_word_that_is_not_known_is_refused(served, far, word):
    status, said = ask(served, "/show", {"job": "J-1", word: str(uuid.uuid4())})
    assert (status, "nothing that can be said here" in said["reason"]) == (400, True)
    assert far.asked == []


@pytest.mark.parametrize("path", [
    "/", "list", "/list/", "/list?run=1", "/list#x", "/../list", "/./list", "/submit/../list", "/%6cist",
    "/internal/heartbeat", "/internal/runs/x/plan", "/LIST", "/plan", "http://portal/list", "/list%00", "*",
])  # fmt: skip
def test_no_other_path_leads_anywhere(served, far, path):
    assert ask(served, path)[0] in {400, 404}
    assert far.asked == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "XYZZY"])
def test_no_other_method_is_understood(served, far, method):
    assert ask(served, "/list", method=method)[0] == 501
    assert far.asked == []


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"\xff", b"null", b'"x"', b"[" * 10_000])
def test_a_body_that_is_no_object_is_refused(served, far, body):
    assert ask(served, "/show", body)[0] == 400
    assert far.asked == []


@pytest.mark.parametrize(("what", "size"), [
    ("list", job_socket.SMALL + 1), ("submit", job_socket.LARGE + 1), ("submit", 10**11), ("submit", 10**15),
])  # fmt: skip
def test_what_says_that_it_is_too_long_is_refused_unread(served, far, what, size):
    status, said = ask(served, f"/{what}", b"{", Content_Length=str(size))
    assert (status, "at most" in said["reason"]) == (413, True)
    assert far.asked == []


@pytest.mark.parametrize("headers", [
    {"Content_Length": []}, {"Content_Length": ["2", "2"]}, {"Content_Length": "-1"}, {"Content_Length": "1e3"},
    {"Content_Length": "+2"}, {"Content_Length": "２".encode()}, {"Transfer_Encoding": "chunked"},
], ids=str)  # fmt: skip
def test_what_does_not_say_how_long_it_is_is_refused(served, far, headers):
    assert ask(served, "/list", **headers)[0] == 411
    assert far.asked == []


@pytest.mark.parametrize("sent", [
    b"POST /list HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n", b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\r\n\r\n", b"POST /list HTTP/9.9\r\n\r\n",
])  # fmt: skip
def test_what_is_no_such_request_is_refused_and_the_next_is_heard(served, far, sent):
    assert b"200" not in raw(served, sent).split(b"\r\n")[0]
    assert far.asked == []
    assert ask(served, "/list")[0] == 200


def test_a_second_request_behind_the_first_is_not_heard(served, far):
    one = b"POST /list HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    raw(served, one + one.replace(b"/list", b"/show"))
    assert [what for _, what, _ in far.asked] == ["list"]


# ── patience ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_drips_is_hung_up_on_in_the_end(serve, far):
    server, begun = serve(read_seconds=1.0), time.monotonic()
    with line_to(server) as line:
        line.sendall(b"POST /list HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(200):
            try:
                line.sendall(b" ")
            except OSError:
                break
            if server._places._value == job_socket.MOST_AT_ONCE:
                break
            time.sleep(0.1)
    assert time.monotonic() - begun < 15
    wait(lambda: server._places._value == job_socket.MOST_AT_ONCE)
    assert far.asked == []


def test_many_idle_lines_take_few_places_and_give_them_back(serve, far):
    server = serve(read_seconds=2.0)
    before = threading.active_count()
    lines = [line_to(server) for _ in range(12)]
    wait(lambda: server._places._value == 0)

    assert threading.active_count() - before <= 2 * job_socket.MOST_AT_ONCE
    assert ask(server, "/list")[0] in {0, 429}
    wait(lambda: ask(server, "/list")[0] == 200)
    for line in lines:
        line.close()


def test_who_asks_too_often_is_told_so(served, far):
    served.pace = Pace(per_second=0.001, most=3, left=3)
    assert [ask(served, "/list")[0] for _ in range(4)] == [200, 200, 200, 429]
    assert len(far.asked) == 3


def test_code_is_handed_in_one_at_a_time(serve, far):
    server = serve(read_seconds=5.0)
    with line_to(server) as line:
        line.sendall(b"POST /submit HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{")
        wait(server.large.locked)
        assert ask(server, "/submit", {"content": "x" * 50_000})[0] == 429
    wait(lambda: ask(server, "/submit", {"content": "x" * 50_000})[0] == 200)


# ── who ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
KNOCK = """
import socket, sys
line = socket.socket(socket.AF_UNIX); line.settimeout(10)
try:
    line.connect(sys.argv[1])
    line.sendall(b"POST /list HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    print(line.recv(12).decode())
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_only_the_run_s_own_account_is_heard_even_where_another_gets_to_the_socket(served, far):
    def knocked(uid):
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        words = [python, "-I", "-S", "-c", KNOCK, served.path]
        return subprocess.run(words, capture_output=True, text=True, user=uid, group=uid, extra_groups=[], timeout=30,
                              cwd="/", check=False).stdout.strip()  # fmt: skip

    assert knocked(UID).endswith("200")
    assert knocked(UID + 1) == "PermissionError"
    os.chmod(served.path, 0o666)
    assert knocked(UID + 1) in {"", "ConnectionResetError", "BrokenPipeError"}
    assert len(far.asked) == 1
