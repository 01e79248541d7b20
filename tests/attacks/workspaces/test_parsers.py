"""E70 of security.md at the Hub and its proxy: bodies and heads that break a parser, by a member who is signed in.

Each is refused, and neither program ended, grew or stopped answering others.
"""

import gzip
import socket
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.attacks.workspaces.ground import Ground
from tests.attacks.workspaces.hub import ask, names_of

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.allow_hosts(["127.0.0.1", "localhost", "::1"])]

MB = 1 << 20
PARTS = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n'
BODIES = {
    "json of a depth of 100,000": (b"[" * 100_000 + b"]" * 100_000, "application/json"),
    "an object of that depth": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json"),
    "a number of a million digits": (b'{"expires_in": ' + b"9" * MB + b"}", "application/json"),
    "a charset that unpacks": (b"BZh91AY&SY" * 10, "application/json; charset=bz2_codec"),
    "100,000 parts": (b"".join(PART % number for number in range(100_000)) + b"--b--", PARTS),
    "a part whose head is a megabyte": (PART % 1 + b"--b\r\nX: " + b"x" * MB, PARTS),
    "100,000 fields": (b"&".join(b"f%d=1" % number for number in range(100_000)), "application/x-www-form-urlencoded"),
    "yaml": (b"a: &a [x]\nb: &b [*a,*a]\n" * 1000, "application/yaml"),
    "a packed body": (gzip.compress(b"[" * 50 * MB), "application/json"),
}  # fmt: skip
# What JupyterHub itself does not refuse: bytes that are no text are a mistake of its own there. It goes on.
OPEN = {("/hub/api/oauth2/token", "a packed body")}
HEADS = {
    "a megabyte in one header": b"X-Long: " + b"x" * MB + b"\r\n",
    "a megabyte of cookies": b"Cookie: " + b"; ".join(b"c%d=1" % number for number in range(100_000)) + b"\r\n",
    "100,000 headers": b"".join(b"X-%d: 1\r\n" % number for number in range(100_000)),
    "a long address": None,
}


def programs(ground: Ground) -> dict[str, int]:
    return {part: ground.site.pid(part) for part in ("hub", "proxy")}


def memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) << 10


def others_are_answered(ground: Ground) -> None:
    name, _ = names_of(ground.their_lab)
    assert ask(ground.julia, "GET", "/hub/api/user").json()["name"] == name
    assert ground.their_lab.ask("GET", "api/me").status_code == 200


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_breaks_a_parser_is_refused_by_the_hub(ground, what):
    name, _ = names_of(ground.lab)
    body, media_type = BODIES[what]
    headers = {"Content-Type": media_type} | ({"Content-Encoding": "gzip"} if what == "a packed body" else {})
    before = {part: (pid, memory(pid)) for part, pid in programs(ground).items()}

    for path in (
        f"/hub/api/users/{name}/tokens",
        f"/hub/api/users/{name}/activity",
        "/hub/api/oauth2/token",
        "/hub/login",
    ):
        began = time.monotonic()
        answer = ask(ground.rosa, "POST", path, facts=None, data=body, headers=headers)
        is_open = (path, what) in OPEN and answer.status_code == 500
        assert 400 <= answer.status_code < 500 or is_open, (path, answer.status_code, answer.text[:300])
        assert time.monotonic() - began < 10, path

    assert {part: pid for part, (pid, _) in before.items()} == programs(ground)
    grown = {part: memory(pid) - had for part, (pid, had) in before.items()}
    assert max(grown.values()) < 60 * MB, grown
    others_are_answered(ground)


@pytest.mark.parametrize("what", HEADS)
def test_a_head_that_never_ends_is_refused_at_the_proxy(ground, what):
    place = urlsplit(ground.site.workspaces_url)
    before = programs(ground)
    lab = ground.lab
    for host, path in ((place.netloc, "/hub/api/user"), (urlsplit(lab.address).netloc, urlsplit(lab.address).path)):
        more = HEADS[what]
        if more is None:
            path, more = f"{path}?{'x' * MB}", b""
        assert _status(place.port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n".encode() + more + b"\r\n") in {
            400,
            414,
            431,
        }

    assert programs(ground) == before
    others_are_answered(ground)


def _status(port: int | None, asked: bytes) -> int:
    """0 where the line was closed without a word."""
    assert port
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        with suppress(ConnectionError):
            line.sendall(asked)
        said = b""
        with suppress(ConnectionError):
            said = line.recv(100)
    return int(said.split()[1]) if said.startswith(b"HTTP/1.1 ") else 0
