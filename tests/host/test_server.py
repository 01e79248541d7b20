"""The host's socket takes three requests, from the Hub's account alone, and believes none of them."""

import os
import socket
import subprocess
import sys
import threading
import uuid

import pytest

from host import wire
from host.server import Server
from tests.host.conftest import HUB, ORIGIN

ORDER = {"run": str(uuid.uuid4()), "prefix": "/user/m1/p1/", "origin": ORIGIN, "hub": HUB}


@pytest.fixture
def served(place):
    server = Server(place.host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield place
    server.shutdown()
    server.server_close()


def asked(place, method, path, facts=None):
    return wire.ask(method, wire.unix(place.settings.socket) + path, facts)


@pytest.mark.parametrize(
    "change",
    [
        {"run": "../../etc"}, {"run": None}, {"prefix": "/user/../"}, {"prefix": "x"}, {"origin": "javascript:1"},
        {"origin": "http://a b"}, {"hub": {}}, {"hub": None}, {"hub": "token"},
    ],
    ids=str,
)  # fmt: skip
def test_an_order_that_cannot_be_meant_is_refused(served, change):
    assert asked(served, "POST", "/runs", ORDER | change).status == 400
    assert served.host.runs == {}


def test_a_body_that_is_no_object_or_too_long_is_refused(served):
    assert asked(served, "POST", "/runs", {"run": "x" * 70_000}).status == 400
    assert asked(served, "POST", "/runs").status == 400


def test_what_is_not_there_is_not_found(served):
    for method, path in (("GET", "/runs/x"), ("GET", f"/runs/{uuid.uuid4()}"), ("DELETE", f"/runs/{uuid.uuid4()}"),
                         ("POST", "/other"), ("GET", "/")):  # fmt: skip
        assert asked(served, method, path).status == 404
    assert asked(served, "GET", "/health").facts == {"runs": 0}


def test_the_same_order_twice_is_one_run_and_an_ended_one_is_not_begun_again(served):
    run = served.portal.plan(1, [], {})["run"]
    served.portal.refusals[run] = (403, {"reason": "No."})
    statuses = [asked(served, "POST", "/runs", ORDER | {"run": run}).status]
    served.host.runs[run].thread.join(10)
    statuses.append(asked(served, "POST", "/runs", ORDER | {"run": run}).status)

    assert statuses == [202, 409]
    assert asked(served, "GET", f"/runs/{run}").facts["end"] == {"why": "refused", "words": "No."}
    assert len(served.host.runs) == 1


def test_no_secret_of_the_hub_lies_where_others_read_or_in_a_log(served, caplog):
    run = served.portal.plan(1, [], {})["run"]
    served.portal.refusals[run] = (403, {"reason": "No."})
    asked(served, "POST", "/runs", ORDER | {"run": run, "hub": HUB | {"token": "CANARY-token"}})
    served.host.runs[run].thread.join(10)

    kept = [path for path in served.root.rglob("*") if path.is_file() and "CANARY-token" in path.read_text("latin-1")]
    assert kept == []
    assert "CANARY-token" not in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_another_account_is_not_heard_even_where_it_reaches_the_socket(served):
    path = served.settings.socket
    assert path.stat().st_mode & 0o777 == 0o660
    path.chmod(0o666)
    code = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1]);"
        "s.sendall(b'GET /health HTTP/1.0\\r\\n\\r\\n'); print(s.recv(100))"
    )
    words = ["/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable, "-c", code, str(path)]
    answer = subprocess.run(words, capture_output=True, text=True, check=False, user=65534, group=65534, cwd="/")

    if "Permission denied" in answer.stderr and "connect" not in answer.stderr:
        pytest.fail(f"this test could not become somebody else: {answer.stderr}")
    assert answer.stdout.strip() in {"b''", ""}
    assert "200" not in answer.stdout


def test_a_caller_who_says_nothing_holds_nothing_up(served):
    quiet = socket.socket(socket.AF_UNIX)
    quiet.connect(str(served.settings.socket))

    assert asked(served, "GET", "/health").status == 200
    quiet.close()
