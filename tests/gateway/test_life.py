"""The program itself: what it refuses to start with, that it ends cleanly, that it stays small."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector

from gateway.settings import SettingsError, read, understand
from tests.gateway.test_kernel_messages import message
from tests.gateway.world import PREFIX, World

ROOT = Path(__file__).parents[2]
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
    async with World() as world:
        file = world.folder / "gateway.json"
        given = {**_given(world), "listen": f"{world.folder}/l.sock", "control": f"{world.folder}/c.sock"}
        (world.folder / "spool2").mkdir()
        given["spool"] = f"{world.folder}/spool2"
        file.write_text(json.dumps(given))
        file.chmod(0o600)
        program = subprocess.Popen([sys.executable, "-m", "gateway", file], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        await _until((world.folder / "c.sock").exists)
        await asyncio.sleep(0.2)
        modes = [stat.S_IMODE((world.folder / name).stat().st_mode) for name in ("l.sock", "c.sock")]
        world.browser = ClientSession(
            world.settings.origin, cookie_jar=world.browser.cookie_jar,
            connector=UnixConnector(path=f"{world.folder}/l.sock"),
        )  # fmt: skip
        try:
            await world.sign_in()
            async with world.socket() as socket:
                await socket.send_str(json.dumps(message(code="1")))
                await socket.receive(timeout=5)
                began = time.monotonic()
                program.send_signal(signal.SIGTERM)
                assert (await socket.receive(timeout=5)).data == 4403
            code = await asyncio.to_thread(program.wait, 10)
        finally:
            await world.browser.close()
            program.kill()
            _, said = program.communicate()

        assert (code, modes) == (0, [0o660, 0o600])
        assert time.monotonic() - began < 5
        assert "Traceback" not in said
        assert not (world.folder / "l.sock").exists()
        kinds = [json.loads(line)["kind"] for line in (world.folder / "spool2/events.jsonl").read_text().splitlines()]
        assert kinds == ["signed_in", "cell"]


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
                    await socket.receive(timeout=5)

        for _ in range(10):
            await round_of_work()
        before = _memory()
        for _ in range(40):
            await round_of_work()

        assert _memory() - before < 6 * 1024


def _given(world):
    names = ("server", "environment", "prefix", "origin", "idle_seconds")
    given = {name: getattr(world.settings, name) for name in names}
    given = {name: str(one) if isinstance(one, Path) else one for name, one in given.items()}
    return {**given, "hub": world.hub.settings(), "meter": {"warn": 10**8, "pause": 10**9, "window_seconds": 60}}


async def _until(claim):
    for _ in range(100):
        if claim():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come true within ten seconds")


def _memory():
    """Resident memory of this program, in KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
