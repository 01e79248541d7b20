"""The contract with the Hub, kept by the real one: the environment's JupyterHub 6, with PKCE required."""

import asyncio
import contextlib
import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import ClientError, ClientSession, CookieJar, WSMsgType
from yarl import URL

from tests.gateway.world import ORIGIN, PAGE, PREFIX, World
from tests.hub.conftest import free_port

TOKEN = "a-token-of-a-test-0123456789abcdef"
SCOPE = "access:services!service=gw"


@contextlib.asynccontextmanager
async def jupyterhub(folder):
    """The Hub's address, while it runs."""
    port = free_port()
    with TemporaryDirectory(prefix="gw-hub-") as home:
        around = {"PATH": os.defpath, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1", "HUB_PORT": str(port),
                  "HUB_SECRET": f"{home}/secret", "HUB_TOKEN": TOKEN,
                  "HUB_CALLBACK": f"{ORIGIN}{PREFIX}oauth_callback"}  # fmt: skip
        words = [folder / "bin/python3", "-m", "jupyterhub", "-f", Path(__file__).with_name("hub_config.py")]
        program = subprocess.Popen(words, cwd=home, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await _until_it_answers(f"http://127.0.0.1:{port}/hub/api")
            yield f"http://127.0.0.1:{port}"
        finally:
            program.terminate()
            await asyncio.to_thread(program.wait, 20)


async def _until_it_answers(address):
    async with ClientSession() as browser:
        for _ in range(900):
            with contextlib.suppress(ClientError):
                async with browser.get(address) as answer:
                    assert answer.status == 200
                    return
            await asyncio.sleep(0.1)
    raise AssertionError("the Hub did not start within 90 seconds")


async def sign_in(world, hub, browser, name):
    """Sign in at the Hub by its own form, then go where it sends a browser."""
    async with browser.get(f"{hub}/hub/login") as page:
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', await page.text()).group(1)
    async with browser.post(f"{hub}/hub/login", data={"username": name, "password": "x", "_xsrf": xsrf},
                            allow_redirects=False) as done:  # fmt: skip
        assert done.status == 302
    world.browser = world.another_browser()
    sent = await world.get("lab", headers=PAGE)
    async with browser.get(URL(sent.headers["Location"], encoded=True), allow_redirects=False) as back:
        return await world.get(URL(back.headers["Location"], encoded=True).raw_path_qs, headers=PAGE)


@pytest.mark.slow
async def test_the_real_hub_lets_in_the_owner_alone_and_its_sign_out_ends_the_stay(environment):
    async with jupyterhub(environment) as hub:
        api = f"{hub}/hub/api"
        client = {"api_url": api, "authorize_url": f"{api}/oauth2/authorize", "client_id": "service-gw"}
        client |= {"token": TOKEN, "scopes": [SCOPE]}
        async with World(hub=client, times={"ask": 0.2, "watch": 0.5}) as world:
            async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
                done = await sign_in(world, hub, browser, "mx")
                assert (done.status, done.headers["Location"]) == (302, f"{PREFIX}lab")
                assert (await world.get("api/me")).status == 200
                async with world.socket() as open_socket:
                    async with browser.get(f"{hub}/hub/logout"):
                        pass
                    assert (await open_socket.receive(timeout=30)).type is WSMsgType.CLOSE
                assert (await world.get("api/me")).status == 401
            async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
                assert (await sign_in(world, hub, browser, "my")).status == 403
            assert [one["kind"] for one in world.events()] == ["signed_in", "denied"]
