"""Who enters: the owner, by way of the Hub, from this workspace's own pages, for as long as the Hub says so.

E62, another site's page or cookie, and E65, a sign-in that was taken back.
"""

import asyncio

import pytest
from aiohttp import ClientSession, WSMsgType

from tests.gateway.world import CHANNELS, FETCH, HOST, ORIGIN, PAGE, PREFIX, World

CROSS = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


async def test_the_owner_comes_in_by_way_of_the_hub_and_it_is_recorded():
    async with World() as world:
        done = await world.sign_in()

        assert (done.status, done.headers["Location"]) == (302, f"{PREFIX}lab")
        assert (await world.get("lab", headers=PAGE)).status == 200
        assert [one["kind"] for one in world.events()] == ["signed_in"]


async def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it():
    async with World() as world:
        done = await world.sign_in()
        cookie = next(one for one in done.headers.getall("Set-Cookie") if one.startswith("__Host-workspace-"))

    words = {one.strip().partition("=")[0].lower() for one in cookie.split(";")[1:]}
    assert words == {"httponly", "secure", "samesite", "max-age", "path"}
    assert "Path=/;" in cookie
    assert "Max-Age=43200" in cookie


@pytest.mark.parametrize(("wanted", "comes"), [
    ("lab/tree/a%20b.ipynb", "lab/tree/a%20b.ipynb"), ("lab?reset", "lab?reset="), ("", "lab"), ("files/a.csv", "lab"),
    ("api/contents", "lab"),
])  # fmt: skip
async def test_a_page_that_was_wanted_is_the_page_that_comes(wanted, comes):
    async with World() as world:
        done = await world.sign_in(path=wanted)

        assert done.headers["Location"] == f"{PREFIX}{comes}"


async def test_somebody_else_reads_why_they_cannot_enter():
    async with World() as world:
        world.hub.person = "my"
        done = await world.sign_in()

        assert done.status == 403
        assert "belongs to somebody else" in done.text
        assert (await world.get("api/me")).status == 401
        assert [one["kind"] for one in world.events()] == ["denied"]


async def test_the_owner_without_the_scope_cannot_enter():
    async with World() as world:
        world.hub.scopes = ["access:servers!server=mx/other"]

        assert (await world.sign_in()).status == 403


@pytest.mark.parametrize("headers", [FETCH, {}, {"Accept": "application/json"}])
async def test_nobody_in_particular_gets_nothing(headers):
    async with World() as world:
        answer = await world.get("api/contents", headers=headers)

        assert answer.status == 401
        assert world.server.asked == []
        assert world.hub.asked == 0


async def test_a_sign_in_that_another_browser_began_is_worth_nothing():
    """Else somebody could sign a victim in to where the attacker watches."""
    async with World() as world:
        other = world.another_browser()
        async with other.get(f"{PREFIX}lab", headers=PAGE, allow_redirects=False) as sent:
            state = sent.headers["Location"].partition("&state=")[2].partition("&")[0]
        await world.get("lab", headers=PAGE)
        answer = await world.get(f"oauth_callback?code=x&state={state}", headers=PAGE)

        assert answer.status == 403
        assert "not begun in this browser" in answer.text


async def test_a_state_is_good_once_and_not_for_ever():
    async with World(times={"sign_in": 0.05}) as world:
        async with world.browser.get(f"{PREFIX}lab", headers=PAGE, allow_redirects=False) as sent:
            state = sent.headers["Location"].partition("&state=")[2].partition("&")[0]
        await asyncio.sleep(0.1)

        assert (await world.get(f"oauth_callback?code=x&state={state}", headers=PAGE)).status == 403


@pytest.mark.parametrize("query", ["", "?error=access_denied", "?code=x", "?state=x", "?code=x&state=y"])
async def test_a_return_that_was_never_asked_for_opens_nothing(query):
    async with World() as world:
        await world.get("lab", headers=PAGE)

        assert (await world.get(f"oauth_callback{query}", headers=PAGE)).status == 403


async def test_a_code_that_the_hub_does_not_know_opens_nothing():
    async with World() as world:
        async with world.browser.get(f"{PREFIX}lab", headers=PAGE, allow_redirects=False) as sent:
            state = sent.headers["Location"].partition("&state=")[2].partition("&")[0]
        answer = await world.get(f"oauth_callback?code=unknown&state={state}", headers=PAGE)

        assert answer.status == 403


# ── a second cookie of the same name, which a script in the page can set and we can't take away ─────────────────────
def asked_with(path: str, cookie: str) -> bytes:
    words = "".join(f"{key}: {value}\r\n" for key, value in PAGE.items())
    return (
        f"GET {PREFIX}{path} HTTP/1.1\r\nHost: {HOST}\r\n{words}Cookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
    )


@pytest.mark.parametrize(("others", "status"), [
    ("{name}=tossed; {own}", b"200"), ("{own}; {name}=tossed", b"200"), ("{name}=tossed", b"302"), ("{name}=", b"302"),
    ("{name}=1; {name}=2; {name}=3; {own}", b"200"), ("{many}{own}", b"302"),
])  # fmt: skip
async def test_a_session_is_found_beside_a_tossed_cookie(others, status):
    async with World() as world:
        await world.sign_in()
        name = world.cookie.partition("=")[0]
        cookie = others.format(name=name, own=world.cookie, many=f"{name}=x; " * 90)

        assert (await world.raw(asked_with("lab", cookie))).split(b" ")[1] == status


async def test_a_sign_in_ends_beside_a_tossed_cookie():
    async with World() as world:
        async with world.browser.get(f"{PREFIX}lab", headers=PAGE, allow_redirects=False) as sent:
            address = sent.headers["Location"]
        async with ClientSession() as outside, outside.get(address, allow_redirects=False) as hub:
            back = hub.headers["Location"].partition(PREFIX)[2]
        name = world.cookie.partition("=")[0]
        said = await world.raw(asked_with(back, f"{name}=tossed; {world.cookie}"))

        assert said.split(b" ")[1] == b"302"
        assert b"Set-Cookie: __Host-workspace-" in said


# ── for how long ────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_hub_is_not_asked_again_at_once():
    async with World() as world:
        await world.sign_in()
        for _ in range(20):
            await world.get("api/me")

        assert world.hub.asked == 1


async def test_a_revoked_token_opens_nothing_when_its_time_is_over():
    async with World(times={"ask": 0.05}) as world:
        await world.sign_in()
        world.hub.tokens.clear()
        await asyncio.sleep(0.1)

        assert (await world.get("api/me")).status == 401


async def test_a_revoked_token_closes_websockets():
    async with World(times={"watch": 0.1}) as world:
        await world.sign_in()
        async with world.socket() as socket:
            world.hub.tokens.clear()
            message = await socket.receive(timeout=30)

            assert message.type is WSMsgType.CLOSE
            assert message.data == 4403
        assert (await world.get("api/me")).status == 401


async def test_the_real_times_close_a_revoked_websocket_within_five_seconds():
    async with World() as world:
        assert world.settings.times.watch + 0.5 < 5
        assert world.settings.times.ask <= 5


@pytest.mark.slow
async def test_a_hub_that_is_away_ends_nothing_at_once_and_everything_in_the_end():
    async with World(times={"ask": 0.05, "watch": 0.1, "grace": 5}) as world:
        await world.sign_in()
        async with world.socket() as socket:
            world.hub.is_down = True
            await asyncio.sleep(0.3)
            assert (await world.get("api/me")).status == 200
            assert not socket.closed
            assert (await socket.receive(timeout=30)).type is WSMsgType.CLOSE
        assert (await world.get("api/me")).status in {401, 503}


async def test_a_session_ends_after_its_time():
    async with World(times={"session": 0.2}) as world:
        await world.sign_in()
        await asyncio.sleep(0.3)

        assert (await world.ask("GET", "api/me", headers={**FETCH, "Cookie": world.cookie})).status == 401


# ── from where ──────────────────────────────────────────────────────────────────────────────────────────────────────
WRITES = [("POST", "api/contents"), ("PUT", "api/contents/a.txt"), ("PATCH", "api/contents/a.txt"),
          ("DELETE", "api/contents/a.txt"), ("POST", "api/sessions")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("headers", [
    CROSS, {"Origin": "https://evil.example"}, {"Origin": "null"}, {}, {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"}, {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, {"Origin": ORIGIN + ".evil.example"},
])  # fmt: skip
async def test_another_sites_page_writes_nothing(method, path, headers):
    async with World() as world:
        await world.sign_in()
        answer = await world.ask(method, path, headers=headers, data=b"{}")

        assert answer.status == 403
        assert world.server.asked == []


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_the_workspaces_own_page_writes(method, path):
    async with World() as world:
        await world.sign_in()

        assert (await world.ask(method, path, data=b"{}")).status == 200


@pytest.mark.parametrize("headers", [
    {}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
])  # fmt: skip
async def test_another_sites_page_opens_no_websocket(headers):
    async with World() as world:
        await world.sign_in()
        words = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        words["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        answer = await world.get(CHANNELS, headers={**words, **headers})

        assert answer.status == 403
        assert world.server.asked == []


@pytest.mark.parametrize(("path", "headers"), [
    ("api/contents", CROSS), ("api/me", {"Sec-Fetch-Site": "same-site"}), ("lab", {**PAGE, "Sec-Fetch-Dest": "iframe"}),
    ("lab", {**PAGE, "Sec-Fetch-Dest": "embed"}), ("api/contents", {**PAGE}),
    ("lab", {**CROSS, "Sec-Fetch-Mode": "cors"}),
    ("static/lab/main.js", {"Service-Worker": "script"}), ("static/lab/main.js", CROSS),
])  # fmt: skip
async def test_another_sites_page_reads_nothing(path, headers):
    async with World() as world:
        await world.sign_in()

        assert (await world.get(path, headers=headers)).status in {400, 403}
        assert world.server.asked == []


async def test_a_link_from_the_portal_opens_the_page():
    async with World() as world:
        await world.sign_in()

        assert (await world.get("lab", headers={**PAGE, "Sec-Fetch-Site": "cross-site"})).status == 200


async def test_another_host_name_is_not_answered():
    async with World() as world:
        await world.sign_in()

        assert (await world.get("api/me", headers={**FETCH, "Host": "evil.example"})).status == 400
