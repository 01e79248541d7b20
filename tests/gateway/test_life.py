"""The program itself: what it refuses to start with, that it ends cleanly, that it stays small."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.settings import SettingsError, read, understand
from tests.gateway.test_kernel_messages import message
from tests.gateway.world import PREFIX, ROOT, World

GOOD = {
    "listen": "/run/g.sock", "control": "/run/c.sock", "server": "/run/s.sock", "spool": "/run/spool",
    "environment": "/run/env", "prefix": PREFIX, "origin": "https://mx.workspaces.example.org", "idle_seconds": 900,
    "meter": {"warn": 1, "pause": 2, "window_seconds": 3600},
    "hub": {"api_url": "http+unix://%2Frun%2Fhub.sock/hub/api", "client_id": "c", "token": "t", "scopes": ["s"],
            "authorize_url": "https://workspaces.example.org/hub/api/oauth2/authorize"},
}  # fmt: skip


def test_a_whole_file_is_understood():
    settings = understand(GOOD)

    assert (settings.owner, settings.host) == ("mx", "mx.workspaces.example.org")
    assert settings.callback == "https://mx.workspaces.example.org/user/mx/px/oauth_callback"
    assert (settings.caps.contents, settings.caps.static, settings.caps.other) == (5 << 20, 10 << 20, 1 << 20)
    assert "t'" not in repr(settings.hub)


@pytest.mark.parametrize("change", [
    {"prefix": "/"}, {"prefix": "/user/mx/px"}, {"prefix": "/user/mx/../px/"}, {"prefix": "/user/MX/px/"}, {"more": 1},
    {"origin": "https://x/"}, {"origin": "https://a@x"}, {"origin": "http://workspaces.example.org"}, {"origin": 5},
    {"listen": "g.sock"}, {"idle_seconds": 0}, {"idle_seconds": "x"}, {"hub": []},
    {"meter": {"warn": 2, "pause": 1, "window_seconds": 1}},
    {"meter": {"warn": 1}}, {"meter": []}, {"caps": {"contents": -1}}, {"caps": {"contents": "5"}},
    {"caps": {"unknown": 5}},
    {"times": {"head": 0}}, {"hub": {}}, {"hub": {**GOOD["hub"], "token": ""}}, {"hub": {**GOOD["hub"], "scopes": []}},
    {"hub": {**GOOD["hub"], "api_url": "ftp://x"}}, {"hub": {**GOOD["hub"], "authorize_url": "/hub"}}, {"hub": 5},
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(change):
    with pytest.raises(SettingsError):
        understand({**GOOD, **change})


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_missing_is_named(name):
    with pytest.raises(SettingsError, match=name):
        understand({key: value for key, value in GOOD.items() if key != name})


def test_a_file_that_others_can_read_is_refused(tmp_path):
    file = tmp_path / "gateway.json"
    file.write_text(json.dumps(GOOD))
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read(file)
    file.chmod(0o600)
    assert read(file).prefix == PREFIX


@pytest.mark.parametrize("words", [[], ["/no/such/file"], ["a", "b"]])
def test_the_program_says_what_it_needs(words):
    answer = subprocess.run(
        [sys.executable, "-m", "gateway", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert answer.stderr


@pytest.mark.slow
async def test_it_ends_cleanly_when_told_to_though_websockets_are_open():
    async with World(is_apart=True) as world:
        sockets = (world.settings.listen, world.settings.control)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in sockets]
        await world.sign_in()
        async with world.socket() as socket:
            await socket.send_str(json.dumps(message(code="1")))
            await socket.receive(timeout=30)
            world.program.send_signal(signal.SIGTERM)
            assert (await socket.receive(timeout=30)).data == 4403
        _, said = await asyncio.to_thread(world.program.communicate, timeout=60)

        assert (world.program.returncode, modes) == (0, [0o660, 0o600])
        assert "Traceback" not in said
        assert not any(path.exists() for path in sockets)
        assert [one["kind"] for one in world.events()] == ["signed_in", "cell"]


@pytest.mark.slow
async def test_it_stays_small():
    async with World() as world:
        await world.sign_in()

        async def round_of_work():
            await asyncio.gather(*(world.get("api/contents") for _ in range(20)))
            await asyncio.gather(*(world.get(f"files/{n}") for n in range(20)))
            async with world.socket() as socket:
                for _ in range(20):
                    await socket.send_str(json.dumps(message(code="x" * 1000)))
                    await socket.receive(timeout=30)

        for _ in range(10):
            await round_of_work()
        before = _memory()
        for _ in range(40):
            await round_of_work()

        assert _memory() - before < 6 * 1024


def _memory():
    """Resident memory of this program, in KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
